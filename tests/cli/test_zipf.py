"""`lmkit zipf` and its pictures."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import lmkit
from lmkit.cli.main import cli
from lmkit.errors import CorpusError, ParameterError
from lmkit.reporting.zipf.plot import COLOURS, write_zipf_plot, zipf_figure
from lmkit.reporting.zipf.terminal import draw_zipf
from lmkit.statistics.zipf import ZipfReport, measure_zipf
from lmkit.text.corpus import Corpus
from tests.statistics.samples import zipfian_text


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("zipf") / "book.txt"
    path.write_text(zipfian_text(6000), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def report(book: Path) -> ZipfReport:
    return measure_zipf(book)


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, ["zipf", *(str(a) for a in arguments)])


def ok(*arguments: str | Path) -> str:
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


# -- the command -----------------------------------------------------------------------------


def test_json_is_the_report(book, report):
    found = json.loads(ok(book, "--format", "json", "--seed", "0"))
    assert found["schema"] == 1
    assert [order["n"] for order in found["orders"]] == [1, 2, 3]
    assert found["orders"][0]["alpha"] == report.orders[0].power_law.alpha
    assert found["orders"][0]["p_value"] is None
    tested = json.loads(ok(book, "--format", "json", "--bootstrap", "9", "--ngrams", "1"))
    assert 0.1 <= tested["orders"][0]["p_value"] <= 1
    assert len(tested["orders"]) == 1


def test_several_corpora_stand_side_by_side(book):
    both = json.loads(ok(book, "python-reference", "--format", "json", "--ngrams", "1"))
    assert [c["corpus"]["name"] for c in both["corpora"]] == ["book.txt", "python-reference"]
    rows = list(csv.DictReader(io.StringIO(ok(book, "python-reference", "--format", "csv"))))
    assert [(row["corpus"], row["n"]) for row in rows] == [
        (name, n) for name in ("book.txt", "python-reference") for n in "123"
    ]
    assert all(float(row["alpha"]) > 1 for row in rows)


def test_table_shows_the_numbers_and_a_picture(book, report):
    shown = ok(book)
    fit = report.orders[0].power_law
    assert f"{fit.alpha:.4f} ± {fit.alpha_se:.4f}" in shown
    assert f"{report.orders[2].spectrum.types:,}" in shown
    assert "least squares (biased)" in shown
    assert re.search("[\u2801-\u28ff]", shown)
    markdown = ok(book, "--format", "markdown")
    assert "| ---: |" in markdown
    assert not re.search("[\u2801-\u28ff]", markdown)


def test_a_text_too_short_to_fit(tmp_path):
    (tmp_path / "short.txt").write_text("to be or not to be")
    shown = ok(tmp_path / "short.txt")
    assert "4" in shown
    result = run(tmp_path / "short.txt", "--plot", tmp_path / "short.svg", "--ngrams", "1")
    assert result.exit_code in (0, 1)
    assert "Traceback" not in result.output


def test_bad_arguments(book, tmp_path):
    for arguments, said in (
        ((book, "--plot", tmp_path / "a.gif"), "choose from .png, .svg, .pdf, .html"),
        ((book, "--plot", tmp_path / "no" / "a.svg"), "there is no folder"),
        (("nowhere",), "no such file"),
    ):
        result = run(*arguments)
        assert result.exit_code == 1
        assert said in result.stderr
    assert run(book, "--ngrams", "0").exit_code == 2
    assert run(book, "--model", "m.lmkit", "--bootstrap", "5").exit_code == 2


# -- pictures --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "magic"), [("a.png", b"\x89PNG"), ("a.svg", b"<?xml"), ("a.pdf", b"%PDF")]
)
def test_a_picture_is_the_same_file_each_time(report, tmp_path, name, magic):
    path = tmp_path / name
    write_zipf_plot([report], path)
    first = path.read_bytes()
    assert first.startswith(magic)
    write_zipf_plot([report], path)
    assert path.read_bytes() == first


def test_the_page_stands_alone(report, tmp_path, book):
    path = tmp_path / "zipf.html"
    result = run(book, "--plot", path)
    assert result.exit_code == 0
    assert f"wrote {path}" in result.stderr
    page = path.read_text(encoding="utf-8")
    assert page.count("<svg") == page.count("</svg>") == 1
    assert not re.search(r'(src|href)="(?!#)', page)  # nothing is loaded from elsewhere
    assert f"{report.orders[1].spectrum.types:,}" in page


def test_the_figure_shows_fit_and_misfit(report):
    figure = zipf_figure([report, report])
    axes = figure.axes
    assert len(axes) == 8  # ranks and spectrum, each with its misfit, of two texts
    assert axes[2].get_ylabel() == "observed / fitted"
    drawn = {line.get_color() for line in axes[0].get_lines()}
    assert set(COLOURS[:3]) <= drawn
    labels = [text.get_text() for text in axes[0].get_legend().get_texts()]
    assert labels == ["words", "2-grams", "3-grams", "Zipf–Mandelbrot", "least squares (biased)"]
    assert axes[0].get_xscale() == axes[0].get_yscale() == "log"
    smallest = min(text.get_fontsize() for text in axes[0].get_legend().get_texts())
    assert smallest >= 7  # points, at the width of a page


def test_what_cannot_be_drawn(report, tmp_path):
    with pytest.raises(ParameterError, match="choose from"):
        write_zipf_plot([report], tmp_path / "a.bmp")
    nothing = measure_zipf(Corpus.from_string("word"))
    assert draw_zipf(nothing) == ""
    with pytest.raises(CorpusError, match="too short to draw"):
        zipf_figure([nothing])


@pytest.mark.parametrize("text", ["one one one", "one one\none", "one two one two one"])
def test_terminal_picture_of_one_level(text):
    lines = draw_zipf(measure_zipf(Corpus.from_string(text))).splitlines()
    assert len(lines) == 21
    assert any("1" in line[8:] for line in lines[:18])


def test_terminal_picture_falls_from_left_to_right(report):
    lines = draw_zipf(report, width=40, height=10).splitlines()
    assert len(lines) == 13
    assert all(len(line) <= 48 + 6 for line in lines[:11])
    plot = [line[8:] for line in lines[:10]]
    first = [next((i for i, c in enumerate(row) if c != "\u2800"), None) for row in plot]
    assert plot[0][0] == "1"
    dots = [
        (row, column)
        for row, line in enumerate(plot)
        for column, char in enumerate(line)
        if char not in " \u2800"
    ]
    assert max(c for r, c in dots if r == 0) < max(c for r, c in dots if r >= 6)
    assert first[0] == 0


# -- generated text --------------------------------------------------------------------------


def test_the_command_compares_a_model(book, tmp_path):
    model = tmp_path / "m.lmkit"
    lmkit.fit("bigram:alpha=0.01", book).save(model)
    shown = ok(book, "--model", model, "--ngrams", "1")
    assert "5 generated texts" in shown
    found = json.loads(ok(book, "--model", model, "--ngrams", "1", "--format", "json"))
    assert found["generated"][0]["statistics"][0]["statistic"] == "types"
    rows = list(csv.DictReader(io.StringIO(
        ok(book, "--model", model, "--ngrams", "1", "--format", "csv"))))  # fmt: skip
    assert {row["statistic"] for row in rows} >= {"types", "hapaxes", "heaps_exponent"}
