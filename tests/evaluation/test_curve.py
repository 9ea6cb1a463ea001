"""Learning curves over nested parts of a training text."""

from __future__ import annotations

from dataclasses import replace

import pytest

import lmkit
from lmkit.errors import ParameterError
from lmkit.evaluation.curve import learning_curve
from lmkit.text.corpus import Corpus
from tests.evaluation.small_texts import TEST, TRAIN, text


def test_curves_fall_over_nested_parts() -> None:
    lines = (TRAIN * 3).splitlines()
    corpus = replace(Corpus.from_string("\n".join(lines) + "\n", normalize="none"), test=text(TEST))
    curve = learning_curve(["bigram", "unigram:unit=char"], corpus, fractions=(1, 0.1, 0.5))
    assert curve.models == ("bigram", "unigram:unit=char")
    assert [point.fraction for point in curve.of("bigram")] == [0.1, 0.5, 1]
    words = [point.words for point in curve.of("bigram")]
    assert words == sorted(words)
    assert words[-1] == len(" ".join(lines).split())
    bits = [point.bits_per_byte.value for point in curve.of("bigram")]
    assert bits[-1] < bits[0]
    whole = lmkit.compare([lmkit.fit("bigram", corpus)], corpus).ledgers[0]
    assert bits[-1] == pytest.approx(whole.bits_per_byte)
    assert len(curve.to_pandas()) == 6


def test_curves_refuse_what_is_no_part() -> None:
    corpus = Corpus("c", text(TRAIN), None, text(TEST))
    for fractions in ((), (0,), (1.5,)):
        with pytest.raises(ParameterError, match="above 0 up to 1"):
            learning_curve(["bigram"], corpus, fractions=fractions)
    with pytest.raises(ParameterError, match="no test part"):
        learning_curve(["bigram"], Corpus("c", text(TRAIN)))
