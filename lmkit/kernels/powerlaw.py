"""Fitting a discrete power law to pairs of a value and its number of observations.

A power law from q on has ``P(X = x) = (x/q)^-alpha / Z(alpha, q)`` for the integers x >= q, Z as in
`lmkit.kernels.zeta`. ``values`` are float64 and rising, shape (K,). ``tail`` and ``tail_logs`` hold
for every k the number of observations at or above ``values[k]`` and the sum of their ln(value),
float64 (K + 1,). Values [1, 2, 5] with counts [4, 2, 1] have::

    tail       7             3             1       0
    tail_logs  2 ln2 + ln5   2 ln2 + ln5   ln5     0
"""

from __future__ import annotations

import numpy as np

from lmkit.kernels.compiled import compiled
from lmkit.kernels.zeta import _scaled_zeta, _scaled_zeta_derivatives
from lmkit.types import FloatArray

_RECURRENCE_GAP = 8  # up to here, stepping zeta from integer to integer beats evaluating it
_LARGEST = 2.0**62  # draws stop here, so that they fit an int64


def suffix_sums(values: FloatArray, counts: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return ``tail`` and ``tail_logs`` of the pairs."""
    logs = counts * np.log(values)
    tail, tail_logs = (np.append(np.cumsum(each[::-1])[::-1], 0.0) for each in (counts, logs))
    return tail, tail_logs


def solve_alpha(mean_log: float, q: float) -> float:
    """Return the exponent at which the expected ln(X/q) is ``mean_log`` > 0."""
    return float(_solve_alpha(mean_log, q))


def ks_distance(values: FloatArray, tail: FloatArray, k: int, q: float, alpha: float) -> float:
    """Return the Kolmogorov-Smirnov distance of the observations from ``values[k]`` on.

    It is the largest distance, over all integers from q on, between the empirical survival function
    of ``values[k:]`` and that of the power law.
    """
    return float(_ks_distance(values, tail, k, q, alpha, np.inf))


def scan(values: FloatArray, tail: FloatArray, tail_logs: FloatArray) -> FloatArray:
    """Return exponents and KS distances of the best power laws from each value but the last on.

    Float64 (2, K - 1): the exponents are row 0, the distances row 1.
    """
    out = np.empty((2, len(values) - 1))
    _scan(values, tail, tail_logs, out)
    return out


def search(values: FloatArray, tail: FloatArray, tail_logs: FloatArray) -> tuple[int, float, float]:
    """Return (index of x_min, exponent, KS distance) of the smallest KS distance.

    The same minimum as that of :func:`scan`, but a candidate is dropped as soon as its distance
    exceeds the smallest so far.
    """
    best: tuple[int, float, float] = _search(values, tail, tail_logs)
    return best


def survival_table(alpha: float, q: float, size: int) -> FloatArray:
    """Return P(X >= q + j) for j = 0 .. size - 1 of the power law from q on: float64 (size,)."""
    out = np.empty(size)
    _survival_table(alpha, q, out)
    return out


def invert_survival(alpha: float, q: float, uniforms: FloatArray) -> FloatArray:
    """Return, for each u in (0, 1], the largest x with P(X >= x) >= u: draws from the power law.

    Float64, shape that of ``uniforms``, one axis; whole numbers up to 2^62.
    """
    out = np.empty(len(uniforms))
    _invert_survival(alpha, q, uniforms, out)
    return out


@compiled
def _solve_alpha(mean_log: float, q: float) -> float:
    # Newton's method on a convex decreasing function: from below the root it does not overshoot.
    alpha = 1.0 + 1.0 / (mean_log + np.log(q / (q - 0.5)))  # the continuous approximation
    for _ in range(100):
        z, dz, ddz = _scaled_zeta_derivatives(alpha, q)
        expected = -dz / z
        variance = ddz / z - expected * expected
        step = (expected - mean_log) / variance
        new = max(alpha + step, 1.0 + 0.1 * (alpha - 1.0))
        done = abs(new - alpha) <= 1e-13 * new
        alpha = new
        if done:
            break
    return float(alpha)


@compiled
def _ks_distance(
    values: FloatArray, tail: FloatArray, k: int, q: float, alpha: float, limit: float
) -> float:
    z = _scaled_zeta(alpha, q)
    n = tail[k]
    x = q
    above = 1.0  # P(X >= x)
    worst = 0.0
    for i in range(k, len(values)):
        v = values[i]
        if v - x <= _RECURRENCE_GAP:
            while x < v:
                above -= (x / q) ** -alpha / z
                x += 1.0
        else:
            above = (v / q) ** -alpha * _scaled_zeta(alpha, v) / z
        worst = max(worst, abs(tail[i] / n - above))
        above -= (v / q) ** -alpha / z
        x = v + 1.0
        worst = max(worst, abs(tail[i + 1] / n - above))
        if worst > limit:
            return np.inf
    return worst


@compiled
def _scan(values: FloatArray, tail: FloatArray, tail_logs: FloatArray, out: FloatArray) -> None:
    for k in range(len(values) - 1):
        q = values[k]
        out[0, k] = _solve_alpha(tail_logs[k] / tail[k] - np.log(q), q)
        out[1, k] = _ks_distance(values, tail, k, q, out[0, k], np.inf)


@compiled
def _search(
    values: FloatArray, tail: FloatArray, tail_logs: FloatArray
) -> tuple[int, float, float]:
    best = 0
    best_alpha = np.nan
    best_ks = np.inf
    for k in range(len(values) - 1):
        q = values[k]
        alpha = _solve_alpha(tail_logs[k] / tail[k] - np.log(q), q)
        ks = _ks_distance(values, tail, k, q, alpha, best_ks)
        if ks < best_ks:
            best, best_alpha, best_ks = k, alpha, ks
    return best, best_alpha, best_ks


@compiled
def _survival_table(alpha: float, q: float, out: FloatArray) -> None:
    z = _scaled_zeta(alpha, q)
    for j in range(len(out)):
        x = q + j
        out[j] = (x / q) ** -alpha * _scaled_zeta(alpha, x) / z


@compiled
def _invert_survival(alpha: float, q: float, uniforms: FloatArray, out: FloatArray) -> None:
    z = _scaled_zeta(alpha, q)
    for i in range(len(uniforms)):
        u = uniforms[i] * z
        low = q
        high = 2.0 * q
        while high < _LARGEST and (high / q) ** -alpha * _scaled_zeta(alpha, high) >= u:
            low = high
            high *= 2.0
        high = min(high, _LARGEST)
        while high - low > 1.0:
            middle = np.floor(0.5 * (low + high))
            if middle <= low or middle >= high:  # integers this large are no longer apart
                break
            if (middle / q) ** -alpha * _scaled_zeta(alpha, middle) >= u:
                low = middle
            else:
                high = middle
        out[i] = low
