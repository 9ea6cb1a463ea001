"""Compiled scoring: a text's n-grams found in a trie, a tile of tokens and an order at a time.

Whether the k-gram that ends at a token is known depends only on the (k-1)-gram that ends one
token before. So a tile of tokens goes through all orders together, in short passes without
unforeseeable branches; the memory accesses of many tokens then overlap, where a walk from token
to token would wait for each. A binary search among the children of the context answers, or, up to
the order that the argument ``table`` (slots, layout, order) gives, a hash table (`hashing`).

The arguments called ``trie`` are the arrays of a `Trie`: (first, words, suffix, starts).
Kernels run without the interpreter lock and write nothing but their last arguments.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lmkit.compiled import compiled
from lmkit.models.ngram.hashing import find_children

ROUNDING = 1e-12  # nats above 0 that are an error of arithmetic where p is 1
TILE = 1024  # tokens whose n-grams are looked up together; their arrays stay in the near caches

# nodes, history (see `_descend`), and four arrays of an entry a token for what is found on the way.
Tile: TypeAlias = tuple[NDArray[np.int32], NDArray[np.int32], tuple[NDArray[Any], ...]]


def new_tile(order: int, tokens: int) -> Tile:
    """Return the memory that kernels need for the tiles of so many tokens: nothing is known.

    They allocate none themselves. Kernels that do take a fiftieth of a second more to load.
    """
    size = min(tokens, TILE)
    nodes = np.full((order + 1, size + 1), -1, np.int32)
    history = np.full((order + 1, size), -1, np.int32)
    kinds = (np.int32, np.uint32, np.uint32, np.uint64)
    return nodes, history, tuple(np.empty(size, kind) for kind in kinds)


@compiled(inline="always")
def search(words, begin, size, word):  # type: ignore[no-untyped-def]
    """Return where a word stands among `size` rising words from `begin` on; -1 if it does not."""
    if size == 0:
        return np.int64(-1)
    while size > 1:
        half = size >> 1
        begin = begin + half if words[begin + half] <= word else begin
        size -= half
    return begin if words[begin] == word else np.int64(-1)


@compiled
def find_child(first, words, node, word):  # type: ignore[no-untyped-def]
    """Return the n-gram that adds a word to a context, -1 if there is none."""
    if node == 0:
        return np.int64(word) + 1
    begin = np.int64(first[node])
    return search(words, begin, np.int64(first[node + 1]) - begin, word)


@compiled
def _next_state(state, word, trie):  # type: ignore[no-untyped-def]
    """Return the state after a word: the longest known n-gram at the end of history and word."""
    first, words, suffix, _ = trie
    node = find_child(first, words, state, word)
    while node < 0:
        state = np.int64(suffix[state])
        node = find_child(first, words, state, word)
    return node if node < len(first) - 1 else np.int64(suffix[node])


@compiled
def walk(ids, state, initial, eos, trie):  # type: ignore[no-untyped-def]
    """Return the state after the ids; `initial` after each `eos`, which is -1 for none."""
    for t in range(len(ids)):
        state = initial if ids[t] == eos else _next_state(state, ids[t], trie)
    return state


@compiled
def walk_along(ids, initial, eos, trie, states):  # type: ignore[no-untyped-def]
    """Write the state before each id."""
    state = initial
    for t in range(len(ids)):
        states[t] = state
        state = initial if ids[t] == eos else _next_state(state, ids[t], trie)


@compiled
def _search_children(ids, history, trie, found, nodes):  # type: ignore[no-untyped-def]
    """Find the n-grams of a tile by binary search among the children of their contexts.

    Unknown contexts and n-grams are -1. `found` is memory to work in.
    """
    first, words, _, _ = trie
    known, begins, sizes, _ = found  # of the tokens whose context is known
    nodes[:] = -1
    size = 0
    for t in range(len(ids)):
        known[size] = t
        size += history[t] >= 0
    for i in range(size):
        context = history[known[i]]
        begins[i] = first[context]
        sizes[i] = first[context + 1] - first[context]
    touched = np.int32(0)  # reading a word of each, without a branch, fetches them side by side
    for i in range(size):
        touched ^= words[min(begins[i] + (np.int64(sizes[i]) >> 1), len(words) - 1)]
    for i in range(size):
        nodes[known[i]] = search(words, begins[i], np.int64(sizes[i]), ids[known[i]])
    return touched


@compiled
def _descend(ids, initial, eos, trie, table, tile):  # type: ignore[no-untyped-def]
    """Find all n-grams that end at the tokens of a tile.

    ``nodes[k, t + 1]`` becomes the node of the k-gram that ends at token t, -1 if unknown;
    ``nodes[k, 0]`` is that before the tile. ``history[k, t]`` becomes the context of order k.
    """
    nodes, history, found = tile
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
            find_children(ids, above[:size], slots, layout, found, nodes[k][1 : size + 1])
        else:
            _search_children(ids, above[:size], trie, found, nodes[k][1 : size + 1])


@compiled
def _spread(state, trie, nodes):  # type: ignore[no-untyped-def]
    """Write a state and its suffixes into the column of nodes before a tile."""
    _, _, suffix, starts = trie
    nodes[:, 0] = -1
    k = len(nodes) - 1
    while state > 0:
        while state < starts[k]:
            k -= 1
        nodes[k, 0] = state
        state = suffix[state]


@compiled
def _carry(nodes, size, last, initial, eos):  # type: ignore[no-untyped-def]
    """Move the last column of a tile before the next one."""
    for k in range(1, len(nodes) - 1):
        nodes[k, 0] = nodes[k, size]
        if last == eos:
            nodes[k, 0] = initial if k == 1 else -1


@compiled
def _match(nodes, size, best, matched):  # type: ignore[no-untyped-def]
    """Write the longest known n-gram at the end of each token of a tile, and its order."""
    for t in range(size):
        best[t], matched[t] = nodes[1, t + 1], 1
    for k in range(2, len(nodes)):
        for t in range(size):
            known = nodes[k, t + 1] >= 0
            best[t] = nodes[k, t + 1] if known else best[t]
            matched[t] = k if known else matched[t]


@compiled
def score_backoff(ids, state, initial, eos, trie, table, tables, tile, out):  # type: ignore[no-untyped-def]
    """Write the log-probability of each id under a backoff model.

    `tables` is (log_probs, backoffs); `out` is (log_probs, orders, paid), the latter two (the
    order that matched, the sum of backoffs) empty where they are not wanted.
    """
    log_probs, backoffs = tables
    result, orders, paid = out
    order = len(trie[3]) - 2
    nodes, history, (matched, best, _, _) = tile
    _spread(state, trie, nodes)
    for begin in range(0, len(ids), TILE):
        some = ids[begin : begin + TILE]
        values = result[begin : begin + TILE]
        _descend(some, initial, eos, trie, table, tile)
        _match(nodes, len(some), best, matched)
        for t in range(len(some)):  # apart from all branches: many accesses wait side by side
            values[t] = log_probs[best[t]]
        for k in range(1, order):
            for t in range(len(some)):
                # Node 0 stands for what is not paid, or for an unknown context: its backoff is 0.
                unpaid = matched[t] > k or history[k, t] < 0
                values[t] += backoffs[0 if unpaid else history[k, t]]
        for t in range(len(some)):
            # Rounding may leave p = 1 a little above; what is further above 0 the model says.
            values[t] = values[t] if values[t] > ROUNDING else min(values[t], 0.0)
        for t in range(len(orders[begin : begin + TILE])):
            weights = 0.0
            for k in range(matched[t], order):
                weights += backoffs[max(history[k, t], 0)]
            orders[begin + t], paid[begin + t] = matched[t], weights
        _carry(nodes, len(some), some[-1], initial, eos)


@compiled
def step_backoff(state, word, initial, eos, trie, tables):  # type: ignore[no-untyped-def]
    """Return the log-probability of a word under a backoff model, and the state after it."""
    first, words, suffix, _ = trie
    log_probs, backoffs = tables
    context, unpaid = np.int64(state), 0
    node = find_child(first, words, context, word)
    while node < 0:
        context, unpaid = np.int64(suffix[context]), unpaid + 1
        node = find_child(first, words, context, word)
    value = log_probs[node]
    for k in range(unpaid - 1, -1, -1):  # the shortest context first, as `score_backoff` has it
        context = np.int64(state)
        for _ in range(k):
            context = np.int64(suffix[context])
        value += backoffs[context]
    after = node if node < len(first) - 1 else np.int64(suffix[node])
    value = value if value > ROUNDING else min(value, 0.0)
    return value, initial if word == eos else after


@compiled
def look_up(ids, state, initial, eos, trie, table, tables, tile, out):  # type: ignore[no-untyped-def]
    """Write, for each id, the counts of its full n-gram and of its full context; 0 if unseen.

    `tables` is (counts, totals, spans): from ``spans[k]`` on, contexts of order k are complete.
    `out` is (hits, seen).
    """
    counts, totals, spans = tables
    hits, seen = out
    order = len(trie[3]) - 2
    nodes, history, _ = tile
    _spread(state, trie, nodes)
    for begin in range(0, len(ids), TILE):
        some = ids[begin : begin + TILE]
        _descend(some, initial, eos, trie, table, tile)
        for t in range(len(some)):
            k = order - 1
            while k > 0 and history[k, t] < 0:
                k -= 1
            context = history[k, t] if k > 0 else 0
            complete = context >= spans[k]
            node = nodes[k + 1, t + 1]
            seen[begin + t] = totals[context] if complete else 0
            hits[begin + t] = counts[node] if complete and node >= 0 else 0
        _carry(nodes, len(some), some[-1], initial, eos)


@compiled
def scan(ids, initial, eos, trie, table, counts, totals, tile, hits, seen):  # type: ignore[no-untyped-def]
    """Write, for each id and order 1 .. n, the counts of its n-gram and context: (T, n)."""
    order = len(trie[3]) - 2
    nodes, history, _ = tile
    _spread(initial, trie, nodes)
    history[0] = 0
    for begin in range(0, len(ids), TILE):
        some = ids[begin : begin + TILE]
        _descend(some, initial, eos, trie, table, tile)
        for t in range(len(some)):
            for k in range(order):
                if history[k, t] >= 0:
                    seen[begin + t, k] = totals[history[k, t]]
                if nodes[k + 1, t + 1] >= 0:
                    hits[begin + t, k] = counts[nodes[k + 1, t + 1]]
        _carry(nodes, len(some), some[-1], initial, eos)
