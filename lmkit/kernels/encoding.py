"""Text to ids: words by a hash table of their bytes, characters and bytes by their codes.

Entries of the table are words. Entry e has the bytes ``blob[ends[e]:ends[e + 1]]`` and the hash
``hashes[e]``. Entries 0, 1 and 2 are the words ``<unk>``, ``</s>`` and ``<s>`` as they may stand in
a text; entry e from `FIRST_TYPE_ENTRY` on has the id e - 1.

A slot is a pair: the hash, and 2 (e + 1), plus 1 for a word of more than eight bytes; 0 if free.
Slots are as many as a power of two, at most half of them taken, and collisions are resolved by
linear probing. The hash of at most eight bytes is a bijection: if it is equal, so is the word.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmkit.kernels.compiled import compiled
from lmkit.kernels.eight_bytes import (
    _continuation_bytes,
    _piece_length,
    _same_bytes,
    _word_piece,
)
from lmkit.kernels.unspaced import _THREE_BYTES, _code_point, _spaced_bytes
from lmkit.types import Bytes, IntArray, LongArray

DONE, TABLE_FULL, RESERVED_WORD = 0, 1, 2  # why `words_to_ids` returned
UNK_ENTRY, EOS_ENTRY, BOS_ENTRY, FIRST_TYPE_ENTRY = range(4)
_UNK_ID, _EOS_ID = 0, 1
_NEWLINE, _SPACE = 10, 32


class WordTable(NamedTuple):
    """The arrays of a hash table of words.

    ``slots`` uint64 (S, 2), ``hashes`` uint64 and ``blob`` uint8, both with room for more entries,
    ``ends`` int64, one longer than ``hashes``.
    """

    slots: NDArray[np.uint64]
    hashes: NDArray[np.uint64]
    blob: Bytes
    ends: LongArray


class Events(NamedTuple):
    """Where `words_to_ids` writes; what is empty is not wanted.

    ``ids`` int32, an entry for each event, and as long if wanted: ``offsets`` int64, the number of
    characters before each, and ``lengths`` int32, its characters. ``unknown`` uint8 takes the words
    of id 0, a space after each.
    """

    ids: IntArray
    offsets: LongArray
    lengths: IntArray
    unknown: Bytes


class Progress(NamedTuple):
    """How far `words_to_ids` has come, and why it returned.

    ``byte`` of the text, ``entries`` of the table, ``events`` written, ``character``s of the text
    so far, and bytes of ``unknown`` words written.
    """

    status: int
    byte: int
    entries: int
    events: int
    character: int
    unknown: int


def hash_words(blob: Bytes, ends: LongArray, hashes: NDArray[np.uint64]) -> None:
    """Write the hash of each word; word i is ``blob[ends[i]:ends[i + 1]]``."""
    _hash_words(blob, ends, hashes)


def build_slots(hashes: NDArray[np.uint64], ends: LongArray, entries: int) -> NDArray[np.uint64]:
    """Return the slots of the first `entries` entries, twice or more as many as ``hashes``."""
    slots = np.zeros((1 << (2 * len(hashes) - 1).bit_length(), 2), np.uint64)
    _build_slots(hashes, ends, entries, slots)
    return slots


def words_to_ids(
    text: Bytes,
    progress: Progress,
    table: WordTable,
    events: Events,
    unspaced: NDArray[np.bool_],
    *,
    learn: bool,
) -> Progress:
    """Write the ids of the words of a canonical text, and return how far that went.

    A newline is the id 1. With `learn` an unseen word becomes a new entry, otherwise it is id 0.
    Where ``unspaced`` (see `lmkit.kernels.unspaced`) is not empty, each such character is a word by
    itself. The status is `TABLE_FULL` where the table must grow first, and `RESERVED_WORD` where
    the words ``</s>`` or ``<s>`` stand in the text; the byte is then that of the word, from which
    the next call goes on.

    The blob needs as many bytes left as the text has, ``unknown`` twice as many.
    """
    return Progress(*_words_to_ids(text, progress, table, events, unspaced, learn))


def symbols_to_ids(
    codes: NDArray[np.uint32],
    table: IntArray,
    symbols: NDArray[np.uint32],
    size: int,
    ids: IntArray,
    *,
    learn: bool,
) -> int:
    """Write the ids of characters or bytes, and return the number of ids that are known.

    ``table`` maps a code to its id, 0 for none. With `learn`, a new code gets the next id, and is
    written to ``symbols`` at this id; `size` ids are known before.
    """
    return int(_symbols_to_ids(codes, table, symbols, size, learn, ids))


def count_ids(ids: IntArray, counts: NDArray[np.signedinteger[Any]]) -> None:
    """Add to ``counts``, int32 or int64, how often each id occurs."""
    _count_ids(ids, counts)


def translate_ids(ids: IntArray, translation: IntArray) -> None:
    """Replace each id by its translation, in place."""
    _translate_ids(ids, translation)


@compiled
def _mixed(h):
    # Multiplication by an odd number and a shifted xor are both bijections of 64 bits.
    h = np.uint64(h) * np.uint64(0x9E3779B97F4A7C15)
    h ^= h >> np.uint64(32)
    h *= np.uint64(0xD6E8FEB86659FD93)
    return h ^ (h >> np.uint64(32))


@compiled
def _hash(blob, begin, end):
    """Return the hash of blob[begin:end]: eight bytes at a time, the last filled up with zeros."""
    h = np.uint64(0)
    while True:
        piece = np.uint64(0)
        for k in range(min(8, end - begin)):
            piece |= np.uint64(blob[begin + k]) << np.uint64(8 * k)
        h = _mixed(h ^ piece)
        begin += 8
        if begin >= end:
            return h


@compiled
def _hash_words(blob, ends, hashes):
    for entry in range(len(hashes)):
        hashes[entry] = _hash(blob, ends[entry], ends[entry + 1])


@compiled
def _build_slots(hashes, ends, entries, slots):
    mask = np.uint64(len(slots) - 1)
    for entry in range(entries):
        slot = hashes[entry] & mask
        while slots[slot, 1] != 0:
            slot = (slot + np.uint64(1)) & mask
        slots[slot, 0] = hashes[entry]
        slots[slot, 1] = 2 * (entry + 1) + (ends[entry + 1] - ends[entry] > 8)


@compiled(inline="always")
def _read_word(text, i, unspaced, count):
    """Return (index after the word at i, its hash, its continuation bytes or 0 without `count`)."""
    j, h, within = i, np.uint64(0), 0
    splitting = len(unspaced) > 0
    alone = 0  # bytes of an unspaced character
    if splitting and text[i] >= _THREE_BYTES:
        code, size = _code_point(text, i)
        alone = size if unspaced[code] else 0
    while True:
        piece = _word_piece(text, j)
        size = _piece_length(piece)
        if alone > 0:
            size = alone
        elif splitting:
            size = min(size, _spaced_bytes(text, j, piece, unspaced))
        if size < 8:
            piece &= (np.uint64(1) << np.uint64(8 * size)) - np.uint64(1)
        if size > 0 or j == i:
            h = _mixed(h ^ piece)
        if count:
            within += _continuation_bytes(piece)
        j += size
        if size < 8:
            return j, h, within


@compiled(inline="always")
def _find_entry(text, i, length, h, table):
    """Return the entry of the word of hash h at index i, -1 for none, and its or a free slot."""
    slots, _, blob, ends = table
    mask = np.uint64(len(slots) - 1)
    slot = h & mask
    while slots[slot, 1] != 0:
        if slots[slot, 0] == h:
            value = np.int64(slots[slot, 1])
            entry = (value >> 1) - 1
            if length <= 8:
                if value & 1 == 0:
                    return entry, slot
            else:
                first = ends[entry]
                same = ends[entry + 1] - first == length
                if same and _same_bytes(blob, first, text, i, length):
                    return entry, slot
        slot = (slot + np.uint64(1)) & mask
    return np.int64(-1), slot


@compiled
def _add_entry(text, i, length, h, slot, entry, table):
    slots, hashes, blob, ends = table
    slots[slot, 0] = h
    slots[slot, 1] = 2 * (entry + 1) + (length > 8)
    hashes[entry] = h
    first = ends[entry]
    for k in range(length):
        blob[first + k] = text[i + k]
    ends[entry + 1] = first + length


@compiled
def _words_to_ids(text, progress, table, events, unspaced, learn):  # noqa: C901 - one loop
    _, i, entries, filled, character, written = progress
    ids, offsets, lengths, unknown = events
    placed = len(offsets) > 0
    while i < len(text):
        if text[i] == _SPACE:
            character += 1
            i += 1
            continue
        if text[i] == _NEWLINE:
            ids[filled] = _EOS_ID
            if placed:
                offsets[filled] = character
                lengths[filled] = 1
            filled += 1
            character += 1
            i += 1
            continue
        j, h, within = _read_word(text, i, unspaced, placed)
        length = j - i
        entry, slot = _find_entry(text, i, length, h, table)
        if entry < 0 and learn:
            if 2 * (entries + 1) > len(table[0]) or entries + 1 > len(table[1]):
                return TABLE_FULL, i, entries, filled, character, written
            entry = entries
            _add_entry(text, i, length, h, slot, entry, table)
            entries += 1
        if EOS_ENTRY <= entry <= BOS_ENTRY:
            return RESERVED_WORD, i, entries, filled, character, written
        ids[filled] = entry - 1 if entry >= FIRST_TYPE_ENTRY else _UNK_ID
        if entry < FIRST_TYPE_ENTRY and len(unknown) > 0:
            for k in range(length):
                unknown[written + k] = text[i + k]
            unknown[written + length] = _SPACE
            written += length + 1
        if placed:
            offsets[filled] = character
            lengths[filled] = length - within
        filled += 1
        character += length - within
        i = j
        if i < len(text) and text[i] == _SPACE:
            character += 1
            i += 1
    return DONE, i, entries, filled, character, written


@compiled
def _symbols_to_ids(codes, table, symbols, size, learn, ids):
    for i in range(len(codes)):
        code = codes[i]
        index = table[code]
        if index == 0 and learn:
            index = size
            table[code] = index
            symbols[index] = code
            size += 1
        ids[i] = index
    return size


@compiled
def _count_ids(ids, counts):
    for index in ids:
        counts[np.uint32(index)] += 1


@compiled
def _translate_ids(ids, translation):
    for i in range(len(ids)):
        ids[i] = translation[np.uint32(ids[i])]
