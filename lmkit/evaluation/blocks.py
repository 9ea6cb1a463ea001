"""Blocks: the pieces of a text that are drawn as a whole when uncertainty is measured.

Neighbouring tokens are not independent: they share a topic, a style, an author. What is taken as
independent are blocks, runs of segments that are long enough to hide the dependence between them.
A segment is the smallest piece that is never cut: a document where a text has many, else a
sentence, else, in a text with few sentence ends, a word.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmkit.evaluation.ledger import SurprisalLedger
from lmkit.text.corpus import Text

FEWEST_BLOCKS = 30  # fewer give no standard error worth the name
MOST_BLOCKS = 1000  # more make an interval no better, only slower
_FEWEST_SEGMENTS = 2 * FEWEST_BLOCKS  # so that blocks have room to grow


@dataclass(frozen=True, eq=False)
class Segments:
    """Where the smallest pieces of a canonical text begin, in every unit alike.

    ``starts`` int64 (S + 1,): the first character of each, and the length of the text;
    ``bytes`` int64 (S,): UTF-8 bytes of each, one for a sentence end among them. ``kind`` is
    ``document``, ``sentence`` or ``word``.
    """

    kind: str
    starts: NDArray[np.int64]
    bytes: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.bytes)

    def totals(self, ledger: SurprisalLedger, values: NDArray[np.generic]) -> NDArray[np.float64]:
        """Return the sum of one value for each event over each segment, float64 (S,)."""
        # Events stand in the order of the text: a segment's are those from its first one on.
        first = np.searchsorted(ledger.offsets, self.starts[:-1])
        filled = np.diff(first, append=len(ledger)) > 0
        sums = np.zeros(len(self))
        if filled.any():
            sums[filled] = np.add.reduceat(values.astype(np.float64), first[filled])
        return sums


def segments(text: Text) -> Segments:
    """Return the documents, sentences or words of a text: the first kind it has 60 of or more."""
    raw = np.concatenate([np.empty(0, np.uint8), *text.chunks()])
    kind, ends = _ends(text, raw)
    places = np.concatenate(([0], ends, [len(raw)]))
    places = places[np.diff(places, prepend=-1) > 0]  # each once: nothing may follow the last end
    if len(places) == 1:
        return Segments(kind, np.zeros(1, np.int64), np.empty(0, np.int64))
    characters = np.add.reduceat((raw & 0xC0) != 0x80, places[:-1], dtype=np.int64)
    return Segments(kind, np.concatenate(([0], np.cumsum(characters))), np.diff(places))


def _ends(text: Text, raw: NDArray[np.uint8]) -> tuple[str, NDArray[np.int64]]:
    """Return the kind of segment, and the byte behind each."""
    if len(text.sources) >= _FEWEST_SEGMENTS:
        sizes = [
            Text(text.name, (source,), text.normalize, text.sentences).summary.bytes
            for source in text.sources
        ]
        ends = np.cumsum(sizes, dtype=np.int64)
        if ends[-1] == len(raw):
            return "document", ends
    ends = np.flatnonzero(raw == 10) + 1
    if len(ends) >= _FEWEST_SEGMENTS:
        return "sentence", ends
    return "word", np.flatnonzero((raw == 32) | (raw == 10)) + 1


def block_starts(segments: int, length: int) -> NDArray[np.int64]:
    """Return where blocks of `length` segments begin; what is left over joins the last one."""
    return np.arange(max(segments // length, 1), dtype=np.int64) * length


def ratio_error(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Return the standard error of sum(x) / sum(y) over independent blocks.

    The linearised ("delta method") form for a ratio of totals, sqrt(B / (B-1) sum (x - r y)^2) /
    sum y with B blocks (Cochran 1977, without the finite-population factor).
    """
    blocks = len(x)
    if blocks < 2:
        return float("nan")
    residual = x - x.sum() / y.sum() * y
    return float(np.sqrt(blocks / (blocks - 1) * (residual @ residual)) / y.sum())


def block_length(x: NDArray[np.float64], y: NDArray[np.float64]) -> int:
    """Return how many segments a block needs before the standard error of sum(x)/sum(y) levels off.

    Lengths are doubled as long as 30 blocks are left. The shortest is taken whose error no longer
    length exceeds by more than such an error is uncertain itself, one part in sqrt(2 B).
    """
    shortest = -(-len(x) // MOST_BLOCKS)
    lengths = [shortest]
    while len(x) // (2 * lengths[-1]) >= FEWEST_BLOCKS:
        lengths.append(2 * lengths[-1])
    errors, noise = [], []
    for length in lengths:
        starts = block_starts(len(x), length)
        errors.append(ratio_error(np.add.reduceat(x, starts), np.add.reduceat(y, starts)))
        noise.append(1 / np.sqrt(2 * len(starts)))
    for place, length in enumerate(lengths):
        longer = zip(errors[place + 1 :], noise[place + 1 :], strict=True)
        if all(error <= errors[place] * (1 + slack) for error, slack in longer):
            return length
    return lengths[-1]
