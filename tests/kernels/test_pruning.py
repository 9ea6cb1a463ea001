"""Sums and costs of a backoff model's n-grams, against distributions written out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmkit.kernels import pruning
from tests.kernels.small_models import SmallModel, V, small_model

models = st.builds(small_model, st.integers(0, 50), st.integers(2, 4))


def unclipped(model: SmallModel, history: tuple[int, ...], word: int) -> float:
    """ln p(w|h) by the definition, not limited to 0 as scores are."""
    if (*history, word) in model.nodes:
        return float(model.log_probs[model.find((*history, word))])
    context = model.find(history)
    weight = model.backoffs[context] if 0 <= context < model.contexts else 0.0
    return float(weight) + unclipped(model, history[1:], word)


def sums(model: SmallModel, order: int):
    span = slice(int(model.starts[order]), int(model.starts[order + 1]))
    inside, below = np.empty(span.stop - span.start), np.empty(span.stop - span.start)
    arrays = (model.log_probs, model.backoffs, model.first, model.suffix, model.starts)
    pruning.explicit_sums(span, arrays, inside, below)
    return span, arrays, inside, below


@given(models)
def test_sums_over_explicit_ngrams(model):
    for order in range(1, model.order):
        span, _, inside, below = sums(model, order)
        for context in range(span.start, span.stop):
            h = model.ngrams[context]
            words = [
                model.words[node] for node in range(model.first[context], model.first[context + 1])
            ]
            here = sum(np.exp(unclipped(model, h, word)) for word in words)
            lower = sum(np.exp(unclipped(model, h[1:], word)) for word in words)
            assert inside[context - span.start] == pytest.approx(here)
            assert below[context - span.start] == pytest.approx(lower)


def test_costs_are_those_of_leaving_each_ngram_out():
    model = small_model(5, 2)
    # Unigrams and bigrams that sum to one: explicit p(w|h) below half, the rest backed off.
    unigram = np.exp(model.log_probs[1 : V + 1])
    model.log_probs[1 : V + 1] = np.log(unigram / unigram.sum())
    rng = np.random.default_rng(0)
    for context in range(1, V + 2):
        nodes = range(model.first[context], model.first[context + 1])
        if len(nodes):
            model.log_probs[list(nodes)] = np.log(rng.dirichlet(np.ones(len(nodes))) / 2)
    span, arrays, inside, below = sums(model, 1)
    with np.errstate(all="ignore"):  # of contexts with all words, which are left out below
        model.backoffs[span] = np.log((1 - inside) / (1 - below))
    probs, costs = rng.random(span.stop - span.start), np.zeros(len(model.ngrams))
    pruning.pruning_costs(span, arrays, (inside, below), probs, costs)

    def distribution(context, without=None):
        nodes = [n for n in range(model.first[context], model.first[context + 1]) if n != without]
        p = np.exp(model.log_probs[1 : V + 1])
        words = model.words[nodes]
        kept = np.exp(model.log_probs[nodes])
        rest = np.delete(np.arange(V), words)
        p[rest] *= (1 - kept.sum()) / p[rest].sum()
        p[words] = kept
        return p

    for context in range(span.start, span.stop):
        for node in range(model.first[context], model.first[context + 1]):
            if model.first[context + 1] - model.first[context] == V:
                continue  # nothing is backed off
            old, new = distribution(context), distribution(context, node)
            divergence = probs[context - span.start] * float(old @ np.log(old / new))
            assert costs[node] == pytest.approx(np.expm1(divergence), abs=1e-12)


@given(models)
def test_no_ngram_is_cheaper_than_one_that_holds_it(model):
    costs = np.random.default_rng(1).random(len(model.ngrams))
    before = costs.copy()
    pruning.raise_within(model.first, model.suffix, costs)
    whole = [ngram for ngram in model.ngrams if len(ngram) > 1]
    for node, ngram in enumerate(model.ngrams[1:], start=1):
        longer = [w for w in whole if ngram in (w[:-1], model.ngrams[model.suffix[model.find(w)]])]
        assert costs[node] == max([before[node], *(costs[model.find(w)] for w in longer)])


@given(models, st.integers(100, 120))
def test_ngrams_are_followed_through_another_model(model, seed):
    other = small_model(seed, 3)
    states = np.zeros(len(model.ngrams), np.int32)
    log_probs = np.zeros(len(model.ngrams))
    arrays = (other.log_probs, other.backoffs, other.first, other.suffix, other.words)
    for order in range(1, model.order + 1):
        span = slice(int(model.starts[order]), int(model.starts[order + 1]))
        parents = model.parents[span]
        pruning.follow(span, parents, model.words, arrays, states, log_probs)
    for node, ngram in enumerate(model.ngrams):
        assert states[node] == other.state(ngram)
        steps = [unclipped(other, ngram[:i], ngram[i]) for i in range(len(ngram))]
        assert log_probs[node] == pytest.approx(sum(steps))
