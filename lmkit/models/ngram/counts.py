"""How often each n-gram occurs in a text, for all orders up to the highest.

Counts of two texts can be added, and those of a part of a text subtracted, which leaves it out.
"""

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
from lmkit.models.ngram.checking import checked_array, checked_trie
from lmkit.models.ngram.counting import GrowingTrie, add_order
from lmkit.models.ngram.trie import Trie, read_only
from lmkit.storage import read_model_file, write_model_file
from lmkit.text.vocabulary import EOS_ID, UNK_ID
from lmkit.types import IntArray, LongArray

Context = Literal["sentence", "stream", "running"]
CONTEXTS = ("sentence", "stream", "running")
_NONE = -1  # no <s>, or no sentence end
_MAX_COUNT = np.iinfo(np.int32).max


@dataclass(frozen=True)
class NgramCounts:
    """How often each n-gram of orders 1 to n occurs in a text.

    An n-gram may begin with one ``<s>``, the start of a sentence or of the text; none ends with
    it, and its own count is 0. Where a text begins, the shorter n-grams that begin with ``<s>``
    take the part of longer ones padded with several.

    Attributes:
        trie: the n-grams; all unigrams are included, also those that never occur.
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
        """Return how often an n-gram of ids occurs."""
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

    def without_unk(self) -> NgramCounts:
        """Return the counts without the n-grams that contain ``<unk>``; its unigram stays, with 0.

        Totals are counted anew from what is left.
        """
        trie = self.trie
        keep = trie.words != UNK_ID
        for k in range(2, trie.order + 1):
            keep[trie.span(k)] &= keep[trie.parents(k)]
        keep[1 + UNK_ID] = True
        subset, nodes = trie.subset(keep)
        counts = self.counts[nodes]
        counts[0] -= counts[1 + UNK_ID]
        counts[1 + UNK_ID] = 0
        sums = np.concatenate(([0], np.cumsum(counts, dtype=np.int64)))
        totals = np.diff(sums[subset.first]).astype(np.int32)
        return NgramCounts(subset, counts, totals, self.context)

    def merged(self, other: NgramCounts) -> NgramCounts:
        """Return the counts of both texts together.

        Raises ParameterError if order, vocabulary or context differ, or a count exceeds 2^31 - 1.
        """
        return self._combined(other, sign=1)

    def minus(self, other: NgramCounts) -> NgramCounts:
        """Return the counts without those of a part of the text, as for leaving one out.

        Raises ParameterError if order, vocabulary or context differ, or the other counts an n-gram
        more often than this.
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
        unigrams = self.trie.span(1)
        union = GrowingTrie(_sum(self.counts[unigrams], other.counts[unigrams], sign))
        identity = np.arange(unigrams.stop - unigrams.start)
        ranks = (identity, identity)
        for order in range(2, self.order + 1):
            ranks = _add_union(union, (self, other), order, ranks, sign=sign)
        keep = union.counts > 0
        keep[: union.starts[2]] = True
        trie, nodes = union.finished().subset(keep)
        totals = union.totals[nodes[: trie.contexts]]
        return NgramCounts(trie, union.counts[nodes], totals, self.context)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return all arrays by name, as a file stores them."""
        return {**self.trie.to_arrays(), "counts": self.counts, "totals": self.totals}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], context: Context) -> NgramCounts:
        """Return the counts of the arrays of `to_arrays`, which are used, not copied.

        Raises FormatError for arrays that do not fit together, and for an unknown context.
        """
        if context not in CONTEXTS:
            raise FormatError(f"n-grams counted with context={context!r}; count the text again")
        trie = checked_trie(arrays)
        counts = checked_array(arrays, "counts", np.int32, len(trie.words))
        totals = checked_array(arrays, "totals", np.int32, trie.contexts)
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
        order: the highest order n, at least 1.
        vocabulary_size: the number of outcomes V; ``<s>`` becomes id V.
        context: ``sentence``: no n-gram crosses a sentence end, and each sentence begins with
            ``<s>``; ``stream``: n-grams cross sentence ends, and the text begins with one ``<s>``;
            ``running``: n-grams cross sentence ends and there is no ``<s>``, which makes T - k + 1
            n-grams of order k, as for Zipf's law.

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
    trie = GrowingTrie(unigrams)
    for k in range(2, order + 1):
        add_order(
            trie,
            workspace,
            bos=vocabulary_size if k == 2 and context != "running" else _NONE,
            eos=EOS_ID if context == "sentence" else _NONE,
            starts=1 + int(unigrams[EOS_ID]) if context == "sentence" else 1,
            ranks=k < order,
        )
    return NgramCounts(trie.finished(), trie.counts, trie.totals, context)


def running_ngrams(ids: NDArray[np.int32], *, order: int) -> Iterator[tuple[IntArray, IntArray]]:
    """Yield the n-grams of a running text (T,), one order after the other from 1 to `order`.

    Each item is (counts, ranks): how often each n-gram occurs, int32 (N,), zeros among the
    unigrams; and the index in `counts` of the n-gram that ends at each position, int32
    (T - n + 1,), a view that the next order overwrites. No padding and no sentence ends, as for
    Zipf's law.
    """
    workspace = Workspace.of(ids, ranks=True)
    trie = GrowingTrie(np.append(np.bincount(workspace.ids), 0).astype(np.int32))  # <s>: 0 times
    yield trie.counts[1:-1].copy(), workspace.ranks
    for k in range(2, order + 1):
        add_order(trie, workspace, bos=_NONE, eos=_NONE, starts=0, ranks=True)
        yield trie.counts[trie.highest].copy(), workspace.ranks[k - 1 :]


# ---------------------------------------------------------------------- sums and differences

_Ranks = tuple[LongArray, LongArray]  # of the n-grams of two tables in their union


def _add_union(
    union: GrowingTrie,
    tables: tuple[NgramCounts, NgramCounts],
    order: int,
    lower_ranks: _Ranks,
    *,
    sign: int,
) -> _Ranks:
    """Add all n-grams of one order to the union; return their ranks in it, for each table.

    `lower_ranks` are those of the n-grams of the order below.
    """
    keys = [_keys(table.trie, order, own) for table, own in zip(tables, lower_ranks, strict=True)]
    all_keys = np.union1d(*keys)
    ranks = (np.searchsorted(all_keys, keys[0]), np.searchsorted(all_keys, keys[1]))
    values = np.zeros((2, len(all_keys)), np.int64)
    for row, table, own in zip(values, tables, ranks, strict=True):
        row[own] = table.counts[table.trie.span(order)]
    counts = _sum(values[0], values[1], sign)
    parents, words = np.divmod(all_keys, tables[0].trie.vocabulary_size + 1)
    lower = union.highest
    size = lower.stop - lower.start
    union.grow(len(all_keys))
    union.words[union.highest] = words
    union.counts[union.highest] = counts
    suffix = union.suffix[union.highest]
    for table, own, own_lower in zip(tables, ranks, lower_ranks, strict=True):
        trie = table.trie
        suffix_rank = trie.suffix[trie.span(order)] - trie.starts[order - 1]
        suffix[own] = own_lower[suffix_rank] + lower.start
    ends = np.cumsum(np.bincount(parents, minlength=size))
    union.first[lower.start + 1 : lower.stop + 1] = union.highest.start + ends
    union.totals[lower] = np.bincount(parents, counts, minlength=size)
    return ranks


def _keys(trie: Trie, order: int, ranks: LongArray) -> LongArray:
    """Return each n-gram as (rank of its context in the union) * (V + 1) + word, ascending."""
    keys: LongArray = ranks[trie.parents(order) - trie.starts[order - 1]]
    keys *= trie.vocabulary_size + 1
    keys += trie.words[trie.span(order)]
    return keys


def _sum(left: NDArray[Any], right: NDArray[Any], sign: int) -> IntArray:
    """Return ``left + sign * right`` as int32; raise ParameterError where no count can be that."""
    counts = left.astype(np.int64) + sign * right.astype(np.int64)
    if len(counts) and int(counts.min()) < 0:
        raise ParameterError("counts would fall below 0; subtract only a part of the same text")
    if len(counts) and int(counts.max()) > _MAX_COUNT:
        raise ParameterError("a count would exceed 2^31 - 1; merge fewer texts")
    return counts.astype(np.int32)
