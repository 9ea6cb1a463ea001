"""The most probable next words of a state, without computing the whole distribution."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lmkit.kernels.compiled import compiled
from lmkit.kernels.scoring import ROUNDING, Scores
from lmkit.kernels.trie import TrieArrays, _find_child
from lmkit.types import FloatArray, IntArray


def top_words(
    states: NDArray[np.int64],
    trie: TrieArrays,
    scores: Scores,
    ranking: IntArray,
    out: tuple[IntArray, FloatArray],
) -> None:
    """Write the most probable words after each state (S,), and their log-probabilities in nats.

    ``trie`` and ``scores`` are as `pack_trie` and `pack_scores` return them; ``ranking`` (V,) int32
    are the outcomes by falling unigram probability. ``out`` is (words, log_probs), both (S, k), by
    falling probability, ties by rising id.

    Each context on the way from the state to the root adds its children as candidates, then come
    the unigrams in the order of the ranking, up to the first that is too improbable.
    """
    path = np.empty(len(trie[3]) - 1, np.int64)
    _top_words(np.ascontiguousarray(states), path, trie, scores, ranking, *out)


@compiled
def _seen_before(path, level, first, words, word):
    """Return whether a word is a child of one of the longer contexts of the path."""
    j = 0
    while j < level and _find_child(first, words, path[j], word) < 0:
        j += 1
    return j < level


@compiled
def _backed_off(value, path, level, backoffs):
    """Return a log-probability with the weights of the longer contexts, the shortest first."""
    for j in range(level - 1, -1, -1):
        value += backoffs[path[j]]
    return value if value > ROUNDING else min(value, 0.0)


@compiled
def _insert(word, value, filled, words, values):
    """Insert a word into the sorted list, dropping the last if it is full; return its length."""
    i = min(filled, len(words) - 1)
    while i > 0 and (values[i - 1] < value or (values[i - 1] == value and words[i - 1] > word)):
        values[i] = values[i - 1]
        words[i] = words[i - 1]
        i -= 1
    values[i] = value
    words[i] = word
    return min(filled + 1, len(words))


@compiled
def _too_low(word, value, filled, words, values):
    """Return whether a word would come after all of a full list."""
    if filled < len(words):
        return False
    return value < values[-1] or (value == values[-1] and word > words[-1])


@compiled
def _top_words(states, path, trie, scores, ranking, out_words, out_values):
    """`path`, working memory, has an entry for each order and the root."""
    first, words, suffix, _ = trie
    log_probs, backoffs = scores
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
                    or _seen_before(path, level, first, words, word)
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
                or _seen_before(path, level, first, words, word)
            ):
                filled = _insert(word, value, filled, best_words, best)
