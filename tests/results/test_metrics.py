"""Numbers from surprisals, against arithmetic that is written out."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmkit.results.metrics import bits_per, cross_entropy, perplexity

NATS = st.lists(st.floats(0, 50), min_size=1, max_size=30)


def test_by_hand() -> None:
    nats = -math.log(0.5) - math.log(0.25)  # ln 8 = 2.0794
    assert cross_entropy(nats, 2) == pytest.approx(1.0397, abs=5e-5)
    assert perplexity(nats, 2) == pytest.approx(math.sqrt(8), rel=1e-15)
    assert bits_per(nats, 2) == pytest.approx(1.5, rel=1e-15)
    assert bits_per(nats, 12) == pytest.approx(0.25, rel=1e-15)


@pytest.mark.parametrize("size", [1, 2, 27, 10_000])
def test_perplexity_of_a_uniform_model_is_its_number_of_outcomes(size: int) -> None:
    assert perplexity(17 * math.log(size), 17) == pytest.approx(size, rel=1e-12)


@given(NATS)
def test_perplexity_is_the_geometric_mean_of_inverse_probabilities(nats: list[float]) -> None:
    probabilities = np.exp(-np.array(nats))
    expected = np.prod(probabilities ** (-1 / len(nats)))
    assert perplexity(math.fsum(nats), len(nats)) == pytest.approx(expected, rel=1e-9)


@given(NATS, NATS)
def test_totals_are_summed_before_they_are_divided(a: list[float], b: list[float]) -> None:
    together = cross_entropy(math.fsum(a) + math.fsum(b), len(a) + len(b))
    low, high = sorted([cross_entropy(math.fsum(a), len(a)), cross_entropy(math.fsum(b), len(b))])
    assert low - 1e-9 <= together <= high + 1e-9


def test_nothing_to_measure_is_not_a_number() -> None:
    assert math.isnan(cross_entropy(0.0, 0))
    assert math.isnan(perplexity(0.0, 0))
    assert math.isnan(bits_per(0.0, 0))


def test_the_impossible_is_infinite() -> None:
    assert cross_entropy(math.inf, 3) == math.inf
    assert perplexity(math.inf, 3) == math.inf
    assert perplexity(1e6, 1) == math.inf  # beyond what a float holds
    assert bits_per(math.inf, 3) == math.inf
