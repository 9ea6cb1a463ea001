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
from lmkit.statistics.zipf import ZipfReport, measure_zipf
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


# -- the figure ------------------------------------------------------------------------------


def test_the_figure_is_written(tmp_path, book):
    path = tmp_path / "zipf.html"
    result = run(book, "--plot", path)
    assert result.exit_code == 0
    assert f"wrote {path}" in result.stderr
    assert path.read_text(encoding="utf-8").count("<svg") == 1


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
