"""Sums over all integers, and the maxima of exponential families on them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import zeta

from lmkit.statistics.exponential_family import SumRule, expand
from lmkit.types import FloatArray


def steps(log_x: FloatArray) -> FloatArray:
    """Return the feature of a geometric distribution from 3 on, (1, J): -(x - 3)."""
    return -(expand(log_x) - 3)[None]


@pytest.mark.parametrize("xmin", [1, 7, 300])
@pytest.mark.parametrize("alpha", [1.2, 2.0, 6.0])
def test_the_sum_rule_reproduces_zeta(xmin, alpha):
    rule = SumRule.starting_at(xmin)
    log_p = rule.log_probabilities(lambda t: -t[None], np.array([alpha]), np.log([xmin]))
    assert log_p[0] == pytest.approx(-alpha * np.log(xmin) - np.log(zeta(alpha, xmin)), abs=1e-12)


def test_a_geometric_distribution_has_its_mean_and_its_maximum() -> None:
    """P(X = 3 + k) = (1 - q) q^k has the mean 3 + q / (1 - q), and q is fitted from the mean."""
    rule = SumRule.starting_at(3)
    mean = float(rule.means(steps, np.array([np.log(2)]))[0])  # of -(X - 3), at q = 1/2
    assert mean == pytest.approx(-1, abs=1e-12)
    values, types = np.log([3.0, 4.0, 6.0]), np.array([5.0, 2.0, 1.0])  # the excess is 5 in 8
    theta = rule.maximise(steps, np.array([1.0]), values, types)
    assert theta is not None
    assert theta[0] == pytest.approx(np.log1p(8 / 5), abs=1e-9)
    p = np.exp(rule.log_probabilities(steps, theta, values))
    assert p == pytest.approx((8 / 13) * (5 / 13) ** np.array([0, 1, 3]), rel=1e-9)
