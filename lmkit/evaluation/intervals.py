"""Confidence intervals of totals divided by totals, from a block bootstrap.

A text is drawn again, block by block with replacement (Efron 1979; blocks of neighbours: Künsch
1989), and its bits are divided by its bytes each time. The interval runs between two percentiles of
what comes out, widened for the number of blocks as Hesterberg (2015) advises: plain percentiles
are too narrow by about the difference of a normal and a t distribution.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from lmkit.errors import ParameterError
from lmkit.evaluation.blocks import block_length, block_starts

LEVEL = 0.95
RESAMPLES = 2000
_CELLS = 1 << 17  # numbers drawn at once, a megabyte of them
_EXACT = 1e-15  # to which a share is worked out


@dataclass(frozen=True)
class Interval:
    """A confidence interval, and what it rests on.

    ``value`` is the estimate, ``low`` and ``high`` the ends of the interval, ``standard_error``
    the standard deviation of the resampled values, all in the unit of the value; NaN where there
    is none (a model that found an event impossible, a text of one block). ``blocks`` is the number
    of blocks, ``block_length`` the number of segments in each.
    """

    value: float
    low: float
    high: float
    standard_error: float
    blocks: int
    block_length: int
    level: float = LEVEL


@lru_cache(maxsize=1)  # the intervals of one text, one after another, draw the same blocks
def draws(blocks: int, *, seed: int, resamples: int = RESAMPLES) -> NDArray[np.float64]:
    """Return how often each block is drawn in each resample, float64 (R, B); rows sum to B.

    The array is read-only.
    """
    random = np.random.default_rng(seed)
    drawn = np.empty((resamples, blocks))
    rows = max(1, _CELLS // blocks)
    for first in range(0, resamples, rows):
        part = drawn[first : first + rows]
        chosen = random.integers(blocks, size=part.shape, dtype=np.int64)
        chosen += blocks * np.arange(len(part))[:, None]
        part[:] = np.bincount(chosen.ravel(), minlength=part.size).reshape(part.shape)
    drawn.flags.writeable = False
    return drawn


def ratio_interval(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    *,
    seed: int = 0,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    length: int | None = None,
) -> Interval:
    """Return the interval of sum(x) / sum(y), both float64 (S,): one entry for each segment.

    `length` is the number of segments in a block; by default as many as it takes for the standard
    error to level off. Equal `seed`, equal interval.
    """
    if not 0 < level < 1:
        raise ParameterError(f"level={level}: give a share between 0 and 1, such as 0.95")
    total = float(y.sum())
    value = float(x.sum()) / total if total else float("nan")
    if len(x) < 2 or not np.isfinite(value):
        return Interval(value, np.nan, np.nan, np.nan, len(x), 1, level)
    length = block_length(x, y) if length is None else length
    starts = block_starts(len(x), length)
    blocks = len(starts)
    if blocks < 2:
        return Interval(value, np.nan, np.nan, np.nan, blocks, length, level)
    drawn = draws(blocks, seed=seed, resamples=resamples)
    sums = np.stack([np.add.reduceat(x, starts), np.add.reduceat(y, starts)], axis=1)
    drawn_x, drawn_y = (drawn @ sums).T
    ratios = drawn_x[drawn_y > 0] / drawn_y[drawn_y > 0]
    tail = _widened((1 - level) / 2, blocks)
    low, high = np.quantile(ratios, [tail, 1 - tail])
    low, high = min(float(low), value), max(float(high), value)  # whatever rounding does
    return Interval(value, low, high, float(ratios.std(ddof=1)), blocks, length, level)


def _widened(tail: float, blocks: int) -> float:
    """Return the tail share that makes percentiles as wide as a t interval of so many blocks."""
    wide = math.sqrt(blocks / (blocks - 1)) * t_quantile(tail, blocks - 1)
    return 0.5 * math.erfc(-wide / math.sqrt(2))


def t_quantile(share: float, degrees: int) -> float:
    """Return the quantile of Student's t distribution for a share in (0, 0.5].

    Newton's method on the distribution function, which for whole degrees of freedom is a finite
    sum (Abramowitz and Stegun 1964, 26.7.3 and 26.7.4). To import `scipy.special` for it takes
    longer than a text of a million words does to be scored.
    """
    half = (degrees + 1) / 2
    scale = math.exp(math.lgamma(half) - math.lgamma(degrees / 2)) / math.sqrt(degrees * math.pi)
    t = 0.0
    while True:  # below 0 the function is convex: each step falls, until rounding ends it
        density = scale * math.pow(1 + t * t / degrees, -half)
        excess = 0.5 - 0.5 * _t_between(t, degrees) - share
        if excess <= _EXACT or excess <= 1e-12 * max(1.0, -t) * density:
            return t
        t -= excess / density


def _t_between(t: float, degrees: int) -> float:
    """Return the probability that Student's t lies between t and -t, for whole degrees."""
    angle = math.atan(abs(t) / math.sqrt(degrees))
    square = math.cos(angle) ** 2
    odd = degrees % 2
    term = math.cos(angle) if odd else 1.0
    total = 0.0
    for k in range(1 + odd, degrees, 2):
        total += term
        term *= square * k / (k + 1)
    total *= math.sin(angle)
    return 2 / math.pi * (angle + total) if odd else total
