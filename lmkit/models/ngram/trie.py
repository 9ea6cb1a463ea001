"""All n-grams of a model as a trie in four flat arrays, shared by counts and probabilities.

Nodes are numbered order by order, and within an order by (parent, word). Kernels walk the arrays as
they are, and a model file is memory-mapped into them::

    node   0             the root: the empty context (order 0)
    node   1 .. V        the unigrams of the outcomes 0 .. V-1: word w is node w + 1
    node   V + 1         the unigram of <s> (id V), which is a context and never an outcome
    then                 the bigrams, the trigrams, ... up to the order of the model

The *children* of a context are the n-grams that append one word to it; they are neighbours in the
arrays. The *suffix* of an n-gram is the longest n-gram of the trie that is left after removing
words from its front: the node to back off to. A *state* is a node of an order below the highest:
the longest known suffix of the history.

The bigrams of the text ``a b a </s>``, where V = 4 and <unk>, </s>, a, b, <s> have the ids 0 to 4::

    node     0     1      2     3    4    5   |  6       7    8    9
    n-gram  root  <unk>  </s>   a    b   <s>  | a </s>  a b  b a  <s> a
    words   -1     0      1     2    3    4   |  1       3    2    2
    first    1     6      6     6    8    9   | 10                        children of a: 6 .. 7
    suffix  -1     0      0     0    0    0   |  2       4    3    3      of "a b": b, node 4
    starts = [0, 1, 6, 10]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmkit.kernels.trie import TrieArrays, pack_trie
from lmkit.types import IntArray, LongArray

ROOT = 0


def read_only(array: NDArray[Any]) -> NDArray[Any]:
    """Return a view that cannot be written, so that mapped and fitted arrays have one type."""
    view = array.view(np.ndarray)
    view.flags.writeable = False
    return view


@dataclass(frozen=True, eq=False)
class Trie:
    """The n-grams of orders 1 to n (see the module for the layout).

    The prefix of every n-gram, without its last word, is a node too. All unigrams 0..V are present.
    The arrays are read-only.

    Attributes:
        starts: (n + 2,) int64; the nodes of order k are ``starts[k]`` up to ``starts[k + 1]``.
            ``starts[0] == 0``, ``starts[1] == 1``, ``starts[2] == V + 2``.
        words: (N,) int32, the last word of each n-gram; -1 for the root. Ascending among the
            children of one context.
        first: (C + 1,) int32, C = ``starts[n]`` the number of contexts, i.e. of nodes below the
            highest order; the children of context c are ``first[c]`` up to ``first[c + 1]``.
        suffix: (N,) int32, the node of the longest proper suffix; -1 for the root, the root
            for unigrams. Smaller than the node itself.
    """

    starts: LongArray
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

    @cached_property
    def initial_state(self) -> int:
        """The state at the start of a text: the node of ``<s>``, or the root for order 1."""
        return ROOT if self.order == 1 else self.vocabulary_size + 1

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
        """The number C of contexts: the root and all n-grams of orders below the highest."""
        return len(self.first) - 1

    def span(self, order: int) -> slice:
        """Return the nodes of one order, 0 to n, as a slice of the node arrays."""
        return slice(int(self.starts[order]), int(self.starts[order + 1]))

    def size(self, order: int) -> int:
        """Return the number of n-grams of one order; ``<s>`` counts among the unigrams."""
        return int(self.starts[order + 1] - self.starts[order])

    def parents(self, order: int) -> IntArray:
        """Return the context of each n-gram of an order, 1 to n: (N_order,) int32, ascending."""
        contexts = self.span(order - 1)
        children = np.diff(self.first[contexts.start : contexts.stop + 1])
        return np.repeat(np.arange(contexts.start, contexts.stop, dtype=np.int32), children)

    def ngrams(self, order: int) -> IntArray:
        """Return the n-grams of one order, 1 to n, in node order: (N_order, order) int32 ids."""
        out = np.empty((self.size(order), order), np.int32)
        nodes = np.arange(self.starts[order], self.starts[order + 1])
        for k in range(order, 0, -1):
            out[:, k - 1] = self.words[nodes]
            nodes = self.parents(k)[nodes - self.starts[k]]
        return out

    def find(self, ngram: Sequence[int]) -> int:
        """Return the node of an n-gram of ids, -1 if it is not in the trie."""
        node = ROOT
        for word in ngram:
            if node >= self.contexts:
                return -1
            low, high = int(self.first[node]), int(self.first[node + 1])
            node = low + int(np.searchsorted(self.words[low:high], word))
            if node == high or self.words[node] != word:
                return -1
        return node

    def bos_nodes(self) -> LongArray:
        """Return the first node of each order whose n-gram begins with ``<s>``: (n + 1,) int64.

        ``<s>`` has the highest id, so these n-grams are the last of each order: those of order k
        are the nodes ``bos_nodes()[k]`` up to ``starts[k + 1]``. Entry 0 is 1: none of order 0.
        """
        nodes = np.empty(self.order + 1, np.int64)
        nodes[0] = 1
        nodes[1] = self.starts[2] - 1
        for k in range(2, self.order + 1):
            nodes[k] = self.first[nodes[k - 1]]
        return nodes

    def subset(self, keep: NDArray[np.bool_]) -> tuple[Trie, NDArray[np.int64]]:
        """Return the trie of some of the n-grams, and the old node of each new one, (N',) int64.

        `keep` is (N,) and must include the root, all unigrams, and the prefix of each n-gram in it.
        Where the suffix of an n-gram is removed, its link leads to the longest suffix that is left.
        """
        nodes = np.flatnonzero(keep)
        new_node = np.concatenate(([0], np.cumsum(keep, dtype=np.int64)))
        starts = new_node[self.starts]
        contexts = np.append(nodes[: starts[self.order]], self.contexts)
        first = new_node[self.first[contexts]].astype(np.int32)
        suffix = np.maximum(self.suffix[nodes], ROOT)
        while not (kept := keep[suffix]).all():
            suffix = np.where(kept, suffix, self.suffix[suffix])
        suffix = new_node[suffix].astype(np.int32)
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
