"""Characters that are written without spaces (see `lmkit.text.unspaced`) in UTF-8 bytes.

``unspaced`` is bool (0x110000,): which code points are such characters. Each is a word by itself.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lmkit.kernels.compiled import compiled
from lmkit.kernels.eight_bytes import _HIGH, _eight_bytes, _put_eight_bytes, _trailing_zeros
from lmkit.types import Bytes

_THREE_BYTES, _FOUR_BYTES = 0xE0, 0xF0  # the lowest first bytes of such sequences
_SPACE, _NEWLINE = 32, 10


def close_up(
    text: Bytes, unspaced: NDArray[np.bool_], out: Bytes, after: NDArray[np.bool_]
) -> tuple[int, int]:
    """Write a folded text without spaces beside unspaced characters.

    Returns (bytes written, further words): two words that had no space between them were one word
    before, so the second is a further one. `out` is at least as long as the text. ``after`` (1,)
    says whether an unspaced character ends what came before the text; then, whether one ends this.

    Of "诗 a诗 b" becomes "诗a诗b", with 1 word more than 3.
    """
    written, words = _close_up(text, unspaced, out, after)
    return int(written), int(words)


@compiled
def _code_point(text, i):
    """Return the code point of the UTF-8 sequence of three or four bytes at index i, and its size.

    The code point is 0 where the text ends within it.
    """
    first = np.int64(text[i])
    size = 3 if first < _FOUR_BYTES else 4
    if i + size > len(text):
        return 0, len(text) - i
    code = first & (0xF if size == 3 else 7)
    for k in range(1, size):
        code = code << 6 | (text[i + k] & 0x3F)
    return code, size


@compiled
def _three_bytes_or_more(piece):
    """Return the high bit of each of eight bytes that begins a sequence of three bytes or four."""
    return piece & (piece << np.uint64(1)) & (piece << np.uint64(2)) & _HIGH


@compiled
def _spaced_bytes(text, i, piece, unspaced):
    """Return how many of the eight bytes at index i come before the first unspaced character."""
    firsts = _three_bytes_or_more(piece)
    while firsts != 0:
        k = np.int64(_trailing_zeros(firsts)) >> 3
        code, _ = _code_point(text, i + k)
        if unspaced[code]:
            return k
        firsts &= firsts - np.uint64(1)
    return 8


@compiled
def _close_up(text, table, out, after):
    written, words, i = 0, 0, 0
    unspaced = after[0]
    while i < len(text):
        if not unspaced and i + 8 <= len(text):
            piece = _eight_bytes(text, i)
            if _three_bytes_or_more(piece) == 0:  # the usual case in other scripts
                _put_eight_bytes(out, written, piece)
                written += 8
                i += 8
                continue
        byte = text[i]
        if byte < _THREE_BYTES:
            words += unspaced and i > 0 and byte != _SPACE and byte != _NEWLINE
            if not (unspaced and byte == _SPACE):
                out[written] = byte
                written += 1
            unspaced = False
            i += 1
            continue
        code, size = _code_point(text, i)
        here = table[code]
        if here:
            words += i > 0 and text[i - 1] != _SPACE and text[i - 1] != _NEWLINE
            written -= written > 0 and out[written - 1] == _SPACE
        else:
            words += unspaced and i > 0
        for k in range(size):
            out[written + k] = text[i + k]
        written += size
        i += size
        unspaced = here
        if here and i < len(text) and text[i] == _SPACE:
            i += 1
            unspaced = False  # what follows came after a space, though it is not written
    after[0] = unspaced
    return written, words
