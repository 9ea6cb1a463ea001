"""Is one model really better than another? Tests on the differences, block by block.

Two models are held to the same blocks of the same text, and so what makes a block hard for both
cancels. Were they equally good, each block's difference might as well have the other sign: the
test flips signs at random and counts how often the total comes out as large as it did (the
randomisation test of Fisher 1935; Noreen 1989). Holm's (1979) step-down correction makes up for
the number of pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from lmkit.evaluation.blocks import block_length, block_starts
from lmkit.evaluation.intervals import LEVEL, RESAMPLES, ratio_interval

FLIPS = 10_000
POWER = 0.8  # of the larger test that the planner sizes, as is the custom
ROUNDING = 1e-6  # of a total: what the digits of an ARPA file, or of float32, can do to it
_ROWS = 1000  # sign patterns drawn at once


@dataclass(frozen=True)
class Pair:
    """What sets two models apart on one text.

    ``a`` and ``b`` are their places in the ranking, from 0. ``difference`` is the bits a byte of
    `a` minus those of `b` (negative: `a` is better), ``low`` and ``high`` its interval,
    ``standard_error`` its standard error. ``p_value`` is that of the sign-flip test, ``p_holm``
    the same after Holm's correction over all pairs; ``tied`` is whether that leaves them
    undecided. ``more_text`` says how many times this much test text would separate the two in
    four tests of five if the difference is what it seems: infinite where there is none, NaN where
    it cannot be known. ``blocks`` is how many blocks were compared.
    """

    a: int
    b: int
    difference: float
    low: float
    high: float
    standard_error: float
    p_value: float
    p_holm: float
    tied: bool
    more_text: float
    blocks: int


def compare_pairs(
    nats: Sequence[NDArray[np.float64]],
    bytes_: NDArray[np.int64],
    *,
    seed: int = 0,
    level: float = LEVEL,
    flips: int = FLIPS,
    resamples: int = RESAMPLES,
) -> tuple[Pair, ...]:
    """Return the comparison of every two models, (0, 1), (0, 2), ... (1, 2), ...

    `nats` holds the surprisal of each segment or block, float64 (S,), for each model; `bytes_` is
    the size of each. Families of pairs are tested at 1 - `level`. Totals that agree to one part in
    a million are equal: what such a difference tells apart is rounding, not models.
    """
    pairs = []
    for a in range(len(nats)):
        for b in range(a + 1, len(nats)):
            finite = np.isfinite(nats[a].sum()), np.isfinite(nats[b].sum())
            if all(finite):
                bits = (nats[a] - nats[b]) / np.log(2)
                pair = _pair(a, b, bits, bytes_, seed, level, flips, resamples)
                equal = abs(nats[a].sum() - nats[b].sum()) <= ROUNDING * nats[a].sum()
                pairs.append(replace(pair, p_value=1.0) if equal else pair)
            else:
                pairs.append(_impossible(a, b, *finite))
    adjusted = holm([pair.p_value for pair in pairs])
    return tuple(
        _planned(replace(pair, p_holm=p, tied=p > 1 - level), 1 - level, len(pairs))
        for pair, p in zip(pairs, adjusted, strict=True)
    )


def _pair(
    a: int,
    b: int,
    bits: NDArray[np.float64],
    bytes_: NDArray[np.int64],
    seed: int,
    level: float,
    flips: int,
    resamples: int,
) -> Pair:
    size = bytes_.astype(np.float64)
    length = block_length(bits, size)
    interval = ratio_interval(
        bits, size, seed=seed, level=level, resamples=resamples, length=length
    )
    sums = np.add.reduceat(bits, block_starts(len(bits), length))
    p_value = sign_flip(sums, seed=seed, flips=flips)
    return Pair(
        a, b, interval.value, interval.low, interval.high, interval.standard_error,
        p_value, p_value, True, np.nan, interval.blocks,
    )  # fmt: skip


def _impossible(a: int, b: int, a_finite: bool, b_finite: bool) -> Pair:
    """Return the pair where a model gave what happened probability 0: it is refuted outright."""
    decided = a_finite != b_finite
    difference = (-np.inf if a_finite else np.inf) if decided else np.nan
    p_value = 0.0 if decided else 1.0
    nan = np.nan
    return Pair(a, b, difference, nan, nan, nan, p_value, p_value, not decided, nan, 0)


def sign_flip(differences: NDArray[np.float64], *, seed: int = 0, flips: int = FLIPS) -> float:
    """Return the two-sided p-value of a total of differences, float64 (B,), under sign flips.

    The share of random sign patterns whose total is at least as far from zero, the observed one
    counted among them; so it is never below 1 / (flips + 1).
    """
    observed = abs(float(differences.sum()))
    # What is equal but for rounding counts as equal.
    reach = observed - 1e-9 * float(np.abs(differences).sum())
    random = np.random.default_rng(seed)
    blocks = len(differences)
    extreme = 0
    for first in range(0, flips, _ROWS):
        rows = min(_ROWS, flips - first)
        bits = np.frombuffer(random.bytes(rows * -(-blocks // 8)), np.uint8).reshape(rows, -1)
        flipped = np.unpackbits(bits, axis=1, count=blocks).astype(np.float64) @ differences
        extreme += int(np.count_nonzero(np.abs(differences.sum() - 2 * flipped) >= reach))
    return (extreme + 1) / (flips + 1)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for their number by Holm's step-down method, in the same order.

    >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for place, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        highest = max(highest, min(1.0, (len(p_values) - place) * p_values[index]))
        adjusted[index] = highest
    return adjusted


def rank_ranges(models: int, pairs: Sequence[Pair]) -> list[tuple[int, int]]:
    """Return the best and the worst rank that each model may hold, from 1.

    The best is one more than the number of models that are better beyond doubt, the worst leaves
    as many below as are worse beyond doubt.
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
    """Return the pair with how much more text a tied one needs: 1 where nothing is undecided.

    The size at which a two-sided z test at alpha / pairs has power 0.8; the standard error falls
    with the square root of the text.
    """
    if not pair.tied:
        return replace(pair, more_text=1.0)
    if np.isnan(pair.standard_error):
        return pair
    if pair.p_value == 1:  # there is no difference to separate
        return replace(pair, more_text=np.inf)
    normal = NormalDist()
    reach = normal.inv_cdf(1 - alpha / pairs / 2) + normal.inv_cdf(POWER)
    factor = (reach * pair.standard_error / abs(pair.difference)) ** 2
    return replace(pair, more_text=float(max(factor, 1.0)))
