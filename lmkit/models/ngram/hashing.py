"""A hash table of a trie's n-grams: from a context's node and a word to the n-gram's node.

A trie is searched among the children of a context, which takes several accesses to memory, and
many where a context has thousands of children; the table takes one. To fill it takes as long as to
score about as many tokens as there are n-grams, and so pays for long texts only:
`lmkit.models.ngram.scoring` decides.

A slot is a pair of numbers: a key, the context's node and the word in 64 bits, and the n-gram's
node, 0 in a free one. Slots are probed one after another within a region of `REGION`, so that
cores can fill regions of their own.
"""

from __future__ import annotations

import numpy as np

from lmkit.compiled import compiled

REGION = 4096  # slots
_WAITING = 512  # n-grams that are put into the table together
_SCATTER = np.uint64(0x9E3779B97F4A7C15)
_SPREAD = np.uint64(0xBF58476D1CE4E5B9)
_HALF = np.uint64(32)


@compiled(inline="always")
def _key(context, word):  # type: ignore[no-untyped-def]
    return (np.uint64(context) << _HALF) | np.uint64(word)


@compiled(inline="always")
def _slot(key, size):  # type: ignore[no-untyped-def]
    """Return the first place of a key among `size` slots, fewer than 2^32."""
    mixed = key * _SCATTER
    mixed = (mixed ^ (mixed >> _HALF)) * _SPREAD
    return np.int64(((mixed >> _HALF) * np.uint64(size)) >> _HALF)


@compiled(inline="always")
def _next_slot(place):  # type: ignore[no-untyped-def]
    after = place + 1
    return after if after & (REGION - 1) else after - REGION


@compiled
def _insert(keys, nodes, size, slots):  # type: ignore[no-untyped-def]
    """Put new keys and their nodes into the slots; return False if one has no room."""
    places, taken = np.empty(size, np.int64), np.empty(size, np.uint64)
    for i in range(size):  # without a branch, so that the memory is asked for many at a time
        places[i] = _slot(keys[i], len(slots))
        taken[i] = slots[places[i], 1]
    for i in range(size):
        place, probes = places[i], 0
        if taken[i] != 0 or slots[place, 1] != 0:  # it may have been taken since
            while slots[place, 1] != 0 and probes < REGION:
                place, probes = _next_slot(place), probes + 1
        if probes == REGION:
            return False
        slots[place, 0] = keys[i]
        slots[place, 1] = nodes[i]
    return True


@compiled
def fill(first, words, contexts, slots, begin, end):  # type: ignore[no-untyped-def]
    """Put the n-grams below the first contexts into the slots ``begin`` to ``end``, whole regions.

    Returns False if one finds no room.
    """
    keys, nodes = np.empty(_WAITING, np.uint64), np.empty(_WAITING, np.int64)
    waiting, done = 0, True
    for context in range(1, contexts):
        for node in range(first[context], first[context + 1]):
            key = _key(context, words[node])
            place = _slot(key, len(slots))
            keys[waiting], nodes[waiting] = key, node
            waiting += begin <= place and place < end
            if waiting == _WAITING:
                done &= _insert(keys, nodes, waiting, slots)
                waiting = 0
    return done and _insert(keys, nodes, waiting, slots)


@compiled
def find_children(ids, contexts, slots, nodes):  # type: ignore[no-untyped-def]
    """Find the n-grams of a tile of ids below their contexts; -1 for what is unknown, both."""
    size = 0
    known = np.empty(len(ids), np.int32)  # the tokens whose context is known
    for t in range(len(ids)):
        known[size] = t
        size += contexts[t] >= 0
    nodes[:] = -1
    keys, places = np.empty(size, np.uint64), np.empty(size, np.int64)
    found_keys, found = np.empty(size, np.uint64), np.empty(size, np.uint64)
    for i in range(size):
        keys[i] = _key(contexts[known[i]], ids[known[i]])
        places[i] = _slot(keys[i], len(slots))
    for i in range(size):  # without a branch, so that the memory is asked for many at a time
        found_keys[i] = slots[places[i], 0]
        found[i] = slots[places[i], 1]
    for i in range(size):
        node = found[i]
        if found_keys[i] != keys[i] and node != 0:
            place, probes, key = places[i], 1, found_keys[i]
            while node != 0 and key != keys[i]:
                place, probes = _next_slot(place), probes + 1
                key, node = slots[place, 0], slots[place, 1]
                if probes > REGION:
                    node = np.uint64(0)
        nodes[known[i]] = np.int64(node) if node != 0 else -1
