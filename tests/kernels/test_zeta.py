"""The Hurwitz zeta function against mpmath, power sums against plain addition."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

from lmkit.kernels.zeta import power_sum, scaled_zeta, scaled_zeta_derivatives


@pytest.mark.parametrize("s", [1.01, 1.77, 2.0, 4.3, 20.0])
@pytest.mark.parametrize("q", [1, 2, 7, 14, 50, 12345, 10**9])
def test_zeta_and_its_derivatives(s, q):
    with mpmath.workdps(int(50 + s * np.log10(q))):
        log_q, scale = mpmath.log(q), mpmath.mpf(q) ** s
        z = mpmath.zeta(s, q) * scale
        dz = mpmath.zeta(s, q, 1) * scale + log_q * z
        ddz = mpmath.zeta(s, q, 2) * scale + 2 * log_q * dz - log_q**2 * z
        expected = [float(z), float(dz), float(ddz)]
    assert scaled_zeta_derivatives(s, float(q)) == pytest.approx(expected, rel=1e-12)
    assert scaled_zeta(s, float(q)) == pytest.approx(expected[0], rel=1e-12)


@pytest.mark.parametrize("s", [-0.5, 0.0, 0.999999, 1.0, 1.3, 6.0])
@pytest.mark.parametrize(("first", "terms"), [(1, 1), (1.5, 20), (200, 2), (3.7, 3000)])
def test_power_sum(s, first, terms):
    assert power_sum(s, first, terms) == pytest.approx(
        float(np.sum((first + np.arange(terms)) ** -s)), rel=1e-12
    )
