"""Hashes of the passages of a text: its long sentences, or parts of them.

A passage ends with its sentence, and once it has `LONG` bytes also where its bytes determine a cut:
where a hash of the eight bytes before begins with seven zero bits. At `LONGEST` bytes it ends in
any case.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmkit.kernels.compiled import compiled
from lmkit.kernels.eight_bytes import (
    _EACH,
    _eight_bytes,
    _trailing_zeros,
    _word_piece,
    _zero_bytes,
)

SHORTEST = 32  # bytes: six or seven English words, ten Han characters
LONG = 192  # bytes, a multiple of eight
LONGEST = 4096  # bytes: a passage without any cut, such as one letter repeated, ends here
_FACTOR = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio, odd (Knuth 1998, section 6.4)
_CUT_SHIFT = np.uint64(64 - 7)
_NEWLINE = 10


def hash_passages(
    text: NDArray[np.uint8], level: int, hashes: NDArray[np.uint64]
) -> tuple[int, int]:
    """Hash the passages that end in a text: return (how many, the byte where an open one begins).

    Only hashes below 2^(64 - level), of passages of `SHORTEST` bytes or more, are written, in the
    order of the text; there is at most one for each `SHORTEST` bytes. A passage is hashed eight
    bytes at a time, the last filled up with zeros, and then its length.
    """
    written, begin = _hash_passages(text, level, hashes)
    return written, begin


@compiled
def _end_of_long(text, begin):
    """Return the end of the passage from `begin` on, which is long; the text's if it is open."""
    for i in range(begin + LONG, min(len(text), begin + LONGEST)):
        if text[i] == _NEWLINE:
            return i
        if (_eight_bytes(text, i - 8) * _FACTOR) >> _CUT_SHIFT == 0:
            return i
    return min(len(text), begin + LONGEST)


@compiled
def _stirred(h):
    # Multiplication by an odd number and a shifted xor are both bijections of 64 bits.
    h = np.uint64(h) * _FACTOR
    return h ^ (h >> np.uint64(32))


@compiled
def _hash_passages(text, level, hashes):
    begin: Any = 0
    written = 0
    while begin < len(text):
        h = np.uint64(0)
        i: Any = begin
        end: Any = -1
        while True:
            if i == begin + LONG and end < 0:
                end = _end_of_long(text, begin)
            piece = _word_piece(text, i)
            if end < 0:
                newlines = _zero_bytes(piece ^ (np.uint64(_NEWLINE) * _EACH))
                size: Any = np.int64(_trailing_zeros(newlines) >> np.uint64(3))
            else:
                size = min(8, end - i)
            if size < 8:
                piece &= (np.uint64(1) << np.uint64(8 * size)) - np.uint64(1)
            if size > 0:
                h = _stirred(h ^ piece)
            i += size
            if size < 8:
                break
        if i >= len(text):
            break  # at a newline that only fills up the last eight bytes
        h = _stirred(_stirred(h ^ np.uint64(i - begin)))
        if i - begin >= SHORTEST and (level == 0 or h >> np.uint64(64 - level) == 0):
            hashes[written] = h
            written += 1
        begin = i + (text[i] == _NEWLINE)
    return written, begin
