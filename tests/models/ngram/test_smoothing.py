"""What holds for every smoothing: sums of one, and shares of mass by hand."""

from __future__ import annotations

import math

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from lmkit.models.ngram.backoff import BackoffModel
from lmkit.models.ngram.smoothing import interpolate, witten_bell
from tests.models.ngram.definitions import SMOOTHED
from tests.models.ngram.samples import corpus, count

pytestmark = pytest.mark.filterwarnings("ignore::lmkit.models.ngram.discounts.DiscountWarning")


sentences = st.lists(st.lists(st.sampled_from(["a", "b", "c", "<unk>"]), max_size=7), max_size=9)


@given(
    sentences.filter(any),
    st.sampled_from(SMOOTHED),
    st.integers(1, 5),
    st.sampled_from(["trained", "uniform", "excluded"]),
    st.sampled_from(["sentence", "stream"]),
    st.lists(st.integers(0, 2), max_size=6),
)
def test_every_distribution_sums_to_one(
    rows: list[list[str]],
    cls: type[BackoffModel],
    order: int,
    unk: str,
    context: str,
    history: list[int],
) -> None:
    text = "".join(" ".join(row) + "\n" for row in rows)
    model = cls(order=order, unk=unk, context=context).fit(corpus(text), valid=corpus("a b\n"))
    size = len(model.vocabulary_)
    for length in range(len(history) + 1):
        probs = np.exp(model.next_log_probs([i % size for i in history[:length]]))
        assert math.fsum(probs) == pytest.approx(1, abs=1e-12)
        assert (probs[0] == 0) == (unk == "excluded")
        assert (probs[1:] > 0).all()


def test_the_shares_of_witten_bell_by_hand() -> None:
    trie = count([2, 2, 2, 3, 1], order=1, vocabulary_size=4).trie  # a a a b </s>
    direct, weights = np.empty(5), np.ones(1)
    witten_bell(trie, 1, np.array([0, 1, 3, 1, 0], np.int32), direct=direct, weights=weights)
    # 5 tokens of 3 types: 8 in the denominator.
    np.testing.assert_allclose(direct, np.array([0, 1, 3, 1, 0]) / 8)
    np.testing.assert_allclose(weights, 3 / 8)


@pytest.mark.parametrize("floor", [True, False])
def test_interpolation_adds_the_order_below(floor: bool) -> None:
    trie = count([2, 1, 2, 1], order=2, vocabulary_size=3).trie  # a </s> a </s>: a </s>, <s> a

    def estimate(order: int, direct: np.ndarray, weights: np.ndarray) -> None:
        if order == 1:
            direct[:], weights[:] = [0, 0.3, 0.3, 0], 0.4
        else:
            direct[:], weights[2:] = [0.5, 0.75], [0.5, 0.25]

    tables = interpolate(trie, estimate, uniform_floor=floor)
    base = [0.4 / 3] * 3 if floor else [0.4, 0, 0]
    unigrams = np.array([0, 0.3, 0.3]) + base
    expected = [*unigrams, 0, 0.5 + 0.5 * unigrams[1], 0.75 + 0.25 * unigrams[2]]
    np.testing.assert_allclose(np.exp(tables.log_probs[1:]), expected)
    np.testing.assert_allclose(np.exp(tables.backoffs), [1, 1, 1, 0.5, 0.25])
