"""Smoothing of one order, against its formulas written out for each context."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmkit.kernels import smoothing
from tests.kernels.small_models import V, small_model

models = st.builds(small_model, st.integers(0, 50), st.integers(2, 4))


def children_of(model, context):
    return range(model.first[context], model.first[context + 1])


@given(models, st.integers(1, 3))
def test_extensions_are_counted(model, order):
    order = min(order, model.order - 1)
    here = slice(*(int(start) for start in model.starts[order : order + 2]))
    above = slice(*(int(start) for start in model.starts[order + 1 : order + 3]))
    plain = Counter(model.suffix[above].tolist())
    first = int(model.suffix[above].min(initial=here.start))
    size = len(model.ngrams) - first
    found = smoothing.count_extensions(model.suffix[above], first, size)
    assert found.tolist() == [plain[node] for node in range(first, first + size)]


@given(st.lists(st.integers(0, 9), max_size=40))
def test_counts_of_counts(counts):
    found = smoothing.counts_of_counts(np.array(counts, np.int32))
    assert found.tolist() == [counts.count(k) for k in range(5)]


@given(models)
def test_the_lower_order_is_added(model):
    rng = np.random.default_rng(1)
    rest, probs = rng.random(model.contexts), rng.random(len(model.ngrams))
    begin, end = int(model.starts[1]), int(model.starts[2])
    expected = probs.copy()
    for context in range(begin, end):
        for node in children_of(model, context):
            expected[node] += rest[context] * probs[model.suffix[node]]
    smoothing.add_lower_order(begin, end, model.first, model.suffix, rest, probs)
    assert probs.tolist() == expected.tolist()


def test_discounts_of_the_docstring():
    first, discounts = np.array([0, 0, 2], np.int32), np.array([0, 0.5, 1, 1.5])
    direct, rest = np.empty(2), np.empty(1)
    counts, all_kept = np.array([3, 1], np.int32), np.empty(0, np.bool_)
    smoothing.discount(1, first, counts, discounts, all_kept, direct, rest)
    assert direct.tolist() == [1.5 / 4, 0.5 / 4]
    assert rest.tolist() == [2 / 4]


@pytest.mark.parametrize("pruned", [False, True])
@given(model=models)
def test_absolute_discounting(pruned, model):
    begin, end = int(model.starts[1]), int(model.starts[2])
    children = slice(int(model.first[begin]), int(model.first[end]))
    rng = np.random.default_rng(2)
    counts = rng.integers(0, 6, children.stop - children.start).astype(np.int32)
    keep = rng.random(len(counts)) < 0.6 if pruned else np.empty(0, np.bool_)
    discounts = np.array([0.0, 0.5, 0.9, 1.3])
    direct, rest = np.empty(len(counts)), np.empty(end - begin)
    smoothing.discount(begin, model.first, counts, discounts, keep, direct, rest)
    for context in range(begin, end):
        inside = [node - children.start for node in children_of(model, context)]
        taken = [discounts[min(counts[i], 3)] for i in inside]
        total = sum(int(counts[i]) for i in inside)
        left = [
            d if not pruned or keep[i] else counts[i] for i, d in zip(inside, taken, strict=True)
        ]
        assert rest[context - begin] == pytest.approx(sum(left) / total if total else 1.0)
        for i, d in zip(inside, taken, strict=True):
            assert direct[i] == pytest.approx((counts[i] - d) / max(total, 1))


@pytest.mark.parametrize("unigrams", [False, True])
@given(model=models)
def test_katz_backoff_sums_to_one(unigrams, model):
    begin, end = (0, 1) if unigrams else (1, V + 2)
    ratios = np.array([1.0, 0.6, 0.8, 0.9, 1.0])
    rng = np.random.default_rng(3)
    counts = rng.integers(0, 9, len(model.ngrams)).astype(np.int32)
    lower = rng.random(len(model.ngrams))
    lower[1 : V + 2] /= lower[1 : V + 2].sum()
    probs, rest = np.zeros(len(model.ngrams)), np.zeros(end - begin)
    arrays = (model.first, model.suffix, counts)
    smoothing.back_off(begin, arrays, ratios, lower, probs, rest, unigrams=unigrams)
    for context in range(begin, end):
        nodes = list(children_of(model, context))
        seen = [node for node in nodes if counts[node] > 0]
        covered = sum(lower[node if unigrams else model.suffix[node]] for node in seen)
        total = sum(int(counts[node]) for node in nodes)
        if total == 0:
            assert rest[context - begin] == 1.0
            continue
        mass = sum(probs[node] for node in seen)
        if covered < 1 - 1e-9:
            assert mass + rest[context - begin] * (1 - covered) == pytest.approx(1)
        else:
            assert mass == pytest.approx(1)
        for node in seen:
            share = counts[node] * ratios[min(counts[node], 4)]
            assert probs[node] / mass == pytest.approx(
                share / sum(counts[n] * ratios[min(counts[n], 4)] for n in seen)
            )


def test_expected_choices_of_interpolation_weights():
    rng = np.random.default_rng(4)
    size, order, buckets = 50, 3, 4
    frequencies = rng.random((size, order))
    bucket = rng.integers(0, buckets, (size, order)).astype(np.int8)
    floor, weights = rng.random(size), rng.random((order, buckets))
    weights[:, 0] = 1.0
    expected = np.full((2, order, buckets), 0.5)
    nats = 0.0
    for t in range(size):
        reach, shares = 1.0, np.zeros(order)
        for k in reversed(range(order)):
            weight = weights[k, bucket[t, k]]
            shares[k] = reach * (1 - weight) * frequencies[t, k]
            reach *= weight
        total = reach * floor[t] + shares.sum()
        for k in range(order):
            if bucket[t, k]:
                expected[0, k, bucket[t, k]] += shares[k] / total
                expected[1, k, bucket[t, k]] += (reach * floor[t] + shares[:k].sum()) / total
        nats += np.log(total) / size
    taken, passed, mean = smoothing.expected_choices(frequencies, bucket, floor, weights, 0.5)
    np.testing.assert_allclose([taken, passed], expected, rtol=1e-12)
    assert mean == pytest.approx(nats)
