"""Folding: the compiled loop that makes white space canonical and applies a sentence rule."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmkit.kernels.compiled import compiled
from lmkit.text.eight_bytes import (
    EACH,
    HIGH,
    continuation_bytes,
    eight_bytes,
    ones,
    put_eight_bytes,
    trailing_zeros,
    word_piece,
    zero_bytes,
)

# Sentence rules, as the kernel knows them.
LINE, PARAGRAPH, NONE = 0, 1, 2

# Places in the state of `fold`, which is carried from block to block.
AT_START, PENDING_SPACE, NEWLINES, SENTENCE_ENDS, WORDS, CHARACTERS = range(6)
FOLD_STATE_SIZE = 6
_STRETCH = 4096  # bytes that are looked at before one that is not tidy ends it
FOLD_SLACK = 9  # bytes: a space more than was read, and eight that are written at once


def new_fold_state() -> NDArray[np.int64]:
    """Return the state of `fold` before the first byte, shape (6,)."""
    state = np.zeros(FOLD_STATE_SIZE, np.int64)
    state[AT_START] = 1
    return state


@compiled
def _tidy_piece(piece: Any, spaces: Any, white: Any) -> Any:
    """Look at eight bytes, after what was found in the eight before: see `_copy_tidy`.

    Returns the high bits of spaces, of white space, of newlines, of the first bytes of words, and
    of what is not tidy.
    """
    space_before, white_before = spaces >> np.uint64(56), white >> np.uint64(56)
    spaces = zero_bytes(piece ^ (np.uint64(32) * EACH))
    newlines = zero_bytes(piece ^ (np.uint64(10) * EACH))
    white = spaces | newlines
    low = ~((piece & ~HIGH) + np.uint64(95) * EACH) & ~piece & HIGH  # below 33
    space_before |= spaces << np.uint64(8)
    white_before |= white << np.uint64(8)
    wrong = (low ^ white) | (spaces & white_before) | (newlines & space_before)
    return spaces, white, newlines, white_before & ~white & HIGH, wrong


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
    spaces, white = np.uint64(0), HIGH  # of the eight bytes before: a line begins
    whole = len(block) // 8 * 8
    for begin in range(0, whole, _STRETCH):
        for place in range(begin, min(begin + _STRETCH, whole), 8):
            piece = eight_bytes(block, place)
            put_eight_bytes(out, place, piece)
            spaces, white, newlines, starts, bad = _tidy_piece(piece, spaces, white)
            wrong |= bad
            words += np.int64(ones(starts))
            lines += np.int64(ones(newlines))
            within += continuation_bytes(piece)
        if wrong != 0:
            return False, words, lines, within
    if whole < len(block):
        piece = word_piece(block, whole)
        put_eight_bytes(out, whole, piece)
        _, _, newlines, starts, bad = _tidy_piece(piece, spaces, white)
        wrong |= bad
        words += np.int64(ones(starts))
        lines += np.int64(ones(newlines)) - (whole + 8 - len(block))  # some only stand in
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
                piece = eight_bytes(block, read)
                put_eight_bytes(out, written, piece)
                low = (piece - np.uint64(33) * EACH) & ~piece & HIGH
                kept: Any = np.int64(trailing_zeros(low)) >> 3
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
def fold_pieces(
    block: NDArray[np.uint8],
    breaks: NDArray[np.int64],
    out: NDArray[np.uint8],
    state: NDArray[np.int64],
    rule: int,
    limit: int,
    found: NDArray[np.int64],
) -> Any:
    """Fold a block as `fold` does, a paragraph ending at each of the rising offsets `breaks`.

    Breaks are places where lines begin. `found` (breaks, 3) takes what the canonical text has
    before each: bytes of this block, and running totals of characters and of sentence ends.
    """
    read, written = 0, 0
    for number in range(len(breaks) + 1):
        stop = breaks[number] if number < len(breaks) else len(block)
        if read < stop:
            more, put = fold(block[read:stop], out[written:], state, rule, limit)
            read, written = read + more, written + put
            if read < stop or (rule != 2 and state[3] == limit):
                break
        if number < len(breaks):
            if rule == 1 and state[0] == 0:
                out[written] = 10
                written += 1
                state[0], state[1], state[2], state[3] = 1, 0, 0, state[3] + 1
            found[number, 0] = written
            found[number, 1] = state[5] + state[3]
            found[number, 2] = state[3]
            if rule != 2 and state[3] == limit:
                break
    return read, written
