"""Compiled scoring of long texts: n-grams in a hash table, the highest order asked first.

A text is asked for its n-grams from the highest order down, and most tokens are answered at once,
where a trie is climbed order by order. To hash n-grams takes as long as to score about as many
tokens, and so pays for long texts only. The table may hold all orders from the bigrams on, or
those that can be contexts, 2 to n - 1: then the n-grams below a context of n - 1 words, which are
few, are searched. `lmkit.models.ngram.scoring` chooses.

The key of the words w1 ... wk is the sum of m(wi) * F^(k - i) modulo 2^64, m being a bijection that
scatters the ids and F odd: one multiplication leads from the key of a context to that of an n-gram.
Keys of all 64 bits are compared, as KenLM's are. `fill` tells if two n-grams of a trie share one;
that an n-gram of a text which the trie does not hold has the key of one that it does is as unlikely
as one in 2^64 for each pair of them.

A slot is a pair of numbers, a key and its node; node 0, the root, marks a free one. Slots are
probed one after another within a region of `REGION`, so that cores can fill regions of their own.
"""

from __future__ import annotations

import numpy as np

from lmkit.compiled import compiled
from lmkit.models.ngram.kernels import search_children

TILE = 512  # tokens that are looked up together; their keys stay in the near caches
REGION = 4096  # slots
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_SCATTER = np.uint64(0xBF58476D1CE4E5B9)
_SPREAD = np.uint64(0xD6E8FEB86659FD93)
_HALF = np.uint64(32)


@compiled(inline="always")
def _scattered(word):  # type: ignore[no-untyped-def]
    """Return 64 bits for an id; odd multiplications and shifted xors are bijections."""
    mixed = (np.uint64(word) + np.uint64(1)) * _SCATTER
    mixed ^= mixed >> _HALF
    mixed *= _SPREAD
    return mixed ^ (mixed >> np.uint64(29))


@compiled(inline="always")
def _slot(key, size):  # type: ignore[no-untyped-def]
    """Return the first place of a key among `size` slots, fewer than 2^32."""
    mixed = (key ^ (key >> _HALF)) * _SPREAD
    return np.int64(((mixed >> _HALF) * np.uint64(size)) >> _HALF)


@compiled(inline="always")
def _next_slot(place):  # type: ignore[no-untyped-def]
    after = place + 1
    return after if after & (REGION - 1) else after - REGION


@compiled
def key_of(words):  # type: ignore[no-untyped-def]
    """Return the key of some words."""
    key = np.uint64(0)
    for word in words:
        key = key * _FACTOR + _scattered(word)
    return key


@compiled
def _insert(keys, nodes, size, slots, room):  # type: ignore[no-untyped-def]
    """Put keys and their nodes into the slots.

    Returns False where that cannot be done: a key is there already, or is 0, or finds no room.
    """
    places, taken = room
    for i in range(size):  # without a branch, so that the memory is asked for many at a time
        place = _slot(keys[i], len(slots))
        places[i] = place
        taken[i] = slots[place, 1]
    distinct = True
    for i in range(size):
        place, probes = np.int64(places[i]), 0
        while slots[place, 1] != 0 and probes < REGION:
            distinct &= slots[place, 0] != keys[i]
            place, probes = _next_slot(place), probes + 1
        if probes == REGION or keys[i] == 0:
            return False
        slots[place, 0] = keys[i]
        slots[place, 1] = nodes[i]
    return distinct


@compiled
def keys_of_contexts(first, words, starts, keys):  # type: ignore[no-untyped-def]
    """Write the keys of the n-grams of the first nodes, as many orders of them as `keys` holds."""
    for node in range(starts[1], starts[2]):
        keys[node] = _scattered(node - 1)
    for context in range(starts[1], len(keys)):
        if first[context] >= len(keys):
            break
        start = keys[context] * _FACTOR
        for node in range(first[context], first[context + 1]):
            keys[node] = start + _scattered(words[node])


@compiled
def fill(first, words, starts, keys, slots, begin, end):  # type: ignore[no-untyped-def]
    """Put the n-grams from the bigrams on into the slots ``begin`` to ``end``, whole regions.

    `keys` are those of their contexts. Returns False if two have the same key, or one no room.
    """
    size, distinct = len(slots), True
    ready, nodes = np.empty(TILE, np.uint64), np.empty(TILE, np.int64)
    room = np.empty((2, TILE), np.uint64)
    waiting = 0
    for context in range(starts[1], len(keys)):
        start = keys[context] * _FACTOR
        for node in range(first[context], first[context + 1]):
            key = start + _scattered(words[node])
            place = _slot(key, size)
            ready[waiting], nodes[waiting] = key, node
            waiting += begin <= place and place < end
            if waiting == TILE:
                distinct &= _insert(ready, nodes, waiting, slots, room)
                waiting = 0
    return distinct and _insert(ready, nodes, waiting, slots, room)


