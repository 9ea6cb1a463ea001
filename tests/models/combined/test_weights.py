"""Interpolation weights: expectation maximisation against a grid, and weighted sums by hand."""

from __future__ import annotations

import numpy as np
import pytest

from lmkit.models.combined.weights import find_weights, mixed


def test_em_finds_the_maximum() -> None:
    rng = np.random.default_rng(0)
    log_probs = np.log(rng.dirichlet(np.ones(50), 400)[:, :3])
    found = find_weights(log_probs)

    def nats(weights: np.ndarray) -> float:
        return -float(np.log(np.exp(log_probs) @ weights).mean())

    assert found.weights.sum() == pytest.approx(1)
    assert found.nats == pytest.approx(nats(found.weights[0]))
    grid = np.linspace(0, 1, 41)
    best = min(
        nats(np.array([a, b, 1 - a - b])) for a in grid for b in grid if 0 < a + b < 1 - 1e-9
    )
    assert found.nats <= best + 1e-5


def test_em_on_a_known_mixture() -> None:
    """Half of the events are certain under one distribution alone, half under both alike."""
    log_probs = np.log([[0.5, 0.5], [1.0, 1e-300]] * 50 + [[1e-300, 1.0]] * 25)
    weights = find_weights(log_probs).weights[0]
    np.testing.assert_allclose(weights, [2 / 3, 1 / 3], atol=0.01)


def test_weights_of_buckets_and_of_nothing() -> None:
    rng = np.random.default_rng(1)
    log_probs = np.log(rng.uniform(0.01, 1, (4000, 2)))
    buckets = rng.integers(0, 2, 4000)
    log_probs[buckets == 1, 0] += np.log(0.2)
    found = find_weights(log_probs, buckets=buckets, count=3)
    np.testing.assert_allclose(found.weights.sum(axis=1), 1)
    assert found.weights[0, 0] > 0.4 > found.weights[1, 0]
    alone = find_weights(log_probs).weights[0]
    np.testing.assert_array_equal(found.weights[2], alone)  # a bucket without events
    assert found.nats < find_weights(log_probs).nats
    np.testing.assert_array_equal(find_weights(np.empty((0, 4))).weights, np.full((1, 4), 0.25))


def test_impossible_events_take_no_part() -> None:
    log_probs = np.array([[-1.0, -2.0], [-np.inf, -1.0], [-3.0, -np.inf]] * 10)
    with_none = np.concatenate([log_probs, np.full((5, 2), -np.inf)])
    found, clean = find_weights(with_none), find_weights(log_probs)
    np.testing.assert_allclose(found.weights, clean.weights)
    assert (found.nats, found.impossible, clean.impossible) == (np.inf, 5, 0)
    assert found.possible_nats == clean.possible_nats == clean.nats < 10


def test_a_weighted_sum_by_hand() -> None:
    probabilities = np.array([[0.5, 0.0, 0.0], [0.25, 0.5, 0.0]])  # of 2 distributions, 3 events
    with np.errstate(divide="ignore"):
        columns = np.log(probabilities)
    result = mixed(columns, np.array([[0.8], [0.2]]))
    np.testing.assert_allclose(np.exp(result), [0.8 * 0.5 + 0.2 * 0.25, 0.2 * 0.5, 0.0])
