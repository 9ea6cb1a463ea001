"""Surprisal word by word: each model's bits for every word, and a passage worth showing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmkit.evaluation.decomposition import Items, items_of
from lmkit.results.ledger import SurprisalLedger


@dataclass(frozen=True, eq=False)
class Cells:
    """What each of M models pays for each of the N words and sentence ends of a text.

    ``bits`` float64 (M, N), spelling included, and ``oov`` bool (M, N). ``normalize`` is the
    normaliser of the text.
    """

    items: Items
    bits: NDArray[np.float64]
    oov: NDArray[np.bool_]
    normalize: str


def cells_of(ledgers: Sequence[SurprisalLedger], items: Items | None = None) -> Cells:
    """Return the bits of every word under every ledger of one canonical text.

    `items` are the words of the text, if they are known already.
    """
    items = items or items_of(ledgers[0].text)
    bits = [items.totals(ledger, ledger.spelled_nats) / math.log(2) for ledger in ledgers]
    oov = [items.totals(ledger, ledger.oov) > 0 for ledger in ledgers]
    return Cells(items, np.array(bits), np.array(oov), ledgers[0].text.normalize)


def typical(cells: Cells, *, words: int) -> tuple[int, int]:
    """Return the first index and the stop index of the passage most like the whole text.

    Of all runs of sentences of about so many words, it is the one whose bits a word, summed over
    the models, come closest to the text's. A text without sentence ends is cut anywhere.
    """
    ends = cells.items.is_end
    size = len(ends)
    if size <= words:
        return 0, size
    bounds = np.concatenate([[0], np.flatnonzero(ends) + 1, [size]])
    if np.diff(bounds).max() > words:
        bounds = np.union1d(bounds, np.arange(0, size, words))
    first = bounds[bounds <= size - words]
    if not ends[first].all():
        first = first[~ends[first]]  # a passage does not begin with a blank line
    last = bounds[np.searchsorted(bounds, first + words, side="right") - 1]
    total = np.where(np.isfinite(cells.bits), cells.bits, 0.0).sum(axis=0)
    running = np.concatenate([[0.0], np.cumsum(total)])
    mean = (running[last] - running[first]) / np.maximum(last - first, 1)
    distance = np.abs(mean - running[-1] / size)
    distance[last - first < words // 2] = np.inf  # a short run is typical by chance
    best = int(distance.argmin())
    return int(first[best]), int(last[best])
