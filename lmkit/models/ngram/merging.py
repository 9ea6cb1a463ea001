"""Adding count tables, and subtracting one from another."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmkit.errors import ParameterError
from lmkit.models.ngram.counting import Nodes
from lmkit.models.ngram.trie import IntArray, Trie

_Ranks = tuple[NDArray[np.int64], NDArray[np.int64]]


class Counted(NamedTuple):
    """A trie with the count of each of its nodes, (N,) int32, and the total of each context."""

    trie: Trie
    counts: IntArray
    totals: IntArray


def combined(a: Counted, b: Counted, *, sign: int) -> Counted:
    """Return the counts of `a` plus or minus those of `b`, of one order and vocabulary."""
    unigrams = _checked(a.counts[a.trie.span(1)], b.counts[b.trie.span(1)].astype(np.int64) * sign)
    nodes = Nodes(unigrams)
    identity = np.arange(len(unigrams), dtype=np.int64)
    ranks = (identity, identity)
    for k in range(2, a.trie.order + 1):
        ranks = _unite(nodes, a, b, k, sign=sign, below=ranks)
    trie = Trie(np.array(nodes.starts), nodes.words, nodes.first, nodes.suffix)
    keep = nodes.counts > 0
    keep[: nodes.starts[2]] = True
    kept, old = trie.kept(keep)
    return Counted(kept, nodes.counts[old], nodes.totals[old[: kept.contexts]])


def _unite(nodes: Nodes, a: Counted, b: Counted, order: int, *, sign: int, below: _Ranks) -> _Ranks:
    """Add one order of both tables to the nodes; return the ranks that their n-grams get in it.

    `below` are the ranks of their n-grams of the order below.
    """
    keys_a, keys_b = _keys(a.trie, order, below[0]), _keys(b.trie, order, below[1])
    keys = np.union1d(keys_a, keys_b)
    ranks_a, ranks_b = np.searchsorted(keys, keys_a), np.searchsorted(keys, keys_b)
    left, right = np.zeros(len(keys), np.int64), np.zeros(len(keys), np.int64)
    left[ranks_a], right[ranks_b] = a.counts[a.trie.span(order)], b.counts[b.trie.span(order)]
    counts = _checked(left, right * sign)
    parents, words = np.divmod(keys, a.trie.vocabulary_size + 1)
    above, size = nodes.highest, nodes.highest.stop - nodes.highest.start
    nodes.grow(len(keys))
    nodes.words[nodes.highest] = words
    nodes.counts[nodes.highest] = counts
    suffix = nodes.suffix[nodes.highest]
    for trie, ranks, ranks_below in ((a.trie, ranks_a, below[0]), (b.trie, ranks_b, below[1])):
        local = trie.suffix[trie.span(order)] - trie.starts[order - 1]
        suffix[ranks] = ranks_below[local] + above.start
    ends = np.cumsum(np.bincount(parents, minlength=size))
    nodes.first[above.start + 1 : above.stop + 1] = nodes.highest.start + ends
    nodes.totals[above] = np.bincount(parents, counts, minlength=size)
    return ranks_a, ranks_b


def _keys(trie: Trie, order: int, ranks: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return each n-gram as (combined rank of its context) * (V + 1) + word, rising."""
    keys: NDArray[np.int64] = ranks[trie.parents(order) - trie.starts[order - 1]]
    keys *= trie.vocabulary_size + 1
    keys += trie.words[trie.span(order)]
    return keys


def _checked(left: NDArray[Any], right: NDArray[np.int64]) -> IntArray:
    """Return the sum of counts as int32, or say why there is none."""
    counts = left.astype(np.int64) + right
    if len(counts) and int(counts.min()) < 0:
        raise ParameterError("counts would fall below 0; subtract only a part of the same text")
    if len(counts) and int(counts.max()) > np.iinfo(np.int32).max:
        raise ParameterError("a count would exceed 2^31 - 1; merge fewer texts")
    return counts.astype(np.int32)
