"""The Zipf figure and the files that it is written to."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from lmkit.errors import CorpusError, ParameterError
from lmkit.reporting.zipf.plot import COLOURS, check_format, write_zipf_plot, zipf_figure
from lmkit.statistics.zipf import ZipfReport, measure_zipf
from lmkit.text.corpus import Corpus


@pytest.mark.parametrize(
    ("name", "magic"), [("a.png", b"\x89PNG"), ("a.svg", b"<?xml"), ("a.pdf", b"%PDF")]
)
def test_files_are_reproducible(report: ZipfReport, tmp_path: Path, name: str, magic: bytes):
    path = tmp_path / name
    write_zipf_plot([report], path)
    first = path.read_bytes()
    assert first.startswith(magic)
    write_zipf_plot([report], path)
    assert path.read_bytes() == first


def test_the_page_is_self_contained(report: ZipfReport, tmp_path: Path) -> None:
    path = tmp_path / "zipf.html"
    write_zipf_plot([report], path)
    page = path.read_text(encoding="utf-8")
    assert page.count("<svg") == page.count("</svg>") == 1
    assert not re.search(r'(src|href)="(?!#)', page)  # no external resources
    for order in report.orders:
        assert f"{order.spectrum.types:,}" in page
        assert f"{order.power_law.alpha:.3f} ± {order.power_law.alpha_se:.3f}" in page


def test_the_page_escapes_names(tmp_path: Path) -> None:
    path = tmp_path / "zipf.html"
    write_zipf_plot([measure_zipf(Corpus.from_string("a b a c a b", name="<a&b>"))], path)
    page = path.read_text(encoding="utf-8")
    assert "<title>Zipf's law: &lt;a&amp;b&gt;</title>" in page
    assert "<a&b>" not in page


def test_the_figure_shows_data_and_fits(report: ZipfReport) -> None:
    figure = zipf_figure([report, report])
    axes = figure.axes
    assert len(axes) == 8  # ranks, spectrum and their ratios to the fits, of two texts
    assert axes[2].get_ylabel() == "observed / fitted"
    assert set(COLOURS[:3]) <= {line.get_color() for line in axes[0].get_lines()}
    labels = [text.get_text() for text in axes[0].get_legend().get_texts()]
    assert labels == ["words", "2-grams", "3-grams", "Zipf–Mandelbrot", "least squares (biased)"]
    assert axes[0].get_xscale() == axes[0].get_yscale() == "log"
    smallest = min(text.get_fontsize() for text in axes[0].get_legend().get_texts())
    assert smallest >= 7  # points, at the text width of a page


def test_the_spectrum_is_a_complementary_distribution(report: ZipfReport) -> None:
    words = zipf_figure([report]).axes[1].get_lines()[0]
    share = np.asarray(words.get_ydata())
    assert words.get_xdata()[0] == 1
    assert share[0] == 1  # every type occurs at least once
    assert (np.diff(share) < 0).all()
    spectrum = report.orders[0].spectrum
    assert share[1] == pytest.approx(1 - spectrum.hapaxes / spectrum.types)


def test_ratios_stay_within_the_limits(report: ZipfReport) -> None:
    for axes in zipf_figure([report]).axes[2:]:
        low, high = axes.get_ylim()
        drawn = [line.get_ydata() for line in axes.get_lines() if line.get_color() in COLOURS]
        ratios = np.concatenate(drawn)
        assert len(ratios)
        assert ((ratios > low) & (ratios < high)).all()


def test_formats() -> None:
    assert check_format(Path("a.PNG")) == "png"
    with pytest.raises(ParameterError, match=r"'.html'; choose from .png, .svg$"):
        check_format(Path("a.html"), ("png", "svg"))


def test_what_cannot_be_drawn(report: ZipfReport, tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="choose from"):
        write_zipf_plot([report], tmp_path / "a.bmp")
    with pytest.raises(CorpusError, match="too short to draw"):
        zipf_figure([measure_zipf(Corpus.from_string("word"))])
    assert not list(tmp_path.iterdir())
