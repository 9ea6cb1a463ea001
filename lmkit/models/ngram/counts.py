"""Count tables: how often each n-gram occurs in a text, for all orders up to the highest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lmkit.errors import FormatError, ParameterError
from lmkit.kernels.counting import Workspace
from lmkit.kernels.encoding import count_ids
from lmkit.models.ngram.checking import checked, checked_trie
from lmkit.models.ngram.counting import Nodes, next_order
from lmkit.models.ngram.merging import Counted, combined
from lmkit.models.ngram.trie import IntArray, Trie, read_only
from lmkit.storage import read_model_file, write_model_file

Context = Literal["sentence", "stream", "running"]
CONTEXTS = ("sentence", "stream", "running")
EOS = 1
_NEVER = -1


@dataclass(frozen=True)
class NgramCounts:
    """How often each n-gram of orders 1 to n occurs in a text.

    An n-gram may begin with one ``<s>``, the start of a sentence or of the text; none ends with
    it, and its own count is 0. The shorter n-grams that begin with ``<s>`` are there in place of
    longer ones padded with several.

    Attributes:
        trie: the n-grams; every unigram is there, the ones that never occur too.
        counts: (N,) int32, the occurrences of each; the root's is the number of tokens.
        totals: (C,) int32, how often each context is followed by a word: the sum of the counts
            of its children. Less than its own count where a text or sentence ends after it.
        context: ``sentence``, ``stream`` or ``running``, as `count_ngrams` explains.
    """

    trie: Trie
    counts: IntArray
    totals: IntArray
    context: Context

    def __post_init__(self) -> None:
        for name in ("counts", "totals"):
            object.__setattr__(self, name, read_only(getattr(self, name)))

    @property
    def order(self) -> int:
        """The highest order n."""
        return self.trie.order

    @property
    def tokens(self) -> int:
        """The number of tokens counted, sentence ends included."""
        return int(self.counts[0])

    def count(self, ngram: Sequence[int]) -> int:
        """Return how often an n-gram of ids occurs; 0 if never."""
        node = self.trie.find(ngram)
        return int(self.counts[node]) if node >= 0 else 0

    def frequencies(self, order: int) -> IntArray:
        """Return the counts of the n-grams of one order that occur, in the trie's order."""
        counts = self.counts[self.trie.span(order)]
        return counts[counts > 0]

    def __str__(self) -> str:
        """Return a small table: for each order the types, and those that occur once or twice."""
        lines = [
            f"{self.tokens:,} tokens, context={self.context}",
            " n        types      once     twice",
        ]
        for order in range(1, self.order + 1):
            counts = self.frequencies(order)
            once, twice = int((counts == 1).sum()), int((counts == 2).sum())
            lines.append(f"{order:>2} {len(counts):>12,} {once:>9,} {twice:>9,}")
        return "\n".join(lines)

    def merged(self, other: NgramCounts) -> NgramCounts:
        """Return the counts of both texts together.

        Raises ParameterError if order, vocabulary or context differ, or a count exceeds 2^31 - 1.
        """
        return self._combined(other, sign=1)

    def minus(self, other: NgramCounts) -> NgramCounts:
        """Return the counts without those of a part of the text, as for leaving one out.

        Raises ParameterError if order, vocabulary or context differ, or the other holds n-grams
        that occur less often, or not at all, here.
        """
        return self._combined(other, sign=-1)

    def _combined(self, other: NgramCounts, *, sign: int) -> NgramCounts:
        for name, left, right in (
            ("order", self.order, other.order),
            ("vocabulary size", self.trie.vocabulary_size, other.trie.vocabulary_size),
            ("context", self.context, other.context),
        ):
            if left != right:
                raise ParameterError(
                    f"counts of {name} {left} and {right} do not go together; count both texts "
                    "alike"
                )
        pair = (Counted(each.trie, each.counts, each.totals) for each in (self, other))
        return NgramCounts(*combined(*pair, sign=sign), self.context)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return all arrays by name, as a file holds them."""
        return {**self.trie.to_arrays(), "counts": self.counts, "totals": self.totals}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], context: Context) -> NgramCounts:
        """Return the counts that `to_arrays` took apart; the arrays are used, not copied.

        Raises FormatError for arrays that do not fit together, and for an unknown context.
        """
        if context not in CONTEXTS:
            raise FormatError(f"n-grams counted with context={context!r}; count the text again")
        trie = checked_trie(arrays)
        counts = checked(arrays, "counts", np.int32, len(trie.words))
        totals = checked(arrays, "totals", np.int32, trie.contexts)
        return cls(trie, counts, totals, context)

    def save(self, path: str | Path) -> None:
        """Write the counts to a file, atomically."""
        write_model_file(path, self.to_arrays(), {"kind": "ngram-counts", "context": self.context})

    @classmethod
    def load(cls, path: str | Path) -> NgramCounts:
        """Return the counts of a file that `save` wrote, memory-mapped.

        Raises FormatError if it is another kind of file.
        """
        arrays, header = read_model_file(path)
        if header.get("kind") != "ngram-counts":
            raise FormatError(f"{path}: holds no n-gram counts; NgramCounts.save writes them")
        context: Any = header.get("context")
        return cls.from_arrays(arrays, context)


def count_ngrams(
    ids: NDArray[np.int32], *, order: int, vocabulary_size: int, context: Context = "sentence"
) -> NgramCounts:
    """Return the counts of all n-grams of orders 1 to `order` in a stream of ids.

    Args:
        ids: (T,) int32 in 0..V-1; sentences end with id 1.
        order: the highest order n, at least 1; keys of 64 bits do for any.
        vocabulary_size: the number of outcomes V; ``<s>`` becomes id V.
        context: ``sentence``: n-grams begin anew, with ``<s>``, after every sentence end;
            ``stream``: they run on across it, with one ``<s>`` before the text; ``running``: they
            run on and there is no ``<s>``: T - k + 1 n-grams of order k, as for Zipf's law.

    Raises ParameterError if the order is below 1, the context is none of the three, or an id
    is outside 0..V-1.
    """
    if order < 1:
        raise ParameterError(f"order={order} is no n-gram order; use 1 or more")
    if context not in CONTEXTS:
        raise ParameterError(f"context={context!r} is unknown; use sentence, stream or running")
    workspace = Workspace.of(ids, ranks=order > 2)
    if len(ids) and not 0 <= workspace.ids.min() <= workspace.ids.max() < vocabulary_size:
        raise ParameterError(f"the ids are not all in 0..{vocabulary_size - 1}, the outcomes")
    unigrams = np.zeros(vocabulary_size + 1, np.int32)
    count_ids(workspace.ids, unigrams)
    nodes = Nodes(unigrams)
    for k in range(2, order + 1):
        next_order(
            nodes,
            workspace,
            bos=vocabulary_size if k == 2 and context != "running" else _NEVER,
            eos=EOS if context == "sentence" else _NEVER,
            starts=1 + int(unigrams[EOS]) if context == "sentence" else 1,
            ranks=k < order,
        )
    trie = Trie(np.array(nodes.starts), nodes.words, nodes.first, nodes.suffix)
    return NgramCounts(trie, nodes.counts, nodes.totals, context)


def running_ngrams(ids: NDArray[np.int32], *, order: int) -> Iterator[tuple[IntArray, IntArray]]:
    """Yield the n-grams of a running text (T,), one order after the other from 1 to `order`.

    Each item is (counts, ranks): how often each n-gram occurs, int32 (N,), zeros among the
    unigrams; and which of them ends at each position that ends one, int32 (T - n + 1,), a view
    that the next order overwrites. No padding and no sentence ends, as for Zipf's law.
    """
    workspace = Workspace.of(ids, ranks=True)
    nodes = Nodes(np.append(np.bincount(workspace.ids), 0).astype(np.int32))  # no <s> among them
    yield nodes.counts[1:-1].copy(), workspace.ranks
    for k in range(2, order + 1):
        next_order(nodes, workspace, bos=_NEVER, eos=_NEVER, starts=0, ranks=True)
        yield nodes.counts[nodes.highest].copy(), workspace.ranks[k - 1 :]
