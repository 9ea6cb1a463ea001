"""The difference of two models, split: nothing is lost, and parts are what they say."""

from __future__ import annotations

import itertools
import json
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lmkit
from lmkit.errors import NotComparableError
from lmkit.evaluation.comparison import compare
from lmkit.evaluation.decomposition import decompose, items_of, word_frequencies
from lmkit.text.corpus import Corpus, Text
from lmkit.text.encoding import learn_text

TRAIN = "the cat sat on the mat\nthe dog sat on the log\na cat saw a dog\n" * 5 + "an owl\n"
TEST = "the owl sat\n\na cat saw the zebra on the mat\n<unk> the dog\n"


def text(content: str, sentences: str = "line") -> Text:
    return Corpus.from_string(content, normalize="none", sentences=sentences).train


# ---------------------------------------------------------------------- items


def test_items_are_words_and_sentence_ends() -> None:
    items = items_of(text("the cat\n\na é漢 b\n"))
    assert items.tokens == ["the", "cat", "</s>", "</s>", "a", "é漢", "b", "</s>"]
    assert items.starts.tolist() == [0, 3, 7, 8, 9, 10, 13, 15]
    assert items.position.tolist() == [1, 2, 3, 1, 1, 2, 3, 4]
    assert items.sentence.tolist() == [0, 0, 0, 1, 2, 2, 2, 2]
    stream = items_of(text("a b\nc", "none"))
    assert stream.tokens == ["a", "b", "c"]
    assert stream.position.tolist() == [1, 2, 3]


def test_frequencies_are_counts_of_the_training_text() -> None:
    train = text(TRAIN + "<unk> <unk>\n")
    counts = Counter(train.canonical().split())
    test = text(TEST)
    for options in ({}, {"min_count": 3}, {"max_size": 4}):
        learned = learn_text(train, "word", **options)
        found = word_frequencies(items_of(test), learned.vocabulary, learned.dropped)
        tokens = items_of(test).tokens
        assert found.tolist() == [-1 if t == "</s>" else counts[t] for t in tokens]


# ---------------------------------------------------------------------- splits


SPECS = ["bigram", "trigram:min_count=2", "bigram:unit=char", "witten-bell:unit=byte"]


@pytest.mark.parametrize(("first", "second"), [*itertools.combinations(SPECS, 2)])
def test_every_split_sums_to_the_whole(first: str, second: str) -> None:
    train = text(TRAIN)
    models = [lmkit.fit(spec, train) for spec in (first, second)]
    result = compare(models, text(TEST), train=train, explain=True)
    found = result.decompose(0, 1)
    totals = [ledger.total_nats / np.log(2) for ledger in result.ledgers]
    assert [found.bits_a, found.bits_b] == pytest.approx(totals)
    assert {"frequency", "kind", "position"} <= {split.by for split in found.splits}
    items = items_of(text(TEST))
    for split in found.splits:
        assert sum(part.items for part in split.parts) == len(items)
        assert sum(part.bits_a for part in split.parts) == pytest.approx(found.bits_a)
        assert sum(part.difference for part in split.parts) == pytest.approx(
            found.bits_a - found.bits_b
        )
    tokens = {row.token: row for row in (*found.tokens_a, *found.tokens_b)}
    assert all(row.count == items.tokens.count(token) for token, row in tokens.items())
    assert sum(row.difference for row in tokens.values()) == pytest.approx(
        found.bits_a - found.bits_b
    )
    named = {row.number: row for row in (*found.sentences_a, *found.sentences_b)}
    lines = TEST.split("\n")
    assert all(row.text == lines[number] for number, row in named.items())
    assert json.loads(json.dumps(found.to_dict(result.labels)))["a"] == result.labels[0]


def test_parts_are_what_they_say() -> None:
    train = text(TRAIN)
    models = [lmkit.fit(spec, train) for spec in ("bigram", "bigram:min_count=2")]
    result = compare(models, text(TEST), explain=True)
    a = result.labels.index("bigram")
    splits = {split.by: split for split in result.decompose(a, 1 - a).splits}
    kinds = {part.label: part.items for part in splits["kind"].parts}
    # zebra and <unk> are unknown to both, owl to the one that has seen it only once.
    assert kinds == {"known": 11, "unknown to both": 2, "unknown to b": 1, "sentence end": 4}
    bands = {part.label: part.items for part in splits["frequency"].parts}
    # zebra and <unk> never; owl once; mat and saw 5 times; on, sat, cat, dog, a 10, the 20
    assert bands == {"0": 2, "1": 1, "5–9": 2, "10–99": 9, "</s>": 4}
    positions = {part.label: part.items for part in splits["position"].parts}
    assert positions == {"1": 4, "2": 3, "3": 3, "4–5": 4, "6–10": 4}
    ledger = result.ledgers[a]
    orders = {part.label: part.bits_a for part in splits["order"].parts}
    matched = ledger.spelled_nats[ledger.extra["order"] == 2].sum() / np.log(2)
    assert orders["2"] == pytest.approx(matched)


def test_the_best_and_worst_sentences_and_words_come_first() -> None:
    train = text(TRAIN)
    ledgers = [lmkit.fit(spec, train).score(text(TEST)) for spec in ("bigram", "unigram")]
    found = decompose(ledgers, 0, 1)
    gains = [row.difference for row in found.sentences_a]
    assert gains == sorted(gains)
    assert all(gain < 0 for gain in gains)
    losses = [row.difference for row in found.tokens_b]
    assert losses == sorted(losses, reverse=True)
    assert all(loss > 0 for loss in losses)
    back = decompose(ledgers, 1, 0)
    assert [row.token for row in back.tokens_b] == [row.token for row in found.tokens_a]
    assert [row.number for row in back.sentences_a] == [row.number for row in found.sentences_b]


@settings(max_examples=15)
@given(st.lists(st.lists(st.sampled_from(["a", "bb", "é", "漢", "<unk>"]), max_size=7), min_size=1))
def test_any_text_is_split_whole(sentences: list[list[str]]) -> None:
    content = "\n".join(" ".join(words) for words in sentences) + "\n"
    train = text("a bb\na a\n")
    ledgers = [lmkit.fit(spec, train).score(text(content)) for spec in ("unigram", "bigram")]
    found = decompose(ledgers, 0, 1)
    for split in found.splits:
        assert sum(part.bits_a for part in split.parts) == pytest.approx(found.bits_a)


def test_an_infinite_difference_has_no_parts() -> None:
    train = text(TRAIN)
    ledgers = [lmkit.fit(s, train).score(text(TEST)) for s in ("bigram", "bigram:smoothing=mle")]
    with pytest.raises(NotComparableError, match="probability 0"):
        decompose(ledgers, 0, 1)
