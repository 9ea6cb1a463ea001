"""Caches: distributions over the tokens that a text has just used.

A cache learns while a text is scored: it predicts each token from the last `window` tokens before
it, across sentence ends where the context is a stream. It is a component of a mixture (see
:mod:`lmkit.models.mixture`), never a model by itself: it gives nothing to what is new. Before the
first token it is uniform.

- ``unigram``: the frequencies of the last tokens (Kuhn & De Mori 1990).
- ``neural``: ``p(w) ~ sum of exp(theta h_t . h_i)`` over the places i where w stood, h being what
  a recurrent network holds before the token there (Grave, Joulin & Usunier 2017).

In both, what stands further back may count for less: each token weighs ``decay ** (age - 1)``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmkit.compiled import compiled
from lmkit.text.vocabulary import EOS_ID

Ids = NDArray[np.int32]
Hidden = NDArray[np.float32]
LogProbs = NDArray[np.float64]

BLOCK = 256
"""Tokens whose products with the window are taken at once: 2 MB for a window of 2,000."""
KINDS = ("unigram", "neural")


def in_order(kinds: Iterable[str]) -> list[str]:
    """Return kinds of caches in the order of `KINDS`, others behind them.

    Caches are set one after the other: their order would change what is found.
    """
    return sorted(kinds, key=lambda kind: KINDS.index(kind) if kind in KINDS else len(KINDS))


class Past(NamedTuple):
    """What caches remember at one place of a text; a value, never changed.

    ``ids`` (N,) int32 are the last tokens; ``hidden`` (N, H) float32 what the network held before
    each, H = 0 where no cache asks for it.
    """

    ids: Ids
    hidden: Hidden

    @classmethod
    def empty(cls, width: int) -> Past:
        """Return the past before a text, of hidden states of some width."""
        return cls(np.empty(0, np.int32), np.empty((0, width), np.float32))

    def then(self, ids: Ids, hidden: Hidden) -> Past:
        """Return the past with some tokens behind it, nothing forgotten."""
        return Past(
            np.concatenate([self.ids, np.asarray(ids, np.int32)]),
            np.concatenate([self.hidden, hidden]),
        )

    def last(self, window: int, *, sentence: bool) -> Past:
        """Return the last `window` tokens; those behind the last ``</s>`` for a `sentence`."""
        start = max(0, len(self.ids) - window)
        if sentence:
            ends = np.flatnonzero(self.ids == EOS_ID)
            start = max(start, int(ends[-1]) + 1 if len(ends) else 0)
        return Past(self.ids[start:].copy(), self.hidden[start:].copy())


class Reading(NamedTuple):
    """A piece of a text, and what each of its tokens may look back on.

    The last T of ``past`` are the tokens to be scored; that at place t (of the past) sees the
    tokens from ``lows[t - first]`` up to t, but without t.
    """

    past: Past
    first: int
    lows: NDArray[np.int64]

    @classmethod
    def of(cls, past: Past, first: int, *, window: int, sentence: bool) -> Reading:
        """Return the reading of what stands in `past` from place `first` on."""
        places = np.arange(first, len(past.ids))
        lows = np.maximum(places - window, 0)
        if sentence:
            starts = np.append(0, np.flatnonzero(past.ids == EOS_ID) + 1)
            begun = starts[np.searchsorted(starts, places, side="right") - 1]
            lows = np.maximum(lows, begun)
        return cls(past, first, lows)


@dataclass(frozen=True)
class Cache:
    """A cache of one of `KINDS`: how many tokens it looks back on, and how it weighs them.

    ``theta`` is 0 for a unigram cache, which looks at no hidden state.
    """

    kind: str
    window: int
    decay: float = 1.0
    theta: float = 0.0

    def __str__(self) -> str:
        theta = f",theta={self.theta:g}" if self.kind == "neural" else ""
        return f"{self.kind}-cache:window={self.window},decay={self.decay:g}{theta}"

    def log_probs(self, past: Past, first: int, *, size: int, sentence: bool) -> LogProbs:
        """Return the log-probability of each token of `past` from place `first` on, (T,) nats.

        `size` is the number of outcomes V. What the past does not hold scores -inf.
        """
        rows = log_probs_of([self], past, first, size=size, sentence=sentence)
        return np.asarray(rows[0])

    def distribution(self, past: Past, hidden: Hidden, *, size: int) -> LogProbs:
        """Return the log-probability of every outcome, (V,) nats.

        `hidden` (H,) is what the network holds now.
        """
        ids, states = past.last(self.window, sentence=False)
        if not len(ids):
            return np.full(size, -np.log(size))
        scores = np.log(self.decay) * np.arange(len(ids) - 1, -1, -1)
        if self.kind == "neural":
            scores += self.theta * (states @ hidden)
        weights = np.exp(scores - scores.max())
        with np.errstate(divide="ignore"):
            return np.log(np.bincount(ids, weights / weights.sum(), minlength=size))


def log_probs_of(
    caches: Sequence[Cache], past: Past, first: int, *, size: int, sentence: bool
) -> LogProbs:
    """Return what caches of one kind and window give each token from `first` on, (C, T) nats."""
    reading = Reading.of(past, first, window=caches[0].window, sentence=sentence)
    result = np.empty((len(caches), len(reading.lows)))
    if caches[0].kind == "unigram":
        _by_frequency(caches, reading, result)
    else:
        _by_likeness(caches, reading, result)
    return as_log_probs(result, size)


def _by_frequency(caches: Sequence[Cache], reading: Reading, result: LogProbs) -> None:
    """Write the probabilities of unigram caches, NaN where there is no past."""
    (ids, _), first, lows = reading
    ids = np.ascontiguousarray(ids)
    longest = int(np.max(np.arange(len(lows)) + first - lows, initial=0))
    outcomes = int(ids.max(initial=0)) + 1
    for row, cache in zip(result, caches, strict=True):
        weights = cache.decay ** np.arange(longest, dtype=np.float64)
        sums = np.concatenate([np.zeros(1), np.cumsum(weights)])
        latest, before = np.full(outcomes, -1, np.int64), np.empty(len(ids), np.int64)
        _recent_shares(ids, first, lows, weights, sums, latest, before, row)


def _by_likeness(caches: Sequence[Cache], reading: Reading, result: LogProbs) -> None:
    """Write the probabilities of neural caches, NaN where there is no past."""
    (ids, hidden), first, lows = reading
    for start in range(0, len(lows), BLOCK):
        here = slice(start, min(start + BLOCK, len(lows)))
        seen = lows[here] < np.arange(first + here.start, first + here.stop)
        result[:, here][:, ~seen] = np.nan
        rows = np.flatnonzero(seen) + first + start
        if not len(rows):
            continue
        low, high = int(lows[here].min()), int(rows[-1])
        ages = (rows[:, None] - np.arange(low, high) - 1).astype(np.float32)  # (B, N)
        products = hidden[rows] @ hidden[low:high].T
        products[(ages < 0) | (ages >= (rows - lows[rows - first])[:, None])] = -np.inf
        same = ids[rows, None] == ids[low:high]
        for row, cache in zip(result[:, here], caches, strict=True):
            row[seen] = _matched(cache, products, ages, same)


def _matched(
    cache: Cache,
    products: NDArray[np.float32],
    ages: NDArray[np.float32],
    same: NDArray[np.bool_],
) -> LogProbs:
    """Return the share of the weights where `same` is true, (B,)."""
    weights = products * np.float32(cache.theta)
    if cache.decay < 1:
        weights += ages * np.float32(np.log(cache.decay))
    weights -= weights.max(axis=1, keepdims=True)
    np.exp(weights, out=weights)
    total = weights.sum(axis=1, dtype=np.float64)
    weights *= same
    return np.asarray(weights.sum(axis=1, dtype=np.float64) / total)


@compiled
def _recent_shares(ids, first, lows, weights, sums, latest, before, out):  # type: ignore[no-untyped-def]
    """Write the share of each token's own weight among those that it looks back on.

    Each token leads to the one before of its type, so that only those of its type are visited.
    `sums` are those of the first weights, from none on; `latest`, -1 for each outcome, and
    `before`, for each id, are memory to work in.
    """
    for t in range(len(ids)):
        before[t] = latest[ids[t]]
        latest[ids[t]] = t
        if t < first:
            continue
        low = lows[t - first]
        own = 0.0
        place = before[t]
        while place >= low:
            own += weights[t - place - 1]
            place = before[place]
        out[t - first] = own / sums[t - low] if t > low else np.nan


def as_log_probs(probabilities: NDArray[np.float64], size: int) -> LogProbs:
    """Return logarithms, those of a uniform distribution over `size` outcomes for NaN."""
    with np.errstate(divide="ignore"):
        result = np.log(np.minimum(probabilities, 1.0))
    result[np.isnan(result)] = -np.log(size)
    return np.asarray(result)


def check_cache(cache: Cache) -> Cache:
    """Return the cache. Raises ValueError for numbers that none can have, as files may hold."""
    fits = (
        cache.kind in KINDS
        and isinstance(cache.window, int)
        and cache.window >= 1
        and 0 < cache.decay <= 1
        and ((0 < cache.theta < np.inf) if cache.kind == "neural" else cache.theta == 0)
    )
    if not fits:
        raise ValueError(f"no cache is {cache!r}")
    return cache
