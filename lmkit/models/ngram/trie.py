"""The shape that counts and probabilities share: all n-grams of a model as one array of nodes.

Nodes are numbered order by order, and within an order by (parent, word), so that the whole
trie is four flat arrays, which a kernel can walk and a model file can be mapped from::

    node   0             the root: the empty context (order 0)
    node   1 .. V        the unigrams of the outcomes 0 .. V-1: word w is node w + 1
    node   V + 1         the unigram of <s> (id V), which is a context and never an outcome
    then                 the bigrams, the trigrams, ... up to the order of the model

Two relations make it an automaton. The *children* of a context are the n-grams that add one
word at its right end; they lie side by side. The *suffix* of an n-gram is the longest n-gram of
the trie that is left when words are taken from its left end: where backing off leads.
A *state* is a node of an order below the highest: the longest known suffix of the history.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmkit.kernels.trie import TrieArrays, pack_trie

IntArray = NDArray[np.int32]
OffsetArray = NDArray[np.int64]

ROOT = 0


def read_only(array: NDArray[Any]) -> NDArray[Any]:
    """Return a view that cannot be written, so that mapped and fitted arrays have one type."""
    view = array.view(np.ndarray)
    view.flags.writeable = False
    return view


@dataclass(frozen=True, eq=False)
class Trie:
    """The n-grams of orders 1 to n and how they hang together.

    Every n-gram's prefix (without its last word) is a node too, and so is at least one of its
    suffixes: the root, if nothing longer. All unigrams 0..V are present. The arrays are read-only.

    Attributes:
        starts: (n + 2,) int64; the nodes of order k are ``starts[k]`` up to ``starts[k + 1]``.
            ``starts[0] == 0``, ``starts[1] == 1``, ``starts[2] == V + 2``.
        words: (N,) int32, the last word of each n-gram; -1 for the root. Rising among the
            children of one context.
        first: (C + 1,) int32, C = ``starts[n]`` the number of contexts, i.e. of nodes below the
            highest order; the children of context c are ``first[c]`` up to ``first[c + 1]``.
        suffix: (N,) int32, the node of the longest proper suffix; -1 for the root, the root
            for unigrams. Smaller than the node itself.
    """

    starts: OffsetArray
    words: IntArray
    first: IntArray
    suffix: IntArray

    def __post_init__(self) -> None:
        for name in ("starts", "words", "first", "suffix"):
            object.__setattr__(self, name, read_only(getattr(self, name)))

    @cached_property
    def arrays(self) -> TrieArrays:
        """The arrays as the kernels take them: first, words, suffix, starts."""
        return pack_trie(self.first, self.words, self.suffix, self.starts)

    @property
    def order(self) -> int:
        """The highest order n."""
        return len(self.starts) - 2

    @property
    def vocabulary_size(self) -> int:
        """The number of outcomes V; ``<s>`` has id V."""
        return int(self.starts[2]) - 2

    @property
    def contexts(self) -> int:
        """The number of nodes that can be a context: the root and all orders below the highest."""
        return len(self.first) - 1

    def span(self, order: int) -> slice:
        """Return the nodes of one order, 0 to n, as a slice of the node arrays."""
        return slice(int(self.starts[order]), int(self.starts[order + 1]))

    def size(self, order: int) -> int:
        """Return the number of n-grams of one order; ``<s>`` counts among the unigrams."""
        return int(self.starts[order + 1] - self.starts[order])

    def parents(self, order: int) -> IntArray:
        """Return the context of each n-gram of an order, 1 to n: (N_order,) int32 nodes, rising."""
        above = self.span(order - 1)
        children = np.diff(self.first[above.start : above.stop + 1])
        return np.repeat(np.arange(above.start, above.stop, dtype=np.int32), children)

    def ngrams(self, order: int) -> IntArray:
        """Return the n-grams of one order, 1 to n, in node order: (N_order, order) int32 ids."""
        out = np.empty((self.size(order), order), np.int32)
        nodes = np.arange(self.starts[order], self.starts[order + 1])
        for k in range(order, 0, -1):
            out[:, k - 1] = self.words[nodes]
            nodes = self.parents(k)[nodes - self.starts[k]]
        return out

    def find(self, ngram: Sequence[int]) -> int:
        """Return the node of an n-gram of ids, -1 if the trie does not hold it."""
        node = ROOT
        for word in ngram:
            if node >= self.contexts:
                return -1
            low, high = int(self.first[node]), int(self.first[node + 1])
            node = low + int(np.searchsorted(self.words[low:high], word))
            if node == high or self.words[node] != word:
                return -1
        return node

    def state(self, history: Sequence[int]) -> int:
        """Return the state after a history of ids: the node of its longest known suffix."""
        history = list(history)[max(0, len(history) - self.order + 1) :] if self.order > 1 else []
        for begin in range(len(history)):
            node = self.find(history[begin:])
            if node >= 0:
                return node
        return ROOT

    def bos_spans(self) -> OffsetArray:
        """Return where the n-grams that begin with ``<s>`` lie: (n + 1,) int64.

        ``<s>`` has the highest id, so they are the last nodes of each order: those of order k are
        ``bos_spans()[k]`` up to ``starts[k + 1]``. Entry 0 is 1: the root is not among them.
        """
        spans = np.empty(self.order + 1, np.int64)
        spans[0] = 1
        spans[1] = self.starts[2] - 1
        for k in range(2, self.order + 1):
            spans[k] = self.first[spans[k - 1]]
        return spans

    def kept(self, keep: NDArray[np.bool_]) -> tuple[Trie, NDArray[np.int64]]:
        """Return the trie of the n-grams to keep, and the old node of each new one.

        `keep` is (N,) and must hold the root, all unigrams, and the prefix of whatever it holds.
        Where the suffix of an n-gram goes, its link leads to the longest suffix that stays.
        """
        nodes = np.flatnonzero(keep)
        before = np.concatenate(([0], np.cumsum(keep, dtype=np.int64)))  # kept below each node
        starts = before[self.starts]
        contexts = np.append(nodes[: starts[self.order]], self.contexts)
        first = before[self.first[contexts]].astype(np.int32)
        suffix = np.maximum(self.suffix[nodes], ROOT)
        while not (stays := keep[suffix]).all():
            suffix = np.where(stays, suffix, self.suffix[suffix])
        suffix = before[suffix].astype(np.int32)
        suffix[ROOT] = -1
        return Trie(starts, self.words[nodes], first, suffix), nodes

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return the four arrays by name, as a model file holds them."""
        return {
            "starts": self.starts,
            "words": self.words,
            "first": self.first,
            "suffix": self.suffix,
        }
