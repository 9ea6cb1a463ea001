"""The passage coloured by surprisal, word by word."""

from __future__ import annotations

import re

import numpy as np
import pytest

import lmkit
from lmkit.evaluation.comparison import compare
from lmkit.reporting.report.markup import text
from lmkit.reporting.report.material import Material
from lmkit.reporting.report.text import shade, surprisal_text
from tests.reporting import report_samples as samples


def test_bits_of_a_text_shown_whole_sum_to_those_of_the_ledger() -> None:
    material = samples.single()
    section = surprisal_text(material)
    assert section.data["tokens"] == ["a", "b", "a", "c", "a", "b", "</s>", "b", "a", "</s>"]
    total = material.comparison.ledgers[0].total_nats / np.log(2)
    assert sum(section.data["bits"]["A"]) == pytest.approx(total, abs=10 * 0.005)  # 10 roundings
    assert "The whole text." in section.body
    rows = samples.rows_of(section.body, "Bits for each word")
    assert [row[1] for row in rows] == section.data["tokens"]
    assert [row[2] for row in rows] == [f"{bits:.2f}" for bits in section.data["bits"]["A"]]


def test_part_of_a_long_text_is_named_a_sample_and_its_words_are_escaped() -> None:
    section = surprisal_text(samples.material())
    assert f"A sample: {len(section.data['tokens'])} of " in section.body
    assert f">{text(samples.BREAKOUT)}</i>" in section.body
    assert "<img" not in section.body


def test_unknown_words_are_marked() -> None:
    train = lmkit.Corpus.from_string("a b a c a b\n", normalize="none")
    corpus = lmkit.Corpus.from_string(f"a {samples.BREAKOUT} b\n", normalize="none")
    section = surprisal_text(Material(compare([lmkit.fit("bigram:alpha=1", train)], corpus)))
    assert section.data["oov"] == {"A": [1]}
    assert re.findall(r'<i class="s\d o">(.*?)</i>', section.body) == [text(samples.BREAKOUT)]


@pytest.mark.parametrize(
    ("bits", "css"), [(0, "s0"), (1.99, "s0"), (2, "s1"), (16, "s8"), (99, "s8"), (np.inf, "s8")]
)
def test_each_two_bits_are_one_shade_darker(bits: float, css: str) -> None:
    assert shade(bits) == css
