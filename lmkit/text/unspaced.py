"""Characters that are written without spaces: Han characters and full-width punctuation.

Under a normaliser that includes ``words`` each of these is a word of its own, and no space stands
beside one in the canonical text. So the words determine the text, and the text the words:

    source      他用 Python 3 写「诗」。 Good, 好 的!
    canonical   他用Python 3写「诗」。Good ,好的!
    words       他 用 Python 3 写 「 诗 」 。 Good , 好 的 !

A space stands between two neighbouring words where neither has one of these characters at the edge.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from lmkit.kernels.unspaced import close_up

# Han characters, wide punctuation, and the full-width forms of ASCII's punctuation and symbols.
_PATTERN = r"[\p{Han}[\p{EA=W}&&\p{P}][\p{EA=F}&&[\p{P}\p{S}]]]+"
_FIRST, _LAST = 0x2000, 0x40000  # code points that the pattern is looked for in
NO_TABLE = np.empty(0, np.bool_)


def parts_unspaced(normalize: str) -> bool:
    """Return whether a normaliser makes each unspaced character a word by itself."""
    return "words" in normalize.split("+")


@cache
def unspaced_table() -> NDArray[np.bool_]:
    """Return which code points are unspaced characters, bool (0x110000,)."""
    import regex

    codes = [*range(_FIRST, 0xD800), *range(0xE000, _LAST)]
    table = np.zeros(0x110000, np.bool_)
    for match in regex.finditer(_PATTERN, "".join(map(chr, codes)), regex.VERSION1):
        table[codes[match.start() : match.end()]] = True
    return table


def table_for(chunk: NDArray[np.uint8], *, parts: bool) -> NDArray[np.bool_]:
    """Return the table that the words of a chunk are parted by, empty where there is no need."""
    return unspaced_table() if parts and len(chunk) and chunk.max() > 127 else NO_TABLE


def space_between(before: str, after: str, normalize: str) -> str:
    """Return what parts two neighbouring words of a canonical text: a space or nothing.

    >>> [space_between("a", "b", "words"), space_between("a", "诗", "words")]
    [' ', '']
    """
    edges = (before[-1:], after[:1])
    beside = any(edge >= "\u2000" and unspaced_table()[ord(edge)] for edge in edges)
    return "" if parts_unspaced(normalize) and beside else " "


class Closing:
    """Takes the spaces beside unspaced characters out of a text that comes in chunks."""

    def __init__(self) -> None:
        self._after = np.zeros(1, np.bool_)  # whether an unspaced character ends what came so far

    def close(
        self, chunk: NDArray[np.uint8], starts: NDArray[np.int64] | None = None
    ) -> tuple[NDArray[np.uint8], int]:
        """Return a folded chunk without those spaces, and how many words more it now has.

        Chunks are cut at white space: a space at the cut begins the later one. `starts` (N, 2 or
        more) are the bytes of the chunk, and the characters of the text, before each document that
        begins in the chunk; both are lowered in place by the spaces that are taken out before it.
        """
        if not len(chunk) or (not self._after[0] and chunk.max() < 128):
            return chunk, 0
        out = np.empty_like(chunk)
        starts = np.empty((0, 2), np.int64) if starts is None else starts
        taken = np.zeros(len(starts), np.int64)
        written, words, begin = 0, 0, 0
        for number, end in enumerate([*starts[:, 0].tolist(), len(chunk)]):
            if begin < end:
                room = out[written:]
                put, further = close_up(chunk[begin:end], unspaced_table(), room, self._after)
                written, words, begin = written + put, words + further, end
            taken[number : number + 1] = end - written
        starts[:, :2] -= taken[:, None]
        return out[:written], words
