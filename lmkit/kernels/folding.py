"""Folding a text: white space made canonical, and a sentence rule applied.

Runs of NUL, tab, return and space become one space, none at the edges of a sentence, and a newline
ends each sentence: the white space of KenLM's lmplz. Form feeds and vertical tabs are characters of
words. Under the rule `LINE` a sentence is a line, under
`PARAGRAPH` it ends at a blank line, under `NONE` there are no sentence ends.

A text comes in blocks; ``state``, int64 (6,), carries what the next block depends on (`new_state`).
`limit` stops after the sentence end that makes the running total `limit`; under `NONE`, after the
last byte of the word that does; -1 for no limit.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lmkit.kernels.compiled import compiled
from lmkit.kernels.eight_bytes import (
    _EACH,
    _HIGH,
    _continuation_bytes,
    _eight_bytes,
    _ones,
    _put_eight_bytes,
    _trailing_zeros,
    _word_piece,
    _zero_bytes,
)
from lmkit.types import Bytes, LongArray

LINE, PARAGRAPH, NONE = 0, 1, 2  # sentence rules

# Indices of the state. The first two are 0 or 1: whether a sentence begins, and whether a space is
# to be written before the next word; then newlines since the last word, and running totals.
AT_START, PENDING_SPACE, NEWLINES, SENTENCE_ENDS, WORDS, CHARACTERS = range(6)
_STRETCH = 4096  # bytes that are copied before a look at whether all of them were tidy
_SLACK = 9  # bytes: a space more than was read, and eight that are written at once
_NEWLINE, _SPACE, _TAB, _RETURN = 10, 32, 9, 13
_NO_BREAKS: LongArray = np.empty(0, np.int64)


def new_state() -> LongArray:
    """Return the state before the first byte, int64 (6,)."""
    state = np.zeros(6, np.int64)
    state[AT_START] = 1
    return state


def fold(
    block: Bytes, state: LongArray, rule: int, limit: int = -1, breaks: LongArray = _NO_BREAKS
) -> tuple[int, Bytes, LongArray]:
    """Return how many bytes of a block were read, the canonical text that they make, and breaks.

    Each of the rising offsets ``breaks``, at which lines begin, ends a paragraph. The third result,
    int64 (breaks, 3), is what the canonical text has before it: bytes of this block, and running
    totals of characters and of sentence ends. Rows of breaks that a limit leaves out mean nothing.

    >>> fold(np.frombuffer(b" a  b\\r\\nc", np.uint8), new_state(), LINE)[1].tobytes()
    b'a b\\nc'
    """
    out = np.empty(len(block) + len(breaks) + _SLACK, np.uint8)
    before = np.empty((len(breaks), 3), np.int64)
    read, written = _fold_pieces(block, breaks, out, state, rule, limit, before)
    return read, out[:written], before


@compiled
def _tidy_piece(piece, spaces, white):
    """Classify eight bytes; `spaces` and `white` are the results for the eight bytes before.

    Returns the high bits of spaces, of white space, of newlines, of the first bytes of words, and
    of what is not tidy (see `_copy_tidy`).
    """
    space_before, white_before = spaces >> np.uint64(56), white >> np.uint64(56)
    spaces = _zero_bytes(piece ^ (np.uint64(_SPACE) * _EACH))
    newlines = _zero_bytes(piece ^ (np.uint64(_NEWLINE) * _EACH))
    white = spaces | newlines
    low = ~((piece & ~_HIGH) + np.uint64(95) * _EACH) & ~piece & _HIGH  # below 33
    space_before |= spaces << np.uint64(8)
    white_before |= white << np.uint64(8)
    wrong = (low ^ white) | (spaces & white_before) | (newlines & space_before)
    return spaces, white, newlines, white_before & ~white & _HIGH, wrong


@compiled
def _copy_tidy(block, out):
    """Copy a block if its lines are tidy: return (whether they are, words, lines, within).

    They are not if the last does not end with a newline, or if there is other white space or a
    control byte, or a space next to a space or a newline. `within` is the number of continuation
    bytes. Eight bytes are handled together, without a branch.
    """
    wrong = np.uint64(0)
    words: Any = 0
    lines: Any = 0
    within: Any = 0
    spaces, white = np.uint64(0), _HIGH  # of the eight bytes before: a line begins
    whole = len(block) // 8 * 8
    for begin in range(0, whole, _STRETCH):
        for i in range(begin, min(begin + _STRETCH, whole), 8):
            piece = _eight_bytes(block, i)
            _put_eight_bytes(out, i, piece)
            spaces, white, newlines, starts, bad = _tidy_piece(piece, spaces, white)
            wrong |= bad
            words += np.int64(_ones(starts))
            lines += np.int64(_ones(newlines))
            within += _continuation_bytes(piece)
        if wrong != 0:
            return False, words, lines, within
    if whole < len(block):
        piece = _word_piece(block, whole)
        _put_eight_bytes(out, whole, piece)
        _, _, newlines, starts, bad = _tidy_piece(piece, spaces, white)
        wrong |= bad
        words += np.int64(_ones(starts))
        lines += np.int64(_ones(newlines)) - (whole + 8 - len(block))  # less those that fill it up
        within += _continuation_bytes(piece)
    return wrong == 0 and block[-1] == _NEWLINE, words, lines, within


@compiled
def _is_blank(byte):
    return byte <= _SPACE and byte in (_SPACE, _TAB, _NEWLINE, _RETURN, 0)


@compiled
def _copy_word(block, read, out, written):
    """Copy the rest of a word, eight bytes at a time; return the indices after it.

    Bytes before the first white space or control byte are kept; fewer than eight are left at the
    end of a block.
    """
    while read + 8 <= len(block):
        piece = _eight_bytes(block, read)
        _put_eight_bytes(out, written, piece)
        low = (piece - np.uint64(_SPACE + 1) * _EACH) & ~piece & _HIGH
        kept = np.int64(_trailing_zeros(low)) >> 3
        written += kept
        read += kept
        if kept < 8:
            break
    return read, written


@compiled
def _first_bytes(text):
    """Return the number of characters of UTF-8 bytes."""
    characters = 0
    for byte in text:
        characters += (byte & 0xC0) != 0x80
    return characters


@compiled
def _fold(block, out, state, rule, limit):
    """Fold a block without breaks; return (bytes read, bytes written)."""
    start, pending, newlines = state[AT_START] != 0, state[PENDING_SPACE] != 0, state[NEWLINES]
    ends, words = state[SENTENCE_ENDS], state[WORDS]
    written, read, size = 0, 0, len(block)
    if rule == LINE and limit < 0 and start and size > 0:
        tidy, more_words, lines, within = _copy_tidy(block, out)
        if tidy:
            state[SENTENCE_ENDS] += lines
            state[WORDS] += more_words
            state[CHARACTERS] += size - within - lines
            return size, size
    while read < size:
        byte = block[read]
        if not _is_blank(byte):
            if pending:
                out[written] = _SPACE
                written += 1
            words += pending or start
            start, pending, newlines = False, False, 0
            out[written] = byte
            read, written = _copy_word(block, read + 1, out, written + 1)
            continue
        if rule == NONE and words == limit and not start and not pending:
            break
        read += 1
        if byte != _NEWLINE:
            pending = not start
            continue
        newlines += 1
        if rule == LINE or (rule == PARAGRAPH and newlines >= 2 and not start):
            out[written] = _NEWLINE
            written += 1
            ends += 1
            start, pending = True, False
            if ends == limit:
                break
        else:
            pending = not start
    state[CHARACTERS] += _first_bytes(out[:written]) - (ends - state[SENTENCE_ENDS])
    state[AT_START], state[PENDING_SPACE], state[NEWLINES] = start, pending, newlines
    state[SENTENCE_ENDS], state[WORDS] = ends, words
    return read, written


@compiled
def _fold_pieces(block, breaks, out, state, rule, limit, before):
    read, written = 0, 0
    for number in range(len(breaks) + 1):
        stop = breaks[number] if number < len(breaks) else len(block)
        if read < stop:
            more, put = _fold(block[read:stop], out[written:], state, rule, limit)
            read, written = read + more, written + put
            if read < stop or (rule != NONE and state[SENTENCE_ENDS] == limit):
                break
        if number < len(breaks):
            if rule == PARAGRAPH and state[AT_START] == 0:
                out[written] = _NEWLINE
                written += 1
                state[AT_START], state[PENDING_SPACE], state[NEWLINES] = 1, 0, 0
                state[SENTENCE_ENDS] += 1
            before[number, 0] = written
            before[number, 1] = state[CHARACTERS] + state[SENTENCE_ENDS]
            before[number, 2] = state[SENTENCE_ENDS]
            if rule != NONE and state[SENTENCE_ENDS] == limit:
                break
    return read, written
