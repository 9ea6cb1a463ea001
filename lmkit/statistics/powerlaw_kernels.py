"""Compiled kernels that fit a discrete power law to (value, number of observations) pairs.

``values`` are float64 and rising, shape (K,); ``tail`` and ``tail_logs`` hold for every k the
number of observations at or above ``values[k]`` and the sum of their ln(value), shape (K+1,).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lmkit.compiled import compiled
from lmkit.statistics.zeta import scaled_zeta, scaled_zeta_derivatives

FloatArray = NDArray[np.float64]

_RECURRENCE_GAP = 8  # up to here, stepping zeta from integer to integer beats evaluating it
_LARGEST = 2.0**62  # draws stop here, so that they fit an int64


def suffix_sums(values: FloatArray, counts: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return ``tail`` and ``tail_logs`` of the pairs."""
    logs = counts * np.log(values)
    tail, tail_logs = (np.append(np.cumsum(each[::-1])[::-1], 0.0) for each in (counts, logs))
    return tail, tail_logs


@compiled
def solve_alpha(mean_log: float, q: float) -> float:
    """Return the exponent at which the expected ln(X/q) is ``mean_log`` > 0.

    Newton on a convex falling function: from below the root it climbs without overshooting.
    """
    alpha = 1.0 + 1.0 / (mean_log + np.log(q / (q - 0.5)))  # the continuous approximation
    for _ in range(100):
        z, dz, ddz = scaled_zeta_derivatives(alpha, q)
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
def ks_distance(
    values: FloatArray, tail: FloatArray, k: int, q: float, alpha: float, limit: float
) -> float:
    """Return the largest distance, over all integers from q on, between the empirical survival
    function of ``values[k:]`` and that of the power law; infinity once it passes ``limit``."""
    z = scaled_zeta(alpha, q)
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
            above = (v / q) ** -alpha * scaled_zeta(alpha, v) / z
        worst = max(worst, abs(tail[i] / n - above))
        above -= (v / q) ** -alpha / z
        x = v + 1.0
        worst = max(worst, abs(tail[i + 1] / n - above))
        if worst > limit:
            return np.inf
    return worst


@compiled
def scan(values: FloatArray, tail: FloatArray, tail_logs: FloatArray, out: FloatArray) -> None:
    """Write (exponent, KS distance) of the best power law from each value but the last on,
    shape (2, K-1)."""
    for k in range(len(values) - 1):
        q = values[k]
        out[0, k] = solve_alpha(tail_logs[k] / tail[k] - np.log(q), q)
        out[1, k] = ks_distance(values, tail, k, q, out[0, k], np.inf)


@compiled
def search(values: FloatArray, tail: FloatArray, tail_logs: FloatArray) -> tuple[int, float, float]:
    """Return (index of x_min, exponent, KS distance) of the smallest KS distance.

    The same minimum as that of :func:`scan`; a candidate is dropped as soon as it is beaten.
    """
    best = 0
    best_alpha = np.nan
    best_ks = np.inf
    for k in range(len(values) - 1):
        q = values[k]
        alpha = solve_alpha(tail_logs[k] / tail[k] - np.log(q), q)
        ks = ks_distance(values, tail, k, q, alpha, best_ks)
        if ks < best_ks:
            best, best_alpha, best_ks = k, alpha, ks
    return best, best_alpha, best_ks


@compiled
def survival_table(alpha: float, q: float, out: FloatArray) -> None:
    """Write P(X >= q + j) for j = 0, 1, ... of the power law that starts at q."""
    z = scaled_zeta(alpha, q)
    for j in range(len(out)):
        x = q + j
        out[j] = (x / q) ** -alpha * scaled_zeta(alpha, x) / z


@compiled
def invert_survival(alpha: float, q: float, uniforms: FloatArray, out: FloatArray) -> None:
    """Write, for each u in (0, 1], the largest x with P(X >= x) >= u: exact draws from q on."""
    z = scaled_zeta(alpha, q)
    for i in range(len(uniforms)):
        u = uniforms[i] * z
        low = q
        high = 2.0 * q
        while high < _LARGEST and (high / q) ** -alpha * scaled_zeta(alpha, high) >= u:
            low = high
            high *= 2.0
        high = min(high, _LARGEST)
        while high - low > 1.0:
            middle = np.floor(0.5 * (low + high))
            if middle <= low or middle >= high:  # integers this large are no longer apart
                break
            if (middle / q) ** -alpha * scaled_zeta(alpha, middle) >= u:
                low = middle
            else:
                high = middle
        out[i] = low
