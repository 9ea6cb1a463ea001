"""A hash table of a trie's n-grams: from a context's node and a word to the n-gram's node.

A trie is searched among the children of a context, which takes several accesses to memory, and
many where a context has thousands of children; the table takes one. To fill it takes time and
memory, which many tokens have to pay for: `lmkit.models.ngram.scoring` decides.

A slot is one number of 64 bits, 0 where it is free: the n-gram's node below, above it a tag. A
bijection mixes context and word into a key of `key_bits` bits; its upper bits say the slot where
the search begins, and the tag holds the lower ones and how many slots the n-gram stands behind
that. Together they are the whole key, so that no two n-grams are ever taken for one another, in
half the memory (quotienting: Knuth, The Art of Computer Programming 3, section 6.4, exercise 13).
Slots are probed one after another within a region of `REGION`, so that cores can fill regions of
their own.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lmkit.compiled import compiled

REGION = 4096  # slots
_WAITING = 512  # n-grams that are put into the table together
_LOAD = 0.5  # of the slots
_PROBE_BITS = 8
_PROBES = 1 << _PROBE_BITS  # slots that an n-gram may stand in
_TAG_BITS = 32
_SCATTER = np.uint64(0x9E3779B97F4A7C15)
_SPREAD = np.uint64(0xBF58476D1CE4E5B9)
_ONE, _HALF = np.uint64(1), np.uint64(32)
_LOW = np.uint64(0xFFFFFFFF)

# The bits of a word in the key, of the key, and of the key's part in the tag.
Layout: TypeAlias = tuple[int, int, int]


def layout_for(contexts: int, words: int, ngrams: int) -> tuple[int, Layout] | None:
    """Return the number of slots, and their layout, for n-grams; None if no tag holds a key.

    `contexts` and `words` are how many nodes and ids there are to tell apart.
    """
    word_bits = max(1, (words - 1).bit_length())
    key_bits = max(32, (contexts - 1).bit_length() + word_bits)
    regions = int(ngrams / _LOAD / REGION) + 1
    size = regions * REGION
    rest_bits = (-(-(1 << 32) // size) - 1).bit_length() + key_bits - 32
    if size >= 1 << 32 or key_bits > 64 or rest_bits > _TAG_BITS - _PROBE_BITS:
        return None
    return size, (word_bits, key_bits, rest_bits)


def new_waiting() -> tuple[NDArray[Any], ...]:
    """Return the memory that `fill` needs: contexts, places, tags, nodes, and what is there."""
    kinds = (np.int32, np.uint32, np.uint32, np.uint32, np.uint64)
    return tuple(np.empty(_WAITING, kind) for kind in kinds)


@compiled(inline="always")
def _place(context, word, layout, size):  # type: ignore[no-untyped-def]
    """Return the slot where the search for an n-gram begins, among `size`, and its first tag."""
    word_bits, key_bits, rest_bits = layout
    mask = ~np.uint64(0) >> np.uint64(64 - key_bits)
    key = (np.uint64(context) << np.uint64(word_bits)) | np.uint64(word)
    key = (key * _SCATTER) & mask
    key ^= key >> np.uint64(key_bits >> 1)
    key = (key * _SPREAD) & mask
    upper = key >> np.uint64(key_bits - 32)
    rest = key & ((_ONE << np.uint64(rest_bits)) - _ONE)
    return np.int64((upper * np.uint64(size)) >> _HALF), rest << np.uint64(_PROBE_BITS)


@compiled(inline="always")
def _slot_behind(place, probes):  # type: ignore[no-untyped-def]
    """Return the slot so many behind a place, in its region, whose first comes after the last."""
    return (place & ~(REGION - 1)) | ((place + probes) & (REGION - 1))


@compiled
def _insert(waiting, size, slots):  # type: ignore[no-untyped-def]
    """Put new n-grams into the slots, from their places on; return False if one has no room."""
    _, places, tags, nodes, taken = waiting
    for i in range(size):  # without a branch, so that the memory is asked for many at a time
        taken[i] = slots[places[i]]
    for i in range(size):
        place, tag = np.int64(places[i]), np.uint64(tags[i])
        if taken[i] != 0 or slots[place] != 0:  # it may have been taken since
            probes = 0
            while slots[place] != 0 and probes < _PROBES:
                place, probes = _slot_behind(place, 1), probes + 1
            if probes == _PROBES:
                return False
            tag += np.uint64(probes)
        slots[place] = (tag << _HALF) | np.uint64(nodes[i])
    return True


@compiled
def fill(first, words, contexts, slots, layout, begin, end, waiting):  # type: ignore[no-untyped-def]
    """Put the n-grams below the first contexts into the slots ``begin`` to ``end``, whole regions.

    `waiting` is what `new_waiting` made. Returns False if one finds no room.
    """
    above, places, tags, nodes, _ = waiting
    context, node, last = 1, np.int64(first[1]), np.int64(first[contexts])
    while node < last:
        size = min(len(places), int(last - node))
        for i in range(size):
            while first[context + 1] <= node + i:
                context += 1
            above[i] = context
        for i in range(size):
            places[i], tags[i] = _place(above[i], words[node + i], layout, len(slots))
        kept = 0
        for i in range(size):
            place, tag = places[i], tags[i]
            places[kept], tags[kept], nodes[kept] = place, tag, node + i
            kept += begin <= place and place < end
        if not _insert(waiting, kept, slots):
            return False
        node += size
    return True


@compiled
def find_children(ids, contexts, slots, layout, memory, nodes):  # type: ignore[no-untyped-def]
    """Find the n-grams of a tile of ids below their contexts; -1 for what is unknown, both.

    `memory` is what `new_tile` made to work in. The passes have no branches, so that the memory is
    asked for many at a time, and short numbers, of which a core takes more at once.
    """
    again, places, tags, found = memory
    for t in range(len(ids)):
        place, tag = _place(max(contexts[t], 0), ids[t], layout, len(slots))
        places[t] = place if contexts[t] >= 0 else 0
        tags[t] = tag
    for t in range(len(ids)):
        found[t] = slots[places[t]]
    size = 0
    for t in range(len(ids)):
        taken = contexts[t] >= 0 and found[t] != 0
        hit = taken and found[t] >> _HALF == tags[t]
        nodes[t] = found[t] & _LOW if hit else -1
        again[size] = t
        size += taken and not hit
    for probe in range(1, _PROBES):  # what stands further on, or nowhere
        left = 0
        for i in range(size):
            t = again[i]
            slot = slots[_slot_behind(np.int64(places[t]), probe)]
            taken = slot != 0
            hit = taken and slot >> _HALF == tags[t] + np.uint64(probe)
            nodes[t] = slot & _LOW if hit else -1
            again[left] = t
            left += taken and not hit
        size = left
        if size == 0:
            break
