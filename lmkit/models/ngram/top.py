"""The most probable next words of many states, on all cores."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lmkit.kernels import top as kernels
from lmkit.models.ngram.tables import BackoffTables, FloatArray
from lmkit.models.ngram.trie import IntArray
from lmkit.parallel import cores, run_all


def top_words(
    tables: BackoffTables, states: NDArray[np.int64], k: int
) -> tuple[IntArray, FloatArray]:
    """Return the k most probable outcomes after each state and their log-probabilities.

    Shapes (S, k), int32 and float64 nats, by falling probability, ties by rising id.
    """
    words, log_probs = np.empty((len(states), k), np.int32), np.empty((len(states), k))
    size = max(1, min(1024, -(-len(states) // (4 * cores()))))

    def work(begin: int) -> None:
        piece = slice(begin, begin + size)
        out = (words[piece], log_probs[piece])
        kernels.top_words(states[piece], tables.trie.arrays, tables.scores, tables.ranking, out)

    run_all(work, range(0, len(states), size))
    return words, log_probs
