"""Compiled loops over the bytes of a text: folding white space, words to ids, symbols to ids.

They see arrays only, never a Python object for a token. All of them are compiled once and cached.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from lmkit.compiled import compiled

# Sentence rules, as the kernel knows them.
LINE, PARAGRAPH, NONE = 0, 1, 2

# Places in the state of `fold`, which is carried from block to block.
AT_START, PENDING_SPACE, NEWLINES, SENTENCE_ENDS, WORDS, CHARACTERS = range(6)
FOLD_STATE_SIZE = 6
FOLD_SLACK = 9  # bytes: a space more than was read, and eight that are written at once

# Why `words_to_ids` returned before the end of the text.
DONE, TABLE_FULL, RESERVED_WORD = 0, 1, 2
# Entries of the hash table that are not types: the words <unk>, </s> and <s> as written in a text.
FIRST_TYPE_ENTRY = 3


def new_fold_state() -> NDArray[np.int64]:
    """Return the state of `fold` before the first byte, shape (6,)."""
    state = np.zeros(FOLD_STATE_SIZE, np.int64)
    state[AT_START] = 1
    return state


def _load(typing_context: Any, array: Any, place: Any) -> Any:
    """Load eight bytes of a uint8 array as one little-endian number, at any alignment."""
    from llvmlite import ir

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        address = builder.gep(data, [arguments[1]])
        return builder.load(builder.bitcast(address, ir.IntType(64).as_pointer()), align=1)

    return types.uint64(array, types.int64), generate


def _store(typing_context: Any, array: Any, place: Any, value: Any) -> Any:
    """Store one little-endian number as eight bytes of a uint8 array, at any alignment."""
    from llvmlite import ir

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        address = builder.gep(data, [arguments[1]])
        builder.store(arguments[2], builder.bitcast(address, ir.IntType(64).as_pointer()), align=1)
        return context.get_dummy_value()

    return types.void(array, types.int64, types.uint64), generate


def _count_zeros(typing_context: Any, value: Any) -> Any:
    """Count the zero bits below the lowest one; 64 for 0."""
    from llvmlite import ir

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.uint64(types.uint64), generate


def _count_ones(typing_context: Any, value: Any) -> Any:
    """Count the bits that are set."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), generate


# Any: called without the typing context, which numba puts in.
_eight_bytes: Any = intrinsic(_load)
_put_eight_bytes: Any = intrinsic(_store)
_trailing_zeros: Any = intrinsic(_count_zeros)
_ones: Any = intrinsic(_count_ones)

_EACH = np.uint64(0x0101010101010101)
_HIGH = np.uint64(0x8080808080808080)


@compiled
def word_piece(text: NDArray[np.uint8], place: int) -> Any:
    """Return eight bytes of the text from `place` on, newlines standing in behind its end."""
    if place + 8 <= len(text):
        return _eight_bytes(text, place)
    piece = np.uint64(0)
    for k in range(8):
        byte = text[place + k] if place + k < len(text) else np.uint8(10)
        piece |= np.uint64(byte) << np.uint64(8 * k)
    return piece


@compiled
def piece_length(piece: int) -> Any:
    """Return how many of eight bytes stand before the first space or newline.

    A byte is zero where (v - 1) & ~v has its high bit set, exactly so for the lowest such byte.
    """
    spaces = piece ^ (np.uint64(32) * _EACH)
    newlines = piece ^ (np.uint64(10) * _EACH)
    found = ((spaces - _EACH) & ~spaces | (newlines - _EACH) & ~newlines) & _HIGH
    return np.int64(_trailing_zeros(found) >> np.uint64(3))


@compiled
def continuation_bytes(piece: int) -> Any:
    """Return how many of eight bytes are UTF-8 continuation bytes, 10xxxxxx."""
    return np.int64(_ones(piece & (~piece << np.uint64(1)) & _HIGH))


@compiled(inline="always")
def _zero_bytes(value: Any) -> Any:
    """Return the high bit of each of eight bytes that is zero."""
    return ~(((value & ~_HIGH) + ~_HIGH) | value) & _HIGH


@compiled(inline="always")
def _tidy_piece(piece: Any, spaces: Any, white: Any) -> Any:
    """Look at eight bytes, after what was found in the eight before: see `_copy_tidy`.

    Returns the high bits of spaces, of white space, of newlines, of the first bytes of words, and
    of what is not tidy.
    """
    space_before, white_before = spaces >> np.uint64(56), white >> np.uint64(56)
    spaces = _zero_bytes(piece ^ (np.uint64(32) * _EACH))
    newlines = _zero_bytes(piece ^ (np.uint64(10) * _EACH))
    white = spaces | newlines
    low = ~((piece & ~_HIGH) + np.uint64(95) * _EACH) & ~piece & _HIGH  # below 33
    space_before |= spaces << np.uint64(8)
    white_before |= white << np.uint64(8)
    wrong = (low ^ white) | (spaces & white_before) | (newlines & space_before)
    return spaces, white, newlines, white_before & ~white & _HIGH, wrong


