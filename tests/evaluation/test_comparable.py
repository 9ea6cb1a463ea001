"""Which ledgers may be ranked together; what is refused, and with what remedy."""

from __future__ import annotations

from dataclasses import replace

import pytest

import lmkit
from lmkit.errors import NotComparableError
from lmkit.evaluation.comparison import rank
from tests.evaluation.small_texts import TEST, TRAIN, text


def test_texts_must_be_the_same() -> None:
    ledger = lmkit.fit("unigram", text(TRAIN)).score(text(TEST))
    other = lmkit.fit("unigram", text(TRAIN)).score(text(TRAIN))
    with pytest.raises(NotComparableError, match="score both on the same text"):
        rank([ledger, other])
    lower = lmkit.fit("unigram", text(TRAIN, "letters")).score(text(TEST))
    with pytest.raises(NotComparableError, match="--normalize"):
        rank([ledger, replace(lower, summary=replace(lower.summary, sha256="0"))])


def test_scores_that_are_no_probabilities_are_refused() -> None:
    ledger = lmkit.fit("unigram", text(TRAIN)).score(text(TEST))
    with pytest.raises(NotComparableError, match="sum to 1 after 8 contexts, but not after every"):
        rank([ledger, replace(ledger, proper=False)])
    with pytest.raises(NotComparableError, match="do not sum to one"):
        rank([ledger, replace(ledger, proper=False, outcome_sums=None)])
    with pytest.raises(NotComparableError, match="name at least one"):
        rank([])
    empty = lmkit.fit("unigram", text(TRAIN)).score(text(""))
    with pytest.raises(NotComparableError, match="no events"):
        rank([empty])


def test_unspelled_vocabularies_must_be_the_same() -> None:
    train, test = text(TRAIN), text(TEST)
    large, small = (lmkit.fit(s, train).score(test) for s in ("bigram", "bigram:min_count=2"))
    assert rank([large, large]).models[0].scored is large
    with pytest.raises(NotComparableError, match="80 events unknown"):
        rank([small, large])
    char = lmkit.fit("bigram:unit=char", train).score(test)
    with pytest.raises(NotComparableError, match="--train"):
        rank([char, large])
