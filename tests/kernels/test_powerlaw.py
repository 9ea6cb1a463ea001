"""Fits of a power law against scipy's zeta function and an exhaustive search."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.special import zeta

from lmkit.kernels import powerlaw

pairs = st.dictionaries(st.integers(1, 60), st.integers(1, 40), min_size=3, max_size=15).map(
    lambda counts: tuple(
        np.array(column, np.float64) for column in zip(*sorted(counts.items()), strict=True)
    )
)


def survival(x, alpha, q):
    return zeta(alpha, x) / zeta(alpha, q)


def plain_ks(values, counts, k, q, alpha):
    tail = counts[k:].sum()
    xs = np.arange(q, values[-1] + 2)
    empirical = np.array([counts[k:][values[k:] >= x].sum() for x in xs]) / tail
    return np.abs(empirical - survival(xs, alpha, q)).max()


def test_suffix_sums_are_those_of_the_docstring():
    tail, tail_logs = powerlaw.suffix_sums(np.array([1.0, 2.0, 5.0]), np.array([4.0, 2.0, 1.0]))
    assert tail.tolist() == [7, 3, 1, 0]
    both = 2 * np.log(2) + np.log(5)
    np.testing.assert_allclose(tail_logs, [both, both, np.log(5), 0])


@pytest.mark.parametrize(("mean_log", "q"), [(0.6, 1.0), (0.2, 5.0), (1.5, 2.0), (0.01, 100.0)])
def test_alpha_gives_the_expected_logarithm(mean_log, q):
    def excess(alpha):  # d/d alpha ln zeta(alpha, q) + ln q, by a central difference
        h = 1e-5
        slope = (np.log(zeta(alpha + h, q)) - np.log(zeta(alpha - h, q))) / (2 * h)
        return -slope - np.log(q) - mean_log

    assert powerlaw.solve_alpha(mean_log, q) == pytest.approx(brentq(excess, 1.1, 150), rel=1e-6)


@given(pairs, st.floats(1.3, 4.0))
def test_ks_distance_is_the_largest_over_all_integers(given_pairs, alpha):
    values, counts = given_pairs
    tail, _ = powerlaw.suffix_sums(values, counts)
    for k in range(len(values) - 1):
        found = powerlaw.ks_distance(values, tail, k, values[k], alpha)
        assert found == pytest.approx(plain_ks(values, counts, k, values[k], alpha), abs=1e-9)


@given(pairs)
def test_scan_and_search(given_pairs):
    values, counts = given_pairs
    tail, tail_logs = powerlaw.suffix_sums(values, counts)
    found = powerlaw.scan(values, tail, tail_logs)
    assert found.shape == (2, len(values) - 1)
    for k in range(len(values) - 1):
        q = values[k]
        alpha = powerlaw.solve_alpha(tail_logs[k] / tail[k] - np.log(q), q)
        assert found[:, k].tolist() == [alpha, powerlaw.ks_distance(values, tail, k, q, alpha)]
    best = int(found[1].argmin())
    assert powerlaw.search(values, tail, tail_logs) == (best, *found[:, best])


def test_survival_and_its_inverse():
    table = powerlaw.survival_table(2.5, 3.0, 50)
    np.testing.assert_allclose(table, survival(np.arange(3, 53), 2.5, 3.0), rtol=1e-12)
    uniforms = np.array([1.0, 0.9, 0.5, 0.1, table[20]])
    expected = [3 + np.flatnonzero(table >= u)[-1] for u in uniforms]
    assert powerlaw.invert_survival(2.5, 3.0, uniforms).tolist() == expected
    beyond = powerlaw.invert_survival(1.05, 1.0, np.array([1e-9]))  # no int64 holds the draw
    assert beyond[0] == pytest.approx(2.0**62)
