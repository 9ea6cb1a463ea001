"""Surprisal word by word: a common grid for models of all units, and a passage worth showing.

A word is charged with every event that begins in it or in the space behind it; a sentence end is
an entry of its own. So words, characters and bytes share one row of numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmkit.evaluation.ledger import SurprisalLedger

BITS = 1 / math.log(2)
END = "</s>"


@dataclass(frozen=True, eq=False)
class Grid:
    """A canonical text cut into N words and sentence ends, and each model's bits for them.

    ``starts`` int64 (N,), in characters; ``ends`` bool (N,), true for sentence ends; ``bits``
    float64 (M, N) and ``oov`` bool (M, N) for M models.
    """

    canonical: str
    starts: NDArray[np.int64]
    ends: NDArray[np.bool_]
    bits: NDArray[np.float64]
    oov: NDArray[np.bool_]

    def token(self, place: int) -> str:
        """Return the word at a place, ``</s>`` for a sentence end."""
        if self.ends[place]:
            return END
        stop = self.starts[place + 1] if place + 1 < len(self.starts) else len(self.canonical)
        return self.canonical[self.starts[place] : stop].rstrip(" ")

    def tokens(self, first: int, last: int) -> list[str]:
        """Return the words and sentence ends from `first` up to, not with, `last`."""
        return [self.token(place) for place in range(first, last)]


def grid(ledgers: Sequence[SurprisalLedger]) -> Grid:
    """Return the grid of ledgers of one canonical text."""
    canonical = ledgers[0].text.canonical()
    codes = np.frombuffer(canonical.encode("utf-32-le", "surrogatepass"), np.uint32)
    ends_at = codes == 10
    gap = ends_at | (codes == 32)
    after_gap = np.concatenate([[True], gap[:-1]])
    starts = np.flatnonzero((after_gap & ~gap) | ends_at)
    bits = np.empty((len(ledgers), len(starts)))
    oov = np.empty((len(ledgers), len(starts)), np.bool_)
    for row, ledger in enumerate(ledgers):
        place = np.searchsorted(starts, ledger.offsets, side="right") - 1
        bits[row] = np.bincount(place, ledger.spelled_nats * BITS, minlength=len(starts))
        oov[row] = np.bincount(place, ledger.oov, minlength=len(starts)) > 0
    return Grid(canonical, starts, ends_at[starts], bits, oov)


def typical(of: Grid, *, words: int) -> tuple[int, int]:
    """Return first and last (exclusive) place of the passage most like the whole text.

    Of all runs of sentences of about so many words, it is the one whose bits a word, summed over
    the models, come closest to the text's. A text without sentence ends is cut anywhere.
    """
    size = len(of.starts)
    if size <= words:
        return 0, size
    bounds = np.concatenate([[0], np.flatnonzero(of.ends) + 1])
    if np.diff(np.append(bounds, size)).max() > words:
        bounds = np.union1d(bounds, np.arange(0, size, words))
    bounds = np.union1d(bounds, [size])
    first = bounds[bounds <= size - words]
    if not of.ends[first].all():
        first = first[~of.ends[first]]  # a passage does not begin with a blank line
    last = bounds[np.searchsorted(bounds, first + words, side="right") - 1]
    total = np.where(np.isfinite(of.bits), of.bits, 0.0).sum(axis=0)
    running = np.concatenate([[0.0], np.cumsum(total)])
    mean = (running[last] - running[first]) / np.maximum(last - first, 1)
    distance = np.abs(mean - running[-1] / size)
    distance[last - first < words // 2] = np.inf  # a short run is typical by chance
    best = int(distance.argmin())
    return int(first[best]), int(last[best])
