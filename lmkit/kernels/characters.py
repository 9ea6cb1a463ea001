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
_NEWLINE, _BLANK = 10, 32
_APOSTROPHES, _POINTS = (0x27, 0x2019), (0x2C, 0x2E)


def part_words(codes: NDArray[np.uint32], table: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """Return a text with spaces between its words and punctuation marks.

    ``codes`` are its code points, ``table`` (0x110000,) the bits of each code point. Line ends are
    kept. White space before the first word of a line becomes a space: it may separate that word
    from the block before. No space is written between a Han character and another word: the
    canonical text has none there (`lmkit.text.unspaced`).
    """
    out = np.empty(2 * len(codes), np.uint32)
    return out[: _part_words(codes, table, out)]


@compiled
def _part_words(codes, table, out):
    size, written, i = len(codes), 0, 0
    gap, inside, before = False, False, 0
    while i < size:
        code = codes[i]
        kind = table[code]
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
        gap, inside, before = True, True, kind
        end = i + 1
        if kind & WORD:
            end = _end_of_word(codes, table, end)
        elif not kind & HAN:
            while end < size and codes[end] == code:
                end += 1
        while i < end:
            out[written] = codes[i]
            written += 1
            i += 1
    return written


@compiled
def _end_of_word(codes, table, i):
    """Return the index after a word that goes on at index i.

    An apostrophe joins a word to a letter, a full stop or comma joins two digits.
    """
    while i < len(codes):
        if table[codes[i]] & WORD:
            i += 1
            continue
        if i + 1 == len(codes):
            break
        code, follower = codes[i], table[codes[i + 1]]
        apostrophe = code in _APOSTROPHES and follower & LETTER
        within_number = code in _POINTS and follower & DIGIT
        if not (apostrophe or (within_number and table[codes[i - 1]] & DIGIT)):
            break
        i += 2
    return i