@compiled
def _find(keys, size, slots, room, nodes):  # type: ignore[no-untyped-def]
    """Write the nodes of the first `size` keys, 0 for one that is unknown; `room` is (3, size)."""
    places, found_keys, found_nodes = room
    for i in range(size):  # without a branch, so that the memory is asked for many at a time
        place = _slot(keys[i], len(slots))
        places[i] = place
        found_keys[i] = slots[place, 0]
        found_nodes[i] = slots[place, 1]
    for i in range(size):
        key, node = found_keys[i], found_nodes[i]
        if key != keys[i] and node != 0 and keys[i] != 0:
            place, probes = np.int64(places[i]), 1
            while node != 0 and key != keys[i]:
                place, probes = _next_slot(place), probes + 1
                key, node = slots[place, 0], slots[place, 1]
                if probes > REGION:
                    node = np.uint64(0)
        nodes[i] = node if keys[i] != 0 else np.uint64(0)


@compiled
def _keys_of_tile(ids, eos, bos, before, after):  # type: ignore[no-untyped-def]
    """Fill ``before[k, t]`` and ``after[k, t]``, the keys of the k words before and up to token t.

    0 stands for words that there are not. ``before[k, 0]`` is given: that of the text before the
    tile, as `_carry` leaves it.
    """
    order, size = len(after) - 1, len(ids)
    for t in range(size):
        after[1, t] = _scattered(ids[t])
    start = _scattered(bos)
    for k in range(1, order):
        for t in range(1, size):
            before[k, t] = after[k, t - 1]
        for t in range(1, size):
            if ids[t - 1] == eos:
                before[k, t] = start if k == 1 else np.uint64(0)
        for t in range(size):
            key = before[k, t]
            after[k + 1, t] = key * _FACTOR + after[1, t] if key != 0 else np.uint64(0)


@compiled(inline="always")
def _node_before(t, tile, eos, bos, last_node):  # type: ignore[no-untyped-def]
    """Return the node of the word before a token, ``<s>`` after a sentence end."""
    if t == 0:
        return last_node
    return np.int64(bos if tile[t - 1] == eos else tile[t - 1]) + 1


@compiled
def _carry(last, eos, bos, size, before, after):  # type: ignore[no-untyped-def]
    """Make the last keys of a tile those before the next one."""
    for k in range(1, len(before)):
        before[k, 0] = after[k, size - 1]
        if last == eos:
            before[k, 0] = _scattered(bos) if k == 1 else np.uint64(0)


@compiled
def _below(tile, keys, slots, trie, room, contexts, nodes):  # type: ignore[no-untyped-def]
    """Find the contexts of some keys, 0 if unknown, and the n-grams of a tile below them, or -1."""
    _find(keys, len(tile), slots, room, contexts)
    for t in range(len(tile)):
        nodes[t] = contexts[t] if contexts[t] != 0 else -1
    search_children(tile, nodes[: len(tile)].copy(), trie, nodes)


@compiled
def _of_order(k, left, after, slots, room, nodes, reached):  # type: ignore[no-untyped-def]
    """Find the k-grams of the tokens of a tile that are `left`; return those left after it."""
    asked, found = np.empty(len(left), np.uint64), np.empty(len(left), np.int64)
    for i in range(len(left)):
        asked[i] = after[k, left[i]]
    _find(asked, len(left), slots, room, found)
    missing = 0
    for i in range(len(left)):
        t = left[i]
        nodes[t], reached[t] = found[i], k
        left[missing] = t
        missing += found[i] == 0
    return left[:missing]


@compiled
def _contexts(k, left, tile, eos, bos, last_node, before, slots, room):  # type: ignore[no-untyped-def]
    """Return the nodes of the contexts of k words, of the tokens `left`; 0 for unknown ones."""
    asked, found = np.empty(len(left), np.uint64), np.empty(len(left), np.int64)
    if k == 1:
        for i in range(len(left)):
            found[i] = _node_before(left[i], tile, eos, bos, last_node)
        return found
    for i in range(len(left)):
        asked[i] = before[k, left[i]]
    _find(asked, len(left), slots, room, found)
    return found


