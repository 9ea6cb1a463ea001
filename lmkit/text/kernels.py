"""Compiled loops over the bytes of a text: words to ids, symbols to ids, runs between separators.

They see arrays only, never a Python object for a token. All of them are compiled once and cached.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmkit.kernels.compiled import compiled
from lmkit.text.eight_bytes import continuation_bytes, piece_length, same_bytes, word_piece
from lmkit.text.unspaced import code_point, spaced_bytes

_AT_ONCE = 1024  # ids
# Why `words_to_ids` returned before the end of the text.
DONE, TABLE_FULL, RESERVED_WORD = 0, 1, 2
# Entries of the hash table that are not types: the words <unk>, </s> and <s> as written in a text.
FIRST_TYPE_ENTRY = 3


@compiled
def build_table(
    hashes: NDArray[np.uint64], ends: NDArray[np.int64], entries: int, slots: NDArray[np.uint64]
) -> None:
    """Fill an empty open-addressing table from the hashes of the first `entries` entries.

    A slot is a pair, the hash and 2 (entry + 1), or 2 (entry + 1) + 1 for a word of more than
    eight bytes; 0 where free. The number of slots is a power of two.
    """
    mask = np.uint64(len(slots) - 1)
    for entry in range(entries):
        place = hashes[entry] & mask
        while slots[place, 1] != 0:
            place = (place + np.uint64(1)) & mask
        slots[place, 0] = hashes[entry]
        slots[place, 1] = 2 * (entry + 1) + (ends[entry + 1] - ends[entry] > 8)


@compiled
def _mixed(h: Any) -> Any:
    # Multiplication by an odd number and a shifted xor are both bijections of 64 bits.
    h = np.uint64(h) * np.uint64(0x9E3779B97F4A7C15)
    h ^= h >> np.uint64(32)
    h *= np.uint64(0xD6E8FEB86659FD93)
    return h ^ (h >> np.uint64(32))


@compiled
def _hash(blob: NDArray[np.uint8], begin: int, end: int) -> Any:
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
def hash_words(
    blob: NDArray[np.uint8], ends: NDArray[np.int64], hashes: NDArray[np.uint64]
) -> None:
    """Fill `hashes` with the hash of each word; word i is blob[ends[i]:ends[i + 1]]."""
    for entry in range(len(hashes)):
        hashes[entry] = _hash(blob, ends[entry], ends[entry + 1])


@compiled
def words_to_ids(  # noqa: C901 - one compiled loop
    text: NDArray[np.uint8],
    begin: int,
    slots: NDArray[np.uint64],
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
    unknown: NDArray[np.uint8],
    gathered: int,
    unspaced: NDArray[np.bool_],
) -> Any:
    """Turn canonical text into word ids from byte `begin` on.

    Words are read, hashed and compared eight bytes at a time. Entry 0 is ``<unk>``, entries 1 and
    2 are ``</s>`` and ``<s>`` (not allowed as words of a text), and entry e from 3 on is the id
    e - 1. With `learn` an unseen word becomes a new entry, else it is id 0; a newline is id 1.
    `offsets` and `lengths` (in characters) are filled where they are not empty, and so is
    `unknown`, with the words of id 0, a space behind each. Where `unspaced` is not empty, each
    character that it marks is a word by itself (lmkit.text.unspaced).

    Returns (status, byte reached, entries, filled, character, bytes gathered of unknown words).
    """
    mask = np.uint64(len(slots) - 1)
    n = len(text)
    place_wanted = len(offsets) > 0
    parting = len(unspaced) > 0
    i = begin
    while i < n:
        if text[i] == 32:
            character += 1
            i += 1
            continue
        if text[i] == 10:
            ids[filled] = 1
            if place_wanted:
                offsets[filled] = character
                lengths[filled] = 1
            filled += 1
            character += 1
            i += 1
            continue
        j, h, within = i, np.uint64(0), 0
        alone = 0  # bytes of an unspaced character
        if parting and text[i] >= 0xE0:
            code, size = code_point(text, i)
            alone = size if unspaced[code] else 0
        while True:
            piece = word_piece(text, j)
            size = piece_length(piece)
            if alone > 0:
                size = alone
            elif parting:
                size = min(size, spaced_bytes(text, j, piece, unspaced))
            if size < 8:
                piece &= (np.uint64(1) << np.uint64(8 * size)) - np.uint64(1)
            if size > 0 or j == i:
                h = _mixed(h ^ piece)
            if place_wanted:
                within += continuation_bytes(piece)
            j += size
            if size < 8:
                break
        length = j - i
        place = h & mask
        entry = -1
        while slots[place, 1] != 0:
            if slots[place, 0] == h:
                value: Any = np.int64(slots[place, 1])
                candidate = (value >> 1) - 1
                if length <= 8:
                    # Of at most eight bytes the hash is a bijection: same hash, same word.
                    if value & 1 == 0:
                        entry = candidate
                        break
                else:
                    first = ends[candidate]
                    same = ends[candidate + 1] - first == length
                    if same and same_bytes(blob, first, text, i, length):
                        entry = candidate
                        break
            place = (place + np.uint64(1)) & mask
        if entry < 0 and learn:
            if 2 * (entries + 1) > len(slots) or entries + 1 > len(hashes):
                return 1, i, entries, filled, character, gathered
            entry = entries
            slots[place, 0] = h
            slots[place, 1] = 2 * (entry + 1) + (length > 8)
            hashes[entry] = h
            first = ends[entry]
            for k in range(length):
                blob[first + k] = text[i + k]
            ends[entry + 1] = first + length
            entries += 1
        if entry == 1 or entry == 2:
            return 2, i, entries, filled, character, gathered
        ids[filled] = entry - 1 if entry >= 3 else 0
        if entry < 3 and len(unknown) > 0:
            for k in range(length):
                unknown[gathered + k] = text[i + k]
            unknown[gathered + length] = 32
            gathered += length + 1
        if place_wanted:
            offsets[filled] = character
            lengths[filled] = length - within
        filled += 1
        character += length - within
        i = j
        if i < n and text[i] == 32:
            character += 1
            i += 1
    return 0, i, entries, filled, character, gathered


@compiled
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


@compiled
def measure_runs(
    text: NDArray[np.uint8],
    separators: NDArray[np.bool_],
    unspaced: NDArray[np.bool_],
    open_run: NDArray[np.int64],
    runs: NDArray[np.int64],
) -> int:
    """Write the bytes and characters of each run of a text, and return how many runs there are.

    A run ends behind each byte that `separators` (256,) marks, and, where `unspaced` is not empty,
    before and behind each character that it marks; separators stay with what they follow.
    `open_run` (3,) holds the bytes and characters of the run that the text before left open, and
    whether its last character is unspaced; then those of the run that this text leaves open.
    `runs` (R, 2) needs a row for each run that ends.
    """
    found, begin = 0, 0
    characters = open_run[1]
    for place in range(len(text)):
        byte = text[place]
        if len(unspaced) > 0 and (byte & 0xC0) != 0x80:
            here = False
            if byte >= 0xE0:
                code, _ = code_point(text, place)
                here = unspaced[code]
            if (here or open_run[2] != 0) and characters > 0 and not separators[byte]:
                runs[found, 0] = open_run[0] + place - begin
                runs[found, 1] = characters
                found, begin, characters, open_run[0] = found + 1, place, 0, 0
            open_run[2] = here
        characters += (byte & 0xC0) != 0x80
        if separators[byte]:
            runs[found, 0] = open_run[0] + place + 1 - begin
            runs[found, 1] = characters
            found, begin, characters, open_run[0] = found + 1, place + 1, 0, 0
    open_run[0] += len(text) - begin
    open_run[1] = characters
    return found


@compiled
def first_at(
    places: NDArray[np.int64], starts: NDArray[np.int64], found: NDArray[np.int64]
) -> None:
    """Write, for each of the rising starts, the index of the first of the rising places there."""
    index = 0
    for number in range(len(starts)):
        while index < len(places) and places[index] < starts[number]:
            index += 1
        found[number] = index


@compiled
def first_of_sentences(
    ids: NDArray[np.int32], eos: int, wanted: NDArray[np.int64], found: NDArray[np.int64]
) -> None:
    """Write, for each of the rising numbers of sentences, from 0, the index of its first id.

    Sentences end with the id `eos`; for one that is not there it is the number of ids.
    """
    sentence, place = 0, 0
    for number in range(len(wanted)):
        # So many ids cannot be more than the ends that are wanted: they are counted together.
        while wanted[number] - sentence >= _AT_ONCE and place + _AT_ONCE <= len(ids):
            ends = 0
            for index in ids[place : place + _AT_ONCE]:
                ends += index == eos
            sentence, place = sentence + ends, place + _AT_ONCE
        while sentence < wanted[number] and place < len(ids):
            sentence += ids[place] == eos
            place += 1
        found[number] = place


@compiled
def count_ids(ids: NDArray[np.int32], counts: NDArray[np.signedinteger[Any]]) -> None:
    """Add to `counts` how often each id occurs."""
    for index in ids:
        counts[np.uint32(index)] += 1


@compiled
def translate_ids(ids: NDArray[np.int32], translation: NDArray[np.int32]) -> None:
    """Replace each id by its translation, in place."""
    for place in range(len(ids)):
        ids[place] = translation[np.uint32(ids[place])]
