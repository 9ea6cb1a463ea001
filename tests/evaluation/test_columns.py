"""The list of columns of a ranking: what each view shows, and that every key is there."""

from __future__ import annotations

import math
from html.parser import HTMLParser

import pytest

import lmkit
from lmkit.evaluation.columns import (
    RANKING,
    View,
    interval_of,
    ranking_columns,
    ranking_row,
    tier,
)
from lmkit.results.proper import MARK

TRAIN = "the cat sat on the mat\nthe dog sat on the log\n" * 30
TEST = "a cat sat\nthe dog sat on the mat\n" * 30


@pytest.fixture(scope="module")
def comparison() -> lmkit.Comparison:
    train = lmkit.Corpus.from_string(TRAIN, normalize="none")
    test = lmkit.Corpus.from_string(TEST, name="test", normalize="none")
    return lmkit.compare(["bigram", "unigram", "unigram"], test, train=train)


def headings(view: View, comparison: lmkit.Comparison) -> list[str]:
    return [column.heading for column in ranking_columns(view, comparison.results())]


def test_every_column_has_a_value(comparison: lmkit.Comparison) -> None:
    for result in comparison.results():
        assert {column.key for column in RANKING} <= set(ranking_row(result))


def test_each_view_has_its_columns(comparison: lmkit.Comparison) -> None:
    assert headings(View.TEXT, comparison) == ["", "model", "bits/byte", "95%", "ppl/word"]
    assert headings(View.NOTEBOOK, comparison) == [
        "", "model", "unit", "bits/byte", "from", "to", "ppl/unit", "ppl/word", "OOV"
    ]  # fmt: skip
    table = headings(View.TABLE, comparison)
    assert table[:4] == ["", "model", "unit", "context"]
    assert "adapts" not in table
    assert "test text" not in table
    assert "p = 0" in headings(View.PAGE, comparison)


def test_columns_that_are_not_needed_are_left_out(comparison: lmkit.Comparison) -> None:
    result = comparison.results()[0]
    unranked = {**result, "rank": None, "rank_best": None, "rank_worst": None}
    shown = [column.key for column in ranking_columns(View.TABLE, [unranked])]
    assert "tier" not in shown
    assert ranking_row(unranked)["tier"] == ""
    adapting = {**result, "adapts": "dynamic", "tuned_on_test": True}
    shown = [column.key for column in ranking_columns(View.TABLE, [result, adapting])]
    assert {"adapts", "leakage"} <= set(shown)


def test_numbers_of_an_improper_model_are_marked(comparison: lmkit.Comparison) -> None:
    result = comparison.results()[0]
    assert ranking_row(result)["marks"] == {}
    marks = ranking_row({**result, "proper": False})["marks"]
    assert set(marks.values()) == {MARK}
    assert "bits_per_byte" in marks
    assert "oov" not in marks


def test_ranges_are_cells() -> None:
    assert interval_of({"bits_per_byte_low": math.nan, "bits_per_byte_high": math.nan}) == "-"
    assert (tier(2, 2), tier(1, 3)) == ("2", "1–3")


def test_a_notebook_shows_the_same_cells(comparison: lmkit.Comparison) -> None:
    cells: list[str] = []
    parser = HTMLParser()
    parser.handle_data = cells.append  # type: ignore[method-assign]
    parser.feed(comparison._repr_html_())
    results = comparison.results()
    assert f"{results[0]['bits_per_byte']:.4f}" in cells
    assert "2–3" in cells
    for result in results:
        assert f"{result['bits_per_byte']:.4f}" in str(comparison)
