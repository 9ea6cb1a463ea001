"""Adding count tables, and taking one from another."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmkit.errors import ParameterError
from lmkit.models.ngram.counting import Nodes
from lmkit.models.ngram.counts import NgramCounts
from lmkit.models.ngram.trie import IntArray, Trie

_Places = tuple[NDArray[np.int64], NDArray[np.int64]]


def combined(a: NgramCounts, b: NgramCounts, *, sign: int) -> NgramCounts:
    """Return the counts of `a` plus or minus those of `b`."""
    for name, left, right in (
        ("order", a.order, b.order),
        ("vocabulary size", a.trie.vocabulary_size, b.trie.vocabulary_size),
        ("context", a.context, b.context),
    ):
        if left != right:
            raise ParameterError(
                f"counts of {name} {left} and {right} do not go together; count both texts alike"
            )
    unigrams = _checked(a.counts[a.trie.span(1)], b.counts[b.trie.span(1)].astype(np.int64) * sign)
    nodes = Nodes(unigrams)
    names = np.arange(len(unigrams), dtype=np.int64)
    places = (names, names)
    for k in range(2, a.order + 1):
        places = _unite(nodes, a, b, k, sign=sign, places=places)
    trie = Trie(np.array(nodes.starts), nodes.words, nodes.first, nodes.suffix)
    keep = nodes.counts > 0
    keep[: nodes.starts[2]] = True
    kept, old = trie.kept(keep)
    return NgramCounts(kept, nodes.counts[old], nodes.totals[old[: kept.contexts]], a.context)


def _unite(
    nodes: Nodes, a: NgramCounts, b: NgramCounts, order: int, *, sign: int, places: _Places
) -> _Places:
    """Add one order of both tables to the nodes; return where their n-grams stand in it.

    `places` says where the n-grams of the order below stand.
    """
    keys_a, keys_b = _keys(a.trie, order, places[0]), _keys(b.trie, order, places[1])
    keys = np.union1d(keys_a, keys_b)
    at_a, at_b = np.searchsorted(keys, keys_a), np.searchsorted(keys, keys_b)
    left, right = np.zeros(len(keys), np.int64), np.zeros(len(keys), np.int64)
    left[at_a], right[at_b] = a.counts[a.trie.span(order)], b.counts[b.trie.span(order)]
    counts = _checked(left, right * sign)
    parents, words = np.divmod(keys, a.trie.vocabulary_size + 1)
    above, size = nodes.highest, nodes.highest.stop - nodes.highest.start
    nodes.grow(len(keys))
    nodes.words[nodes.highest] = words
    nodes.counts[nodes.highest] = counts
    suffix = nodes.suffix[nodes.highest]
    for table, at, below in ((a, at_a, places[0]), (b, at_b, places[1])):
        local = table.trie.suffix[table.trie.span(order)] - table.trie.starts[order - 1]
        suffix[at] = below[local] + above.start
    ends = np.cumsum(np.bincount(parents, minlength=size))
    nodes.first[above.start + 1 : above.stop + 1] = nodes.highest.start + ends
    nodes.totals[above] = np.bincount(parents, counts, minlength=size)
    return at_a, at_b


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
