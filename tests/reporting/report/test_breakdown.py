"""The section that splits the bits by part of the text."""

from __future__ import annotations

import math

import pytest

from lmkit.reporting.report.breakdown import breakdown
from lmkit.reporting.report.markup import signed, text
from tests.reporting import report_samples as samples


def test_parts_of_every_split_sum_to_the_totals_of_the_comparison() -> None:
    material = samples.material()
    section = breakdown(material)
    assert section is not None
    bits = [ledger.total_nats / math.log(2) for ledger in material.comparison.ledgers]
    assert [(one["a"], one["b"]) for one in section.data] == [("A", "B"), ("A", "C"), ("A", "D")]
    for one, other in zip(section.data, bits[1:], strict=True):
        for parts in one["splits"].values():
            assert sum(part["bits_a"] for part in parts) == pytest.approx(bits[0])
            assert sum(part["bits_b"] for part in parts) == pytest.approx(other)


def test_panel_shows_thousandths_of_a_bit_a_byte() -> None:
    material = samples.material()
    section = breakdown(material)
    assert section is not None
    (split,) = (s for s in material.comparison.decompose(0, 1).splits if s.by == "position")
    size = material.comparison.summary.bytes
    shown = [row[-1] for row in samples.rows_of(section.body, "by position")]
    assert shown == [signed(1000 * part.difference / size, 2) for part in split.parts]


def test_words_and_sentences_are_escaped() -> None:
    section = breakdown(samples.material())
    assert section is not None
    assert "<img" not in section.body
    assert text(samples.BREAKOUT) in section.body


def test_impossible_models_are_left_out_and_one_finite_model_has_no_section() -> None:
    section = breakdown(samples.impossible())
    assert section is not None
    assert [(one["a"], one["b"]) for one in section.data] == [("A", "B")]
    assert breakdown(samples.single()) is None
