"""Caches: distributions over the most recent tokens of a text, and the choice of their settings.

A cache is estimated while a text is scored: it predicts each token from the `window` tokens before
it, across sentence ends if the context is a stream. It is a component of a mixture (see
:mod:`lmkit.models.combined.mixture`), never a model by itself, because new tokens have probability
0. Before the first token it is uniform.

- ``unigram``: the relative frequencies of the last tokens (Kuhn & De Mori 1990).
- ``neural``: p(w) is proportional to the sum of exp(theta h_t . h_i) over the positions i of w,
  h_i being the hidden state of a recurrent network before token i (Grave, Joulin & Usunier 2017).

In both, older tokens may have less weight: decay ** (age - 1), with age 1 for the last token. With
the text ``a b a`` and decay 0.5, a unigram cache has weights 0.25, 0.5, 1: p(a) = 1.25 / 1.75.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmkit.kernels.events import recent_shares
from lmkit.models.combined.weights import find_weights
from lmkit.text.vocabulary import EOS_ID
from lmkit.types import Ids, LogProbs

Hidden = NDArray[np.float32]

BLOCK = 256
"""Tokens whose products with the window are computed at once: 2 MB for a window of 2,000."""
KINDS = ("unigram", "neural")
COARSE = 1e-5
"""Nats per token: precision of the weights with which settings are compared."""
PASSES = 4
"""Most passes of coordinate descent over the settings."""
FEW = 1 << 15
"""Tokens of the validation text on which settings are compared."""
DECAYS = (1.0, 0.9995, 0.999, 0.998, 0.995, 0.99, 0.98, 0.95)
THETAS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.8, 1.2, 2.0, 3.0, 5.0, 8.0)
"""The values that are tried; the best theta falls with the norm of the hidden states."""
GRID: dict[str, dict[str, Sequence[Any]]] = {
    "unigram": {"decay": DECAYS},
    "neural": {"theta": THETAS, "decay": DECAYS},
}


def in_order(kinds: Iterable[str]) -> list[str]:
    """Return kinds of caches in the order of `KINDS`, unknown ones last.

    Settings are chosen for one cache after the other, so their order would change the result.
    """
    return sorted(kinds, key=lambda kind: KINDS.index(kind) if kind in KINDS else len(KINDS))


class Past(NamedTuple):
    """The history of caches at one position of a text; immutable.

    ``ids`` (N,) int32 are the last tokens; ``hidden`` (N, H) float32 the network's states before
    each, H = 0 if no cache uses them.
    """

    ids: Ids
    hidden: Hidden

    @classmethod
    def empty(cls, width: int) -> Past:
        """Return the empty history before a text; `width` is H."""
        return cls(np.empty(0, np.int32), np.empty((0, width), np.float32))

    def then(self, ids: Ids, hidden: Hidden) -> Past:
        """Return the history with further tokens appended."""
        return Past(
            np.concatenate([self.ids, np.asarray(ids, np.int32)]),
            np.concatenate([self.hidden, hidden]),
        )

    def last(self, window: int, *, sentence: bool) -> Past:
        """Return the last `window` tokens, with `sentence` only those after the last ``</s>``."""
        start = max(0, len(self.ids) - window)
        if sentence:
            ends = np.flatnonzero(self.ids == EOS_ID)
            start = max(start, int(ends[-1]) + 1 if len(ends) else 0)
        return Past(self.ids[start:].copy(), self.hidden[start:].copy())


class Reading(NamedTuple):
    """A piece of a text, and the window of each of its tokens.

    The tokens to be scored are the last T of ``past``, from index ``first`` on; the window of the
    token at index t is ``past.ids[lows[t - first] : t]``.
    """

    past: Past
    first: int
    lows: NDArray[np.int64]

    @classmethod
    def of(cls, past: Past, first: int, *, window: int, sentence: bool) -> Reading:
        """Return the reading of the tokens in `past` from index `first` on."""
        positions = np.arange(first, len(past.ids))
        lows = np.maximum(positions - window, 0)
        if sentence:
            starts = np.append(0, np.flatnonzero(past.ids == EOS_ID) + 1)
            begun = starts[np.searchsorted(starts, positions, side="right") - 1]
            lows = np.maximum(lows, begun)
        return cls(past, first, lows)


@dataclass(frozen=True)
class Cache:
    """A cache of one of `KINDS`, with its settings; ``theta`` is 0 for a unigram cache."""

    kind: str
    window: int
    decay: float = 1.0
    theta: float = 0.0

    def __str__(self) -> str:
        theta = f",theta={self.theta:g}" if self.kind == "neural" else ""
        return f"{self.kind}-cache:window={self.window},decay={self.decay:g}{theta}"

    def log_probs(self, past: Past, first: int, *, size: int, sentence: bool) -> LogProbs:
        """Return the log-probability of each token of `past` from index `first` on, (T,) nats.

        `size` is the number of outcomes V. Tokens that are not in the window score -inf.
        """
        rows = log_probs_of([self], past, first, size=size, sentence=sentence)
        return np.asarray(rows[0])

    def distribution(self, past: Past, hidden: Hidden, *, size: int) -> LogProbs:
        """Return the log-probability of every outcome, (V,) nats.

        `hidden` (H,) is the network's current state.
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
    """Write the probabilities of unigram caches, NaN where the window is empty."""
    (ids, _), first, lows = reading
    ids = np.ascontiguousarray(ids)
    longest = int(np.max(np.arange(len(lows)) + first - lows, initial=0))
    for row, cache in zip(result, caches, strict=True):
        weights = cache.decay ** np.arange(longest, dtype=np.float64)
        row[:] = recent_shares(ids, first, lows, weights)


