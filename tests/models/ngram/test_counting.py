"""Counting in buckets and at high orders."""

from __future__ import annotations

import numpy as np
import pytest

from lmkit.errors import ParameterError
from lmkit.models.ngram import counting
from lmkit.models.ngram.counts import count_ngrams
from tests.models.ngram.samples import as_dictionary, counts_by_dictionary


def test_many_buckets_count_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    ids = np.minimum(rng.zipf(1.3, 5000), 400).astype(np.int32)
    whole = count_ngrams(ids, order=5, vocabulary_size=401)
    monkeypatch.setattr(counting, "BUCKET", 16)
    divided = count_ngrams(ids, order=5, vocabulary_size=401)
    for name, array in whole.to_arrays().items():
        np.testing.assert_array_equal(divided.to_arrays()[name], array, err_msg=name)


def test_a_large_vocabulary_at_a_high_order() -> None:
    # Ten words of 20 bits are 200 bits: far beyond one key.
    size = 1 << 20
    ids = np.tile(np.array([size - 1, size - 2, 5, size - 1, 1], np.int32), 300)
    counts = count_ngrams(ids, order=10, vocabulary_size=size, context="stream")
    expected = counts_by_dictionary(ids.tolist(), 10, size, "stream")
    for k in (2, 9, 10):
        assert as_dictionary(counts, k) == expected[k]


def test_a_trie_grows_order_by_order() -> None:
    trie = counting.GrowingTrie(np.array([0, 1, 2, 0], np.int32))  # <unk>, </s>, a, <s>
    assert (trie.starts, trie.highest, trie.totals.tolist()) == ([0, 1, 5], slice(1, 5), [3])
    trie.grow(2)
    assert (trie.starts, trie.highest) == ([0, 1, 5, 7], slice(5, 7))
    assert trie.words.tolist() == [-1, 0, 1, 2, 3, 0, 0]
    assert (len(trie.first), trie.first[-1], len(trie.totals)) == (6, 7, 5)
    with pytest.raises(ParameterError, match=r"more than a model can hold"):
        trie.grow(1 << 31)
