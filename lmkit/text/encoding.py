"""Canonical text to ids, and ids to where they stand in the text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmkit.errors import CorpusError, ParameterError, VocabularyError
from lmkit.parallel import ahead
from lmkit.text.collected import Collected
from lmkit.text.corpus import Text
from lmkit.text.meter import Meter, TextSummary
from lmkit.text.passages import Passages, PassageSink
from lmkit.text.tables import EMPTY_LENGTHS, EMPTY_OFFSETS, NO_WORDS, EncodedChunk, new_table
from lmkit.text.unspaced import parts_unspaced
from lmkit.text.vocabulary import Vocabulary


@dataclass(frozen=True)
class LearnedText:
    """A training text as a vocabulary and ids int32 (T,), with the counts of the text.

    ``dropped`` holds the types that the vocabulary leaves out, by falling count; its count of
    ``<unk>`` is how often the text holds that word literally. ``passages`` are the hashes of its
    long sentences.
    """

    vocabulary: Vocabulary
    dropped: Vocabulary
    ids: NDArray[np.int32]
    summary: TextSummary
    passages: Passages


def learn_text(
    text: Text,
    unit: str,
    *,
    min_count: int = 1,
    max_size: int | None = None,
    given: Vocabulary | None = None,
) -> LearnedText:
    """Return the vocabulary of a training text and the text as ids, in one reading.

    Types seen fewer than `min_count` times, and all but the `max_size` most frequent, become
    ``<unk>``; with a vocabulary `given`, all that are not in it, and its types keep their order.
    Raises CorpusError for a text without a single token, ParameterError for two rules at once.
    """
    if given is not None and (min_count > 1 or max_size is not None):
        raise ParameterError(
            "min_count and max_size choose a vocabulary, and one is given; leave them or it out"
        )
    if min_count < 1:
        raise ParameterError(f"min_count={min_count}: a type is seen once at least; use 1 or more")
    if max_size is not None and max_size < 1:
        raise ParameterError(f"max_size={max_size}: a vocabulary holds one type at least")
    table = new_table(unit, parts=parts_unspaced(text.normalize))
    passages = PassageSink()
    meter = Meter(passages=passages)
    ids = Collected(np.int32, text.raw_size)
    for chunk in ahead(text.chunks(meter)):
        encoded = table.encode(chunk, learn=True, name=text.name)
        ids.add(encoded.ids)
    if meter.words == 0:
        raise CorpusError(f"{text.name}: no tokens in it; give a text with at least one word")
    vocabulary, dropped, translated = table.vocabulary(
        ids.array, min_count=min_count, max_size=max_size, given=given
    )
    hashed = passages.result(repeats=True)
    return LearnedText(vocabulary, dropped, translated, meter.summary(text), hashed)


def encode_chunks(
    text: Text,
    unit: str,
    vocabulary: Vocabulary,
    meter: Meter | None = None,
    *,
    places: bool = True,
) -> Iterator[EncodedChunk]:
    """Yield the text as ids of a vocabulary, with the place of each; unknown tokens are id 0.

    Without `places`, offsets and lengths are empty.
    """
    table = new_table(unit, vocabulary, parts=parts_unspaced(text.normalize))
    for chunk, before in ahead(_placed(text, meter or Meter())):
        yield table.encode(chunk, learn=False, places=places, character=before, name=text.name)


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
    """Yield the text as ids, without places, many at a time: `first` events at least, or all.

    Each batch has at least twice as many as the one before, or `most`. With `unknown` the unknown
    words are told, with `documents` where documents begin.
    """
    table = new_table(unit, vocabulary, parts=parts_unspaced(text.normalize))
    enough = min(first, most)
    room = np.empty(0, np.int32)
    events = size = begun = 0
    words: list[NDArray[np.uint8]] = []
    starts: list[NDArray[np.int64]] = []

    def batch() -> EncodedChunk:
        told = np.concatenate(words) if words else NO_WORDS
        places = np.concatenate([EMPTY_OFFSETS, *starts]) if documents else None
        return EncodedChunk(room[:events], EMPTY_OFFSETS, EMPTY_LENGTHS, size, told, places)

    for chunk, before in ahead(_placed(text, meter)):
        if not events:
            room = np.empty(enough + len(chunk), np.int32)
        elif len(room) - events < len(chunk):  # a longer chunk than those before
            room = np.concatenate([room[:events], np.empty(len(chunk), np.int32)])
        found = table.encode(
            chunk,
            learn=False,
            places=documents,
            unknown=unknown,
            character=before,
            name=text.name,
            into=room[events:],
        )
        if documents and len(found.ids) and meter.document_offsets is not None:
            first_ones = meter.document_offsets[begun:]
            first_ones = first_ones[first_ones <= found.offsets[-1]]
            begun += len(first_ones)
            starts.append(np.searchsorted(found.offsets, first_ones) + events)
        events, size = events + len(found.ids), size + len(chunk)
        if len(found.unknown):
            words.append(found.unknown)
        if events >= enough:
            yield batch()
            enough = min(most, 2 * events)
            events, size, words, starts = 0, 0, [], []
    if events:
        yield batch()


def _placed(text: Text, meter: Meter) -> Iterator[tuple[NDArray[np.uint8], int]]:
    """Yield the chunks of a text, and the number of characters before each."""
    before = 0
    for chunk in text.chunks(meter):
        yield chunk, before
        before = meter.characters


def places_of(
    text: Text, unit: str, meter: Meter | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return where each event of a text stands: offsets int64 and lengths int32, characters."""
    offsets, lengths = Collected(np.int64, text.raw_size), Collected(np.int32, text.raw_size)
    for chunk in encode_chunks(text, unit, Vocabulary([]), meter):
        offsets.add(chunk.offsets)
        lengths.add(chunk.lengths)
    return offsets.array, lengths.array


def encode_text(
    text: Text, unit: str, vocabulary: Vocabulary, meter: Meter | None = None
) -> NDArray[np.int32]:
    """Return the whole text as ids of a vocabulary, int32 (T,); unknown tokens are id 0."""
    ids = Collected(np.int32, text.raw_size)
    for chunk in encode_chunks(text, unit, vocabulary, meter, places=False):
        ids.add(chunk.ids)
    return ids.array


def array_of_ids(ids: Any, size: int) -> NDArray[np.int32]:
    """Return ids of `size` outcomes as a contiguous int32 array of one axis.

    Raises ParameterError for what is no row of whole numbers, VocabularyError for an id outside
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
