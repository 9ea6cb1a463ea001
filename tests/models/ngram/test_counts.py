"""Count tables against dictionaries, sums and differences of them, and files."""

from __future__ import annotations

from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from lmkit.errors import FormatError, ParameterError
from lmkit.models.ngram.counts import NgramCounts, count_ngrams, running_ngrams
from tests.models.ngram.samples import as_dictionary, count, counts_by_dictionary

CONTEXTS = ("sentence", "stream", "running")


def assert_same(a: NgramCounts, b: NgramCounts) -> None:
    assert a.context == b.context
    for name, array in a.to_arrays().items():
        np.testing.assert_array_equal(array, b.to_arrays()[name], err_msg=name)
        assert array.dtype == b.to_arrays()[name].dtype


texts = st.integers(3, 7).flatmap(
    lambda size: st.tuples(st.just(size), st.lists(st.integers(0, size - 1), max_size=60))
)


@given(texts, st.integers(1, 11), st.sampled_from(CONTEXTS))
def test_counts_are_those_of_a_dictionary(
    text: tuple[int, list[int]], order: int, context: str
) -> None:
    size, ids = text
    counts = count(ids, order=order, vocabulary_size=size, context=context)
    expected = counts_by_dictionary(ids, order, size, context)
    assert counts.tokens == len(ids)
    assert counts.order == order
    for k in range(1, order + 1):
        assert as_dictionary(counts, k) == expected[k]
        assert sorted(counts.frequencies(k).tolist()) == sorted(expected[k].values())


def test_an_example_by_hand() -> None:
    # a b a </s> a b </s> with a = 2, b = 3, <s> = 4
    counts = count([2, 3, 2, 1, 2, 3, 1], order=3, vocabulary_size=4)
    assert as_dictionary(counts, 1) == {(1,): 2, (2,): 3, (3,): 2}
    assert as_dictionary(counts, 2) == {(2, 1): 1, (2, 3): 2, (3, 1): 1, (3, 2): 1, (4, 2): 2}
    assert as_dictionary(counts, 3) == {(2, 3, 1): 1, (2, 3, 2): 1, (3, 2, 1): 1, (4, 2, 3): 2}
    assert counts.count([4, 2]) == 2
    assert counts.count([1, 2]) == 0
    assert counts.count([9]) == 0
    stream = count([2, 3, 2, 1, 2, 3, 1], order=2, vocabulary_size=4, context="stream")
    assert stream.count([1, 2]) == 1
    assert stream.count([4, 2]) == 1
    running = count([2, 3, 2, 1, 2, 3, 1], order=2, vocabulary_size=4, context="running")
    assert running.count([4, 2]) == 0
    assert running.frequencies(2).sum() == 6


def test_the_table_prints() -> None:
    text = str(count([2, 3, 2, 1, 2, 3, 1], order=3, vocabulary_size=4))
    assert text.splitlines() == [
        "7 tokens, context=sentence",
        " n        types      once     twice",
        " 1            3         0         2",
        " 2            5         3         2",
        " 3            4         3         1",
    ]


@given(texts, st.integers(1, 4), st.data())
def test_parts_make_the_whole_and_leave_it_again(
    text: tuple[int, list[int]], order: int, data: st.DataObject
) -> None:
    size, ids = text
    cuts = [0, len(ids), *(end + 1 for end, index in enumerate(ids) if index == 1)]
    cut = data.draw(st.sampled_from(cuts))
    whole, first, second = (
        count(part, order=order, vocabulary_size=size) for part in (ids, ids[:cut], ids[cut:])
    )
    assert_same(first.merged(second), whole)
    assert_same(second.merged(first), whole)
    assert_same(whole.minus(first), second)
    assert_same(whole.minus(second), first)


def test_what_does_not_go_together_is_refused() -> None:
    one = count([2, 3, 1], order=2, vocabulary_size=4)
    for other in (
        count([2, 3, 1], order=3, vocabulary_size=4),
        count([2, 3, 1], order=2, vocabulary_size=5),
        count([2, 3, 1], order=2, vocabulary_size=4, context="stream"),
    ):
        with pytest.raises(ParameterError, match="do not go together"):
            one.merged(other)
    with pytest.raises(ParameterError, match="below 0"):
        one.minus(count([2, 2, 1], order=2, vocabulary_size=4))
    for wrong in ([3, 5], [-1]):
        with pytest.raises(ParameterError, match=r"not all in 0\.\.4"):
            count_ngrams(np.array(wrong, np.int32), order=2, vocabulary_size=5)
    with pytest.raises(ParameterError, match="order=0"):
        count([2], order=0, vocabulary_size=4)
    with pytest.raises(ParameterError, match="context='page'"):
        count([2], order=1, vocabulary_size=4, context="page")


def test_files(tmp_path: Path) -> None:
    counts = count([2, 3, 2, 1, 2, 3, 1], order=3, vocabulary_size=4)
    counts.save(tmp_path / "counts")
    again = NgramCounts.load(tmp_path / "counts")
    assert_same(again, counts)
    assert_same(again.merged(again).minus(counts), counts)
    (tmp_path / "counts").write_bytes(b"no counts")
    with pytest.raises(FormatError, match="counts"):
        NgramCounts.load(tmp_path / "counts")


def test_running_ngrams_and_their_ranks() -> None:
    ids = np.array([3, 1, 3, 1, 4, 1], np.int32)
    expected = counts_by_dictionary(ids.tolist(), 3, 5, "running")
    for k, (counts, ranks) in enumerate(running_ngrams(ids, order=3), start=1):
        assert sorted(counts[counts > 0].tolist()) == sorted(expected[k].values())
        grams = [tuple(ids[t : t + k].tolist()) for t in range(len(ids) - k + 1)]
        assert [counts[rank] for rank in ranks] == [expected[k][gram] for gram in grams]
        assert len(set(ranks.tolist())) == len(set(grams))


def test_the_time_machine_has_the_known_numbers_of_ngrams(golden: Path) -> None:
    words = (golden / "timemachine.train.txt").read_text().replace("\n", " </s> ").split()
    names = ["<unk>", "</s>", *dict.fromkeys(word for word in words if word != "</s>")]
    index = {name: i for i, name in enumerate(names)}
    ids = [index[word] for word in words]
    counts = count(ids, order=5, vocabulary_size=len(names))
    # As the headers of lmplz's ARPA files say; its unigrams are <unk>, <s>, </s> and the words.
    sizes = [counts.trie.size(k) for k in range(1, 6)]
    assert sizes == [4329, 19119, 26875, 26509, 24311]


@given(st.lists(st.integers(0, 4), max_size=40), st.integers(1, 5))
def test_counts_without_unk_are_those_of_a_dictionary(ids: list[int], order: int) -> None:
    counts = count(ids, order=order, vocabulary_size=5).without_unk()
    expected = counts_by_dictionary(ids, order, 5, "sentence")
    for k in range(1, order + 1):
        known = {gram: times for gram, times in expected[k].items() if 0 not in gram}
        assert as_dictionary(counts, k) == known
    assert counts.tokens == len(ids) - ids.count(0)
    for node in range(counts.trie.contexts):
        children = slice(counts.trie.first[node], counts.trie.first[node + 1])
        assert counts.totals[node] == counts.counts[children].sum()
