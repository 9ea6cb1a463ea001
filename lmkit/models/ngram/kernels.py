"""Compiled walks over a trie: from a state and a word to a child, a score, the next state.

The arguments called ``trie`` are the tuple (first, words, suffix) of read-only arrays. Every
kernel runs without the interpreter lock and touches nothing but its arguments.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from lmkit.models.ngram.parallel import cores, run_all
from lmkit.models.ngram.trie import Trie

PIECE = 1 << 15  # tokens that a thread scores at a time


def read_only(array: NDArray[Any]) -> NDArray[Any]:
    """Return a view that cannot be written: mapped and fitted arrays then look alike to numba."""
    view = array.view(np.ndarray)
    view.flags.writeable = False
    return view


def trie_arrays(trie: Trie) -> tuple[NDArray[Any], ...]:
    """Return the arrays of a trie that kernels walk."""
    return read_only(trie.first), read_only(trie.words), read_only(trie.suffix)


@njit(cache=True, nogil=True, inline="always")
def find_child(first, words, node, word):  # type: ignore[no-untyped-def]
    """Return the n-gram that adds a word to a context, -1 if there is none."""
    if node == 0:
        return np.int64(word) + 1
    low, high = np.int64(first[node]), np.int64(first[node + 1])
    end = high
    while low < high:
        middle = (low + high) >> 1
        if words[middle] < word:
            low = middle + 1
        else:
            high = middle
    return low if low < end and words[low] == word else np.int64(-1)


@njit(cache=True, nogil=True)
def walk(ids, state, initial, eos, trie):  # type: ignore[no-untyped-def]
    """Return the state after the ids; `initial` after each `eos`, which is -1 for none."""
    first, words, suffix = trie
    contexts = len(first) - 1
    for t in range(len(ids)):
        if ids[t] == eos:
            state = initial
            continue
        node = find_child(first, words, state, ids[t])
        while node < 0:
            state = np.int64(suffix[state])
            node = find_child(first, words, state, ids[t])
        state = node if node < contexts else np.int64(suffix[node])
    return state


@njit(cache=True, nogil=True)
def look_up(ids, state, initial, eos, trie, spans, counts, totals, hits, seen):  # type: ignore[no-untyped-def]
    """Write, for each id, the counts of its full n-gram and of its full context; 0 if unseen.

    `spans` (n + 1, 2) says from which node on the contexts of each order are complete, and where
    the order ends. Returns the state after the ids.
    """
    first, words, suffix = trie
    contexts = len(first) - 1
    for t in range(len(ids)):
        word = ids[t]
        k = 0
        while state >= spans[k, 1]:
            k += 1
        complete = state >= spans[k, 0]
        node = find_child(first, words, state, word)
        seen[t] = totals[state] if complete else 0
        hits[t] = counts[node] if complete and node >= 0 else 0
        if word == eos:
            state = initial
            continue
        while node < 0:
            state = np.int64(suffix[state])
            node = find_child(first, words, state, word)
        state = node if node < contexts else np.int64(suffix[node])
    return state


def in_pieces(
    ids: NDArray[np.int32],
    state: int,
    *,
    memory: int,
    walk_on: Callable[[NDArray[np.int32], int], int],
    score: Callable[[slice, int], int],
) -> int:
    """Score a text on all cores and return the state after it.

    The state depends on the last `memory` ids alone, so every piece finds its own by walking
    over the ids before it: ``walk_on(ids, state)``. ``score(where, state)`` scores a piece.
    """

    def work(begin: int) -> int:
        if begin <= memory:
            before = walk_on(ids[:begin], state)
        else:
            before = walk_on(ids[begin - memory : begin], 0)
        return score(slice(begin, min(begin + size, len(ids))), before)

    size = max(PIECE, -(-len(ids) // (64 * cores())))
    states = run_all(work, range(0, len(ids), size))
    return int(states[-1]) if states else state
