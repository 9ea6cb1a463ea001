"""Encoding texts as ids, and learning the vocabulary of a training text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmkit.errors import CorpusError, ParameterError, VocabularyError
from lmkit.parallel import ahead
from lmkit.text.corpus import Text
from lmkit.text.meter import GrowingArray, Meter, TextSummary
from lmkit.text.passages import Passages, PassageSink
from lmkit.text.tables import (
    NO_LENGTHS,
    NO_OFFSETS,
    NO_WORDS,
    EncodedChunk,
    WordTable,
    choose_types,
    new_table,
)  # fmt: skip
from lmkit.text.unspaced import splits_unspaced
from lmkit.text.vocabulary import Vocabulary


@dataclass(frozen=True)
class LearnedText:
    """A training text as ids int32 (T,), with its vocabulary and the counts of the text.

    ``dropped`` holds the types that the vocabulary leaves out, by falling count; its count of
    ``<unk>`` is how often the text holds that word literally. ``passages`` are the hashes of its
    long sentences.
    """

    vocabulary: Vocabulary
    dropped: Vocabulary
    ids: NDArray[np.int32]
    summary: TextSummary
    passages: Passages


@dataclass(frozen=True, eq=False)
class UnknownTokens:
    """The U unknown tokens of a text, in order.

    ``types`` are the distinct words, after the two specials; ``numbers`` int32 (U,) the index in
    it of each token, ``sentences`` int64 (U,) the sentence it is in, from 0. Characters and bytes
    are not distinguished: they share one empty type.
    """

    types: tuple[str, ...]
    numbers: NDArray[np.int32]
    sentences: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.sentences)


class UnknownCollector:
    """Collects the unknown tokens of a text while it is encoded."""

    def __init__(self, unit: str) -> None:
        self._table = WordTable() if unit == "word" else None
        self._numbers = GrowingArray(np.int32, 0)
        self._sentences = GrowingArray(np.int64, 0)

    def add(self, words: NDArray[np.uint8], sentences: NDArray[np.int64]) -> None:
        """Add words, a space after each, and the sentence of each."""
        if self._table is not None:
            encoded = self._table.encode(words, learn=True, name="the unknown words")
            self._numbers.add(encoded.ids)
        self._sentences.add(sentences)

    def result(self) -> UnknownTokens:
        """Return all tokens added."""
        sentences = self._sentences.array
        if self._table is None:
            return UnknownTokens(("",), np.zeros(len(sentences), np.int32), sentences)
        vocabulary, _, numbers = choose_types(self._table.learned(), self._numbers.array)
        return UnknownTokens(vocabulary.tokens, numbers, sentences)


def learn_text(
    text: Text,
    unit: str,
    *,
    min_count: int = 1,
    max_size: int | None = None,
    given: Vocabulary | None = None,
) -> LearnedText:
    """Return the vocabulary of a training text and the text as ids, reading it once.

    Types seen fewer than `min_count` times, and all but the `max_size` most frequent, become
    ``<unk>``; with a vocabulary `given`, all types outside it, and its types keep their ids.
    Raises CorpusError for a text without tokens, ParameterError for `given` with another option.
    """
    if given is not None and (min_count > 1 or max_size is not None):
        raise ParameterError(
            "min_count and max_size choose a vocabulary, and one is given; leave them or it out"
        )
    if min_count < 1:
        raise ParameterError(f"min_count={min_count}: a type is seen once at least; use 1 or more")
    if max_size is not None and max_size < 1:
        raise ParameterError(f"max_size={max_size}: a vocabulary holds one type at least")
    table = new_table(unit, split_unspaced=splits_unspaced(text.normalize))
    passages = PassageSink()
    meter = Meter(passages=passages)
    ids = GrowingArray(np.int32, text.raw_size)
    for chunk in ahead(text.chunks(meter)):
        ids.add(table.encode(chunk, learn=True, name=text.name).ids)
    if meter.words == 0:
        raise CorpusError(f"{text.name}: no tokens in it; give a text with at least one word")
    vocabulary, dropped, renumbered = choose_types(
        table.learned(), ids.array, min_count=min_count, max_size=max_size, given=given
    )
    hashed = passages.result(repeats=True)
    return LearnedText(vocabulary, dropped, renumbered, meter.summary(text), hashed)


def encode_chunks(
    text: Text,
    unit: str,
    vocabulary: Vocabulary,
    meter: Meter | None = None,
    *,
    offsets: bool = True,
) -> Iterator[EncodedChunk]:
    """Yield the text as ids of a vocabulary, unknown tokens as id 0, with `offsets` and lengths."""
    table = new_table(unit, vocabulary, split_unspaced=splits_unspaced(text.normalize))
    for chunk, before in ahead(_chunks_from(text, meter or Meter())):
        yield table.encode(chunk, learn=False, offsets=offsets, character=before, name=text.name)


def encode_batches(
    text: Text,
    unit: str,
    vocabulary: Vocabulary,
    meter: Meter,
    *,
    first: int,
    most: int,
    unknown: bool = False,
    documents: bool = False,
) -> Iterator[EncodedChunk]:
    """Yield the text as ids, without offsets, in batches of at least `first` events, or all.

    Each batch has at least twice as many events as the one before, or `most`. `unknown` asks for
    the unknown words, `documents` for the events at which documents begin.
    """
    table = new_table(unit, vocabulary, split_unspaced=splits_unspaced(text.normalize))
    enough = min(first, most)
    ids = np.empty(0, np.int32)
    events = size = started = 0
    words: list[NDArray[np.uint8]] = []
    starts: list[NDArray[np.int64]] = []

    def batch() -> EncodedChunk:
        spelled = np.concatenate(words) if words else NO_WORDS
        first_events = np.concatenate([NO_OFFSETS, *starts]) if documents else None
        return EncodedChunk(ids[:events], NO_OFFSETS, NO_LENGTHS, size, spelled, first_events)

    for chunk, before in ahead(_chunks_from(text, meter)):
        if not events:
            ids = np.empty(enough + len(chunk), np.int32)
        elif len(ids) - events < len(chunk):  # a longer chunk than those before
            ids = np.concatenate([ids[:events], np.empty(len(chunk), np.int32)])
        encoded = table.encode(
            chunk,
            learn=False,
            offsets=documents,
            unknown=unknown,
            character=before,
            name=text.name,
            out=ids[events:],
        )
        if documents and len(encoded.ids) and meter.document_offsets is not None:
            # The meter may be ahead of this chunk: only documents that begin in it.
            in_chunk = meter.document_offsets[started:]
            in_chunk = in_chunk[in_chunk <= encoded.offsets[-1]]
            started += len(in_chunk)
            starts.append(np.searchsorted(encoded.offsets, in_chunk) + events)
        events, size = events + len(encoded.ids), size + len(chunk)
        if len(encoded.unknown):
            words.append(encoded.unknown)
        if events >= enough:
            yield batch()
            enough = min(most, 2 * events)
            events, size, words, starts = 0, 0, [], []
    if events:
        yield batch()


def _chunks_from(text: Text, meter: Meter) -> Iterator[tuple[NDArray[np.uint8], int]]:
    """Yield the chunks of a text, and the number of characters before each."""
    before = 0
    for chunk in text.chunks(meter):
        yield chunk, before
        before = meter.characters


def event_spans(
    text: Text, unit: str, meter: Meter | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return offset and length of each event of a text in characters, int64 and int32 (T,)."""
    offsets = GrowingArray(np.int64, text.raw_size)
    lengths = GrowingArray(np.int32, text.raw_size)
    for chunk in encode_chunks(text, unit, Vocabulary([]), meter):
        offsets.add(chunk.offsets)
        lengths.add(chunk.lengths)
    return offsets.array, lengths.array


