"""Counting the n-grams of one order from those of the order below, by sorting packed 64-bit keys.

The n-gram that ends at position t of a text is its context, the n-gram one shorter that ends at
t - 1, and the word at t. A context is known by its rank, its index among the n-grams of its order.
The positions are divided into buckets of neighbouring contexts, small enough that three numbers
fit 64 bits for any order, vocabulary and length of text::

    key = context - lowest context of the bucket | word | index of the key in its bucket
          (the highest bits)                       (word_bits) (index_bits)

With word_bits = 2 and index_bits = 3, the key at index 6 for word 3 after context 5, in a bucket
that begins with context 4, is ``1 << 5 | 3 << 3 | 6 == 62``. Sorting a bucket brings equal n-grams
together, in the order in which a trie numbers them, and the index leads to the payload of each key:
the rank of the n-gram one shorter that ends at the same position, which is its suffix.

All passes over the text run in its order, so that memory is read and written sequentially. The
text is divided into parts for the cores: ``part`` is (begin, end).

``rule`` is (bos, eos): the context at a start, -1 if no n-gram begins with ``<s>``, and the id
after which the text starts anew, -1 for none.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lmkit.kernels.compiled import compiled
from lmkit.types import IntArray, LongArray

Range: TypeAlias = tuple[int, int]


class Workspace(NamedTuple):
    """The memory that counting needs beside its result, used again for every order.

    Attributes:
        ids: (T,) int32, the text.
        ranks: (T,) int32, the rank of the n-gram that ends at each position, -1 for none.
        keys: (T,) uint64, the packed keys.
        payload: (T,) int32, for each key the rank of the suffix, later that of the n-gram.
        bucket_of: (T,) uint16, the bucket of each position.
    """

    ids: IntArray
    ranks: IntArray
    keys: NDArray[np.uint64]
    payload: IntArray
    bucket_of: NDArray[np.uint16]

    @classmethod
    def of(cls, ids: IntArray, *, ranks: bool) -> Workspace:
        """Return the memory to count a text; the ranks are those of its unigrams, the ids.

        `ranks` says whether they are to become those of longer n-grams.
        """
        ids = np.ascontiguousarray(ids, np.int32)
        size = len(ids)
        return cls(
            ids, ids.copy() if ranks else ids, np.empty(size, np.uint64), np.empty(size, np.int32),
            np.empty(size, np.uint16),
        )  # fmt: skip


class NodeArrays(NamedTuple):
    """The arrays of a trie with counts to write nodes into, all int32 (see `Trie`)."""

    words: IntArray
    counts: IntArray
    suffix: IntArray
    first: IntArray
    totals: IntArray


def divide_contexts(counts: IntArray, limit: int) -> tuple[LongArray, NDArray[np.uint16]]:
    """Return the lowest context of each bucket, int64 (B + 1,), and the bucket of each context.

    A bucket holds neighbouring contexts of a total weight up to `limit`, or one that exceeds it. A
    context weighs one more than its count, so that `limit` bounds the contexts of a bucket too. The
    last bound is the number of contexts.

    >>> divide_contexts(np.array([2, 1, 5, 0], np.int32), 5)
    (array([0, 2, 3, 4]), array([0, 0, 1, 2], dtype=uint16))
    """
    weight = int(counts.sum()) + len(counts)
    bounds = np.empty(2 * (weight // limit) + 3, np.int64)  # two adjacent buckets exceed the limit
    bucket_of_context = np.empty(len(counts), np.uint16)
    buckets = _divide_contexts(counts, limit, bounds, bucket_of_context)
    bounds = bounds[: buckets + 1]
    bounds[-1] = len(counts)
    return bounds, bucket_of_context


def assign_buckets(
    part: Range,
    workspace: Workspace,
    rule: Range,
    bucket_of_context: NDArray[np.uint16],
    sizes: LongArray,
) -> None:
    """Write the bucket of each position of a part, and add the number of positions of each bucket.

    ``sizes`` is int64 (B + 1,); its last entry stands for the positions where no n-gram ends.
    """
    _assign_buckets(*part, workspace, rule, bucket_of_context, sizes)


def pack_keys(
    part: Range,
    workspace: Workspace,
    rule: Range,
    bounds: LongArray,
    bits: tuple[int, LongArray],
    offsets: LongArray,
    starts: LongArray,
) -> None:
    """Write the keys of a part, and the payload of each.

    ``bits`` is (word_bits, index_bits of each bucket). Bucket b has the keys from ``offsets[b]``
    on, those of this part from ``starts[b]`` on.
    """
    _pack_keys(*part, workspace, rule, bounds, bits, offsets, starts.copy())


def count_distinct(keys: NDArray[np.uint64], index_bits: int) -> int:
    """Return how many different n-grams sorted keys hold."""
    return int(_count_distinct(keys, index_bits))


def write_nodes(
    keys: NDArray[np.uint64],
    payload: IntArray,
    bits: Range,
    contexts: Range,
    spans: tuple[int, int, int],
    nodes: NodeArrays,
    *,
    ranks: bool,
) -> None:
    """Write the n-grams of one bucket's sorted keys as nodes of a trie.

    ``bits`` is (word_bits, index_bits). ``contexts`` are the nodes of the bucket's contexts,
    (begin, end). ``spans`` is (the node of the bucket's first n-gram, the first node of the order
    below, the first node of this order). The payload is the rank of the suffix at each key's
    position and, where `ranks` are wanted, becomes the rank of its n-gram.
    """
    _write_nodes(keys, payload, bits, contexts, spans, nodes, ranks)


def collect_ranks(part: Range, workspace: Workspace, buckets: int, starts: LongArray) -> None:
    """Write the rank of the n-gram that ends at each position of a part, -1 where none does.

    The payload of the part's keys begins at ``starts[b]`` in each of the buckets, as `pack_keys`
    wrote it.
    """
    _collect_ranks(*part, workspace, buckets, starts.copy())


@compiled
def _divide_contexts(counts, limit, bounds, bucket_of_context):
    filled, buckets = 0, 0
    for context in range(len(counts)):
        weight = counts[context] + 1
        if filled == 0 or filled + weight > limit:
            bounds[buckets] = context
            buckets += 1
            filled = 0
        filled += weight
        bucket_of_context[context] = buckets - 1
    return buckets


@compiled
def _assign_buckets(begin, end, workspace, rule, bucket_of_context, sizes):
    ids, ranks, _, _, bucket_of = workspace
    bos, eos = rule
    none = len(sizes) - 1
    for t in range(begin, end):
        context = bos if t == 0 or ids[t - 1] == eos else ranks[t - 1]
        b = np.int64(bucket_of_context[context]) if context >= 0 else none
        bucket_of[t] = b
        sizes[b] += 1


@compiled
def _pack_keys(begin, end, workspace, rule, bounds, bits, offsets, next_slot):
    ids, ranks, keys, payload, bucket_of = workspace
    bos, eos = rule
    word_bits, index_bits = bits
    for t in range(begin, end):
        b = bucket_of[t]
        if b < len(bounds) - 1:
            context = bos if t == 0 or ids[t - 1] == eos else ranks[t - 1]
            slot = next_slot[b]
            key = (np.uint64(context - bounds[b]) << np.uint64(word_bits)) | np.uint64(ids[t])
            keys[slot] = (key << np.uint64(index_bits[b])) | np.uint64(slot - offsets[b])
            payload[slot] = ranks[t]
            next_slot[b] = slot + 1


@compiled
def _count_distinct(keys, index_bits):
    shift = np.uint64(index_bits)
    distinct = np.int64(len(keys) > 0)
    for i in range(1, len(keys)):
        distinct += (keys[i] >> shift) != (keys[i - 1] >> shift)
    return distinct


@compiled
def _write_nodes(keys, payload, bits, contexts, spans, nodes, ranks):
    words, counts, suffix, first, totals = nodes
    word_bits, index_bits = bits
    node, below, here = spans
    shift = np.uint64(index_bits)
    mask = (np.uint64(1) << shift) - np.uint64(1)
    word_mask = (np.uint64(1) << np.uint64(word_bits)) - np.uint64(1)
    lowest, end = contexts
    context = lowest - 1
    i, size = 0, len(keys)
    while i < size:
        ngram = keys[i] >> shift
        parent = lowest + np.int64(ngram >> np.uint64(word_bits))
        while context < parent:
            context += 1
            first[context] = node
        words[node] = np.int32(ngram & word_mask)
        suffix[node] = payload[keys[i] & mask] + below
        begin = i
        while i < size and keys[i] >> shift == ngram:
            if ranks:
                payload[keys[i] & mask] = node - here
            i += 1
        counts[node] = i - begin
        totals[context] += i - begin
        node += 1
    first[context + 1 : end] = node


@compiled
def _collect_ranks(begin, end, workspace, buckets, next_slot):
    _, ranks, _, payload, bucket_of = workspace
    for t in range(begin, end):
        b = bucket_of[t]
        ranks[t] = -1
        if b < buckets:
            ranks[t] = payload[next_slot[b]]
            next_slot[b] += 1
