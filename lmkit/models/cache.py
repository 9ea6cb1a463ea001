"""Caches: distributions over the tokens that a text has just used.

A cache learns while a text is scored: it predicts each token from the last `window` tokens before
it, across sentence ends where the context is a stream. It is a component of a mixture (see
:mod:`lmkit.models.mixture`), never a model by itself: it gives nothing to what is new. Before the
first token it is uniform.

- ``unigram``: the frequencies of the last tokens (Kuhn & De Mori 1990), each weighing
  ``decay ** (age - 1)``.
- ``neural``: ``p(w) ~ sum of exp(theta h_t . h_i)`` over the places i where w stood, h being what
  a recurrent network holds before the token there (Grave, Joulin & Usunier 2017).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmkit.compiled import compiled
from lmkit.text.vocabulary import EOS_ID

Ids = NDArray[np.int32]
Hidden = NDArray[np.float32]
LogProbs = NDArray[np.float64]

BLOCK = 256
"""Tokens whose products with the window are taken at once: 2 MB for a window of 2,000."""
DECAYS = (1.0, 0.9995, 0.999, 0.998, 0.995, 0.99, 0.98, 0.95)
THETAS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.8, 1.2, 2.0)
"""What is tried on the validation text; the best theta falls as states grow longer."""


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
class Cache(ABC):
    """A cache: how many tokens it looks back on, and how it weighs them."""

    kind: ClassVar[str]
    symbol: ClassVar[str]
    window: int
    value: float

    def __str__(self) -> str:
        return f"{self.kind} cache, window={self.window}, {self.symbol}={self.value:g}"

    @abstractmethod
    def weights(self, past: Past, hidden: Hidden) -> LogProbs:
        """Return the weight of each token of the past (N,), summing to 1.

        `hidden` (H,) is what the network holds now.
        """

    @classmethod
    @abstractmethod
    def tried(cls, reading: Reading, values: Sequence[float]) -> LogProbs:
        """Return the probability of each token of a reading, under each value: (values, T).

        Where there is no past it is NaN.
        """

    def reading(self, past: Past, first: int, *, sentence: bool) -> Reading:
        """Return what this cache sees at each place from `first` on."""
        return Reading.of(past, first, window=self.window, sentence=sentence)

    def log_probs(self, past: Past, first: int, *, size: int, sentence: bool) -> LogProbs:
        """Return the log-probability of each token of `past` from place `first` on, (T,) nats.

        `size` is the number of outcomes V. What the past does not hold scores -inf.
        """
        reading = self.reading(past, first, sentence=sentence)
        return as_log_probs(self.tried(reading, [self.value])[0], size)

    def distribution(self, past: Past, hidden: Hidden, *, size: int) -> LogProbs:
        """Return the log-probability of every outcome, (V,) nats."""
        recent = past.last(self.window, sentence=False)
        if not len(recent.ids):
            return np.full(size, -np.log(size))
        weights = self.weights(recent, hidden)
        with np.errstate(divide="ignore"):
            return np.log(np.bincount(recent.ids, weights, minlength=size))


@dataclass(frozen=True)
class UnigramCache(Cache):
    """The frequencies of the last tokens; `value` is the decay with age, 1 for none."""

    kind: ClassVar[str] = "unigram"
    symbol: ClassVar[str] = "decay"

    def weights(self, past: Past, hidden: Hidden) -> LogProbs:
        """Return the weight of each token of the past (N,), by its age alone."""
        weights = self.value ** np.arange(len(past.ids) - 1, -1, -1, dtype=np.float64)
        return np.asarray(weights / weights.sum())

    @classmethod
    def tried(cls, reading: Reading, values: Sequence[float]) -> LogProbs:
        """Return the probability of each token under each decay: (decays, T)."""
        longest = int(
            np.max(np.arange(len(reading.lows)) + reading.first - reading.lows, initial=0)
        )
        result = np.empty((len(values), len(reading.lows)))
        ids = np.ascontiguousarray(reading.past.ids)
        outcomes = int(ids.max(initial=0)) + 1
        for row, value in zip(result, values, strict=True):
            weights = value ** np.arange(longest, dtype=np.float64)
            _recent_shares(ids, reading.first, reading.lows, weights, outcomes, row)
        return result


@dataclass(frozen=True)
class NeuralCache(Cache):
    """The last tokens, weighed by how alike the network's state was; `value` is theta."""

    kind: ClassVar[str] = "neural"
    symbol: ClassVar[str] = "theta"

    def weights(self, past: Past, hidden: Hidden) -> LogProbs:
        """Return the weight of each token of the past (N,), by the products with `hidden`."""
        scores = self.value * (past.hidden @ hidden).astype(np.float64)
        weights = np.exp(scores - scores.max())
        return np.asarray(weights / weights.sum())

    @classmethod
    def tried(cls, reading: Reading, values: Sequence[float]) -> LogProbs:
        """Return the probability of each token under each theta: (thetas, T)."""
        (ids, hidden), first, lows = reading
        result = np.empty((len(values), len(lows)))
        for start in range(0, len(lows), BLOCK):
            here = slice(start, min(start + BLOCK, len(lows)))
            rows = np.arange(first + here.start, first + here.stop)
            low, high = int(lows[here].min()), int(rows[-1])
            columns = np.arange(low, high)
            products = hidden[rows] @ hidden[low:high].T  # (B, N)
            products[(columns < lows[here, None]) | (columns >= rows[:, None])] = -np.inf
            same = ids[rows, None] == ids[low:high]
            result[:, here] = _matched(products, same, values)
        return result


def _matched(
    products: NDArray[np.float32], same: NDArray[np.bool_], values: Sequence[float]
) -> LogProbs:
    """Return the share of the weight exp(theta products) where `same` is true: (values, B)."""
    result = np.full((len(values), len(products)), np.nan)
    seen = np.isfinite(products).any(axis=1)
    if not seen.any():
        return result
    products, same = products[seen], same[seen]
    products -= products.max(axis=1, keepdims=True)
    scaled = np.empty_like(products)
    for row, theta in zip(result, values, strict=True):
        np.multiply(products, np.float32(theta), out=scaled)
        np.exp(scaled, out=scaled)
        total = scaled.sum(axis=1, dtype=np.float64)
        row[seen] = np.where(same, scaled, np.float32(0)).sum(axis=1, dtype=np.float64) / total
    return result


@compiled
def _recent_shares(ids, first, lows, weights, outcomes, out):  # type: ignore[no-untyped-def]
    """Write the share of each token's own weight among those that it looks back on.

    Each token leads to the one before of its type, so that only those of its type are visited.
    """
    latest = np.full(outcomes, -1, np.int64)
    before = np.empty(len(ids), np.int64)
    sums = np.zeros(len(weights) + 1)
    for age in range(len(weights)):
        sums[age + 1] = sums[age] + weights[age]
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


KINDS: dict[str, tuple[type[Cache], tuple[float, ...]]] = {
    "unigram": (UnigramCache, DECAYS),
    "neural": (NeuralCache, THETAS),
}
"""The caches by name, and the values that are tried for each."""


def make_cache(kind: str, window: Any, value: Any) -> Cache:
    """Return a cache of a kind that is known. ValueError for numbers that none can have."""
    if not (isinstance(window, int) and window >= 1 and 0 < value < np.inf):
        raise ValueError(f"window={window!r}, value={value!r}")
    return KINDS[kind][0](window, float(value))
