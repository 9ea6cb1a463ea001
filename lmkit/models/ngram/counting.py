"""Counting on all cores: the trie of a text's n-grams, built one order at a time.

The loops, and how they pack n-grams into keys, are in `lmkit.kernels.counting`; each bucket of keys
is sorted by ``np.sort`` (SIMD, without the interpreter lock).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lmkit.errors import ParameterError
from lmkit.kernels import counting as kernels
from lmkit.kernels.counting import Workspace
from lmkit.models.ngram.trie import Trie
from lmkit.parallel import cores, run_all
from lmkit.types import IntArray, LongArray

# Positions in a bucket: its keys (8 bytes each) then fit in a core's second-level cache.
BUCKET = 1 << 18


class GrowingTrie:
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
        """Append an order of `size` n-grams, all zero."""
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

    def finished(self) -> Trie:
        """Return the trie of all orders so far."""
        return Trie(np.array(self.starts), self.words, self.first, self.suffix)


@dataclass(frozen=True)
class _Buckets:
    """The positions of a text in buckets of neighbouring contexts.

    Attributes:
        bounds: (B + 1,) the lowest context of each.
        offsets: (B + 1,) the index of the first key of each.
        parts: the parts of the text that are processed concurrently, (begin, end) each.
        part_offsets: (parts, B), the index of the first key of each part in each bucket.
        index_bits: (B,) the bits of an index in each.
    """

    bounds: LongArray
    offsets: LongArray
    parts: list[tuple[int, int]]
    part_offsets: LongArray
    index_bits: LongArray


def _fill_buckets(
    workspace: Workspace, counts: IntArray, *, word_bits: int, rule: tuple[int, int]
) -> _Buckets:
    """Return the buckets, with the keys of each in the workspace, unsorted."""
    size = len(workspace.ids)
    bounds, bucket_of_context = kernels.divide_contexts(counts, max(BUCKET, size // 16384))
    step = max(BUCKET, -(-size // cores()))
    parts = [(begin, min(begin + step, size)) for begin in range(0, size, step)]
    sizes = np.zeros((len(parts), len(bounds)), np.int64)

    def assign(part: int) -> None:
        kernels.assign_buckets(parts[part], workspace, rule, bucket_of_context, sizes[part])

    run_all(assign, range(len(parts)))
    sizes = sizes[:, :-1]
    offsets = np.concatenate(([0], np.cumsum(sizes.sum(axis=0))))
    part_offsets = offsets[:-1] + np.cumsum(sizes, axis=0) - sizes
    index_bits = np.ceil(np.log2(np.maximum(np.diff(offsets), 2))).astype(np.int64)
    bits = (word_bits, index_bits)

    def pack(part: int) -> None:
        starts = part_offsets[part]
        kernels.pack_keys(parts[part], workspace, rule, bounds, bits, offsets, starts)

    run_all(pack, range(len(parts)))
    return _Buckets(bounds, offsets, parts, part_offsets, index_bits)


def add_order(
    trie: GrowingTrie, workspace: Workspace, *, bos: int, eos: int, starts: int, ranks: bool
) -> None:
    """Add the n-grams one order above the highest, whose ranks are in the workspace.

    Args:
        trie: the orders so far; the new one is appended.
        workspace: made for the text; its ranks become those of the new n-grams.
        bos: the rank of ``<s>``, the context at a start; -1 where no n-gram begins with it.
        eos: the id after which the context is empty again, -1 for none.
        starts: the number of starts.
        ranks: whether the ranks of the new n-grams are wanted, for the next order.
    """
    word_bits = max(1, (trie.starts[2] - 3).bit_length())
    counts = trie.counts[trie.highest]
    if bos >= 0:
        counts = counts.copy()
        counts[bos] = starts
    buckets = _fill_buckets(workspace, counts, word_bits=word_bits, rule=(bos, eos))
    del counts
    offsets, bits = buckets.offsets, buckets.index_bits

    def sort(b: int) -> int:
        keys = workspace.keys[offsets[b] : offsets[b + 1]]
        keys.sort()
        return kernels.count_distinct(keys, bits[b])

    all_buckets = range(len(offsets) - 1)
    lower, start = trie.starts[-2:]
    begins = start + np.cumsum([0, *run_all(sort, all_buckets)])
    trie.grow(int(begins[-1]) - start)
    out = kernels.NodeArrays(trie.words, trie.counts, trie.suffix, trie.first, trie.totals)
    bounds = lower + buckets.bounds

    def write(b: int) -> None:
        span = slice(offsets[b], offsets[b + 1])
        keys, payload = workspace.keys[span], workspace.payload[span]
        contexts, nodes = (bounds[b], bounds[b + 1]), (begins[b], lower, start)
        kernels.write_nodes(keys, payload, (word_bits, bits[b]), contexts, nodes, out, ranks=ranks)

    run_all(write, all_buckets)

    def collect(part: int) -> None:
        starts = buckets.part_offsets[part]
        kernels.collect_ranks(buckets.parts[part], workspace, len(offsets) - 1, starts)

    if ranks:
        run_all(collect, range(len(buckets.parts)))
