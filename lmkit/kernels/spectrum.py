"""Types and frequencies of a text: expectations over a spectrum, and counts along the text."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmkit.kernels.compiled import compiled
from lmkit.types import FloatArray, LongArray


def expected_types(
    tokens: int, frequencies: LongArray, types: LongArray, points: LongArray
) -> FloatArray:
    """Return E[V(n)] for each n of ``points``: the types in n tokens drawn without replacement.

    The text has ``tokens`` tokens, and ``types[k]`` of its types occur ``frequencies[k]`` times;
    all arrays int64, one axis. Float64 (P,).

    >>> expected_types(3, np.array([1, 2]), np.array([1, 1]), np.array([1, 2, 3])).round(6)
    array([1.      , 1.666667, 2.      ])
    """
    out = np.zeros(len(points))
    _expected_types(tokens, frequencies, types, points, out)
    return out


def mark_seen(ids: NDArray[Any], seen: NDArray[np.bool_]) -> int:
    """Set ``seen[i]`` for each id i, and return how many of these were False before.

    ``ids`` is an integer array (T,), ``seen`` bool (V,).
    """
    return int(_mark_seen(ids, seen))


def remove_tokens(ids: NDArray[Any], counts: NDArray[Any], by_frequency: LongArray) -> None:
    """Take some tokens of a text out of its frequency spectrum, in place.

    ``ids`` (T,) are the tokens, sorted; ``counts[i]`` is the frequency of type i in the whole text,
    ``by_frequency[f]`` the number of its types of frequency f, int64.

    Of counts [3, 1], by_frequency is [0, 1, 0, 1]; without the tokens [0, 0] it is [0, 2, 0, 0].
    """
    _remove_tokens(ids, counts, by_frequency)


def sum_window_types(ids: NDArray[Any], window: int) -> int:
    """Return the number of types in a window, summed over all windows of consecutive tokens.

    ``ids`` is an integer array (T,), of at least ``window`` >= 1 ids from 0 up.

    >>> sum_window_types(np.array([0, 1, 0, 0]), 2)  # 2 + 2 + 1
    5
    """
    return int(_sum_window_types(ids, window, np.zeros(int(ids.max()) + 1, np.int32)))


@compiled
def _stirling(x: float) -> float:
    """Return ln x! - [(x + 1/2) ln x - x + ln(2 pi)/2], for x >= 16."""
    square = x * x
    return (1 / 12 - (1 / 360 - 1 / (1260 * square)) / square) / x


@compiled
def _log_absent(N: float, f: float, n: float) -> float:
    """Return ln [binom(N - f, n) / binom(N, n)], with a relative error of 1e-15 N / max(f, n).

    It is the difference of four ln-factorials, each of which may be far larger than the result
    (N = 10^8, n = 10), so their main terms are cancelled by hand.
    """
    low, high = min(f, n), max(f, n)
    a, b, c = N - high, N - low, N - high - low
    if c < 0:
        return -np.inf
    if c < 16:
        return math.lgamma(a + 1) + math.lgamma(b + 1) - math.lgamma(c + 1) - math.lgamma(N + 1)
    main = low * np.log1p(-high / N)
    main += (b + 0.5) * np.log1p(-low / N) - (c + 0.5) * np.log1p(-low / a)
    return float(main + _stirling(a) + _stirling(b) - _stirling(c) - _stirling(N))


@compiled
def _expected_types(tokens, frequencies, types, points, out):
    for i in range(len(points)):
        for k in range(len(frequencies)):
            absent = _log_absent(float(tokens), float(frequencies[k]), float(points[i]))
            out[i] -= types[k] * np.expm1(absent)


@compiled
def _mark_seen(ids, seen):
    new = 0
    for i in range(len(ids)):
        if not seen[ids[i]]:
            seen[ids[i]] = True
            new += 1
    return new


@compiled
def _remove_tokens(ids, counts, by_frequency):
    start = 0
    for i in range(1, len(ids) + 1):
        if i == len(ids) or ids[i] != ids[start]:
            frequency = counts[ids[start]]
            by_frequency[frequency] -= 1
            by_frequency[frequency - (i - start)] += 1
            start = i


@compiled
def _sum_window_types(ids, window, frequency):
    """`frequency`, zeros for each type, is working memory: the counts in the current window."""
    types = 0
    total = 0
    for t in range(len(ids)):
        if frequency[ids[t]] == 0:
            types += 1
        frequency[ids[t]] += 1
        if t >= window:
            left = ids[t - window]
            frequency[left] -= 1
            if frequency[left] == 0:
                types -= 1
        if t >= window - 1:
            total += types
    return total
