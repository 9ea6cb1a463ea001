"""Tables that make ids of canonical text: of its words, or of its characters or bytes."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from lmkit.errors import CorpusError
from lmkit.kernels import encoding as kernels
from lmkit.text.units import check_unit, symbol_code, symbol_name
from lmkit.text.unspaced import table_for
from lmkit.text.vocabulary import BOS, EOS, SPECIALS, UNK, Vocabulary

_CODES = 0x110000  # Unicode's code points
EMPTY_OFFSETS = np.empty(0, np.int64)
EMPTY_LENGTHS = np.empty(0, np.int32)
NO_WORDS = np.empty(0, np.uint8)


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
        offsets = np.empty(len(ids), np.int64) if places else EMPTY_OFFSETS
        lengths = np.empty(len(ids), np.int32) if places else EMPTY_LENGTHS
        if learn:
            room = int(self.ends[self.entries]) + len(chunk)
            if room > len(self.blob):
                self.blob = np.concatenate([self.blob, np.empty(room, np.uint8)])
        # A space stands behind each: with words that no space parts, that is up to twice the room.
        words = np.empty(2 * len(chunk), np.uint8) if unknown else NO_WORDS
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
            lengths = ((chunk & 0xC0) != 0x80).astype(np.int32) if places else EMPTY_LENGTHS
        ids = np.empty(len(codes), np.int32) if into is None else into[: len(codes)]
        self.entries = kernels.symbols_to_ids(
            codes, self.table, self.found, self.entries, ids, learn=learn
        )
        offsets = EMPTY_OFFSETS
        if places:
            # A byte within a character stands where the character begins.
            offsets = character + np.cumsum(lengths, dtype=np.int64) - 1
        return EncodedChunk(ids, offsets, lengths, len(chunk), NO_WORDS)

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