@compiled
def _highest(tile, eos, bos, last_node, keys, table, trie, backoffs, room, out):  # type: ignore[no-untyped-def]
    """Find the highest order at which each token of a tile is known, and what backing off costs.

    `keys` is (before, after). `out` is (nodes, reached, weights): the node of the n-gram, its
    order k, and ``weights[k + 1 :, t]``, the backoffs of the contexts that led there.
    """
    before, after = keys
    nodes, reached, weights = out
    slots, hashed = table
    order, size = len(after) - 1, len(tile)
    left = np.arange(size)  # the tokens whose n-gram is not found yet
    if order > hashed:  # the highest order is not in the table
        contexts = np.empty(size, np.int64)
        _below(tile, before[order - 1], slots, trie, room, contexts, nodes)
        reached[:size] = order
        left = left[nodes[:size] < 0]
        for t in left:  # unknown contexts are node 0, whose backoff is 0
            weights[order, t] = backoffs[contexts[t]]
        order -= 1
    for k in range(order, 1, -1):
        left = _of_order(k, left, after, slots, room, nodes, reached)
        found = _contexts(k - 1, left, tile, eos, bos, last_node, before, slots, room)
        for i in range(len(left)):
            weights[k, left[i]] = backoffs[found[i]]
    for t in left:
        nodes[t], reached[t] = np.int64(tile[t]) + 1, 1


@compiled
def score_backoff_hashed(ids, start, eos, bos, trie, table, tables, out):  # type: ignore[no-untyped-def]
    """Write the log-probability of each id under a backoff model (see `kernels.score_backoff`).

    ``start[k]`` is the key of the k words before the text, ``start[0]`` the node of the last of
    them; `bos` is the id of ``<s>``; `table` is (slots, the highest order in them).
    """
    log_probs, backoffs = tables
    result, orders, paid = out
    order = len(start)
    before, after = np.zeros((order, TILE), np.uint64), np.zeros((order + 1, TILE), np.uint64)
    before[1:, 0] = start[1:]
    last_node = np.int64(start[0])
    room = np.empty((3, TILE), np.uint64)
    nodes, reached = np.empty(TILE, np.int64), np.empty(TILE, np.int64)
    weights = np.zeros((order + 1, TILE))
    for begin in range(0, len(ids), TILE):
        tile = ids[begin : begin + TILE]
        _keys_of_tile(tile, eos, bos, before, after)
        keys, found = (before, after), (nodes, reached, weights)
        _highest(tile, eos, bos, last_node, keys, table, trie, backoffs, room, found)
        for t in range(len(tile)):
            value = log_probs[nodes[t]]
            for k in range(reached[t] + 1, order + 1):
                value += weights[k, t]
            result[begin + t] = min(value, 0.0)  # rounding may leave p = 1 a little above
        for t in range(len(orders[begin : begin + TILE])):
            total = 0.0
            for k in range(order, reached[t], -1):
                total += weights[k, t]
            orders[begin + t], paid[begin + t] = reached[t], total
        _carry(tile[-1], eos, bos, len(tile), before, after)
        last_node = _node_before(len(tile), tile, eos, bos, last_node)


@compiled
def look_up_hashed(ids, start, eos, bos, trie, table, tables, out):  # type: ignore[no-untyped-def]
    """Write, for each id, the counts of its n-gram and its full context (see `kernels.look_up`).

    `tables` is (counts, totals, spans), `start` as in `score_backoff_hashed`.
    """
    counts, totals, spans = tables
    hits, seen = out
    slots, hashed = table
    order = len(start)
    before, after = np.zeros((order, TILE), np.uint64), np.zeros((order + 1, TILE), np.uint64)
    before[1:, 0] = start[1:]
    last_node = np.int64(start[0])
    room = np.empty((3, TILE), np.uint64)
    asked, reached = np.empty(TILE, np.uint64), np.empty(TILE, np.int64)
    contexts, nodes = np.empty(TILE, np.int64), np.empty(TILE, np.int64)
    below = np.empty(TILE, np.int64)
    for begin in range(0, len(ids), TILE):
        tile = ids[begin : begin + TILE]
        size = len(tile)
        _keys_of_tile(tile, eos, bos, before, after)
        for t in range(size):
            k = order - 1
            while k > 1 and before[k, t] == 0:
                k -= 1
            reached[t], asked[t] = k, before[k, t] if k > 1 else np.uint64(0)
        if order > hashed:
            _below(tile, asked, slots, trie, room, contexts, below)
        else:
            _find(asked, size, slots, room, contexts)
        for t in range(size):
            asked[t] = after[reached[t] + 1, t] if reached[t] < hashed else np.uint64(0)
        _find(asked, size, slots, room, nodes)
        for t in range(size):
            context = contexts[t]
            if reached[t] == 1:
                context = _node_before(t, tile, eos, bos, last_node)
            node = nodes[t] if reached[t] < hashed else below[t]
            complete = context >= spans[reached[t]]
            seen[begin + t] = totals[context] if complete else 0
            hits[begin + t] = counts[node] if complete and node > 0 else 0
        _carry(tile[-1], eos, bos, size, before, after)
        last_node = _node_before(size, tile, eos, bos, last_node)
