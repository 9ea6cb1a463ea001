"""Classes of characters, and the compiled loop that parts a text into words by them.

What a character is, Unicode says, and the `regex` module knows; it is asked once for each distinct
character of a text. The rest is done in an array of code points, with no object for a word.
"""

from __future__ import annotations

from typing import Any

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
_CLASSES = (
    (SPACE, r"\s"),
    (WORD, r"[\p{L}\p{M}\p{N}_--\p{Han}]"),
    (HAN, r"\p{Han}"),
    (LETTER, r"[\p{L}--\p{Han}]"),
    (DIGIT, r"[\p{Nd}--\p{Han}]"),
    (INK, r"[\p{L}\p{M}]"),
)
_POINTS = 0x110000


def code_points(text: str) -> NDArray[np.uint32]:
    """Return the code points of a text, uint32 (characters,); read-only."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


def text_of(codes: NDArray[np.uint32]) -> str:
    """Return the text that :func:`code_points` took apart."""
    return codes.tobytes().decode("utf-32-le", "surrogatepass")


def classes(codes: NDArray[np.uint32]) -> NDArray[np.uint8]:
    """Return the bits of each character that stands in a text, by code point: uint8 (0x110000,)."""
    import regex

    present = np.zeros(_POINTS, np.bool_)
    present[codes] = True
    distinct = np.flatnonzero(present).astype(np.uint32)
    alphabet = text_of(distinct)
    table = np.zeros(_POINTS, np.uint8)
    for bit, pattern in _CLASSES:
        for match in regex.finditer(f"{pattern}+", alphabet, regex.VERSION1):
            table[distinct[match.start() : match.end()]] |= bit
    return table


@compiled
def part_words(codes: NDArray[np.uint32], table: NDArray[np.uint8], out: NDArray[np.uint32]) -> Any:
    """Write words and punctuation marks parted by spaces; return the number of code points.

    `out` needs twice the room of `codes`. Line ends stay. White space before the first word of a
    line stays as a space: it may part that word from the block before. No space is written between
    a Han character and another word: the canonical text has none there (lmkit.text.unspaced).
    """
    size, written, i = len(codes), 0, 0
    gap, inside, before = False, False, 0
    while i < size:
        code = codes[i]
        kind = table[code]
        if code == 10:
            out[written] = 10
            written += 1
            gap = inside = False
            i += 1
            continue
        if kind & SPACE:
            gap = True
            i += 1
            continue
        if gap and not (inside and (kind | before) & HAN):
            out[written] = 32
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
def _end_of_word(codes: NDArray[np.uint32], table: NDArray[np.uint8], place: int) -> Any:
    # An apostrophe joins what stands before it to a letter, a full stop or comma joins two digits.
    while place < len(codes):
        if table[codes[place]] & WORD:
            place += 1
            continue
        if place + 1 == len(codes):
            break
        code, follower = codes[place], table[codes[place + 1]]
        apostrophe = (code == 0x27 or code == 0x2019) and follower & LETTER
        within_number = (code == 0x2C or code == 0x2E) and follower & DIGIT
        if not (apostrophe or (within_number and table[codes[place - 1]] & DIGIT)):
            break
        place += 2
    return place
