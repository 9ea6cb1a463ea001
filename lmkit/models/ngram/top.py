"""The most probable next words of a state, without a look at the whole vocabulary."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lmkit.compiled import compiled
from lmkit.models.ngram.kernels import ROUNDING, find_child
from lmkit.models.ngram.parallel import cores, run_all
from lmkit.models.ngram.tables import BackoffTables, FloatArray
from lmkit.models.ngram.trie import IntArray


def top_words(
    tables: BackoffTables, states: NDArray[np.int64], k: int
) -> tuple[IntArray, FloatArray]:
    """Return the k most probable outcomes after each state and their log-probabilities.

    Shapes (S, k), int32 and float64 nats, by falling probability, ties by rising id. Each context
    on the way from the state to the root offers its children; the unigrams come in the order of
    their probability, and the search ends with the first that is too improbable.
    """
    words, log_probs = np.empty((len(states), k), np.int32), np.empty((len(states), k))
    arrays = (*tables.trie.arrays, tables.log_probs, tables.backoffs, tables.ranking)
    size = max(1, min(1024, -(-len(states) // (4 * cores()))))

    def work(begin: int) -> None:
        where = slice(begin, begin + size)
        _top(
            np.ascontiguousarray(states[where]),
            np.empty(tables.order + 1, np.int64),
            arrays,
            words[where],
            log_probs[where],
        )

    run_all(work, range(0, len(states), size))
    return words, log_probs


@compiled
def _offered(path, level, first, words, word):  # type: ignore[no-untyped-def]
    """Return whether a longer context of the path has offered the word already."""
    j = 0
    while j < level and find_child(first, words, path[j], word) < 0:
        j += 1
    return j < level


@compiled
def _backed_off(value, path, level, backoffs):  # type: ignore[no-untyped-def]
    """Return a log-probability with the backoffs of the longer contexts, the shortest first."""
    for j in range(level - 1, -1, -1):
        value += backoffs[path[j]]
    return value if value > ROUNDING else min(value, 0.0)


@compiled
def _insert(word, value, filled, words, values):  # type: ignore[no-untyped-def]
    """Put a word into the sorted list, whose worst falls out if it is full; return its length."""
    place = min(filled, len(words) - 1)
    while place > 0 and (
        values[place - 1] < value or (values[place - 1] == value and words[place - 1] > word)
    ):
        values[place] = values[place - 1]
        words[place] = words[place - 1]
        place -= 1
    values[place] = value
    words[place] = word
    return min(filled + 1, len(words))


@compiled
def _too_low(word, value, filled, words, values):  # type: ignore[no-untyped-def]
    """Return whether a word would stand behind all of a full list."""
    if filled < len(words):
        return False
    return value < values[-1] or (value == values[-1] and word > words[-1])


@compiled
def _top(states, path, arrays, out_words, out_values):  # type: ignore[no-untyped-def]
    """Write the most probable words of each state. `path` has room for all orders."""
    first, words, suffix, _, log_probs, backoffs, ranking = arrays
    for s in range(len(states)):
        best_words, best = out_words[s], out_values[s]
        filled, level = 0, 0
        context = states[s]
        while context > 0:
            path[level] = context
            for node in range(first[context], first[context + 1]):
                word = words[node]
                value = _backed_off(log_probs[node], path, level, backoffs)
                if not (
                    _too_low(word, value, filled, best_words, best)
                    or _offered(path, level, first, words, word)
                ):
                    filled = _insert(word, value, filled, best_words, best)
            level += 1
            context = np.int64(suffix[context])
        for word in ranking:
            value = _backed_off(log_probs[word + 1], path, level, backoffs)
            if filled == len(best) and value < best[-1]:
                break
            if not (
                _too_low(word, value, filled, best_words, best)
                or _offered(path, level, first, words, word)
            ):
                filled = _insert(word, value, filled, best_words, best)
