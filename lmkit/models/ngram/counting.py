"""Compiled counting: one order from the order below it, by sorting packed 64-bit keys.

An n-gram that ends at position t is its context, which ends at t - 1 and already has a rank
among the contexts of its order, and one word. Rank and word share a 64-bit key with the
position, for any order, vocabulary and length of text: the positions are first parted into
buckets of neighbouring contexts, small enough for the three numbers to fit. Each bucket is
sorted by ``np.sort`` (SIMD, without the interpreter lock) and then read off in one pass.
All passes over the text run in its order, so that memory is read and written in streams.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmkit.compiled import compiled
from lmkit.errors import ParameterError
from lmkit.models.ngram.parallel import cores, run_all

IntArray = NDArray[np.int32]

# Positions in a bucket: its keys (8 bytes each) then fit in a core's second-level cache.
BUCKET = 1 << 18


class Nodes:
    """A trie with counts that grows by one order at a time (see `Trie` and `NgramCounts`).

    Its arrays are enlarged in place, so that a large trie is never copied: no view of them may
    outlive `grow`.
    """

    def __init__(self, unigrams: IntArray):
        """Begin with the root and the counts of the unigrams, ``<s>`` (the last) among them."""
        size = len(unigrams)
        tokens = np.array([unigrams.sum()], np.int32)
        self.starts = [0, 1, size + 1]
        self.words = np.arange(-1, size, dtype=np.int32)
        self.counts = np.concatenate([tokens, unigrams])
        self.suffix = np.zeros(size + 1, np.int32)
        self.suffix[0] = -1
        self.first = np.array([1, size + 1], np.int32)
        self.totals = tokens.copy()

    @property
    def highest(self) -> slice:
        """The nodes of the highest order so far."""
        return slice(self.starts[-2], self.starts[-1])

    def grow(self, size: int) -> None:
        """Make room for an order of so many n-grams, all zero."""
        contexts, nodes = self.starts[-1], self.starts[-1] + size
        if nodes > np.iinfo(np.int32).max:
            raise ParameterError(
                f"{nodes:,} n-grams are more than a model can hold (2^31 - 1); lower the order"
            )
        for array in (self.words, self.counts, self.suffix):
            array.resize(nodes, refcheck=False)
        self.first.resize(contexts + 1, refcheck=False)
        self.totals.resize(contexts, refcheck=False)
        self.first[-1] = nodes
        self.starts.append(nodes)


@dataclass(frozen=True)
class Workspace:
    """The memory that counting needs beside its result, used again for every order.

    Attributes:
        ids: (T,) int32, the text.
        ranks: (T,) int32, the rank of the n-gram that ends at each position, -1 for none.
        keys: (T,) uint64, the packed keys.
        payload: (T,) int32, what travels with a key: a node or a rank.
        bucket_of: (T,) uint16, the bucket of each position.
    """

    ids: IntArray
    ranks: IntArray
    keys: NDArray[np.uint64]
    payload: IntArray
    bucket_of: NDArray[np.uint16]

    @property
    def arrays(self) -> tuple[NDArray[Any], ...]:
        """The arrays as the kernels take them."""
        return self.ids, self.ranks, self.keys, self.payload, self.bucket_of

    @classmethod
    def of(cls, ids: IntArray, *, ranks: bool) -> Workspace:
        """Return the memory to count a text; the ranks are its unigrams'.

        `ranks` says whether they are to become those of longer n-grams.
        """
        ids = np.ascontiguousarray(ids, np.int32)
        size = len(ids)
        return cls(
            ids, ids.copy() if ranks else ids, np.empty(size, np.uint64), np.empty(size, np.int32),
            np.empty(size, np.uint16),
        )  # fmt: skip


@compiled
def _bounds(counts, limit, bounds, bucket_of_context):  # type: ignore[no-untyped-def]
    """Write the lowest context of each bucket, and the bucket of each context; return how many.

    A bucket holds neighbours that occur up to `limit` times together, or one that occurs more.
    A context weighs one more than its count, so that `limit` bounds a bucket's contexts too.
    """
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
def _assign(begin, end, space, rule, bucket_of_context, sizes):  # type: ignore[no-untyped-def]
    """Write the bucket of each position of a part of the text, and count those of each bucket.

    `rule` is (bos, eos): the context at a start, and the id after which there is one. Where no
    n-gram ends, the bucket is the last of `sizes`.
    """
    ids, ranks, _, _, bucket_of = space
    bos, eos = rule
    none = len(sizes) - 1
    for t in range(begin, end):
        context = bos if t == 0 or ids[t - 1] == eos else ranks[t - 1]
        b = np.int64(bucket_of_context[context]) if context >= 0 else none
        bucket_of[t] = b
        sizes[b] += 1


@compiled
def _deal(begin, end, space, rule, bounds, bits, offsets, place):  # type: ignore[no-untyped-def]
    """Deal a part of the text out to the buckets: keys (context, word, index), and ranks below.

    `bits` is (those of a word, those of an index in each bucket); `place` is where the part's
    first key goes in each bucket.
    """
    ids, ranks, keys, payload, bucket_of = space
    bos, eos = rule
    word_bits, index_bits = bits
    for t in range(begin, end):
        b = bucket_of[t]
        if b < len(bounds) - 1:
            context = bos if t == 0 or ids[t - 1] == eos else ranks[t - 1]
            at = place[b]
            key = (np.uint64(context - bounds[b]) << np.uint64(word_bits)) | np.uint64(ids[t])
            keys[at] = (key << np.uint64(index_bits[b])) | np.uint64(at - offsets[b])
            payload[at] = ranks[t]
            place[b] = at + 1


@compiled
def _distinct(keys, index_bits):  # type: ignore[no-untyped-def]
    """Return how many different n-grams the sorted keys hold."""
    shift = np.uint64(index_bits)
    found = np.int64(len(keys) > 0)
    for i in range(1, len(keys)):
        found += (keys[i] >> shift) != (keys[i - 1] >> shift)
    return found


@compiled
def _emit(keys, payload, index_bits, word_bits, contexts, spans, ranks, out):  # type: ignore[no-untyped-def]
    """Write the n-grams of one bucket's sorted keys as nodes.

    `contexts` are the bucket's nodes, from and to; `spans` is (where its n-grams begin, the
    nodes that ranks count from: one order below, and here). The payload comes in as the rank
    below and, where `ranks` are wanted, goes out as the rank, at each index.
    """
    words, counts, suffix, first, totals = out
    node, below, here = spans
    shift = np.uint64(index_bits)
    mask = (np.uint64(1) << shift) - np.uint64(1)
    word_mask = (np.uint64(1) << np.uint64(word_bits)) - np.uint64(1)
    lowest, end = contexts
    context = lowest - 1
    at, size = 0, len(keys)
    while at < size:
        ngram = keys[at] >> shift
        parent = lowest + np.int64(ngram >> np.uint64(word_bits))
        while context < parent:
            context += 1
            first[context] = node
        words[node] = np.int32(ngram & word_mask)
        suffix[node] = payload[keys[at] & mask] + below
        begin = at
        while at < size and keys[at] >> shift == ngram:
            if ranks:
                payload[keys[at] & mask] = node - here
            at += 1
        counts[node] = at - begin
        totals[context] += at - begin
        node += 1
    first[context + 1 : end] = node


@compiled
def _collect(begin, end, space, buckets, place):  # type: ignore[no-untyped-def]
    """Take the ranks of a part up in the order of the text again, as `_deal` dealt them out."""
    _, ranks, _, payload, bucket_of = space
    for t in range(begin, end):
        b = bucket_of[t]
        ranks[t] = -1
        if b < buckets:
            ranks[t] = payload[place[b]]
            place[b] += 1


@dataclass(frozen=True)
class _Buckets:
    """The positions of a text in buckets of neighbouring contexts.

    Attributes:
        bounds: (B + 1,) the lowest context of each.
        offsets: (B + 1,) where the keys of each begin.
        parts: the parts of the text that are worked on side by side, from and to.
        places: (parts, B), where the keys of each part begin in each bucket.
        index_bits: (B,) the bits of an index in each.
    """

    bounds: NDArray[np.int64]
    offsets: NDArray[np.int64]
    parts: list[tuple[int, int]]
    places: NDArray[np.int64]
    index_bits: NDArray[np.int64]


def _fill_buckets(
    workspace: Workspace, counts: IntArray, *, word_bits: int, rule: tuple[int, int]
) -> _Buckets:
    """Return the buckets, with the keys of each in the workspace, unsorted."""
    space, size = workspace.arrays, len(workspace.ids)
    limit = max(BUCKET, size // 16384)
    weight = int(counts.sum()) + len(counts)
    bounds = np.empty(2 * (weight // limit) + 3, np.int64)  # two neighbours exceed the limit
    bucket_of_context = np.empty(len(counts), np.uint16)
    bounds = bounds[: _bounds(counts, limit, bounds, bucket_of_context) + 1]
    bounds[-1] = len(counts)
    step = max(BUCKET, -(-size // cores()))
    parts = [(begin, min(begin + step, size)) for begin in range(0, size, step)]
    sizes = np.zeros((len(parts), len(bounds)), np.int64)

    def assign(part: int) -> None:
        _assign(*parts[part], space, rule, bucket_of_context, sizes[part])

    run_all(assign, range(len(parts)))
    sizes = sizes[:, :-1]
    offsets = np.concatenate(([0], np.cumsum(sizes.sum(axis=0))))
    places = offsets[:-1] + np.cumsum(sizes, axis=0) - sizes
    index_bits = np.ceil(np.log2(np.maximum(np.diff(offsets), 2))).astype(np.int64)

    def deal(part: int) -> None:
        place = places[part].copy()
        _deal(*parts[part], space, rule, bounds, (word_bits, index_bits), offsets, place)

    run_all(deal, range(len(parts)))
    return _Buckets(bounds, offsets, parts, places, index_bits)


def next_order(
    nodes: Nodes, workspace: Workspace, *, bos: int, eos: int, starts: int, ranks: bool
) -> None:
    """Add the n-grams one order above the highest, whose ranks are in the workspace.

    Args:
        nodes: the orders below; the new one is added.
        workspace: made for the text; its ranks become those of the new n-grams.
        bos: the rank of the context at a start, -1 where no n-gram begins with ``<s>``.
        eos: the id after which the text starts anew, -1 for none.
        starts: how many starts there are.
        ranks: whether the new ranks are wanted, for the order above.
    """
    space, rule = workspace.arrays, (bos, eos)
    word_bits = max(1, (nodes.starts[2] - 3).bit_length())
    counts = nodes.counts[nodes.highest]
    if bos >= 0:
        counts = counts.copy()
        counts[bos] = starts
    buckets = _fill_buckets(workspace, counts, word_bits=word_bits, rule=rule)
    del counts
    offsets, bits = buckets.offsets, buckets.index_bits

    def sort(b: int) -> int:
        keys = workspace.keys[offsets[b] : offsets[b + 1]]
        keys.sort()
        return int(_distinct(keys, bits[b]))

    all_buckets = range(len(offsets) - 1)
    lowest, here = nodes.starts[-2:]
    begins = here + np.cumsum([0, *run_all(sort, all_buckets)])
    nodes.grow(int(begins[-1]) - here)
    out = (nodes.words, nodes.counts, nodes.suffix, nodes.first, nodes.totals)
    bounds = lowest + buckets.bounds

    def emit(b: int) -> None:
        where = slice(offsets[b], offsets[b + 1])
        contexts, spans = (bounds[b], bounds[b + 1]), (begins[b], lowest, here)
        keys, payload = workspace.keys[where], workspace.payload[where]
        _emit(keys, payload, bits[b], word_bits, contexts, spans, ranks, out)

    run_all(emit, all_buckets)

    def collect(part: int) -> None:
        place = buckets.places[part].copy()
        _collect(*buckets.parts[part], space, len(offsets) - 1, place)

    if ranks:
        run_all(collect, range(len(buckets.parts)))