@compiled
def _copy_tidy(block: NDArray[np.uint8], out: NDArray[np.uint8]) -> Any:
    """Copy a block whose lines need no folding; return (whether that is so, words, lines, within).

    It does not where it does not end with a newline, or holds another white space or control
    byte, or a space beside a space or a newline. `within` is the number of continuation bytes.
    Eight bytes are looked at together, without a branch.
    """
    wrong: Any = np.uint64(0)
    words: Any = 0
    lines: Any = 0
    within: Any = 0
    spaces, white = np.uint64(0), _HIGH  # of the eight bytes before: a line begins
    whole = len(block) // 8 * 8
    for place in range(0, whole, 8):
        piece = _eight_bytes(block, place)
        _put_eight_bytes(out, place, piece)
        spaces, white, newlines, starts, bad = _tidy_piece(piece, spaces, white)
        wrong |= bad
        words += np.int64(_ones(starts))
        lines += np.int64(_ones(newlines))
        within += continuation_bytes(piece)
    if whole < len(block):
        piece = word_piece(block, whole)
        _put_eight_bytes(out, whole, piece)
        _, _, newlines, starts, bad = _tidy_piece(piece, spaces, white)
        wrong |= bad
        words += np.int64(_ones(starts))
        lines += np.int64(_ones(newlines)) - (whole + 8 - len(block))  # some only stand in
        within += continuation_bytes(piece)
    return wrong == 0 and block[-1] == 10, words, lines, within


@compiled
def fold(  # noqa: C901 - one compiled loop
    block: NDArray[np.uint8],
    out: NDArray[np.uint8],
    state: NDArray[np.int64],
    rule: int,
    limit: int,
) -> Any:
    """Fold white space and apply a sentence rule; return (bytes read, bytes written).

    Runs of NUL, tab, vertical tab, form feed, return and space become one space, none at the
    edges of a sentence, and a newline ends each sentence. Stops behind the sentence end that makes
    the running total `limit`; under NONE, which has no sentence ends, behind that word's last byte.
    `out` needs len(block) + FOLD_SLACK bytes. `state` holds what must be known of the bytes before.
    """
    start, pending, newlines = state[0] != 0, state[1] != 0, state[2]
    ends, words = state[3], state[4]
    written, read, size = 0, 0, len(block)
    if rule == 0 and limit < 0 and start and size > 0:
        tidy, more_words, lines, within = _copy_tidy(block, out)
        if tidy:
            state[3] += lines
            state[4] += more_words
            state[5] += size - within - lines
            return size, size
    while read < size:
        byte = block[read]
        if byte > 32 or not (byte == 32 or byte == 0 or 9 <= byte <= 13):
            if pending:
                out[written] = 32
                written += 1
                pending = False
                words += 1
            elif start:
                words += 1
            start, newlines = False, 0
            out[written] = byte
            written += 1
            read += 1
            # The rest of a word, the usual case: eight bytes are copied, and those kept that
            # stand before the first white space or control byte.
            while read + 8 <= size:
                piece = _eight_bytes(block, read)
                _put_eight_bytes(out, written, piece)
                low = (piece - np.uint64(33) * _EACH) & ~piece & _HIGH
                kept: Any = np.int64(_trailing_zeros(low)) >> 3
                written += kept
                read += kept
                if kept < 8:
                    break
            continue
        if rule == 2 and words == limit and not start and not pending:
            break
        read += 1
        if byte != 10:
            pending = not start
            continue
        newlines += 1
        if rule == 0 or (rule == 1 and newlines >= 2 and not start):
            out[written] = 10
            written += 1
            ends += 1
            start, pending = True, False
            if ends == limit:
                break
        else:
            pending = not start
    within, newlines_written = 0, ends - state[3]
    for place in range(written):
        within += (out[place] & 0xC0) == 0x80
    state[5] += written - within - newlines_written
    state[0], state[1], state[2], state[3], state[4] = start, pending, newlines, ends, words
    return read, written


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
) -> Any:
    """Turn canonical text into word ids from byte `begin` on.

    Words are read, hashed and compared eight bytes at a time. Entry 0 is ``<unk>``, entries 1 and
    2 are ``</s>`` and ``<s>`` (not allowed as words of a text), and entry e from 3 on is the id
    e - 1. With `learn` an unseen word becomes a new entry, else it is id 0; a newline is id 1.
    `offsets` and `lengths` (in characters) are filled where they are not empty.

    Returns (status, byte reached, entries, filled, character).
    """
    mask = np.uint64(len(slots) - 1)
    n = len(text)
    place_wanted = len(offsets) > 0
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
        while True:
            piece = word_piece(text, j)
            size = piece_length(piece)
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
                    if ends[candidate + 1] - first == length:
                        k = 0
                        while k < length and blob[first + k] == text[i + k]:
                            k += 1
                        if k == length:
                            entry = candidate
                            break
            place = (place + np.uint64(1)) & mask
        if entry < 0 and learn:
            if 2 * (entries + 1) > len(slots) or entries + 1 > len(hashes):
                return 1, i, entries, filled, character
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
            return 2, i, entries, filled, character
        ids[filled] = entry - 1 if entry >= 3 else 0
        if place_wanted:
            offsets[filled] = character
            lengths[filled] = length - within
        filled += 1
        character += length - within
        i = j
    return 0, i, entries, filled, character


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
    open_run: NDArray[np.int64],
    runs: NDArray[np.int64],
) -> int:
    """Write the bytes and characters of each run of a text, and return how many runs there are.

    A run ends behind each byte that `separators` (256,) marks. `open_run` (2,) holds the bytes and
    characters of the run that the text before left open, and then of the one that this one leaves.
    `runs` (R, 2) needs a row for each separator.
    """
    found, begin = 0, 0
    characters = open_run[1]
    for place in range(len(text)):
        byte = text[place]
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
def count_ids(ids: NDArray[np.int32], counts: NDArray[np.signedinteger[Any]]) -> None:
    """Add to `counts` how often each id occurs."""
    for index in ids:
        counts[np.uint32(index)] += 1


@compiled
def translate_ids(ids: NDArray[np.int32], translation: NDArray[np.int32]) -> None:
    """Replace each id by its translation, in place."""
    for place in range(len(ids)):
        ids[place] = translation[np.uint32(ids[place])]
