"""Scoring a text with an n-gram model: lookups for a tile of tokens, one order at a time.

Whether the k-gram that ends at a token is known depends only on the (k-1)-gram that ends one token
before. So a tile of tokens goes through all orders together, in short passes without unpredictable
branches; the memory accesses of many tokens then overlap, where a walk from token to token would
wait for each. Children of a context are found by binary search or, up to the order of ``table``, in
a hash table (`lmkit.kernels.hashing`).

All functions take the ids (T,) int32; the ``state`` before the first; the ``initial`` state, after
each id ``eos`` (-1 for none); the ``trie`` as `pack_trie` returns it; and the ``table``, which may
be `NO_TABLE`.

Of a trigram model that knows "a", "b", "a b", "b a" and "a b a", a tile of the text "a b a b", with
nothing before it, gets::

    nodes[1]    a    b    a    b        nodes[k]: the k-gram that ends at each token
    nodes[2]    -    ab   ba   ab
    nodes[3]    -    -    aba  -
    history[1]  -    a    b    a        history[k]: the context of order k before each token
    history[2]  -    -    ab   ba
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lmkit.kernels.compiled import Packed, compiled
from lmkit.kernels.hashing import Table, _find_children
from lmkit.kernels.trie import TrieArrays, _find_child, _search
from lmkit.types import FloatArray, IntArray, LongArray

Scores: TypeAlias = Packed  # log_probs, backoffs

ROUNDING = 1e-12  # nats above 0 that are an error of arithmetic where p is 1
TILE = 1024  # tokens whose n-grams are looked up together; their arrays stay in the near caches

# nodes, history (see `_descend`), and four arrays of an entry a token as working memory.
_Tile: TypeAlias = tuple[IntArray, IntArray, tuple[NDArray[Any], ...]]


def pack_scores(log_probs: FloatArray, backoffs: FloatArray) -> Scores:
    """Return the log-probabilities (N,) and log backoff weights (C,) as scoring takes them."""
    return Packed((log_probs, backoffs))


def score_backoff(
    ids: IntArray,
    state: int,
    initial: int,
    eos: int,
    trie: TrieArrays,
    table: Table,
    scores: Scores,
    out: tuple[FloatArray, NDArray[np.int8], FloatArray],
) -> None:
    """Write the log-probability of each id under a backoff model, in nats.

    `out` is (log_probs, orders, backoffs), each (T,): the log-probabilities; the order of the
    n-gram that was known, int8, and the sum of the log backoff weights that were added, both empty
    where they are not wanted.
    """
    _score_backoff(ids, state, initial, eos, trie, table, scores, _new_tile(trie, len(ids)), out)


def step_backoff(
    state: int, word: int, initial: int, eos: int, trie: TrieArrays, scores: Scores
) -> tuple[float, int]:
    """Return the log-probability of one word under a backoff model, and the state after it."""
    result: tuple[float, int] = _step_backoff(state, word, initial, eos, trie, scores)
    return result


def look_up(
    ids: IntArray,
    state: int,
    initial: int,
    eos: int,
    trie: TrieArrays,
    table: Table,
    counts: tuple[IntArray, IntArray, LongArray],
    out: tuple[IntArray, IntArray],
) -> None:
    """Write, for each id, the counts of its full n-gram and of its full context; 0 if unseen.

    `counts` is (counts of all nodes, totals of all contexts, complete): from the node
    ``complete[k]`` on, contexts of order k are full ones, of n - 1 words or from ``<s>`` on. `out`
    is (counts of the n-grams, totals of the contexts), int32 (T,) each.
    """
    _look_up(ids, state, initial, eos, trie, table, counts, _new_tile(trie, len(ids)), out)


def look_up_all_orders(
    ids: IntArray,
    initial: int,
    eos: int,
    trie: TrieArrays,
    table: Table,
    counts: tuple[IntArray, IntArray],
) -> tuple[IntArray, IntArray]:
    """Return, for each id and order, the count of its n-gram and the total of its context.

    Both int32 (T, n), column k - 1 for order k, 0 where unseen; `counts` is (counts of all nodes,
    totals of all contexts). The text begins in the initial state.
    """
    shape = (len(ids), len(trie[3]) - 2)
    found, totals = np.zeros(shape, np.int32), np.zeros(shape, np.int32)
    tile = _new_tile(trie, len(ids))
    _look_up_all_orders(ids, initial, eos, trie, table, counts, tile, found, totals)
    return found, totals


def _new_tile(trie: TrieArrays, tokens: int) -> _Tile:
    """Return the working memory for the tiles of so many tokens: nothing is known."""
    order, size = len(trie[3]) - 2, min(tokens, TILE)
    nodes = np.full((order + 1, size + 1), -1, np.int32)
    history = np.full((order + 1, size), -1, np.int32)
    kinds = (np.int32, np.uint32, np.uint32, np.uint64)
    return nodes, history, tuple(np.empty(size, kind) for kind in kinds)


@compiled
def _search_children(ids, history, trie, memory, nodes):
    """Find the n-grams of a tile by binary search among the children of their contexts.

    Unknown contexts and n-grams are -1. `memory` is four arrays of working memory.
    """
    first, words, _, _ = trie
    known, begins, sizes, _ = memory  # of the tokens whose context is known
    nodes[:] = -1
    size = 0
    for t in range(len(ids)):
        known[size] = t
        size += history[t] >= 0
    for i in range(size):
        context = history[known[i]]
        begins[i] = first[context]
        sizes[i] = first[context + 1] - first[context]
    touched = np.int32(0)  # reading a word of each without a branch overlaps the accesses
    for i in range(size):
        touched ^= words[min(begins[i] + (np.int64(sizes[i]) >> 1), len(words) - 1)]
    for i in range(size):
        nodes[known[i]] = _search(words, begins[i], np.int64(sizes[i]), ids[known[i]])
    return touched


@compiled
def _descend(ids, initial, eos, trie, table, tile):
    """Find all n-grams that end at the tokens of a tile.

    ``nodes[k, t + 1]`` becomes the node of the k-gram that ends at token t, -1 if unknown;
    ``nodes[k, 0]`` is that of the token before the tile. ``history[k, t]`` becomes the context of
    order k before token t.
    """
    nodes, history, memory = tile
    order = len(nodes) - 1
    size = len(ids)
    slots, layout, hashed = table
    for t in range(size):
        nodes[1, t + 1] = ids[t] + 1
    for k in range(2, order + 1):
        above = history[k - 1]
        for t in range(size):
            above[t] = nodes[k - 1, t]
            if t > 0 and ids[t - 1] == eos:
                above[t] = initial if k == 2 else -1
        if k <= hashed:
            _find_children(ids, above[:size], slots, layout, memory, nodes[k][1 : size + 1])
        else:
            _search_children(ids, above[:size], trie, memory, nodes[k][1 : size + 1])


@compiled
def _set_first_column(state, trie, nodes):
    """Write a state and its suffixes as the nodes before the first token of a tile."""
    _, _, suffix, starts = trie
    nodes[:, 0] = -1
    k = len(nodes) - 1
    while state > 0:
        while state < starts[k]:
            k -= 1
        nodes[k, 0] = state
        state = suffix[state]


@compiled
def _shift_last_column(nodes, size, last, initial, eos):
    """Copy the nodes of the last token of a tile before the first of the next."""
    for k in range(1, len(nodes) - 1):
        nodes[k, 0] = nodes[k, size]
        if last == eos:
            nodes[k, 0] = initial if k == 1 else -1


@compiled
def _longest_matches(nodes, size, best, matched):
    """Write the longest known n-gram at the end of each token of a tile, and its order."""
    for t in range(size):
        best[t], matched[t] = nodes[1, t + 1], 1
    for k in range(2, len(nodes)):
        for t in range(size):
            known = nodes[k, t + 1] >= 0
            best[t] = nodes[k, t + 1] if known else best[t]
            matched[t] = k if known else matched[t]


@compiled
def _score_backoff(ids, state, initial, eos, trie, table, scores, tile, out):
    log_probs, backoffs = scores
    result, orders, weight_sums = out
    order = len(trie[3]) - 2
    nodes, history, (matched, best, _, _) = tile
    _set_first_column(state, trie, nodes)
    for begin in range(0, len(ids), TILE):
        some = ids[begin : begin + TILE]
        values = result[begin : begin + TILE]
        _descend(some, initial, eos, trie, table, tile)
        _longest_matches(nodes, len(some), best, matched)
        for t in range(len(some)):  # without a branch: many memory accesses overlap
            values[t] = log_probs[best[t]]
        for k in range(1, order):
            for t in range(len(some)):
                # The weight of node 0 is 0: it stands for contexts that are unknown or not left.
                none = matched[t] > k or history[k, t] < 0
                values[t] += backoffs[0 if none else history[k, t]]
        for t in range(len(some)):
            # A log-probability further above 0 than rounding explains is the model's own.
            values[t] = values[t] if values[t] > ROUNDING else min(values[t], 0.0)
        for t in range(len(orders[begin : begin + TILE])):
            weights = 0.0
            for k in range(matched[t], order):
                weights += backoffs[max(history[k, t], 0)]
            orders[begin + t], weight_sums[begin + t] = matched[t], weights
        _shift_last_column(nodes, len(some), some[-1], initial, eos)


@compiled
def _step_backoff(state, word, initial, eos, trie, scores):
    first, words, suffix, _ = trie
    log_probs, backoffs = scores
    context, steps = np.int64(state), 0  # steps back to shorter contexts
    node = _find_child(first, words, context, word)
    while node < 0:
        context, steps = np.int64(suffix[context]), steps + 1
        node = _find_child(first, words, context, word)
    value = log_probs[node]
    for k in range(steps - 1, -1, -1):  # the shortest context first, as in `_score_backoff`
        context = np.int64(state)
        for _ in range(k):
            context = np.int64(suffix[context])
        value += backoffs[context]
    after = node if node < len(first) - 1 else np.int64(suffix[node])
    value = value if value > ROUNDING else min(value, 0.0)
    return value, initial if word == eos else after


@compiled
def _look_up(ids, state, initial, eos, trie, table, counts, tile, out):
    of_ngram, of_context, complete = counts
    found, totals = out
    order = len(trie[3]) - 2
    nodes, history, _ = tile
    _set_first_column(state, trie, nodes)
    for begin in range(0, len(ids), TILE):
        some = ids[begin : begin + TILE]
        _descend(some, initial, eos, trie, table, tile)
        for t in range(len(some)):
            k = order - 1
            while k > 0 and history[k, t] < 0:
                k -= 1
            context = history[k, t] if k > 0 else 0
            full = context >= complete[k]
            node = nodes[k + 1, t + 1]
            totals[begin + t] = of_context[context] if full else 0
            found[begin + t] = of_ngram[node] if full and node >= 0 else 0
        _shift_last_column(nodes, len(some), some[-1], initial, eos)


@compiled
def _look_up_all_orders(ids, initial, eos, trie, table, counts, tile, found, totals):
    of_ngram, of_context = counts
    order = len(trie[3]) - 2
    nodes, history, _ = tile
    _set_first_column(initial, trie, nodes)
    history[0] = 0
    for begin in range(0, len(ids), TILE):
        some = ids[begin : begin + TILE]
        _descend(some, initial, eos, trie, table, tile)
        for t in range(len(some)):
            for k in range(order):
                if history[k, t] >= 0:
                    totals[begin + t, k] = of_context[history[k, t]]
                if nodes[k + 1, t + 1] >= 0:
                    found[begin + t, k] = of_ngram[nodes[k + 1, t + 1]]
        _shift_last_column(nodes, len(some), some[-1], initial, eos)
