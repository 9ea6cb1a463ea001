"""Closed vocabularies completed: what spelling adds to ledgers, and who shares a speller."""

from __future__ import annotations

import math

import numpy as np
import pytest

import lmkit
from lmkit.evaluation.completion import Spellers, complete
from lmkit.evaluation.spelling import speller_of
from lmkit.text.corpus import Corpus, Text


def text(content: str) -> Text:
    return Corpus.from_string(content, normalize="none", sentences="line").train


def test_completing_adds_the_spelling_of_unknown_words_alone() -> None:
    train = text("the cat sat on the mat\nthe dog sat\n" * 2 + "an owl\n")
    test = text("the owl saw the zebra\n\nthe dog <unk>\n")
    model = lmkit.fit("bigram:min_count=2", train)
    closed = model.score(test)
    row = complete(closed, lambda: speller_of(model))
    expected = np.zeros(len(closed))
    tokens = list(closed.tokens())
    for place in np.flatnonzero(closed.oov):
        expected[place] = -speller_of(model).log_probs([tokens[place]])[0]
    assert np.allclose(row.spelling, expected)
    assert closed.oov_count == 4
    assert row.total_nats == pytest.approx(closed.total_nats + expected.sum())
    assert row.perplexity == closed.perplexity
    assert row.bits_per_byte > closed.bits_per_byte
    assert row.perplexity_per_word == pytest.approx(math.exp(row.total_nats / row.events))
    assert "|unk:spell|" in row.signature
    assert not closed.is_open
    assert row.is_open
    assert complete(row, lambda: speller_of(model)) is row
    assert "spelling" in row.to_pandas()


def test_models_of_one_vocabulary_share_a_speller() -> None:
    train = text("the cat sat on the mat\nthe dog sat\n")
    spellers = Spellers()
    first = spellers.of(lmkit.fit("unigram", train))
    assert spellers.of(lmkit.fit("bigram", train)) is first
    assert spellers.of(lmkit.fit("bigram:min_count=2", train)) is not first
