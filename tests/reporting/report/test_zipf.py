"""The rank-frequency curves of the text and of the training text."""

from __future__ import annotations

import lmkit
from lmkit.evaluation.comparison import compare
from lmkit.reporting.report.material import Material
from lmkit.reporting.report.zipf import zipf
from tests.reporting import report_samples as samples


def test_curve_has_the_counts_of_the_words_without_sentence_ends() -> None:
    section = zipf(samples.single())  # a b a c a b / b a: 4, 3 and 1 of 8 words
    assert section is not None
    curve = {"rank": [1.0, 2.0, 3.0], "share": [0.5, 0.375, 0.125]}
    assert section.data == {"this text": curve, "training text": curve}
    assert "3 of them in 8 words, and 33% occur once" in section.body
    rows = samples.rows_of(section.body, "Rank and frequency: this text")
    assert rows == [["1", "4", "50.0000"], ["2", "3", "37.5000"], ["3", "1", "12.5000"]]


def test_training_text_is_shown_only_with_a_word_model() -> None:
    corpus = lmkit.Corpus.from_string("a b a c a b\n", normalize="none")
    section = zipf(Material(compare([lmkit.fit("bigram:unit=char", corpus)], corpus)))
    assert section is not None
    assert list(section.data) == ["this text"]


def test_no_section_for_fewer_than_three_words() -> None:
    corpus = lmkit.Corpus.from_string("a b a\n", normalize="none")
    assert zipf(Material(compare([lmkit.fit("bigram", corpus)], corpus))) is None
