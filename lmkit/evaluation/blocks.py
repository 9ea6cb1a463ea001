"""Blocks: the pieces of a text that are drawn as a whole when uncertainty is measured.

Neighbouring tokens are not independent: they share a topic, a style, an author. What is taken as
independent are blocks, runs of segments that are long enough to hide the dependence between them.
A segment is the smallest piece that is never cut: a document where a text has many, else a
sentence, else, in a text with few sentence ends, a word.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lmkit.errors import CorpusError
from lmkit.evaluation.ledger import SurprisalLedger
from lmkit.evaluation.tally import MOST_RUNS
from lmkit.text.ahead import ahead
from lmkit.text.corpus import Text
from lmkit.text.kernels import first_at, first_of_sentences, measure_runs
from lmkit.text.unspaced import NO_TABLE, parts_unspaced, unspaced_table
from lmkit.text.vocabulary import EOS_ID

FEWEST_BLOCKS = 30  # fewer give no standard error worth the name
FEWEST_SEGMENTS = 2 * FEWEST_BLOCKS  # so that blocks have room to grow


@dataclass(frozen=True, eq=False)
class Segments:
    """Where the smallest pieces of a canonical text begin, in every unit alike.

    ``kind`` is ``document``, ``sentence`` or ``word``; ``bytes`` int64 (S,) are the UTF-8 bytes of
    each, one for a sentence end among them; ``characters`` int64 (S,), where they were counted:
    else the ``text`` is read again when they are needed.
    """

    kind: str
    bytes: NDArray[np.int64]
    text: Text
    characters: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.bytes)

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """The first character of each, and the length of the text: int64 (S + 1,)."""
        characters = self.characters
        if characters is None:
            counted = _sentences(self.text)
            if not np.array_equal(counted[:, 0], self.bytes):
                raise CorpusError(f"{self.text.name}: changed since it was scored; score it again")
            characters = counted[:, 1]
        return np.concatenate([np.zeros(1, np.int64), np.cumsum(characters)])

    def first_events(
        self, ledger: SurprisalLedger, wanted: NDArray[np.int64] | None = None
    ) -> NDArray[np.int64]:
        """Return the first event of each segment, and the number of events: int64 (S + 1,).

        Of `wanted` segments alone, where their rising numbers (W,) are given: int64 (W + 1,).
        """
        wanted = np.arange(len(self)) if wanted is None else wanted
        found = np.full(len(wanted) + 1, len(ledger), np.int64)
        if self.kind == "sentence" and ledger.sentence_bytes is not None:
            first_of_sentences(ledger.ids, EOS_ID, wanted, found[:-1])
        else:
            # Events stand in the order of the text: a segment's are those from its first one on.
            first_at(ledger.offsets, self.starts[wanted], found[:-1])
        return found

    def totals(self, ledger: SurprisalLedger, values: NDArray[np.generic]) -> NDArray[np.float64]:
        """Return the sum of one value for each event over each segment, float64 (S,)."""
        return sums_between(self.first_events(ledger), values)

    @cached_property
    def blocks(self) -> Blocks:
        """The shortest blocks: single segments, or where there are very many, runs of them."""
        length = shortest_block(len(self))
        starts = block_starts(len(self), length)[: len(self)]
        sizes = np.add.reduceat(self.bytes, starts) if len(self) else self.bytes
        return Blocks(self, length, starts, sizes)


@dataclass(frozen=True, eq=False)
class Blocks:
    """Runs of `length` segments, B of them: what uncertainty is measured from.

    ``starts`` int64 (B,) is the first segment of each, ``bytes`` int64 (B,) the UTF-8 bytes. What
    is left over joins the last.
    """

    segments: Segments
    length: int
    starts: NDArray[np.int64]
    bytes: NDArray[np.int64]

    def first_events(self, ledger: SurprisalLedger) -> NDArray[np.int64]:
        """Return the first event of each block, and the number of events: int64 (B + 1,)."""
        return self.segments.first_events(ledger, self.starts)


def sums_between(first: NDArray[np.int64], values: NDArray[np.generic]) -> NDArray[np.float64]:
    """Return the sums of ``values[first[i]:first[i + 1]]`` for each i, float64."""
    filled = np.diff(first) > 0
    sums = np.zeros(len(filled))
    if filled.any():
        sums[filled] = np.add.reduceat(values, first[:-1][filled], dtype=np.float64)
    return sums


def segments(text: Text, ledger: SurprisalLedger | None = None) -> Segments:
    """Return the documents, sentences or words of a text: the first kind it has 60 of or more.

    A `ledger` of the text may know its sentences, which saves another reading.
    """
    documents = _documents(text)
    if documents is not None:
        return Segments("document", documents[:, 0].copy(), text, documents[:, 1])
    if ledger is not None and ledger.sentence_bytes is not None:
        if len(ledger.sentence_bytes) >= FEWEST_SEGMENTS:
            return Segments("sentence", ledger.sentence_bytes, text)
    else:
        sizes = _sentences(text)
        if len(sizes) >= FEWEST_SEGMENTS:
            return Segments("sentence", sizes[:, 0].copy(), text, sizes[:, 1])
    words = _words(text)
    return Segments("word", words[:, 0].copy(), text, words[:, 1])


def _documents(text: Text) -> NDArray[np.int64] | None:
    """Return the bytes and characters of each document, (S, 2), where there are many."""
    if len(text.sources) < FEWEST_SEGMENTS:
        return None
    parts = [
        Text(text.name, (source,), text.normalize, text.sentences).summary
        for source in text.sources
    ]
    sizes = np.array([(part.bytes, part.characters) for part in parts], np.int64)
    whole = sizes[:, 0].sum() == text.summary.bytes
    return sizes[sizes[:, 0] > 0] if whole else None


def _sentences(text: Text) -> NDArray[np.int64]:
    """Return the bytes and characters of each sentence, (S, 2)."""
    return _measured(text, b"\n", NO_TABLE)


def _words(text: Text) -> NDArray[np.int64]:
    """Return the bytes and characters of each word, what parts it from the next included."""
    unspaced = unspaced_table() if parts_unspaced(text.normalize) else NO_TABLE
    return _measured(text, b" \n", unspaced)


def _measured(text: Text, separators: bytes, unspaced: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the bytes and characters of the runs of a text, (S, 2): see `measure_runs`."""
    ends = np.zeros(256, np.bool_)
    ends[list(separators)] = True
    open_run = np.zeros(3, np.int64)
    pieces = []
    for chunk in ahead(text.chunks()):
        raw = chunk.tobytes()
        room = len(raw) if len(unspaced) else sum(raw.count(byte) for byte in separators)
        runs = np.empty((room, 2), np.int64)
        found = measure_runs(chunk, ends, unspaced, open_run, runs)
        pieces.append(runs[:found].copy() if found < room else runs)
    if open_run[0]:
        pieces.append(open_run[None, :2])
    return np.concatenate([np.empty((0, 2), np.int64), *pieces])


def block_starts(segments: int, length: int) -> NDArray[np.int64]:
    """Return where blocks of `length` segments begin; what is left over joins the last one."""
    return np.arange(max(segments // length, 1), dtype=np.int64) * length


def shortest_block(segments: int) -> int:
    """Return how many of so many segments the shortest block has that is looked at.

    It is a power of two, as the runs of a tally are.
    """
    return 1 << (max(1, -(-segments // MOST_RUNS)) - 1).bit_length()


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
    lengths = [shortest_block(len(x))]
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
