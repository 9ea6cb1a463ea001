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

import numpy as np
from numba import njit
from numpy.typing import NDArray

from lmkit.models.ngram.parallel import run_all

IntArray = NDArray[np.int32]

# Positions in a bucket: its keys (8 bytes each) then fit in a core's second-level cache.
BUCKET = 1 << 18


@dataclass(frozen=True)
class Level:
    """The distinct n-grams of one order and where in the text they end.

    Attributes:
        words: (N,) int32, the last word of each, in the order of (context, word).
        counts: (N,) int32, how often each occurs.
        suffix: (N,) int32, the rank of its suffix in the order below.
        children: (M,) int32, how many of them each of the M contexts begins.
        totals: (M,) int32, how often each context is followed by a word.
    """

    words: IntArray
    counts: IntArray
    suffix: IntArray
    children: IntArray
    totals: IntArray


@dataclass(frozen=True)
class Workspace:
    """The memory that counting needs beside its result, used again for every order.

    Attributes:
        keys: (T + starts,) uint64, the packed keys.
        payload: (T + starts,) int32, what travels with a key: a rank.
        bucket_of: (T,) uint16, the bucket of each position.
        ranks: (T,) int32, the rank of the n-gram that ends at each position, -1 for none.
    """

    keys: NDArray[np.uint64]
    payload: IntArray
    bucket_of: NDArray[np.uint16]
    ranks: IntArray

    @classmethod
    def of(cls, ids: IntArray, starts: int) -> Workspace:
        """Return the memory to count a text of so many starts; the ranks are its unigrams'."""
        size = len(ids) + starts
        return cls(
            np.empty(size, np.uint64),
            np.empty(size, np.int32),
            np.empty(len(ids), np.uint16),
            ids.copy(),
        )


@njit(cache=True, nogil=True)
def _bounds(counts, limit):  # type: ignore[no-untyped-def]
    """Return the lowest context of each bucket, and one past the last of all.

    A bucket holds neighbours that occur up to `limit` times together, or one that occurs more.
    A context weighs one more than its count, so that `limit` bounds a bucket's contexts too.
    """
    bounds = [0]
    filled = 0
    for context in range(len(counts)):
        weight = counts[context] + 1
        if filled > 0 and filled + weight > limit:
            bounds.append(context)
            filled = 0
        filled += weight
    bounds.append(len(counts))
    return np.array(bounds)


@njit(cache=True, nogil=True)
def _deal(ids, space, bos, eos, word_bits, bounds, jump, shift, offsets, index_bits):  # type: ignore[no-untyped-def]
    """Deal the positions out to buckets: their keys (context, word, index), and the rank below.

    Where no n-gram ends, the bucket is one past the last. Returns where each bucket ends.
    """
    keys, payload, bucket_of, below = space
    buckets = len(offsets) - 1
    place = offsets.copy()
    context = bos
    for t in range(len(ids)):
        word = ids[t]
        if context >= 0:
            b = jump[context >> shift]
            while context >= bounds[b + 1]:
                b += 1
            at = place[b]
            key = (np.uint64(context - bounds[b]) << np.uint64(word_bits)) | np.uint64(word)
            keys[at] = (key << np.uint64(index_bits[b])) | np.uint64(at - offsets[b])
            payload[at] = below[t]
            place[b] = at + 1
            bucket_of[t] = b
        else:
            bucket_of[t] = buckets
        context = bos if word == eos else below[t]
    return place


@njit(cache=True, nogil=True)
def _distinct(keys, index_bits):  # type: ignore[no-untyped-def]
    """Return how many different n-grams the sorted keys hold."""
    shift = np.uint64(index_bits)
    found = np.int64(len(keys) > 0)
    for i in range(1, len(keys)):
        found += (keys[i] >> shift) != (keys[i - 1] >> shift)
    return found


@njit(cache=True, nogil=True)
def _emit(keys, payload, index_bits, word_bits, lowest, rank, out):  # type: ignore[no-untyped-def]
    """Write the n-grams of one bucket's sorted keys from `rank` on.

    The payload comes in as the rank below and goes out as the rank, at each index.
    """
    words, counts, suffix, children, totals = out
    shift = np.uint64(index_bits)
    mask = (np.uint64(1) << shift) - np.uint64(1)
    word_mask = (np.uint64(1) << np.uint64(word_bits)) - np.uint64(1)
    context = lowest
    last = np.uint64(0)
    rank -= 1
    for i in range(len(keys)):
        ngram = keys[i] >> shift
        index = keys[i] & mask
        if i == 0 or ngram != last:
            last = ngram
            rank += 1
            context = lowest + np.int64(ngram >> np.uint64(word_bits))
            words[rank] = np.int32(ngram & word_mask)
            suffix[rank] = payload[index]
            counts[rank] = 0
            children[context] += 1
        counts[rank] += 1
        totals[context] += 1
        payload[index] = rank


@njit(cache=True, nogil=True)
def _collect(space, offsets):  # type: ignore[no-untyped-def]
    """Take the ranks up in the order of the text again, as `_deal` dealt them out."""
    _, payload, bucket_of, ranks = space
    place = offsets.copy()
    for t in range(len(bucket_of)):
        b = bucket_of[t]
        if b == len(offsets) - 1:
            ranks[t] = -1
        else:
            ranks[t] = payload[place[b]]
            place[b] += 1


def next_level(
    ids: IntArray,
    workspace: Workspace,
    *,
    counts: IntArray,
    word_bits: int,
    bos: int,
    eos: int,
    ranks: bool,
) -> Level:
    """Return the n-grams one order above those whose ranks are in the workspace.

    Args:
        ids: (T,) int32, the text.
        workspace: made for this text; its ranks become those of the new n-grams.
        counts: (M,) int32, how often each (n-1)-gram can be a context: its own count at least;
            for ``<s>``, among the unigrams, the number of starts.
        word_bits: bits of the highest id.
        bos: the rank of the context at a start, -1 where no n-gram begins with ``<s>``.
        eos: the id after which the text starts anew, -1 for none.
        ranks: whether the new ranks are wanted, for the order above.
    """
    limit = max(BUCKET, len(ids) // 16384)
    bounds = _bounds(counts, limit)
    offsets = np.concatenate(([0], np.cumsum(counts, dtype=np.int64)))[bounds]
    index_bits = np.ceil(np.log2(np.maximum(np.diff(offsets), 2))).astype(np.int64)
    shift = max(0, len(counts).bit_length() - 12)
    jump = np.searchsorted(bounds, np.arange(0, len(counts), 1 << shift), side="right") - 1
    keys, payload = workspace.keys, workspace.payload
    space = (keys, payload, workspace.bucket_of, workspace.ranks)
    ends = _deal(ids, space, bos, eos, word_bits, bounds, jump, shift, offsets, index_bits)

    def sort(b: int) -> int:
        part = keys[offsets[b] : ends[b]]
        part.sort()
        return int(_distinct(part, index_bits[b]))

    buckets = range(len(offsets) - 1)
    begins = np.cumsum([0, *run_all(sort, buckets)])
    words, new_counts, suffix = (np.empty(begins[-1], np.int32) for _ in range(3))
    children, totals = np.zeros(len(counts), np.int32), np.zeros(len(counts), np.int32)
    out = (words, new_counts, suffix, children, totals)

    def emit(b: int) -> None:
        here = slice(offsets[b], ends[b])
        _emit(keys[here], payload[here], index_bits[b], word_bits, bounds[b], begins[b], out)

    run_all(emit, buckets)
    if ranks:
        _collect(space, offsets)
    return Level(words, new_counts, suffix, children, totals)
