"""Student's t distribution, for any positive number of degrees of freedom.

Both functions go through the regularised incomplete beta function, P(|T| > t) = I_x(d/2, 1/2) with
x = d / (d + t^2), by its continued fraction (Abramowitz and Stegun 1964, 26.5.8). Importing
`scipy.special` instead would take longer than scoring a text of a million words.
"""

from __future__ import annotations

import math
from statistics import NormalDist

_TINY = 1e-300  # replaces a denominator of 0
_PRECISION = 1e-15


def two_sided(t: float, degrees: float) -> float:
    """Return P(|T| > `t`) for `t` >= 0.

    >>> round(two_sided(2.262157, 9), 6)
    0.05
    """
    if math.isnan(t) or math.isnan(degrees):
        return math.nan
    x = degrees / (degrees + t * t)
    a, b = degrees / 2, 0.5
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    front = math.exp(log_front + a * math.log(x) + b * math.log1p(-x))
    if x < (a + 1) / (a + b + 2):
        return front * _beta_fraction(a, b, x) / a
    return 1 - front * _beta_fraction(b, a, 1 - x) / b


def quantile(level: float, degrees: float) -> float:
    """Return the t with P(|T| <= t) = `level`: the half-width of an interval in standard errors.

    >>> [round(quantile(0.95, degrees), 3) for degrees in (1, 4, 9, 999)]
    [12.706, 2.776, 2.262, 1.962]
    """
    tail = 1 - level
    t = max(NormalDist().inv_cdf(0.5 + level / 2), 1e-9)
    for _ in range(
        100
    ):  # Newton's method for log p as a function of log t, nearly a line in the tail
        p = two_sided(t, degrees)
        step = math.log(p / tail) * p / (2 * t * density(t, degrees))
        t *= math.exp(min(step, 30.0))
        if abs(step) < 1e-13:
            break
    return t


def density(t: float, degrees: float) -> float:
    """Return the density of T at `t`."""
    log_scale = math.lgamma((degrees + 1) / 2) - math.lgamma(degrees / 2)
    power = (degrees + 1) / 2 * math.log1p(t * t / degrees)
    return math.exp(log_scale - power) / math.sqrt(degrees * math.pi)


def _beta_fraction(a: float, b: float, x: float) -> float:
    """Return the continued fraction of the incomplete beta function, by Lentz's method."""
    c, d = 1.0, 1 / _nonzero(1 - (a + b) * x / (a + 1))
    result = d
    for m in range(1, 10_000):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1 / _nonzero(1 + term * d)
            c = _nonzero(1 + term / c)
            result *= c * d
        if abs(c * d - 1) < _PRECISION:
            break
    return result


def _nonzero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
