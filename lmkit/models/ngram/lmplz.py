"""The n-grams that lmplz counts with another count, when it estimates discounts.

lmplz reads the n-grams in the order of their last word, then the word before it, and so on, and
tallies a shorter n-gram when a different one follows it. The last n-gram of each order has none
after it: it is tallied after the loop, with its number of occurrences in place of its adjusted
count (KenLM, lm/builder/adjust_counts.cc). Its probability is unaffected, but discounts are ratios
of small counts of counts where there are few types, and change with it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmkit.models.ngram.trie import IntArray, Trie
from lmkit.text.vocabulary import EOS_ID, UNK_ID


class LastNgram(NamedTuple):
    """An n-gram of ids, ``<s>`` being V, and how often the text holds it."""

    ids: tuple[int, ...]
    occurrences: int


def last_ngrams(ids: NDArray[np.int32], *, vocabulary_size: int, order: int) -> list[LastNgram]:
    """Return the last n-gram of each order below the highest, in the order of lmplz.

    Words rank ``<unk> <s> </s>``, then by first appearance in the text. Each n-gram is the one
    before with a word put in front of it; the list ends early with one that begins with ``<s>``.

    Args:
        ids: (T,) int32, the text; sentences end with id 1.
        vocabulary_size: the number of outcomes V.
        order: the order n of the model; the list has n - 1 entries at most.

    In ``a b </s> b a </s>`` the word that appears last is b, and it follows ``<s>`` and a:

    >>> text = np.array([2, 3, 1, 3, 2, 1], np.int32)
    >>> [(last.ids, last.occurrences) for last in last_ngrams(text, vocabulary_size=4, order=3)]
    [((3,), 2), ((2, 3), 1)]
    """
    bos = vocabulary_size
    before = np.empty(len(ids), np.int32)  # the word before each; <s> at the start of a sentence
    before[:1], before[1:] = bos, ids[:-1]
    before[1:][ids[:-1] == EOS_ID] = bos
    ranks = _ranks(ids, vocabulary_size)
    last = int(np.argmax(ranks))
    begins = np.flatnonzero(ids == last)
    found = [LastNgram((last,), len(begins))]
    while len(found) < order - 1 and len(begins) and last != bos:
        words = before[begins]
        last = int(words[np.argmax(ranks[words])])
        begins = begins[words == last] - 1
        found.append(LastNgram((last, *found[-1].ids), len(begins)))
    return found[: order - 1]


def tallied_last(
    t: NDArray[np.int64], amounts: IntArray, trie: Trie, last: LastNgram
) -> NDArray[np.int64]:
    """Return counts of counts (5,) in which the last n-gram has its number of occurrences.

    `t` are those of the adjusted counts `amounts` (N,) of the last n-gram's order.
    """
    node = trie.find(last.ids)
    if node < 0:  # left out with <unk>, which lmplz does not read
        return t
    adjusted = int(amounts[node - trie.starts[len(last.ids)]])
    changes = np.bincount([min(last.occurrences, 5)], minlength=6) - np.bincount(
        [min(adjusted, 5)], minlength=6
    )
    return t + changes[: len(t)]


def _ranks(ids: NDArray[np.int32], vocabulary_size: int) -> NDArray[np.int64]:
    """Return the id that lmplz gives each of the ids 0 to V: (V + 1,) int64, -1 for unseen ones."""
    first = np.full(vocabulary_size + 1, -1, np.int64)
    backwards = ids[::-1]
    first[backwards] = np.arange(len(ids) - 1, -1, -1)  # of equal ids the last assignment stays
    first[first >= 0] += 3
    first[[UNK_ID, vocabulary_size, EOS_ID]] = 0, 1, 2
    return first
