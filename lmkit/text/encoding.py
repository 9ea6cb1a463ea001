"""Canonical text to ids, and ids to where they stand in the text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmkit.errors import CorpusError, ParameterError, VocabularyError
from lmkit.kernels import encoding as kernels
from lmkit.parallel import ahead
from lmkit.text.collected import Collected
from lmkit.text.corpus import Text
from lmkit.text.meter import Meter, TextSummary
from lmkit.text.passages import Passages, PassageSink
from lmkit.text.units import check_unit, symbol_code, symbol_name
from lmkit.text.unspaced import parts_unspaced, table_for
from lmkit.text.vocabulary import BOS, EOS, SPECIALS, UNK, Vocabulary

_CODES = 0x110000  # Unicode's code points
_EMPTY_OFFSETS = np.empty(0, np.int64)
_EMPTY_LENGTHS = np.empty(0, np.int32)
_NO_WORDS = np.empty(0, np.uint8)


@dataclass(frozen=True)
class EncodedChunk:
    """A run of events: ids int32 (T,), and offset int64 (T,) and length int32 (T,) of each in the
    canonical text, in characters. A byte within a character has length 0. ``bytes`` is the size
    of the canonical text that they are, ``unknown`` uint8 what it says where a word has the id of
    ``<unk>``, a space behind each word; ``documents`` int64, rising, the events that are the first
    of a document, where they were asked for."""

    ids: NDArray[np.int32]
    offsets: NDArray[np.int64]
    lengths: NDArray[np.int32]
    bytes: int
    unknown: NDArray[np.uint8]
    documents: NDArray[np.int64] | None = None


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


class WordTable:
    """The growing hash table behind word encoding: from the bytes of a word to its entry.

    Entries 0, 1 and 2 are the words ``<unk>``, ``</s>`` and ``<s>`` as they may stand in a text;
    entry e from 3 on has the id e - 1. With `parts`, each Han character and full-width mark is a
    word by itself.
    """

    def __init__(self, vocabulary: Vocabulary | None = None, *, parts: bool = False):
        self.parts = parts
        words = [UNK.encode(), EOS.encode(), BOS.encode()]
        first = np.frombuffer(b"".join(words), np.uint8)
        sizes = np.array([len(word) for word in words], np.int64)
        if vocabulary is not None:
            skip = vocabulary.offsets[len(SPECIALS)]
            first = np.concatenate([first, vocabulary.blob[skip:]])
            sizes = np.concatenate([sizes, np.diff(vocabulary.offsets[len(SPECIALS) :])])
        self.entries = len(sizes)
        capacity = max(1 << 12, self.entries)
        self.blob = np.empty(max(1 << 16, len(first)), np.uint8)
        self.blob[: len(first)] = first
        self.ends = np.zeros(capacity + 1, np.int64)
        np.cumsum(sizes, out=self.ends[1 : self.entries + 1])
        self.hashes = np.empty(capacity, np.uint64)
        kernels.hash_words(self.blob, self.ends, self.hashes[: self.entries])
        self.slots = kernels.build_slots(self.hashes, self.ends, self.entries)

    def _grow(self) -> None:
        self.hashes = np.concatenate([self.hashes, np.empty_like(self.hashes)])
        self.ends = np.concatenate([self.ends, np.zeros(len(self.ends) - 1, np.int64)])
        self.slots = kernels.build_slots(self.hashes, self.ends, self.entries)

    def encode(
        self,
        chunk: NDArray[np.uint8],
        *,
        learn: bool,
        places: bool = False,
        unknown: bool = False,
        character: int = 0,
        name: str,
        into: NDArray[np.int32] | None = None,
    ) -> EncodedChunk:
        """Return the events of a chunk of canonical text; `learn` adds the words it does not know.

        With `places` it has their places, with `unknown` the words that it does not know. The ids
        are written `into` an array, if one is given; it needs as much room as the chunk has bytes,
        as no event takes less. `character` is the number of characters before the chunk. Raises
        CorpusError where a literal ``<s>`` or ``</s>`` stands in the text.
        """
        ids = np.empty(len(chunk), np.int32) if into is None else into
        offsets = np.empty(len(ids), np.int64) if places else _EMPTY_OFFSETS
        lengths = np.empty(len(ids), np.int32) if places else _EMPTY_LENGTHS
        if learn:
            room = int(self.ends[self.entries]) + len(chunk)
            if room > len(self.blob):
                self.blob = np.concatenate([self.blob, np.empty(room, np.uint8)])
        # A space stands behind each: with words that no space parts, that is up to twice the room.
        words = np.empty(2 * len(chunk), np.uint8) if unknown else _NO_WORDS
        unspaced = table_for(chunk, parts=self.parts)
        events = kernels.Events(ids, offsets, lengths, words)
        at = kernels.Progress(kernels.TABLE_FULL, 0, self.entries, 0, character, 0)
        while True:
            table = kernels.WordTable(self.slots, self.hashes, self.blob, self.ends)
            at = kernels.words_to_ids(chunk, at, table, events, unspaced, learn=learn)
            self.entries = at.entries
            if at.status == kernels.DONE:
                found = ids[: at.events], offsets[: at.events], lengths[: at.events]
                return EncodedChunk(*found, len(chunk), words[: at.unknown])
            if at.status == kernels.RESERVED_WORD:
                raise _reserved_word(chunk, at.byte, name)
            self._grow()

    def vocabulary(
        self,
        ids: NDArray[np.int32],
        *,
        min_count: int,
        max_size: int | None,
        given: Vocabulary | None = None,
    ) -> tuple[Vocabulary, Vocabulary, NDArray[np.int32]]:
        """Return the vocabulary of the words learned, what it leaves out, and the new ids."""
        first = int(self.ends[kernels.FIRST_TYPE_ENTRY])
        raw = self.blob[: self.ends[self.entries]].tobytes()
        ends = self.ends[: self.entries + 1].tolist()
        skip = kernels.FIRST_TYPE_ENTRY
        assert first == ends[skip]
        words = [raw[start:stop].decode() for start, stop in pairwise(ends[skip:])]
        return _cut_off(words, ids, min_count=min_count, max_size=max_size, given=given)


class SymbolTable:
    """The table behind character and byte encoding: from a code to its id."""

    def __init__(self, unit: str, vocabulary: Vocabulary | None = None):
        self.unit = unit
        codes = _CODES if unit == "char" else 256
        self.table = np.zeros(codes, np.int32)
        self.found = np.zeros(codes + len(SPECIALS), np.uint32)
        self.entries = len(SPECIALS)
        self.table[10] = 1
        if vocabulary is not None:
            for index, token in enumerate(vocabulary.tokens[len(SPECIALS) :], start=len(SPECIALS)):
                self.table[symbol_code(token, unit)] = index
            self.entries = len(vocabulary)

    def encode(
        self,
        chunk: NDArray[np.uint8],
        *,
        learn: bool,
        places: bool = False,
        unknown: bool = False,
        character: int = 0,
        name: str,
        into: NDArray[np.int32] | None = None,
    ) -> EncodedChunk:
        """Return the events of a chunk of canonical text; `learn` adds the symbols it meets.

        There is nothing to tell of `unknown` symbols: none is spelled.
        """
        if self.unit == "char":
            codes = np.frombuffer(chunk.tobytes().decode().encode("utf-32-le"), np.uint32)
            lengths = np.ones(len(codes) if places else 0, np.int32)
        else:
            codes = chunk.astype(np.uint32)
            lengths = ((chunk & 0xC0) != 0x80).astype(np.int32) if places else _EMPTY_LENGTHS
        ids = np.empty(len(codes), np.int32) if into is None else into[: len(codes)]
        self.entries = kernels.symbols_to_ids(
            codes, self.table, self.found, self.entries, ids, learn=learn
        )
        offsets = _EMPTY_OFFSETS
        if places:
            # A byte within a character stands where the character begins.
            offsets = character + np.cumsum(lengths, dtype=np.int64) - 1
        return EncodedChunk(ids, offsets, lengths, len(chunk), _NO_WORDS)

    def vocabulary(
        self,
        ids: NDArray[np.int32],
        *,
        min_count: int,
        max_size: int | None,
        given: Vocabulary | None = None,
    ) -> tuple[Vocabulary, Vocabulary, NDArray[np.int32]]:
        """Return the vocabulary of the symbols learned, what it leaves out, and the new ids."""
        codes = self.found[len(SPECIALS) : self.entries].tolist()
        names = [symbol_name(code, self.unit) for code in codes]
        return _cut_off(names, ids, min_count=min_count, max_size=max_size, given=given)


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
        told = np.concatenate(words) if words else _NO_WORDS
        places = np.concatenate([_EMPTY_OFFSETS, *starts]) if documents else None
        return EncodedChunk(room[:events], _EMPTY_OFFSETS, _EMPTY_LENGTHS, size, told, places)

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


def new_table(
    unit: str, vocabulary: Vocabulary | None = None, *, parts: bool
) -> WordTable | SymbolTable:
    """Return the table that encodes a unit, with the tokens of a vocabulary or empty."""
    if check_unit(unit) == "word":
        return WordTable(vocabulary, parts=parts)
    return SymbolTable(unit, vocabulary)


def _cut_off(
    names: list[str],
    ids: NDArray[np.int32],
    *,
    min_count: int,
    max_size: int | None,
    given: Vocabulary | None,
) -> tuple[Vocabulary, Vocabulary, NDArray[np.int32]]:
    """Order types by falling count, drop the rare ones, and translate the ids in place."""
    specials = len(SPECIALS)
    found = np.zeros(specials + len(names), np.int64)
    kernels.count_ids(ids, found)
    counts = found[specials:]
    order = np.argsort(-counts, kind="stable")  # ties stay in order of appearance
    if given is None:
        kept = order[counts[order] >= min_count][:max_size]
        types = tuple(names[index] for index in kept.tolist())
        kept_ids = np.arange(specials, specials + len(kept), dtype=np.int32)
    else:
        types = given.tokens[specials:]
        all_ids = np.array([given.id(name) for name in names], np.int32)
        kept = np.flatnonzero(all_ids)
        kept_ids = all_ids[kept]
    translation = np.zeros(len(found), np.int32)
    translation[1] = 1
    translation[kept + specials] = kept_ids
    type_counts = np.zeros(specials + len(types), np.int64)
    type_counts[kept_ids] = counts[kept]
    type_counts[:specials] = found.sum() - found[1] - type_counts.sum(), found[1]
    rest = order[translation[order + specials] == 0]
    dropped = Vocabulary(
        [names[index] for index in rest.tolist()],
        np.concatenate([np.array([found[0], 0], np.int64), counts[rest]]),
    )
    kernels.translate_ids(ids, translation)
    return Vocabulary(types, type_counts), dropped, ids


def _reserved_word(chunk: NDArray[np.uint8], place: int, name: str) -> CorpusError:
    raw = chunk.tobytes()
    start = raw.rfind(b"\n", 0, place) + 1
    stop = raw.find(b"\n", place)
    context = raw[max(start, place - 20) : min(stop if stop >= 0 else len(raw), place + 30)]
    word = EOS if raw.startswith(EOS.encode(), place) else BOS
    return CorpusError(
        f"{name}: the text holds the word {word} (in {context.decode(errors='replace')!r}), which "
        "is reserved for sentence ends; take it out, or part it with --normalize words"
    )


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
