"""Whether the arrays of a model file are a trie: what kernels rely on, checked once.

A file with a valid checksum may still hold anything. Kernels follow its links without checking
them: an index outside the arrays would crash the process, and a cycle would never end. One pass
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
    """Return the trie in a file's arrays, which are used, not copied.

    Raises FormatError for arrays that are no trie (see `Trie`).
    """
    starts = checked_array(arrays, "starts", np.int64)
    orders = len(starts) - 2
    if orders < 1 or starts[0] != 0 or starts[1] != 1 or starts[2] < 3:
        raise _damaged("starts")
    if starts[-1] > np.iinfo(np.int32).max or not bool((np.diff(starts) >= 0).all()):
        raise _damaged("starts")
    size, contexts = int(starts[-1]), int(starts[-2])
    words = checked_array(arrays, "words", np.int32, size)
    first = checked_array(arrays, "first", np.int32, contexts + 1)
    suffix = checked_array(arrays, "suffix", np.int32, size)
    if words[0] != -1 or suffix[0] != -1 or first[-1] != size:
        raise _damaged("first")
    bos = int(starts[2]) - 2
    if not np.array_equal(words[1 : starts[2]], np.arange(bos + 1)):
        raise _damaged("words")
    untrusted = (read_only(words), read_only(first), read_only(suffix))
    for order in range(orders):
        begin, end, children_end = starts[order : order + 3].tolist()
        if first[begin] != end:
            raise _damaged("first")

        def sound(contexts: slice, children: tuple[int, int] = (end, children_end)) -> bool:
            return children_are_sound((contexts.start, contexts.stop), children, bos, untrusted)

        if not all(run_all(sound, pieces(slice(begin, end)))):
            raise _damaged(f"{order + 1}-grams")
    return Trie(starts, words, first, suffix)


def checked_array(
    arrays: Mapping[str, NDArray[Any]], name: str, dtype: Any, size: int | None = None
) -> NDArray[Any]:
    """Return the array of a name if it has this dtype, one axis, and `size` entries.

    Raises FormatError if it has not, or is missing.
    """
    array = arrays.get(name)
    if array is None or array.dtype != dtype or array.ndim != 1:
        raise _damaged(name)
    if size is not None and len(array) != size:
        raise _damaged(name)
    return array


def _damaged(what: str) -> FormatError:
    return FormatError(f"the n-grams do not hang together ({what}); fit the model again")
