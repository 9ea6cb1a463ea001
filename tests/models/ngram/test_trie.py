"""The trie: its layout, finding n-grams, and leaving some out."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from lmkit.models.ngram.trie import Trie
from tests.models.ngram.samples import count

CONTEXTS = ("sentence", "stream", "running")


texts = st.integers(3, 7).flatmap(
    lambda size: st.tuples(st.just(size), st.lists(st.integers(0, size - 1), max_size=60))
)


@given(texts, st.integers(2, 6), st.sampled_from(CONTEXTS))
def test_the_trie_hangs_together(text: tuple[int, list[int]], order: int, context: str) -> None:
    size, ids = text
    counts = count(ids, order=order, vocabulary_size=size, context=context)
    trie = counts.trie
    bos = trie.bos_nodes()
    assert trie.find([]) == 0
    for k in range(1, order + 1):
        rows, span = trie.ngrams(k), trie.span(k)
        assert rows.tolist() == sorted(rows.tolist())
        for node, row in zip(range(span.start, span.stop), rows.tolist(), strict=True):
            assert trie.find(row) == node
            assert trie.suffix[node] == trie.find(row[1:])
            assert trie.parents(k)[node - span.start] == trie.find(row[:-1])
            assert (node >= bos[k]) == (row[0] == size)
    for context_node in range(trie.contexts):
        children = slice(trie.first[context_node], trie.first[context_node + 1])
        assert counts.totals[context_node] == counts.counts[children].sum()
    assert trie.find([0] * (order + 1)) == -1


def test_keeping_some_ngrams_relinks_suffixes() -> None:
    counts = count([2, 3, 2, 3, 2, 1], order=3, vocabulary_size=4)
    trie = counts.trie
    keep = np.ones(len(trie.words), bool)
    keep[trie.find([3, 2])] = False
    for node in range(*trie.span(3).indices(len(keep))):
        keep[node] = trie.ngrams(3)[node - trie.starts[3]][:2].tolist() != [3, 2]
    kept, nodes = trie.subset(keep)
    assert isinstance(kept, Trie)
    assert kept.find([3, 2]) == -1
    assert kept.find([2, 3, 2]) > 0
    assert kept.suffix[kept.find([2, 3, 2])] == kept.find([2])
    rows = [kept.ngrams(k).tolist() for k in (1, 2, 3)]
    for k in (1, 2, 3):
        for row in rows[k - 1]:
            assert trie.find(row) == nodes[kept.find(row)]


def test_the_layout_of_the_docstring() -> None:
    trie = count([2, 3, 2, 1], order=2, vocabulary_size=4).trie  # a b a </s>
    assert trie.starts.tolist() == [0, 1, 6, 10]
    assert trie.words.tolist() == [-1, 0, 1, 2, 3, 4, 1, 3, 2, 2]
    assert trie.first.tolist() == [1, 6, 6, 6, 8, 9, 10]
    assert trie.suffix.tolist() == [-1, 0, 0, 0, 0, 0, 2, 4, 3, 3]
    assert (trie.order, trie.vocabulary_size, trie.contexts, trie.size(2)) == (2, 4, 6, 4)
    assert trie.ngrams(2).tolist() == [[2, 1], [2, 3], [3, 2], [4, 2]]
    assert trie.initial_state == 5
    assert count([2, 1], order=1, vocabulary_size=4).trie.initial_state == 0


def test_arrays_are_read_only() -> None:
    trie = count([2, 3, 2, 1], order=2, vocabulary_size=4).trie
    for array in trie.to_arrays().values():
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
