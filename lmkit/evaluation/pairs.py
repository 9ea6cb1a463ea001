"""Is one model really better than another? Tests on the differences, block by block.

Two models are held to the same blocks of the same text, and so what makes a block hard for both
cancels. The difference of their bits a byte, divided by its standard error, is tested by Student's
t. How far neighbouring blocks depend on one another is a property of the text: it is found from the
differences of all models together. Holm's (1979) step-down correction makes up for the number of
pairs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from lmkit.evaluation.dependence import INDEPENDENT, Dependence, find_dependence, residuals
from lmkit.evaluation.intervals import LEVEL, ratio_interval
from lmkit.evaluation.student import quantile, two_sided

POWER = 0.8  # of the larger test that the planner sizes, as is the custom
ROUNDING = 1e-6  # of a total: what the digits of an ARPA file, or of float32, can do to it


@dataclass(frozen=True)
class Pair:
    """What sets two models apart on one text.

    ``a`` and ``b`` are their indices in the ranking, from 0. ``difference`` is the bits a byte of
    `a` minus those of `b` (negative: `a` is better), ``low`` and ``high`` its interval,
    ``standard_error`` its standard error, ``degrees`` the degrees of freedom. ``p_value`` is that
    of the t test, NaN where the text has too few blocks for one, ``p_holm`` the same after Holm's
    correction over all pairs; ``tied`` is whether that leaves them undecided. ``more_text`` says
    how many times this much test text would separate the two in four tests of five if the
    difference is what it seems: infinite where there is none, NaN where it cannot be known.
    ``blocks`` is how many blocks were compared.
    """

    a: int
    b: int
    difference: float
    low: float
    high: float
    standard_error: float
    degrees: float
    p_value: float
    p_holm: float
    tied: bool
    more_text: float
    blocks: int


def compare_pairs(
    nats: Sequence[NDArray[np.float64]],
    bytes_: NDArray[np.int64],
    *,
    independent: bool = False,
    level: float = LEVEL,
) -> tuple[Pair, ...]:
    """Return the comparison of every two models, (0, 1), (0, 2), ... (1, 2), ...

    `nats` holds the surprisal of each block, float64 (B,), for each model; `bytes_` is the size of
    each. `independent` says that blocks are, as documents are; else neighbours may not be. Families
    of pairs are tested at 1 - `level`. Totals that agree to one part in a million are taken as
    equal: such a difference is one of rounding, not of models.
    """
    size = bytes_.astype(np.float64)
    totals = [float(each.sum()) for each in nats]
    dependence = INDEPENDENT if independent else _dependence(nats, size)
    pairs = []
    for a in range(len(nats)):
        for b in range(a + 1, len(nats)):
            finite = math.isfinite(totals[a]), math.isfinite(totals[b])
            if all(finite):
                bits = (nats[a] - nats[b]) / np.log(2)
                pair = _pair(a, b, bits, size, dependence, level)
                equal = abs(totals[a] - totals[b]) <= ROUNDING * totals[a]
                pairs.append(replace(pair, p_value=1.0) if equal else pair)
            else:
                pairs.append(_impossible(a, b, *finite))
    adjusted = holm([pair.p_value for pair in pairs])
    return tuple(
        _planned(replace(pair, p_holm=p, tied=not p <= 1 - level), 1 - level, len(pairs))
        for pair, p in zip(pairs, adjusted, strict=True)
    )


def _dependence(nats: Sequence[NDArray[np.float64]], size: NDArray[np.float64]) -> Dependence:
    """Return the dependence of the blocks, estimated from all differences between models."""
    finite = np.array([each for each in nats if np.isfinite(each.sum())])
    if len(finite) < 2 or not len(size):
        return INDEPENDENT
    return find_dependence(residuals(finite - finite.mean(0), size))


def _pair(
    a: int,
    b: int,
    bits: NDArray[np.float64],
    size: NDArray[np.float64],
    dependence: Dependence,
    level: float,
) -> Pair:
    interval = ratio_interval(bits, size, dependence=dependence, level=level)
    if math.isnan(interval.standard_error):
        p_value = math.nan
    elif interval.standard_error == 0:
        p_value = float(interval.value == 0)
    else:
        p_value = two_sided(abs(interval.value) / interval.standard_error, interval.degrees)
    return Pair(
        a, b, interval.value, interval.low, interval.high, interval.standard_error,
        interval.degrees, p_value, p_value, True, math.nan, interval.blocks,
    )  # fmt: skip


def _impossible(a: int, b: int, a_finite: bool, b_finite: bool) -> Pair:
    """Return the pair in which a model gave an event probability 0, so that the other is better."""
    decided = a_finite != b_finite
    difference = (-math.inf if a_finite else math.inf) if decided else math.nan
    p_value = 0.0 if decided else 1.0
    nan = math.nan
    return Pair(a, b, difference, nan, nan, nan, nan, p_value, p_value, not decided, nan, 0)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for their number by Holm's step-down method, in the same order.

    NaN, for a test that could not be made, counts as 1 in the correction and stays NaN.

    >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    known = [1.0 if math.isnan(p) else p for p in p_values]
    adjusted = [0.0] * len(known)
    highest = 0.0
    for rank, index in enumerate(sorted(range(len(known)), key=known.__getitem__)):
        highest = max(highest, min(1.0, (len(known) - rank) * known[index]))
        adjusted[index] = math.nan if math.isnan(p_values[index]) else highest
    return adjusted


def rank_ranges(models: int, pairs: Sequence[Pair]) -> list[tuple[int, int]]:
    """Return the best and the worst rank that each model may hold, from 1.

    The best rank is one more than the number of models that are significantly better, the worst the
    number of models less those that are significantly worse.

    With three models of which only the third is significantly worse than the others, the ranges
    are 1 to 2, 1 to 2 and 3 to 3.
    """
    best, worst = [1] * models, [models] * models
    for pair in pairs:
        if pair.tied:
            continue
        winner, loser = (pair.a, pair.b) if pair.difference < 0 else (pair.b, pair.a)
        best[loser] += 1
        worst[winner] -= 1
    return list(zip(best, worst, strict=True))


def _planned(pair: Pair, alpha: float, pairs: int) -> Pair:
    """Return the pair with the factor of text that would decide it; 1 for a pair that is decided.

    The size at which a two-sided t test at alpha / pairs has power 0.8: the standard error falls
    with the square root of the text, and the degrees of freedom grow with it.
    """
    if not pair.tied:
        return replace(pair, more_text=1.0)
    if math.isnan(pair.standard_error):
        return pair
    if pair.p_value == 1:  # there is no difference to separate
        return replace(pair, more_text=math.inf)
    power, error = NormalDist().inv_cdf(POWER), pair.standard_error / abs(pair.difference)

    def needed(factor: float) -> float:
        return ((quantile(1 - alpha / pairs, pair.degrees * factor) + power) * error) ** 2

    low, high = 1.0, max(1.0, needed(1.0))
    while high > 1.001 * low:  # what is needed falls as the factor grows: bisection in logarithms
        middle = math.sqrt(low * high)
        low, high = (middle, high) if needed(middle) > middle else (low, middle)
    return replace(pair, more_text=high)
