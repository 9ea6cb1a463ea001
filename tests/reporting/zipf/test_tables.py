"""The tables of `lmkit zipf`."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from lmkit.reporting.zipf.tables import generated_table, zipf_tables
from lmkit.statistics.generated import GeneratedComparison, StatisticComparison
from lmkit.statistics.zipf import ZipfReport, measure_zipf
from lmkit.text.corpus import Corpus
from tests.statistics.samples import zipfian_text

TITLES = [
    "counts and growth",
    "power law over the tail it fits best",
    "how the exponent α depends on x_min",
    "other laws",
    "coverage and diversity",
    "vocabularies of the most frequent types",
]


def sections(text: str) -> dict[str, list[str]]:
    """Return the lines of each section of plain tables by its title."""
    return {part.splitlines()[0]: part.splitlines()[1:] for part in text.split("\n\n")}


def test_sections_and_their_order(report: ZipfReport) -> None:
    assert list(sections(zipf_tables([report]))) == TITLES
    markdown = zipf_tables([report], markdown=True)
    assert [line[4:] for line in markdown.splitlines() if line.startswith("### ")] == TITLES
    assert "| ---: |" in markdown


def test_counts_are_those_of_the_text(report: ZipfReport) -> None:
    counts = Counter(zipfian_text(6000).split())
    once, twice = (sum(count == k for count in counts.values()) for k in (1, 2))
    row = next(
        line.split()
        for line in sections(zipf_tables([report]))["counts and growth"]
        if line.split()[0] == "1"
    )
    assert row[:5] == ["1", "6,000", f"{len(counts):,}", f"{once:,}", f"{twice:,}"]


def test_names_are_shown_where_there_are_several(report: ZipfReport) -> None:
    alone = sections(zipf_tables([report]))
    both = sections(zipf_tables([report, report]))
    for title in TITLES[:4]:
        assert "book.txt" not in "\n".join(alone[title])
        assert "\n".join(both[title]).count("book.txt") == 6  # three orders of each
    assert "\n".join(both["coverage and diversity"]).count("book.txt") == 2


def test_exponents_of_small_tails_are_left_out(report: ZipfReport) -> None:
    header, *_ = sections(zipf_tables([report]))["how the exponent α depends on x_min"]
    shown = {int(cell.replace(",", "")) for cell in header.split()[1:]}
    expected = {
        row["xmin"]
        for order in report.orders
        for row in order.stability.rows()
        if row["tail_types"] >= 50
    }
    assert shown == expected
    assert shown < {row["xmin"] for order in report.orders for row in order.stability.rows()}


def test_missing_fits_are_dashes() -> None:
    parts = sections(zipf_tables([measure_zipf(Corpus.from_string("word"), ngrams=1)]))
    assert "-" in parts["power law over the tail it fits best"][-1].split()


def statistic(**changed: Any) -> StatisticComparison:
    values: dict[str, Any] = {
        "n": 1, "statistic": "hapaxes", "differs": True,
        "generated": 0.25, "generated_low": 0.2, "generated_high": 0.3,
        "heldout": 0.5, "heldout_low": 0.4, "heldout_high": 0.6,
        "difference": -0.25, "difference_low": -0.35, "difference_high": -0.15,
    }  # fmt: skip
    return StatisticComparison(**{**values, **changed})


@pytest.mark.parametrize("markdown", [False, True])
def test_generated_text_against_real_text(markdown: bool) -> None:
    types = statistic(
        statistic="types", differs=False, generated=1234.4, generated_high=1334.4, heldout=1200.0,
        heldout_high=1210.0, difference=34.4, difference_high=144.4,
    )  # fmt: skip
    comparison = GeneratedComparison(
        model="bigram", text="book", unit="word", pieces=5, tokens=2000, seed=0,
        statistics=(statistic(), types),
    )  # fmt: skip
    heading, _, table = generated_table(comparison, markdown=markdown).partition("\n\n")
    assert heading == (
        "bigram against book: 5 generated texts and 5 pieces of real text, of 2,000 word tokens "
        "each; 1 of 2 statistics differ"
    )
    first, second = table.splitlines()[-2:]
    for cell in ("0.2500 ± 0.0500", "0.5000 ± 0.1000", "-0.2500 ± 0.1000", "differs"):
        assert cell in first
    for cell in ("1,234 ± 100", "1,200 ± 10", "+34 ± 110"):  # large values without decimals
        assert cell in second
    assert "differs" not in second
