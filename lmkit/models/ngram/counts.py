"""Count tables: how often each n-gram occurs in a text, for all orders up to the highest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lmkit.errors import FormatError, ParameterError
from lmkit.models.ngram.counting import Level, Workspace, next_level
from lmkit.models.ngram.trie import IntArray, Trie, read_only
from lmkit.storage import read_model_file, write_model_file

Context = Literal["sentence", "stream", "running"]
EOS = 1
_NEVER = -1
_Ranks = tuple[NDArray[np.int64], NDArray[np.int64]]


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
        return _combine(self, other, sign=1)

    def minus(self, other: NgramCounts) -> NgramCounts:
        """Return the counts without those of a part of the text, as for leaving one out.

        Raises ParameterError if order, vocabulary or context differ, or the other holds n-grams
        that occur less often, or not at all, here.
        """
        return _combine(self, other, sign=-1)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return all arrays by name, as a file holds them."""
        return {**self.trie.to_arrays(), "counts": self.counts, "totals": self.totals}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], context: Context) -> NgramCounts:
        """Return the counts that `to_arrays` took apart; the arrays are used, not copied."""
        trie = Trie(arrays["starts"], arrays["words"], arrays["first"], arrays["suffix"])
        return cls(trie, arrays["counts"], arrays["totals"], context)

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
        return cls.from_arrays(arrays, header["context"])


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

    Raises ParameterError if the order is below 1 or the context is none of the three.
    """
    if order < 1:
        raise ParameterError(f"order={order} is no n-gram order; use 1 or more")
    if context not in ("sentence", "stream", "running"):
        raise ParameterError(f"context={context!r} is unknown; use sentence, stream or running")
    ids = np.ascontiguousarray(ids, np.int32)
    unigrams = np.bincount(ids, minlength=vocabulary_size + 1).astype(np.int32)
    starts = 1 + int(unigrams[EOS]) if context == "sentence" else 1
    workspace = Workspace.of(ids, starts)
    below = unigrams.copy()
    below[vocabulary_size] = starts
    levels: list[Level] = []
    for k in range(2, order + 1):
        level = next_level(
            ids,
            workspace,
            counts=below,
            word_bits=max(1, (vocabulary_size - 1).bit_length()),
            bos=vocabulary_size if k == 2 and context != "running" else _NEVER,
            eos=EOS if context == "sentence" else _NEVER,
            ranks=k < order,
        )
        below = level.counts
        levels.append(level)
    return _assemble(unigrams, levels, context)


def running_ngrams(ids: NDArray[np.int32], *, order: int) -> Iterator[tuple[IntArray, IntArray]]:
    """Yield the n-grams of a running text (T,), one order after the other from 1 to `order`.

    Each item is (counts, ranks): how often each n-gram occurs, int32 (N,), zeros among the
    unigrams; and which of them ends at each position that ends one, int32 (T - n + 1,), a view
    that the next order overwrites. No padding and no sentence ends, as for Zipf's law.
    """
    ids = np.ascontiguousarray(ids, np.int32)
    counts = np.bincount(ids).astype(np.int32)
    word_bits = max(1, (len(counts) - 1).bit_length())
    workspace = Workspace.of(ids, 1)
    yield counts, workspace.ranks
    for k in range(2, order + 1):
        level = next_level(
            ids,
            workspace,
            counts=counts,
            word_bits=word_bits,
            bos=_NEVER,
            eos=_NEVER,
            ranks=True,
        )
        counts = level.counts
        yield counts, workspace.ranks[k - 1 :]


def _assemble(unigrams: IntArray, levels: list[Level], context: Context) -> NgramCounts:
    """Return the orders, each counted in its own ranks, as one trie of nodes."""
    vocabulary_size = len(unigrams) - 1
    sizes = [1, vocabulary_size + 1, *(len(level.words) for level in levels)]
    starts = np.concatenate(([0], np.cumsum(sizes)))
    if starts[-1] > np.iinfo(np.int32).max:
        raise ParameterError(
            f"{starts[-1]:,} n-grams are more than a model can hold (2^31 - 1); lower the order"
        )
    names = np.arange(vocabulary_size + 1, dtype=np.int32)
    words = np.concatenate([np.array([-1], np.int32), names, *(x.words for x in levels)])
    suffix = np.empty(len(words), np.int32)
    suffix[0], suffix[1 : starts[2]] = -1, 0
    first = np.empty(starts[-2] + 1, np.int32)
    first[0], first[1] = 1, starts[2]
    for k, level in enumerate(levels, start=2):
        np.add(level.suffix, starts[k - 1], out=suffix[starts[k] : starts[k + 1]], casting="unsafe")
        ends = first[starts[k - 1] + 1 : starts[k] + 1]
        np.cumsum(level.children, out=ends)
        ends += starts[k].astype(np.int32)
    tokens = np.array([unigrams.sum()], np.int32)
    counts = np.concatenate([tokens, unigrams, *(level.counts for level in levels)])
    totals = np.concatenate([tokens, *(level.totals for level in levels)])
    return NgramCounts(Trie(starts, words, first, suffix), counts, totals, context)


def _combine(a: NgramCounts, b: NgramCounts, *, sign: int) -> NgramCounts:
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
    names = np.arange(len(unigrams), dtype=np.int64)
    ranks, size = (names, names), len(names)
    levels: list[Level] = []
    for k in range(2, a.order + 1):
        level, ranks = _union(a, b, k, sign=sign, ranks=ranks, contexts=size)
        levels.append(level)
        size = len(level.words)
    union = _assemble(unigrams, levels, a.context)
    keep = union.counts > 0
    keep[: union.trie.starts[2]] = True
    if bool(keep.all()):
        return union
    trie, nodes = union.trie.kept(keep)
    return NgramCounts(trie, union.counts[nodes], union.totals[nodes[: trie.contexts]], a.context)


def _union(
    a: NgramCounts, b: NgramCounts, order: int, *, sign: int, ranks: _Ranks, contexts: int
) -> tuple[Level, _Ranks]:
    """Return one order of both tables, and where their n-grams stand in it.

    `ranks` says where the n-grams of the order below stand among the `contexts` of both.
    """
    keys_a, keys_b = _keys(a.trie, order, ranks[0]), _keys(b.trie, order, ranks[1])
    keys = np.union1d(keys_a, keys_b)
    at_a, at_b = np.searchsorted(keys, keys_a), np.searchsorted(keys, keys_b)
    left, right = np.zeros(len(keys), np.int64), np.zeros(len(keys), np.int64)
    left[at_a], right[at_b] = a.counts[a.trie.span(order)], b.counts[b.trie.span(order)]
    counts = _checked(left, right * sign)
    suffix = np.empty(len(keys), np.int32)
    for table, at, below in ((a, at_a, ranks[0]), (b, at_b, ranks[1])):
        suffix[at] = below[table.trie.suffix[table.trie.span(order)] - table.trie.starts[order - 1]]
    parents, words = np.divmod(keys, a.trie.vocabulary_size + 1)
    children = np.bincount(parents, minlength=contexts).astype(np.int32)
    totals = np.bincount(parents, counts, minlength=contexts).astype(np.int32)
    return Level(words.astype(np.int32), counts, suffix, children, totals), (at_a, at_b)


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
