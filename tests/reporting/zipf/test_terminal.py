"""The Zipf plot in braille characters."""

from __future__ import annotations

import pytest

from lmkit.reporting.zipf.terminal import draw_all, draw_zipf
from lmkit.statistics.zipf import ZipfReport, measure_zipf
from lmkit.text.corpus import Corpus


@pytest.mark.parametrize("text", ["one one one", "one one\none", "one two one two one"])
def test_one_frequency_level(text: str) -> None:
    lines = draw_zipf(measure_zipf(Corpus.from_string(text))).splitlines()
    assert len(lines) == 21
    assert any("1" in line[8:] for line in lines[:18])


def test_curves_fall_from_left_to_right(report: ZipfReport) -> None:
    lines = draw_zipf(report, width=40, height=10).splitlines()
    assert len(lines) == 13
    assert all(len(line) <= 48 + 6 for line in lines[:11])
    plot = [line[8:] for line in lines[:10]]
    assert plot[0][0] == "1"
    dots = [
        (row, column)
        for row, line in enumerate(plot)
        for column, char in enumerate(line)
        if char not in " \u2800"
    ]
    assert max(c for r, c in dots if r == 0) < max(c for r, c in dots if r >= 6)


def test_each_order_has_its_digit(report: ZipfReport) -> None:
    plot = "".join(line[8:] for line in draw_zipf(report).splitlines()[:18])
    assert {char for char in plot if char.isdigit()} == {"1", "2", "3"}


def test_axes_have_powers_of_ten(report: ZipfReport) -> None:
    lines = draw_zipf(report).splitlines()
    assert lines[0].startswith("     1 ┤")
    assert next(line[:6].strip() for line in lines[1:18] if line[:6].strip()) == "1e-1"
    largest = max(order.halves.binned().curve()[0].max() for order in report.orders)
    labels = [int(label.replace(",", "")) for label in lines[-2].split()]
    assert labels == [10**k for k in range(6) if 10**k <= largest]


def test_a_text_too_short_to_rank_has_no_plot() -> None:
    assert draw_zipf(measure_zipf(Corpus.from_string("word"))) == ""


def test_several_plots_have_titles(report: ZipfReport) -> None:
    plot = draw_zipf(report, width=30, height=6)
    assert draw_all([report], width=30, height=6) == plot
    two = draw_all([report, report], width=30, height=6)
    assert two == f"book.txt\n{plot}\n\nbook.txt\n{plot}"
