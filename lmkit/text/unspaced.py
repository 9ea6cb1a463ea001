"""Characters that are written without spaces: Han characters and full-width punctuation.

Under a normaliser that includes ``words`` each of these is a word by itself, and the canonical text
has no space beside one. So the words determine the text, and the text the words:

    source      他用 Python 3 写「诗」。 Good, 好 的!
    canonical   他用Python 3写「诗」。Good ,好的!
    words       他 用 Python 3 写 「 诗 」 。 Good , 好 的 !

Two neighbouring words are separated by a space unless one of these characters stands at their
boundary.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from lmkit.kernels.unspaced import close_up

# Han characters, wide punctuation, and the full-width forms of ASCII's punctuation and symbols.
_PATTERN = r"[\p{Han}[\p{EA=W}&&\p{P}][\p{EA=F}&&[\p{P}\p{S}]]]+"
_FIRST, _LAST = 0x2000, 0x40000  # the range of code points that holds all of them
NO_TABLE = np.empty(0, np.bool_)


def splits_unspaced(normalize: str) -> bool:
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


def table_for(chunk: NDArray[np.uint8], *, split_unspaced: bool) -> NDArray[np.bool_]:
    """Return the table of unspaced characters; an empty one where the chunk cannot hold any."""
    needed = split_unspaced and len(chunk) and chunk.max() > 127
    return unspaced_table() if needed else NO_TABLE


def space_between(before: str, after: str, normalize: str) -> str:
    """Return what separates two neighbouring words of a canonical text: a space or nothing.

    >>> [space_between("a", "b", "words"), space_between("a", "诗", "words")]
    [' ', '']
    """
    edges = (before[-1:], after[:1])
    unspaced = any(edge >= "\u2000" and unspaced_table()[ord(edge)] for edge in edges)
    return "" if splits_unspaced(normalize) and unspaced else " "


class SpaceRemover:
    """Removes the spaces beside unspaced characters from a text that arrives in chunks.

    >>> chunk, more = SpaceRemover().remove(np.frombuffer("诗 a诗 b".encode(), np.uint8))
    >>> chunk.tobytes().decode(), more  # four words, where spaces alone separated three
    ('诗a诗b', 1)
    """

    def __init__(self) -> None:
        self._after = np.zeros(1, np.bool_)  # whether the text so far ends with such a character

    def remove(
        self, chunk: NDArray[np.uint8], starts: NDArray[np.int64] | None = None
    ) -> tuple[NDArray[np.uint8], int]:
        """Return a folded chunk without those spaces, and by how many its word count has grown.

        Chunks are cut before white space: a space at the cut begins the later one. `starts`
        (N, 2 or more) are the bytes of the chunk, and the characters of the text, before each
        document that begins in it; both are reduced in place by the spaces removed before it.
        """
        if not len(chunk) or (not self._after[0] and chunk.max() < 128):
            return chunk, 0
        out = np.empty_like(chunk)
        starts = np.empty((0, 2), np.int64) if starts is None else starts
        removed = np.zeros(len(starts), np.int64)  # bytes removed before each document
        written, words, begin = 0, 0, 0
        for number, end in enumerate([*starts[:, 0].tolist(), len(chunk)]):
            if begin < end:
                rest = out[written:]
                size, more = close_up(chunk[begin:end], unspaced_table(), rest, self._after)
                written, words, begin = written + size, words + more, end
            removed[number : number + 1] = end - written
        starts[:, :2] -= removed[:, None]
        return out[:written], words