def _by_likeness(caches: Sequence[Cache], reading: Reading, result: LogProbs) -> None:
    """Write the probabilities of neural caches, NaN where the window is empty."""
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


def as_log_probs(probabilities: NDArray[np.float64], size: int) -> LogProbs:
    """Return logarithms, with that of 1 / `size`, a uniform distribution, for NaN."""
    with np.errstate(divide="ignore"):
        result = np.log(np.minimum(probabilities, 1.0))
    result[np.isnan(result)] = -np.log(size)
    return np.asarray(result)


def check_cache(cache: Cache) -> Cache:
    """Return the cache. Raises ValueError for settings out of range, which a file may hold."""
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


# ---------------------------------------------------------------------- settings


def best_caches(
    columns: Sequence[LogProbs],
    past: Past,
    kinds: Sequence[str],
    *,
    window: int,
    size: int,
    sentence: bool,
) -> list[Cache]:
    """Return caches of some kinds with the settings that predict best in a mixture with models.

    `columns` are the models' log-probabilities of a text's tokens, (T,) each; `past` holds the
    text. One setting after the other is set to its best value (coordinate descent).
    """
    scores = _Scores(past, size, sentence)
    chosen = [Cache(kind, window, theta=0.3 if kind == "neural" else 0.0) for kind in kinds]
    for _ in range(PASSES):
        before = list(chosen)
        for index, kind in enumerate(kinds):
            others = scores.rows([cache for cache in chosen if cache.kind != kind])
            fixed = np.stack([*columns, *others], axis=1)
            for name, values in GRID[kind].items():
                settings: list[dict[str, Any]] = [{name: value} for value in values]
                tried = [replace(chosen[index], **setting) for setting in settings]
                chosen[index] = _best(fixed, tried, scores.rows(tried))
        if chosen == before:
            break
    return chosen


class _Scores:
    """The log-probabilities of a text under caches, each computed once."""

    def __init__(self, past: Past, size: int, sentence: bool):
        self.past, self.size, self.sentence = past, size, sentence
        self.known: dict[Cache, LogProbs] = {}

    def rows(self, caches: Sequence[Cache]) -> list[LogProbs]:
        """Return the log-probabilities (T,) under each of the caches."""
        new = [cache for cache in caches if cache not in self.known]
        for kind in dict.fromkeys(cache.kind for cache in new):
            alike = [cache for cache in new if cache.kind == kind]
            made = log_probs_of(alike, self.past, 0, size=self.size, sentence=self.sentence)
            self.known.update(zip(alike, made, strict=True))
        return [self.known[cache] for cache in caches]


def _best(fixed: LogProbs, caches: Sequence[Cache], rows: Sequence[LogProbs]) -> Cache:
    """Return the cache that predicts best in a mixture with the fixed distributions (T, K)."""
    results = [find_weights(np.column_stack([fixed, row]), gain=COARSE) for row in rows]
    # Events that are impossible with every setting would make all nats infinite.
    losses = [(each.impossible, each.possible_nats) for each in results]
    return caches[min(range(len(losses)), key=losses.__getitem__)]