def encode_text(
    text: Text, unit: str, vocabulary: Vocabulary, meter: Meter | None = None
) -> NDArray[np.int32]:
    """Return the whole text as ids of a vocabulary, int32 (T,); unknown tokens are id 0."""
    ids = GrowingArray(np.int32, text.raw_size)
    for chunk in encode_chunks(text, unit, vocabulary, meter, offsets=False):
        ids.add(chunk.ids)
    return ids.array


def array_of_ids(ids: Any, size: int) -> NDArray[np.int32]:
    """Return ids of `size` outcomes as a contiguous one-dimensional int32 array.

    Raises ParameterError for what is not a row of integers, VocabularyError for an id outside
    0 .. size-1.
    """
    array = np.asarray(ids)
    if array.size == 0:
        return np.empty(0, np.int32)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise ParameterError(
            f"ids of dtype {array.dtype} and shape {array.shape}; give whole numbers on one axis"
        )
    smallest, largest = int(array.min()), int(array.max())  # before a cast could wrap them
    if smallest < 0 or largest >= size:
        raise VocabularyError(
            f"id {largest if largest >= size else smallest} is outside 0..{size - 1}, the outcomes "
            "of this model; encode the text with its own vocabulary"
        )
    return np.ascontiguousarray(array, np.int32)
