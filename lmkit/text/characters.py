"""Classes of characters, as Unicode defines them.

The `regex` module knows them; it is asked once for each distinct character of a text. All else is
done in arrays of code points, with no object for a word.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lmkit.kernels.characters import DIGIT, HAN, INK, LETTER, SPACE, WORD

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
