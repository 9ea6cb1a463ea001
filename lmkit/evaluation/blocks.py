"""Blocks: the pieces of a text that uncertainty is measured over.

Neighbouring words are not independent: they share a sentence, a topic, an author. Documents are
taken as independent, where they are known and there are enough of them; the uncertainty is then
about texts like these documents. Else the blocks are sentences, or stretches of a text that
has no sentence ends; neighbours among them may depend on one another
(:mod:`lmkit.evaluation.dependence`), and the uncertainty is about more of this text.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lmkit.errors import CorpusError
from lmkit.kernels.runs import first_at, first_of_sentences, measure_runs
from lmkit.parallel import ahead
from lmkit.results.ledger import SurprisalLedger
from lmkit.results.tally import MOST_RUNS
from lmkit.text.corpus import Text
from lmkit.text.unspaced import NO_TABLE, splits_unspaced, unspaced_table
from lmkit.text.vocabulary import EOS_ID

FEWEST_BLOCKS = 5  # with fewer, no standard error is estimated
FEWEST_DOCUMENTS = 5  # with fewer, the sentences are the blocks
SHORTEST_STRETCH = 20  # words: about a sentence
DOCUMENT, SENTENCE, STRETCH = "document", "sentence", "stretch"
SCOPES = {DOCUMENT: "texts like these", SENTENCE: "this text", STRETCH: "this text"}


@dataclass(frozen=True, eq=False)
class Blocks:
    """The blocks of a text, B of them, which are the same under every model and unit.

    ``kind`` is ``document``, ``sentence`` or ``stretch``. ``length`` is the number of
    sentences, or words of a stretch, in each (the last has the remainder as well), 1 for documents;
    ``bytes`` int64 (B,) their UTF-8 bytes, one for each sentence end included. ``sentences`` int64
    (B,) is the first sentence of each, None in a text without sentence ends; ``offsets`` int64 (B,)
    the first character, None where it was not counted.
    """

    kind: str
    length: int
    bytes: NDArray[np.int64]
    text: Text
    sentences: NDArray[np.int64] | None = None
    offsets: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.bytes)

    @cached_property
    def first_characters(self) -> NDArray[np.int64]:
        """The first character of each block, int64 (B,); the text is read again if need be."""
        if self.offsets is not None:
            return self.offsets
        sizes = _measured(self.text, b"\n", NO_TABLE)
        starts = block_starts(len(sizes), self.length)
        if not np.array_equal(np.add.reduceat(sizes[:, 0], starts), self.bytes):
            raise CorpusError(f"{self.text.name}: changed since it was scored; score it again")
        return _starts(sizes[:, 1])[starts]

    def first_events(self, ledger: SurprisalLedger) -> NDArray[np.int64]:
        """Return the first event of each block, and the number of events: int64 (B + 1,)."""
        first = np.full(len(self) + 1, len(ledger), np.int64)
        if self.sentences is not None and ledger.sentence_bytes is not None:
            first[:-1] = first_of_sentences(ledger.ids, EOS_ID, self.sentences)
        else:
            # Events are in the order of the text.
            first[:-1] = first_at(ledger.offsets, self.first_characters)
        return first

    def totals(self, ledger: SurprisalLedger, values: NDArray[np.generic]) -> NDArray[np.float64]:
        """Return the sum of one value for each event over each block, float64 (B,)."""
        return sums_between(self.first_events(ledger), values)


def blocks_of(text: Text, ledger: SurprisalLedger | None = None) -> Blocks:
    """Return the documents of a text where there are enough of them, else sentences or stretches.

    A `ledger` of the text may hold the sizes of its sentences and documents, so that the text need
    not be read again.
    """
    sizes = text.document_sizes if ledger is None else ledger.document_sizes
    if sizes is not None and len(sizes) >= FEWEST_DOCUMENTS:
        sentences = None if text.sentences == "none" else _starts(sizes[:, 2])
        offsets = _starts(sizes[:, 1])
        return Blocks(DOCUMENT, 1, sizes[:, 0].copy(), text, sentences, offsets)
    return _stretches(text) if text.sentences == "none" else sentence_blocks(text, ledger)


def sentence_blocks(text: Text, ledger: SurprisalLedger | None = None) -> Blocks:
    """Return the sentences of a text, or of a long one runs of neighbours, up to 1,000 blocks."""
    bytes_ = None if ledger is None else ledger.sentence_bytes
    offsets = None
    if bytes_ is None:
        sizes = _measured(text, b"\n", NO_TABLE)
        bytes_, offsets = sizes[:, 0], _starts(sizes[:, 1])
    length = shortest_block(len(bytes_))
    starts = block_starts(len(bytes_), length)
    offsets = None if offsets is None else offsets[starts]
    return Blocks(SENTENCE, length, _sums_from(bytes_, starts), text, starts, offsets)


def _stretches(text: Text) -> Blocks:
    """Return stretches of equally many words, 20 or more, at most 1,000 of them."""
    unspaced = unspaced_table() if splits_unspaced(text.normalize) else NO_TABLE
    words = _measured(text, b" \n", unspaced)
    length = max(SHORTEST_STRETCH, -(-len(words) // MOST_RUNS))
    starts = block_starts(len(words), length)
    offsets = _starts(words[:, 1])[starts]
    return Blocks(STRETCH, length, _sums_from(words[:, 0], starts), text, None, offsets)


def _measured(text: Text, separators: bytes, unspaced: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the bytes and characters of the runs of a text, (S, 2): see `measure_runs`."""
    ends = np.zeros(256, np.bool_)
    ends[list(separators)] = True
    open_run = np.zeros(3, np.int64)
    pieces = []
    for chunk in ahead(text.chunks()):
        raw = chunk.tobytes()
        room = len(raw) if len(unspaced) else sum(raw.count(byte) for byte in separators)
        pieces.append(measure_runs(chunk, ends, unspaced, open_run, room))
    if open_run[0]:
        pieces.append(open_run[None, :2])
    return np.concatenate([np.empty((0, 2), np.int64), *pieces])


def _starts(sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the sum of the sizes before each run: an exclusive cumulative sum.

    >>> _starts(np.array([2, 1, 4]))
    array([0, 2, 3])
    """
    return np.cumsum(sizes) - sizes


def _sums_from(values: NDArray[np.int64], starts: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.add.reduceat(values, starts) if len(starts) else values[:0].copy()


def sums_between(first: NDArray[np.int64], values: NDArray[np.generic]) -> NDArray[np.float64]:
    """Return the sums of ``values[first[i]:first[i + 1]]`` for each i, float64."""
    filled = np.diff(first) > 0
    sums = np.zeros(len(filled))
    if filled.any():
        sums[filled] = np.add.reduceat(values, first[:-1][filled], dtype=np.float64)
    return sums


def block_starts(segments: int, length: int) -> NDArray[np.int64]:
    """Return the first segment of each block of `length`; the remainder joins the last block.

    >>> block_starts(7, 3)
    array([0, 3])
    """
    return np.arange(max(segments // length, min(segments, 1)), dtype=np.int64) * length


def shortest_block(sentences: int) -> int:
    """Return the number of sentences to a block, such that there are at most 1,000 blocks.

    It is a power of two, as the runs of a tally are.
    """
    return 1 << (max(1, -(-sentences // MOST_RUNS)) - 1).bit_length()
