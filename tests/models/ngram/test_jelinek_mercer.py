"""Jelinek-Mercer smoothing: its weights, and its definition."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from lmkit.models.ngram import jelinek_mercer
from lmkit.models.ngram.counts import count_ngrams
from lmkit.models.ngram.jelinek_mercer import JelinekMercer
from tests.models.ngram.definitions import assert_defined_by, raw_counts
from tests.models.ngram.samples import TEXT, corpus


def test_jelinek_mercer_weights_climb_to_the_best() -> None:
    train, valid = TEXT * 2, "the cat saw a dog on the mat\nthe old zebra sat\n" * 3
    model = JelinekMercer(order=3).fit(corpus(train), valid=corpus(valid))
    counts = count_ngrams(model.encode(train), order=3, vocabulary_size=len(model.vocabulary_))
    size = len(model.vocabulary_)
    evidence = jelinek_mercer.gather(counts, model.encode(valid), np.full(size, 1 / size), eos=1)
    weights, history = jelinek_mercer.fit_weights(evidence)
    # The pseudo-counts of the prior may lower the likelihood a little in the last rounds.
    assert all(after > before - 1e-4 for before, after in itertools.pairwise(history))
    assert history[-1] > history[0]
    assert model.score(corpus(valid)).cross_entropy == pytest.approx(-history[-1], rel=1e-3)
    assert ((weights > 0) & (weights <= 1)).all()
    assert_defined_by(
        model,
        raw_counts(model, train),
        lambda amount, total, _, k: (1 - weights[k - 1, total.bit_length()]) * amount / total,
        lambda after, k: weights[k - 1, sum(after).bit_length()],
    )


def test_jelinek_mercer_holds_out_the_tail_of_the_training_text() -> None:
    model = JelinekMercer(order=2).fit(corpus(TEXT * 10))
    assert model.score(corpus(TEXT)).perplexity < 30
