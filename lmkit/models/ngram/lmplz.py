"""The counts of counts from which lmplz estimates discounts, where they differ by its algorithm.

lmplz reads the n-grams sorted by their last word, then the word before it, and so on, and tallies
the adjusted count of a shorter n-gram when the next one is read. The last n-gram of each order has
no next one: it is tallied after the loop, with its number of occurrences in place of its adjusted
count (KenLM, lm/builder/adjust_counts.cc). Its probability is unaffected, but where there are few
types, discounts are ratios of small counts of counts, and change with it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lmkit.models.ngram.trie import Trie
from lmkit.text.vocabulary import EOS_ID, UNK_ID
from lmkit.types import IntArray, LongArray


class LastNgram(NamedTuple):
    """An n-gram of ids, ``<s>`` being V, and how often it occurs in the text."""

    ids: tuple[int, ...]
    occurrences: int


def last_ngrams(ids: IntArray, *, vocabulary_size: int, order: int) -> list[LastNgram]:
    """Return the last n-gram of each order below the highest, in the order of lmplz.

    Words rank as ``<unk> <s> </s>``, then by first appearance in the text. Each n-gram is the one
    before it with one more word in front; the list ends early with one that begins with ``<s>``.

    Args:
        ids: (T,) int32, the text; sentences end with id 1.
        vocabulary_size: the number of outcomes V.
        order: the order n of the model; the list has n - 1 entries at most.

    In ``a b </s> b a </s>`` the word ranked last is b, and it follows ``<s>`` and a:

    >>> text = np.array([2, 3, 1, 3, 2, 1], np.int32)
    >>> [(last.ids, last.occurrences) for last in last_ngrams(text, vocabulary_size=4, order=3)]
    [((3,), 2), ((2, 3), 1)]
    """
    bos = vocabulary_size
    previous = np.empty(len(ids), np.int32)  # the word before each; <s> at the start of a sentence
    previous[:1], previous[1:] = bos, ids[:-1]
    previous[1:][ids[:-1] == EOS_ID] = bos
    ranks = _ranks(ids, vocabulary_size)
    word = int(np.argmax(ranks))
    begins = np.flatnonzero(ids == word)  # the positions where the n-gram begins
    result = [LastNgram((word,), len(begins))]
    while len(result) < order - 1 and len(begins) and word != bos:
        words = previous[begins]
        word = int(words[np.argmax(ranks[words])])
        begins = begins[words == word] - 1
        result.append(LastNgram((word, *result[-1].ids), len(begins)))
    return result[: order - 1]


def with_occurrences_of(last: LastNgram, t: LongArray, adjusted: IntArray, trie: Trie) -> LongArray:
    """Return counts of counts, (5,), in which the last n-gram has its number of occurrences.

    `t` are those of the adjusted counts (N,) of the last n-gram's order.
    """
    node = trie.find(last.ids)
    if node < 0:  # left out with <unk>, which lmplz does not read
        return t
    result = np.append(t, 0)  # entry 5 stands for all higher counts
    result[min(int(adjusted[node - trie.starts[len(last.ids)]]), 5)] -= 1
    result[min(last.occurrences, 5)] += 1
    return result[:-1]


def _ranks(ids: IntArray, vocabulary_size: int) -> LongArray:
    """Return the word index in lmplz of each id 0 to V: (V + 1,) int64, -1 for unseen ones."""
    first = np.full(vocabulary_size + 1, -1, np.int64)
    first[ids[::-1]] = np.arange(len(ids) - 1, -1, -1)  # of equal ids the last assignment counts
    first[first >= 0] += 3
    first[[UNK_ID, vocabulary_size, EOS_ID]] = 0, 1, 2
    return first
