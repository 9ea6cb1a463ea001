"""Count tables against dictionaries, and what can be done with them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmkit.errors import FormatError, ParameterError
from lmkit.models.ngram import counting
from lmkit.models.ngram.counts import NgramCounts, count_ngrams, running_ngrams
from lmkit.models.ngram.trie import Trie

CONTEXTS = ("sentence", "stream", "running")


def by_dictionary(ids: list[int], order: int, size: int, context: str) -> list[Counter]:
    """Count n-grams as the definition says: one <s> before each start, every order by itself."""
    texts: list[list[int]] = [[]]
    for index in ids:
        texts[-1].append(index)
        if context == "sentence" and index == 1:
            texts.append([])
    found = [Counter() for _ in range(order + 1)]
    for text in texts:
        padded = text if context == "running" else [size, *text]
        first = len(padded) - len(text)
        for end in range(first, len(padded)):
            for k in range(1, min(order, end + 1) + 1):
                found[k][tuple(padded[end - k + 1 : end + 1])] += 1
    return found


def as_dictionary(counts: NgramCounts, order: int) -> dict[tuple[int, ...], int]:
    rows = counts.trie.ngrams(order).tolist()
    values = counts.counts[counts.trie.span(order)].tolist()
    return {tuple(row): value for row, value in zip(rows, values, strict=True) if value}


def count(ids: list[int], **options: object) -> NgramCounts:
    return count_ngrams(np.array(ids, np.int32), **options)  # type: ignore[arg-type]


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
    expected = by_dictionary(ids, order, size, context)
    assert counts.tokens == len(ids)
    assert counts.order == order
    for k in range(1, order + 1):
        assert as_dictionary(counts, k) == expected[k]
        assert sorted(counts.frequencies(k).tolist()) == sorted(expected[k].values())


@given(texts, st.integers(2, 6), st.sampled_from(CONTEXTS))
def test_the_trie_hangs_together(text: tuple[int, list[int]], order: int, context: str) -> None:
    size, ids = text
    counts = count(ids, order=order, vocabulary_size=size, context=context)
    trie = counts.trie
    bos = trie.bos_spans()
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


def test_many_buckets_count_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    ids = np.minimum(rng.zipf(1.3, 5000), 400).astype(np.int32)
    whole = count_ngrams(ids, order=5, vocabulary_size=401)
    monkeypatch.setattr(counting, "BUCKET", 16)
    assert_same(count_ngrams(ids, order=5, vocabulary_size=401), whole)


def test_a_large_vocabulary_at_a_high_order() -> None:
    # Ten words of 20 bits are 200 bits: far beyond one key.
    size = 1 << 20
    ids = np.tile(np.array([size - 1, size - 2, 5, size - 1, 1], np.int32), 300)
    counts = count_ngrams(ids, order=10, vocabulary_size=size, context="stream")
    expected = by_dictionary(ids.tolist(), 10, size, "stream")
    for k in (2, 9, 10):
        assert as_dictionary(counts, k) == expected[k]


@given(texts, st.integers(1, 4), st.data())
def test_parts_make_the_whole_and_leave_it_again(
    text: tuple[int, list[int]], order: int, data: st.DataObject
) -> None:
    size, ids = text
    cuts = [0, len(ids), *(place + 1 for place, index in enumerate(ids) if index == 1)]
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
    expected = by_dictionary(ids.tolist(), 3, 5, "running")
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


def test_keeping_some_ngrams_relinks_suffixes() -> None:
    counts = count([2, 3, 2, 3, 2, 1], order=3, vocabulary_size=4)
    trie = counts.trie
    keep = np.ones(len(trie.words), bool)
    keep[trie.find([3, 2])] = False
    for node in range(*trie.span(3).indices(len(keep))):
        keep[node] = trie.ngrams(3)[node - trie.starts[3]][:2].tolist() != [3, 2]
    kept, nodes = trie.kept(keep)
    assert isinstance(kept, Trie)
    assert kept.find([3, 2]) == -1
    assert kept.find([2, 3, 2]) > 0
    assert kept.suffix[kept.find([2, 3, 2])] == kept.find([2])
    rows = [kept.ngrams(k).tolist() for k in (1, 2, 3)]
    for k in (1, 2, 3):
        for row in rows[k - 1]:
            assert trie.find(row) == nodes[kept.find(row)]
