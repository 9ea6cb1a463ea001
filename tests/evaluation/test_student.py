"""Student's t, against scipy."""

from __future__ import annotations

import math

import pytest
from scipy.stats import t as student

from lmkit.evaluation.student import quantile, two_sided


@pytest.mark.parametrize("degrees", [0.7, 1, 1.37, 2, 4.5, 9, 33.3, 999, 1e5])
def test_students_t_is_scipys(degrees: float) -> None:
    for t in (0, 1e-3, 0.5, 1, 2, 5, 20, 100, 1e6):
        assert two_sided(t, degrees) == pytest.approx(2 * student.sf(t, degrees), rel=2e-8)
    for level in (0.5, 0.9, 0.95, 0.9995):
        expected = student.ppf((1 + level) / 2, degrees)
        assert quantile(level, degrees) == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize("level", [0.9999999, 1 - 1e-15])
@pytest.mark.parametrize("degrees", [1, 4, 999])
def test_extreme_levels_end(level: float, degrees: float) -> None:
    assert math.isfinite(quantile(level, degrees))
