"""Splitting a text into words by the classes of its characters."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lmkit.kernels.compiled import compiled

# What a character can be, as bits.
SPACE = 1  # white space
WORD = 2  # part of a word: a letter, mark or number, or an underscore, but no Han character
HAN = 4  # a word by itself
LETTER = 8  # a letter, no Han character
DIGIT = 16  # a decimal digit
INK = 32  # a letter or a mark, Han or not
EXTEND = 64  # belongs to the character before it: marks, joiners, format characters, skin tones
PICTURE = 128  # an emoji, which a joiner joins to the emoji before it
_NEWLINE, _BLANK, _JOINER = 10, 32, 0x200D
_FIRST_FLAG, _LAST_FLAG = 0x1F1E6, 0x1F1FF  # regional indicators: two make a flag
_APOSTROPHES, _POINTS = (0x27, 0x2019), (0x2C, 0x2E)


def part_words(codes: NDArray[np.uint32], table: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """Return a text with spaces between its words and punctuation marks.

    ``codes`` are its code points, ``table`` (0x110000,) the bits of each code point. Line ends are
    kept. White space before the first word of a line becomes a space: it may separate that word
    from the block before. No space is written between a Han character and another word: the
    canonical text has none there (`lmkit.text.unspaced`).

    Characters of the class EXTEND belong to the token before them (UAX #29, WB4), those that begin
    a line or come after white space to the token after them. Where there is none, or where it is a
    Han character, invisible ones (EXTEND without WORD) are left out.
    """
    out = np.empty(2 * len(codes), np.uint32)
    return out[: _part_words(codes, table, out)]


@compiled
def _part_words(codes, table, out):
    size, written, i = len(codes), 0, 0
    gap, inside, before, token_end = False, False, 0, -1
    while i < size:
        begin = i
        while i < size and _is_invisible(table[codes[i]]):
            i += 1
        if i == size:
            break
        code = codes[i]
        kind = table[code]
        if kind & HAN or (before & HAN and begin == token_end):
            begin = i  # leaves the invisible characters out
        if code == _NEWLINE:
            out[written] = _NEWLINE
            written += 1
            gap = inside = False
            i += 1
            continue
        if kind & SPACE:
            gap = True
            i += 1
            continue
        if gap and not (inside and (kind | before) & HAN):
            out[written] = _BLANK
            written += 1
        end = _end_of_token(codes, table, i)
        for k in range(begin, end):
            out[written] = codes[k]
            written += 1
        gap, inside, before, token_end, i = True, True, kind, end, end
    return written


@compiled(inline="always")
def _is_invisible(kind):
    return kind & EXTEND and not kind & WORD


@compiled
def _end_of_token(codes, table, i):
    kind = table[codes[i]]
    if kind & HAN:
        return i + 1
    return _end_of_word(codes, table, i + 1) if kind & WORD else _end_of_symbols(codes, table, i)


@compiled
def _end_of_symbols(codes, table, i):
    """Return the index after a run of one symbol, or one emoji or flag, that begins at index i."""
    size, code, end = len(codes), codes[i], i + 1
    if _FIRST_FLAG <= code <= _LAST_FLAG:
        end += end < size and _FIRST_FLAG <= codes[end] <= _LAST_FLAG
    else:
        while end < size and codes[end] == code:
            end += 1
    while end < size:
        kind = table[codes[end]]
        if not (kind & EXTEND or (kind & PICTURE and codes[end - 1] == _JOINER)):
            break
        end += 1
    return end


@compiled
def _end_of_word(codes, table, i):
    """Return the index after a word that goes on at index i.

    An apostrophe joins a word to a letter, a full stop or comma joins two digits, whatever
    invisible characters are between them.
    """
    size, last = len(codes), i - 1  # the last character that extends no other
    while i < size:
        kind = table[codes[i]]
        if kind & (WORD | EXTEND):
            last = last if kind & EXTEND else i
            i += 1
            continue
        k = i + 1
        while k < size and _is_invisible(table[codes[k]]):
            k += 1
        if k == size:
            break
        code, follower = codes[i], table[codes[k]]
        apostrophe = code in _APOSTROPHES and follower & LETTER
        within_number = code in _POINTS and follower & DIGIT
        if not (apostrophe or (within_number and table[codes[last]] & DIGIT)):
            break
        last, i = k, k + 1
    return i
