"""A hash table of a trie's n-grams: from a context's node and a word to the n-gram's node.

A trie is searched among the children of a context, which takes several accesses to memory, and
many where a context has thousands of children; the table takes one.

A slot is one number of 64 bits, 0 where it is free: the n-gram's node in its lower half, a tag in
its upper half. A bijection mixes context and word into a key of `key_bits` bits. The upper bits of
the key determine the slot where the search begins; the tag holds the others (`rest_bits`), and how
many slots after that one the n-gram stands. Slot and tag together are the whole key, so that no two
n-grams are ever confused, in half the memory (quotienting: Knuth, The Art of Computer Programming
3, section 6.4, exercise 13)::

    key   upper 32 bits -> first slot = upper * slots >> 32 | rest
    slot  rest (up to 24 bits) | probes (8 bits)            | node (32 bits)

Collisions are resolved by linear probing within a region of `REGION` slots, so that cores can fill
regions of their own.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from lmkit.kernels.compiled import Packed, compiled
from lmkit.types import IntArray

REGION = 4096  # slots
_BATCH = 512  # n-grams that are inserted together
_LOAD = 0.5  # of the slots
_PROBE_BITS = 8
_PROBES = 1 << _PROBE_BITS  # slots that an n-gram may stand in
_TAG_BITS = 32
_SCATTER = np.uint64(0x9E3779B97F4A7C15)
_SPREAD = np.uint64(0xBF58476D1CE4E5B9)
_ONE, _HALF = np.uint64(1), np.uint64(32)
_LOW = np.uint64(0xFFFFFFFF)

# word_bits, key_bits and rest_bits: of the word in the key, of the key, of its part in the tag.
Layout: TypeAlias = tuple[int, int, int]
Slots: TypeAlias = NDArray[np.uint64]
Table: TypeAlias = Packed  # the slots, their layout, and the highest order that they hold

NO_TABLE: Table = Packed((np.empty(0, np.uint64), (1, 32, 0), 0))


def pack_table(slots: Slots, layout: Layout, highest: int) -> Table:
    """Return filled slots as the scoring functions take them: for the orders 2 to `highest`."""
    return Packed((slots, layout, highest))


def layout_for(contexts: int, words: int, ngrams: int) -> tuple[int, Layout] | None:
    """Return the number of slots, and their layout, for n-grams; None if no tag holds a key.

    `contexts` and `words` are how many nodes and ids there are to tell apart.

    >>> layout_for(1000, 500, 5000)  # 3 regions; 19 of the 32 bits of a key are in the tag
    (12288, (9, 32, 19))
    """
    word_bits = max(1, (words - 1).bit_length())
    key_bits = max(32, (contexts - 1).bit_length() + word_bits)
    regions = int(ngrams / _LOAD / REGION) + 1
    size = regions * REGION
    rest_bits = (-(-(1 << 32) // size) - 1).bit_length() + key_bits - 32
    if size >= 1 << 32 or key_bits > 64 or rest_bits > _TAG_BITS - _PROBE_BITS:
        return None
    return size, (word_bits, key_bits, rest_bits)


def fill(
    first: IntArray, words: IntArray, contexts: int, slots: Slots, layout: Layout, part: slice
) -> bool:
    """Insert the n-grams that belong into the slots of `part`, which are whole regions, all zero.

    The n-grams are the children of the nodes 1 to `contexts` - 1 of a trie (first, words). Returns
    False if there is no room for one.
    """
    kinds = (np.int32, np.uint32, np.uint32, np.uint32, np.uint64)
    batch = tuple(np.empty(_BATCH, kind) for kind in kinds)
    return bool(_fill(first, words, contexts, slots, layout, part.start, part.stop, batch))


@compiled(inline="always")
def _first_slot(context, word, layout, size):
    """Return the slot where the search for an n-gram begins, among `size`, and its tag there."""
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
def _probe(start, probes):
    """Return the slot `probes` steps after `start`, wrapping within its region."""
    return (start & ~(REGION - 1)) | ((start + probes) & (REGION - 1))


@compiled
def _insert(batch, size, slots):
    """Insert new n-grams; return False if there is no room for one.

    `batch` is (contexts, first slots, tags, nodes, what the first slots held).
    """
    _, starts, tags, nodes, held = batch
    for i in range(size):  # without a branch, so that the memory accesses overlap
        held[i] = slots[starts[i]]
    for i in range(size):
        slot, tag = np.int64(starts[i]), np.uint64(tags[i])
        if held[i] != 0 or slots[slot] != 0:  # one of this batch may have taken it since
            probes = 0
            while slots[slot] != 0 and probes < _PROBES:
                slot, probes = _probe(slot, 1), probes + 1
            if probes == _PROBES:
                return False
            tag += np.uint64(probes)
        slots[slot] = (tag << _HALF) | np.uint64(nodes[i])
    return True


@compiled
def _fill(first, words, contexts, slots, layout, begin, end, batch):
    parents, starts, tags, nodes, _ = batch
    context, node, last = 1, np.int64(first[1]), np.int64(first[contexts])
    while node < last:
        size = min(len(starts), int(last - node))
        for i in range(size):
            while first[context + 1] <= node + i:
                context += 1
            parents[i] = context
        for i in range(size):
            starts[i], tags[i] = _first_slot(parents[i], words[node + i], layout, len(slots))
        kept = 0
        for i in range(size):
            start, tag = starts[i], tags[i]
            starts[kept], tags[kept], nodes[kept] = start, tag, node + i
            kept += begin <= start and start < end
        if not _insert(batch, kept, slots):
            return False
        node += size
    return True


@compiled
def _find_children(ids, contexts, slots, layout, memory, nodes):
    """Find the n-grams of a tile of ids and their contexts; -1 for what is unknown, both.

    `memory` is four arrays of working memory (see `new_tile` in `lmkit.kernels.scoring`). The
    passes have no branches, so that many memory accesses overlap, and use short integers, of which
    a vector register holds more.
    """
    again, starts, tags, held = memory
    for t in range(len(ids)):
        start, tag = _first_slot(max(contexts[t], 0), ids[t], layout, len(slots))
        starts[t] = start if contexts[t] >= 0 else 0
        tags[t] = tag
    for t in range(len(ids)):
        held[t] = slots[starts[t]]
    size = 0
    for t in range(len(ids)):
        taken = contexts[t] >= 0 and held[t] != 0
        hit = taken and held[t] >> _HALF == tags[t]
        nodes[t] = held[t] & _LOW if hit else -1
        again[size] = t
        size += taken and not hit
    for probes in range(1, _PROBES):  # what is further on, or nowhere
        left = 0
        for i in range(size):
            t = again[i]
            slot = slots[_probe(np.int64(starts[t]), probes)]
            taken = slot != 0
            hit = taken and slot >> _HALF == tags[t] + np.uint64(probes)
            nodes[t] = slot & _LOW if hit else -1
            again[left] = t
            left += taken and not hit
        size = left
        if size == 0:
            break
