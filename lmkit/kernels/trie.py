"""Walking the trie of a model's n-grams (see `lmkit.models.ngram.trie.Trie` for its arrays).

The arguments called ``trie`` are (first, words, suffix, starts), packed once by `pack_trie`. Nodes
and states are indices into these arrays; ``words`` rise among the children of a context, so a child
is found by binary search.

``eos`` is the id after which the state becomes ``initial``, -1 for none.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from lmkit.kernels.compiled import Packed, compiled
from lmkit.types import IntArray, LongArray

TrieArrays: TypeAlias = Packed  # first, words, suffix, starts


def pack_trie(first: IntArray, words: IntArray, suffix: IntArray, starts: LongArray) -> TrieArrays:
    """Return the arrays of a trie as the functions of this package take them."""
    return Packed((first, words, suffix, starts))


def walk(ids: IntArray, state: int, initial: int, eos: int, trie: TrieArrays) -> int:
    """Return the state after the ids (T,) int32, read from `state` on."""
    return int(_walk(ids, state, initial, eos, trie))


def walk_along(ids: IntArray, state: int, initial: int, eos: int, trie: TrieArrays) -> LongArray:
    """Return the state before each of the ids (T,) int32, and that after the last: (T + 1,) int64.

    The first is `state`.
    """
    states = np.empty(len(ids) + 1, np.int64)
    _walk_along(ids, state, initial, eos, trie, states)
    return states


def link_suffixes(
    begin: int, end: int, parents: IntArray, first: IntArray, words: IntArray, suffix: IntArray
) -> None:
    """Write the longest proper suffix of the nodes `begin` up to `end`, all of one order.

    ``parents`` are their contexts, int32 (end - begin,); the suffixes of all shorter n-grams are
    known, and the children of all contexts below the order of the nodes.
    """
    _link_suffixes(begin, end, parents, first, words, suffix)


def children_are_sound(
    contexts: tuple[int, int],
    children: tuple[int, int],
    highest: int,
    arrays: tuple[IntArray, IntArray, IntArray],
) -> bool:
    """Return whether the children of some contexts, (begin, end), are as a trie has them.

    They lie in order within ``children``, (begin, end), the nodes of their order; the words of each
    context rise, up to `highest`; their suffixes are n-grams of a lower order. ``arrays`` are
    (words, first, suffix), which may hold anything.
    """
    return bool(_children_are_sound(*contexts, children, highest, arrays))


def sort_children_by_word(
    contexts: IntArray, children: slice, rank_of_word: IntArray, first: IntArray, words: IntArray
) -> IntArray:
    """Return the children of some contexts by the rank of their word, ties by order of contexts.

    ``contexts`` int32 are nodes of one order, whose children are all the nodes of the slice
    ``children``; ``rank_of_word`` is int32 (V + 1,). Int32, an entry for each child.
    """
    nodes = np.empty(children.stop - children.start, np.int32)
    counts = np.bincount(rank_of_word[words[children]], minlength=len(rank_of_word))
    _sort_children_by_word(contexts, rank_of_word, first, words, counts.cumsum() - counts, nodes)
    return nodes


@compiled(inline="always")
def _search(words, begin, size, word):
    """Return the index of a word among the `size` rising words from `begin` on; -1 for none."""
    if size == 0:
        return np.int64(-1)
    while size > 1:
        half = size >> 1
        begin = begin + half if words[begin + half] <= word else begin
        size -= half
    return begin if words[begin] == word else np.int64(-1)


@compiled
def _find_child(first, words, node, word):
    """Return the n-gram that adds a word to a context, -1 if there is none."""
    if node == 0:
        return np.int64(word) + 1
    begin = np.int64(first[node])
    return _search(words, begin, np.int64(first[node + 1]) - begin, word)


@compiled
def _next_state(state, word, trie):
    """Return the state after a word: the longest known n-gram at the end of history and word."""
    first, words, suffix, _ = trie
    node = _find_child(first, words, state, word)
    while node < 0:
        state = np.int64(suffix[state])
        node = _find_child(first, words, state, word)
    return node if node < len(first) - 1 else np.int64(suffix[node])


@compiled
def _walk(ids, state, initial, eos, trie):
    for t in range(len(ids)):
        state = initial if ids[t] == eos else _next_state(state, ids[t], trie)
    return state


@compiled
def _walk_along(ids, state, initial, eos, trie, states):
    for t in range(len(ids)):
        states[t] = state
        state = initial if ids[t] == eos else _next_state(state, ids[t], trie)
    states[len(ids)] = state


@compiled
def _link_suffixes(begin, end, parents, first, words, suffix):
    for node in range(begin, end):
        context = suffix[parents[node - begin]]
        child = _find_child(first, words, context, words[node])
        while child < 0:
            context = suffix[context]
            child = _find_child(first, words, context, words[node])
        suffix[node] = child


@compiled
def _children_are_sound(begin, end, children, highest, arrays):
    words, first, suffix = arrays
    lowest, limit = children
    for context in range(begin, end):
        low, high = first[context], first[context + 1]
        if not lowest <= low <= high <= limit:
            return False
        last, sound = -1, True
        for node in range(low, high):
            sound &= (last < words[node]) & (suffix[node] >= 0) & (suffix[node] < lowest)
            last = words[node]
        if not sound or last > highest:
            return False
    return True


@compiled
def _sort_children_by_word(contexts, rank_of_word, first, words, offsets, nodes):
    for context in contexts:
        for node in range(first[context], first[context + 1]):
            rank = rank_of_word[words[node]]
            nodes[offsets[rank]] = node
            offsets[rank] += 1
