"""Whether the arrays of a model file are a trie: what kernels rely on, checked once.

A file with a valid checksum may still hold anything. Kernels follow its links without checking
them: one that leads outside the arrays would crash the process, a cycle would never end. One pass
over words and links, on all cores, rules out both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmkit.errors import FormatError
from lmkit.kernels.trie import children_are_sound
from lmkit.models.ngram.trie import Trie, read_only
from lmkit.parallel import pieces, run_all


def checked_trie(arrays: Mapping[str, NDArray[Any]]) -> Trie:
    """Return the trie that a file holds; the arrays are used, not copied.

    Raises FormatError for arrays that make none (see `Trie`).
    """
    starts = checked(arrays, "starts", np.int64)
    orders = len(starts) - 2
    if orders < 1 or starts[0] != 0 or starts[1] != 1 or starts[2] < 3:
        raise _damaged("starts")
    if starts[-1] > np.iinfo(np.int32).max or not bool((np.diff(starts) >= 0).all()):
        raise _damaged("starts")
    size, contexts = int(starts[-1]), int(starts[-2])
    words = checked(arrays, "words", np.int32, size)
    first = checked(arrays, "first", np.int32, contexts + 1)
    suffix = checked(arrays, "suffix", np.int32, size)
    if words[0] != -1 or suffix[0] != -1 or first[-1] != size:
        raise _damaged("first")
    outcomes = int(starts[2]) - 2
    if not np.array_equal(words[1 : starts[2]], np.arange(outcomes + 1)):
        raise _damaged("words")
    given = (read_only(words), read_only(first), read_only(suffix))
    for order in range(orders):
        if first[starts[order]] != starts[order + 1]:
            raise _damaged("first")
        children = (int(starts[order + 1]), int(starts[order + 2]))

        def sound(where: slice, children: tuple[int, int] = children) -> bool:
            return children_are_sound((where.start, where.stop), children, outcomes, given)

        if not all(run_all(sound, pieces(slice(int(starts[order]), int(starts[order + 1]))))):
            raise _damaged(f"{order + 1}-grams")
    return Trie(starts, words, first, suffix)


def checked(
    arrays: Mapping[str, NDArray[Any]], name: str, dtype: Any, size: int | None = None
) -> NDArray[Any]:
    """Return the array of a name if it has this dtype, one axis, and `size` entries.

    Raises FormatError if it has not, or is not there.
    """
    array = arrays.get(name)
    if array is None or array.dtype != dtype or array.ndim != 1:
        raise _damaged(name)
    if size is not None and len(array) != size:
        raise _damaged(name)
    return array


def check_outcomes(trie: Trie, size: int) -> None:
    """Raise FormatError unless the trie's outcomes are those of a vocabulary of `size`."""
    if trie.vocabulary_size != size:
        raise FormatError(
            f"n-grams of {trie.vocabulary_size:,} words and a vocabulary of {size:,}; fit the "
            "model again"
        )


def _damaged(what: str) -> FormatError:
    return FormatError(f"the n-grams do not hang together ({what}); fit the model again")
