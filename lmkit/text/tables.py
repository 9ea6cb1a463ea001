"""Tables from the tokens of a canonical text to ids, one for each unit.

:class:`WordTable` is a hash table of words, :class:`SymbolTable` a lookup by code point or byte.
Both can learn: tokens that they do not hold get the next id.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from lmkit.errors import CorpusError
from lmkit.kernels import encoding as kernels
from lmkit.text.units import check_unit, symbol_code, symbol_name
from lmkit.text.unspaced import table_for
from lmkit.text.vocabulary import BOS, EOS, EOS_ID, SPECIALS, UNK, UNK_ID, Vocabulary

_CODE_POINTS, _BYTES = 0x110000, 256
_NEWLINE = 10
NO_OFFSETS = np.empty(0, np.int64)
NO_LENGTHS = np.empty(0, np.int32)
NO_WORDS = np.empty(0, np.uint8)


@dataclass(frozen=True)
class EncodedChunk:
    """A run of T events of a canonical text.

    ``ids`` int32 (T,); ``offsets`` int64 (T,) and ``lengths`` int32 (T,) locate each event in the
    canonical text, in characters (a byte within a character has length 0); both are empty unless
    asked for. ``bytes`` is the size of the run. ``unknown`` uint8 holds the unknown words, a space
    after each; ``documents`` int64 the rising indices of the events that begin a document, where
    asked for. "the cat" with only "the" in the vocabulary and "\\n" after it:

        ids        2  0  1
        offsets    0  4  7
        lengths    3  3  1
        unknown    "cat "
    """

    ids: NDArray[np.int32]
    offsets: NDArray[np.int64]
    lengths: NDArray[np.int32]
    bytes: int
    unknown: NDArray[np.uint8]
    documents: NDArray[np.int64] | None = None


class WordTable:
    """A growing hash table from words to ids.

    Word e has the bytes ``blob[ends[e] : ends[e + 1]]`` and the hash ``hashes[e]``; ``slots`` is
    the table itself (lmkit.kernels.encoding). Entries 0, 1 and 2 are ``<unk>``, ``</s>`` and
    ``<s>`` where the text holds them literally; entry e from 3 on has the id e - 1. With
    `split_unspaced`, each Han character and full-width mark is a word by itself.
    """

    def __init__(self, vocabulary: Vocabulary | None = None, *, split_unspaced: bool = False):
        self.split_unspaced = split_unspaced
        words = [UNK.encode(), EOS.encode(), BOS.encode()]
        spelled = np.frombuffer(b"".join(words), np.uint8)
        sizes = np.array([len(word) for word in words], np.int64)
        if vocabulary is not None:
            type_offsets = vocabulary.offsets[len(SPECIALS) :]
            spelled = np.concatenate([spelled, vocabulary.blob[type_offsets[0] :]])
            sizes = np.concatenate([sizes, np.diff(type_offsets)])
        self.entries = len(sizes)
        capacity = max(1 << 12, self.entries)
        self.blob = np.empty(max(1 << 16, len(spelled)), np.uint8)
        self.blob[: len(spelled)] = spelled
        self.ends = np.zeros(capacity + 1, np.int64)
        np.cumsum(sizes, out=self.ends[1 : self.entries + 1])
        self.hashes = np.empty(capacity, np.uint64)
        kernels.hash_words(self.blob, self.ends, self.hashes[: self.entries])
        self.slots = kernels.build_slots(self.hashes, self.ends, self.entries)

    def _grow(self) -> None:
        """Double the capacity."""
        self.hashes = np.concatenate([self.hashes, np.empty_like(self.hashes)])
        self.ends = np.concatenate([self.ends, np.zeros(len(self.ends) - 1, np.int64)])
        self.slots = kernels.build_slots(self.hashes, self.ends, self.entries)

    def encode(
        self,
        chunk: NDArray[np.uint8],
        *,
        learn: bool,
        offsets: bool = False,
        unknown: bool = False,
        character: int = 0,
        name: str,
        out: NDArray[np.int32] | None = None,
    ) -> EncodedChunk:
        """Return the events of a chunk of canonical text; with `learn`, add its unknown words.

        `offsets` and `unknown` ask for these parts of the result. `character` is the number of
        characters before the chunk. The ids are written to `out` where it is given, which needs one
        element for each byte of the chunk, since no event is shorter. Raises CorpusError, with the
        text's `name`, where the text holds the word ``<s>`` or ``</s>``.
        """
        ids = np.empty(len(chunk), np.int32) if out is None else out
        starts = np.empty(len(ids), np.int64) if offsets else NO_OFFSETS
        lengths = np.empty(len(ids), np.int32) if offsets else NO_LENGTHS
        if learn:
            needed = int(self.ends[self.entries]) + len(chunk)
            if needed > len(self.blob):
                self.blob = np.concatenate([self.blob, np.empty(needed, np.uint8)])
        # With a space after each word: up to twice the chunk, if its words are unspaced characters.
        words = np.empty(2 * len(chunk), np.uint8) if unknown else NO_WORDS
        unspaced = table_for(chunk, split_unspaced=self.split_unspaced)
        events = kernels.Events(ids, starts, lengths, words)
        done = kernels.Progress(kernels.TABLE_FULL, 0, self.entries, 0, character, 0)
        while True:
            table = kernels.WordTable(self.slots, self.hashes, self.blob, self.ends)
            done = kernels.words_to_ids(chunk, done, table, events, unspaced, learn=learn)
            self.entries = done.entries
            if done.status == kernels.DONE:
                size = done.events
                arrays = ids[:size], starts[:size], lengths[:size]
                return EncodedChunk(*arrays, len(chunk), words[: done.unknown])
            if done.status == kernels.RESERVED_WORD:
                raise _reserved_word(chunk, done.byte, name)
            self._grow()

    def learned(self) -> list[str]:
        """Return the types in the order of their ids, from 2 on."""
        raw = self.blob[: self.ends[self.entries]].tobytes()
        ends = self.ends[kernels.FIRST_TYPE_ENTRY : self.entries + 1].tolist()
        return [raw[start:stop].decode() for start, stop in pairwise(ends)]


class SymbolTable:
    """A table from code points, or byte values, to ids; the newline is the sentence end."""

    def __init__(self, unit: str, vocabulary: Vocabulary | None = None):
        self.unit = unit
        codes = _CODE_POINTS if unit == "char" else _BYTES
        self.table = np.full(codes, UNK_ID, np.int32)  # the id of each code
        self.codes = np.zeros(codes + len(SPECIALS), np.uint32)  # the code of each learned id
        self.entries = len(SPECIALS)
        self.table[_NEWLINE] = EOS_ID
        if vocabulary is not None:
            for index, token in enumerate(vocabulary.tokens[len(SPECIALS) :], start=len(SPECIALS)):
                self.table[symbol_code(token, unit)] = index
            self.entries = len(vocabulary)

    def encode(
        self,
        chunk: NDArray[np.uint8],
        *,
        learn: bool,
        offsets: bool = False,
        unknown: bool = False,
        character: int = 0,
        name: str,
        out: NDArray[np.int32] | None = None,
    ) -> EncodedChunk:
        """Return the events of a chunk of canonical text; with `learn`, add its unknown symbols.

        The same as :meth:`WordTable.encode`, except that unknown symbols are never spelled.
        """
        if self.unit == "char":
            codes = np.frombuffer(chunk.tobytes().decode().encode("utf-32-le"), np.uint32)
            lengths = np.ones(len(codes) if offsets else 0, np.int32)
        else:
            codes = chunk.astype(np.uint32)
            lengths = ((chunk & 0xC0) != 0x80).astype(np.int32) if offsets else NO_LENGTHS
        ids = np.empty(len(codes), np.int32) if out is None else out[: len(codes)]
        self.entries = kernels.symbols_to_ids(
            codes, self.table, self.codes, self.entries, ids, learn=learn
        )
        starts = NO_OFFSETS
        if offsets:
            # A byte within a character has the offset of that character.
            starts = character + np.cumsum(lengths, dtype=np.int64) - 1
        return EncodedChunk(ids, starts, lengths, len(chunk), NO_WORDS)

    def learned(self) -> list[str]:
        """Return the types in the order of their ids, from 2 on."""
        codes = self.codes[len(SPECIALS) : self.entries].tolist()
        return [symbol_name(code, self.unit) for code in codes]


def new_table(
    unit: str, vocabulary: Vocabulary | None = None, *, split_unspaced: bool
) -> WordTable | SymbolTable:
    """Return the table of a unit, with the tokens of a vocabulary, or none yet."""
    if check_unit(unit) == "word":
        return WordTable(vocabulary, split_unspaced=split_unspaced)
    return SymbolTable(unit, vocabulary)


def choose_types(
    names: list[str],
    ids: NDArray[np.int32],
    *,
    min_count: int = 1,
    max_size: int | None = None,
    given: Vocabulary | None = None,
) -> tuple[Vocabulary, Vocabulary, NDArray[np.int32]]:
    """Return a vocabulary, the vocabulary of the dropped types, and the ids, renumbered in place.

    ``names`` are the learned types, ``ids`` the text in their ids. Types are ordered by falling
    count; see :func:`lmkit.text.encoding.learn_text` for which of them are dropped.
    For example, "b a a c a b" learns the ids b 2, a 3, c 4; with ``min_count=2`` a becomes 2,
    b becomes 3, and c is dropped and becomes ``<unk>``.
    """
    specials = len(SPECIALS)
    all_counts = np.zeros(specials + len(names), np.int64)  # by learned id
    kernels.count_ids(ids, all_counts)
    counts = all_counts[specials:]
    order = np.argsort(-counts, kind="stable")  # ties in order of first appearance
    if given is None:
        kept = order[counts[order] >= min_count][:max_size]
        types = tuple(names[index] for index in kept.tolist())
        kept_ids = np.arange(specials, specials + len(kept), dtype=np.int32)
    else:
        types = given.tokens[specials:]
        given_ids = np.array([given.id(name) for name in names], np.int32)
        kept = np.flatnonzero(given_ids)
        kept_ids = given_ids[kept]
    new_ids = np.full(len(all_counts), UNK_ID, np.int32)
    new_ids[EOS_ID] = EOS_ID
    new_ids[kept + specials] = kept_ids
    type_counts = np.zeros(specials + len(types), np.int64)
    type_counts[kept_ids] = counts[kept]
    ends = all_counts[EOS_ID]
    type_counts[:specials] = all_counts.sum() - ends - type_counts.sum(), ends
    rest = order[new_ids[order + specials] == UNK_ID]
    dropped = Vocabulary(
        [names[index] for index in rest.tolist()],
        np.concatenate([np.array([all_counts[UNK_ID], 0], np.int64), counts[rest]]),
    )
    kernels.translate_ids(ids, new_ids)
    return Vocabulary(types, type_counts), dropped, ids


def _reserved_word(chunk: NDArray[np.uint8], offset: int, name: str) -> CorpusError:
    """Return the error for a reserved word at a byte offset of a chunk."""
    raw = chunk.tobytes()
    start = raw.rfind(b"\n", 0, offset) + 1
    stop = raw.find(b"\n", offset)
    context = raw[max(start, offset - 20) : min(stop if stop >= 0 else len(raw), offset + 30)]
    word = EOS if raw.startswith(EOS.encode(), offset) else BOS
    return CorpusError(
        f"{name}: the text holds the word {word} (in {context.decode(errors='replace')!r}), which "
        "is reserved for sentence ends; take it out, or part it with --normalize words"
    )
