"""Compiled loops over the bytes of a text: folding white space, words to ids, symbols to ids.

They see arrays only, never a Python object for a token. All of them are compiled once and cached.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

# Sentence rules, as the kernel knows them.
LINE, PARAGRAPH, NONE = 0, 1, 2

# Places in the state of `fold`, which is carried from block to block.
AT_START, PENDING_SPACE, NEWLINES, SENTENCE_ENDS, WORDS, CHARACTERS = range(6)
FOLD_STATE_SIZE = 6

# Why `words_to_ids` returned before the end of the text.
DONE, TABLE_FULL, RESERVED_WORD = 0, 1, 2
# Entries of the hash table that are not types: the words <unk>, </s> and <s> as written in a text.
FIRST_TYPE_ENTRY = 3

_NEWLINE, _SPACE = 10, 32


def new_fold_state() -> NDArray[np.int64]:
    """Return the state of `fold` before the first byte, shape (6,)."""
    state = np.zeros(FOLD_STATE_SIZE, np.int64)
    state[AT_START] = 1
    return state


@njit(cache=True, nogil=True)
def fold(
    block: NDArray[np.uint8], out: NDArray[np.uint8], state: NDArray[np.int64], rule: int, limit: int
) -> Any:
    """Fold white space and apply a sentence rule; return (bytes read, bytes written).

    Runs of NUL, tab, vertical tab, form feed, return and space become one space, none at the
    edges of a sentence, and a newline ends each sentence. Stops behind the sentence end that makes
    the running total `limit`; under NONE, which has no sentence ends, behind that word's last byte.
    `out` needs len(block) + 1 bytes. `state` holds what must be known of the bytes before.
    """
    start, pending, newlines = state[0] != 0, state[1] != 0, state[2]
    ends, words, characters = state[3], state[4], state[5]
    written, read = 0, 0
    for byte in block:
        if byte == 10:
            if rule == 0:
                out[written] = 10
                written += 1
                ends += 1
                start, pending = True, False
                if ends == limit:
                    read += 1
                    break
            else:
                if rule == 2 and words == limit and not start and not pending:
                    break
                newlines += 1
                pending = not start
                if rule == 1 and newlines >= 2 and not start:
                    out[written] = 10
                    written += 1
                    ends += 1
                    start, pending = True, False
                    if ends == limit:
                        read += 1
                        break
        elif byte == 32 or byte == 0 or byte == 9 or 11 <= byte <= 13:
            if rule == 2 and words == limit and not start and not pending:
                break
            pending = not start
        else:
            if pending:
                out[written] = 32
                written += 1
                characters += 1
                words += 1
                pending = False
            elif start:
                words += 1
            start, newlines = False, 0
            out[written] = byte
            written += 1
            characters += (byte & 0xC0) != 0x80
        read += 1
    state[0], state[1], state[2] = start, pending, newlines
    state[3], state[4], state[5] = ends, words, characters
    return read, written


@njit(cache=True, nogil=True)
def build_table(hashes: NDArray[np.uint64], entries: int, slots: NDArray[np.int32]) -> None:
    """Fill an empty open-addressing table from the hashes of the first `entries` entries.

    `slots` holds entry + 1, or 0 where free; its length is a power of two.
    """
    mask = np.uint64(len(slots) - 1)
    for entry in range(entries):
        place = hashes[entry] & mask
        while slots[place] != 0:
            place = (place + np.uint64(1)) & mask
        slots[place] = entry + 1


@njit(cache=True, nogil=True)
def hash_words(blob: NDArray[np.uint8], ends: NDArray[np.int64], hashes: NDArray[np.uint64]) -> None:
    """Fill `hashes` with the hash of each word; word i is blob[ends[i]:ends[i + 1]]."""
    for entry in range(len(hashes)):
        h = np.uint64(14695981039346656037)
        for place in range(ends[entry], ends[entry + 1]):
            h = (h ^ np.uint64(blob[place])) * np.uint64(1099511628211)
        hashes[entry] = h ^ (h >> np.uint64(32))


@njit(cache=True, nogil=True)
def words_to_ids(
    text: NDArray[np.uint8],
    begin: int,
    slots: NDArray[np.int32],
    hashes: NDArray[np.uint64],
    blob: NDArray[np.uint8],
    ends: NDArray[np.int64],
    entries: int,
    learn: bool,
    ids: NDArray[np.int32],
    offsets: NDArray[np.int64],
    lengths: NDArray[np.int32],
    filled: int,
    character: int,
) -> Any:
    """Turn canonical text into word ids from byte `begin` on.

    Words are hashed (FNV-1a, 64 bits) and compared byte by byte on a hit. Entry 0 is ``<unk>``,
    entries 1 and 2 are ``</s>`` and ``<s>`` (not allowed as words of a text), and entry e from 3 on
    is the id e - 1. With `learn` an unseen word becomes a new entry, else it is id 0; a newline is
    id 1. `offsets` and `lengths` (in characters) are filled where they are not empty.

    Returns (status, byte reached, entries, filled, character).
    """
    mask = np.uint64(len(slots) - 1)
    n = len(text)
    place_wanted = len(offsets) > 0
    i = begin
    while i < n:
        byte = text[i]
        if byte == 32:
            character += 1
            i += 1
            continue
        if byte == 10:
            ids[filled] = 1
            if place_wanted:
                offsets[filled] = character
                lengths[filled] = 1
            filled += 1
            character += 1
            i += 1
            continue
        j = i
        wide = 0
        h = np.uint64(14695981039346656037)
        while j < n:
            byte = text[j]
            if byte == 32 or byte == 10:
                break
            h = (h ^ np.uint64(byte)) * np.uint64(1099511628211)
            wide += (byte & 0xC0) != 0x80
            j += 1
        h ^= h >> np.uint64(32)
        place = h & mask
        entry = -1
        while slots[place] != 0:
            candidate = slots[place] - 1
            if hashes[candidate] == h:
                first = ends[candidate]
                if ends[candidate + 1] - first == j - i:
                    k = 0
                    while k < j - i and blob[first + k] == text[i + k]:
                        k += 1
                    if k == j - i:
                        entry = candidate
                        break
            place = (place + np.uint64(1)) & mask
        if entry < 0 and learn:
            if 2 * (entries + 1) > len(slots) or entries + 1 > len(hashes):
                return 1, i, entries, filled, character
            entry = entries
            slots[place] = entry + 1
            hashes[entry] = h
            first = ends[entry]
            for k in range(j - i):
                blob[first + k] = text[i + k]
            ends[entry + 1] = first + (j - i)
            entries += 1
        if entry == 1 or entry == 2:
            return 2, i, entries, filled, character
        ids[filled] = entry - 1 if entry >= 3 else 0
        if place_wanted:
            offsets[filled] = character
            lengths[filled] = wide
        filled += 1
        character += wide
        i = j
    return 0, i, entries, filled, character


@njit(cache=True, nogil=True)
def symbols_to_ids(
    codes: NDArray[np.uint32],
    table: NDArray[np.int32],
    found: NDArray[np.uint32],
    entries: int,
    learn: bool,
    ids: NDArray[np.int32],
) -> int:
    """Turn characters or bytes into ids and return the number of ids known.

    `table` maps a code to its id, 0 where none; a newline is id 1. With `learn`, a new code gets
    the next id and is noted in `found`.
    """
    for i in range(len(codes)):
        code = codes[i]
        index = table[code]
        if index == 0 and learn:
            index = entries
            table[code] = index
            found[index] = code
            entries += 1
        ids[i] = index
    return entries
