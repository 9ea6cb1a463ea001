"""Additive smoothing: known perplexities, dictionaries, NLTK."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

import lmkit
from lmkit.errors import ParameterError
from lmkit.models.ngram.additive import Ngram
from lmkit.text.corpus import Corpus
from tests.models.ngram.samples import corpus

# FACTS: perplexity over all tokens, and without out-of-vocabulary tokens.
LAPLACE = {
    ("tiny", 1, 1.0): (11.335500455026935, 9.829027636877296),
    ("tiny", 2, 1.0): (6.365972457376249, 5.965567594117636),
    ("tiny", 3, 1.0): (7.945750947949955, 7.605642079930347),
    ("tiny", 1, 0.01): (14.388775387166808, 9.576083880484907),
    ("tiny", 2, 0.01): (5.802048986307265, 4.443679283949172),
    ("tiny", 3, 0.01): (7.985354164615608, 6.501846440857521),
    ("timemachine", 1, 1.0): (470.76947455912324, 329.64226420683184),
    ("timemachine", 2, 1.0): (1534.2125662161957, 1391.8979705470142),
    ("timemachine", 3, 1.0): (3321.22317279711, 3235.152340189874),
    ("timemachine", 2, 0.01): (699.0195133935465, 511.098308905284),
    ("timemachine", 3, 0.01): (2313.3430777129715, 2083.511943080827),
}


def by_dictionary(
    train: list[list[str]], test: list[list[str]], order: int, alpha: float
) -> list[float]:
    """Return the log-probability of each event of the test text under Lidstone's rule."""
    size = len({word for line in train for word in line} | {"<unk>", "</s>"})
    known = {word for line in train for word in line} | {"</s>"}
    ngrams, contexts = Counter(), Counter()

    def events(lines: list[list[str]]):  # type: ignore[no-untyped-def]
        for line in lines:
            words = [word if word in known else "<unk>" for word in [*line, "</s>"]]
            padded = ["<s>"] * (order - 1) + words
            for position, word in enumerate(words):
                yield tuple(padded[position : position + order - 1]), word

    for history, word in events(train):
        ngrams[history, word] += 1
        contexts[history] += 1
    return [
        math.log((ngrams[history, word] + alpha) / (contexts[history] + alpha * size))
        for history, word in events(test)
    ]


def lines(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


@pytest.mark.parametrize(("name", "order", "alpha"), LAPLACE)
def test_the_known_perplexities(golden: Path, name: str, order: int, alpha: float) -> None:
    train = (golden / ("tiny.txt" if name == "tiny" else f"{name}.train.txt")).read_text()
    model = Ngram(order=order, alpha=alpha).fit(corpus(train))
    ledger = model.score(corpus((golden / f"{name}.test.txt").read_text()))
    everything, known = LAPLACE[name, order, alpha]
    assert ledger.perplexity == pytest.approx(everything, rel=1e-11)
    assert ledger.perplexity_without_oov == pytest.approx(known, rel=1e-11)


def test_an_example_by_hand() -> None:
    # V = 5: <unk>, </s>, the, cat, dog. Bigrams: <s> the 2, the cat 1, the dog 1, cat </s> 1,
    # dog </s> 1; the context "the" was seen twice.
    model = lmkit.fit("bigram", corpus("the cat\nthe dog\n"))
    after_the = np.exp(model.next_log_probs(model.encode("the")))
    np.testing.assert_allclose(after_the, np.array([1, 1, 1, 2, 2]) / 7, rtol=1e-14)
    # the cat zebra </s>: (2+1)/(2+5), (1+1)/(2+5), (0+1)/(1+5), and after <unk>, unseen: 1/5.
    ledger = model.score(corpus("the cat zebra"))
    np.testing.assert_allclose(np.exp(-ledger.nats), [3 / 7, 2 / 7, 1 / 6, 1 / 5], rtol=1e-14)
    assert ledger.perplexity == pytest.approx((7 / 3 * 7 / 2 * 6 * 5) ** 0.25)


def test_maximum_likelihood() -> None:
    model = Ngram(order=2, smoothing="mle").fit(corpus("the cat\nthe dog\n"))
    np.testing.assert_allclose(
        np.exp(model.next_log_probs(model.encode("the"))), [0, 0, 0, 0.5, 0.5], rtol=1e-14
    )
    # A context never seen says nothing, and nothing is what it promises: 1/V each.
    np.testing.assert_allclose(np.exp(model.next_log_probs(model.encode("zebra"))), 0.2)
    ledger = model.score(corpus("the the"))
    np.testing.assert_allclose(ledger.nats, [0, np.inf, np.inf])
    same = Ngram(order=2, alpha=0.0).fit(corpus("the cat\nthe dog\n"))
    np.testing.assert_array_equal(same.next_log_probs([2]), model.next_log_probs([2]))


@pytest.mark.parametrize("name", ["bigram", "trigram"])
def test_penn_treebank_equals_a_dictionary(shared_corpora: Path, name: str) -> None:
    train = (shared_corpora / "ptb" / "ptb.valid.txt").read_text()  # which a dictionary holds soon
    test = (shared_corpora / "ptb" / "ptb.test.txt").read_text()
    model = lmkit.fit(name, corpus(train))
    ledger = model.score(corpus(test))
    assert ledger.events == 82430
    expected = by_dictionary(lines(train), lines(test), 2 if name == "bigram" else 3, 1.0)
    np.testing.assert_allclose(-ledger.nats, expected, rtol=1e-12)


words = st.lists(st.lists(st.sampled_from("abcd"), max_size=6), min_size=1, max_size=8)


@given(words.filter(any), words, st.integers(1, 5), st.sampled_from([0.01, 0.5, 1.0]))
def test_any_text_equals_a_dictionary(
    train: list[list[str]], test: list[list[str]], order: int, alpha: float
) -> None:
    def text(rows: list[list[str]]) -> Corpus:
        return corpus("".join(" ".join(row) + "\n" for row in rows))

    model = Ngram(order=order, alpha=alpha).fit(text(train))
    ledger = model.score(text(test))
    expected = by_dictionary(train, test, order, alpha)
    np.testing.assert_allclose(-ledger.nats, expected, rtol=1e-12)


def test_nltk_agrees_where_it_means_the_same() -> None:
    nltk = pytest.importorskip("nltk.lm")
    from nltk.lm.preprocessing import pad_both_ends
    from nltk.util import ngrams

    train = "the cat sat on the mat\nthe dog sat on the log\na cat saw the dog\n"
    padded = [list(pad_both_ends(line, 2)) for line in lines(train)]
    theirs = nltk.Lidstone(0.3, 2)
    theirs.fit(
        [list(ngrams(line, 2)) + [(word,) for word in line] for line in padded],
        # NLTK gives probability to <s> too; with one word less, V is the same.
        vocabulary_text=[word for line in padded for word in line],
    )
    ours = Ngram(order=2, alpha=0.3).fit(corpus(train))
    extra = len(theirs.vocab) - len(ours.vocabulary_)
    assert extra == 1
    for before in ("the", "sat", "a", "<s>"):
        context = [] if before == "<s>" else ours.encode(before)
        mine = np.exp(ours.next_log_probs(context))
        seen = sum(theirs.counts[[before]].values())
        for index, token in enumerate(ours.vocabulary_.tokens):
            their = theirs.score(token if token != "<unk>" else "<UNK>", [before])
            corrected = their * (seen + 0.3 * len(theirs.vocab)) / (seen + 0.3 * len(mine))
            assert mine[index] == pytest.approx(corrected, rel=1e-12)


def test_alpha_auto_is_the_best_on_the_validation_text() -> None:
    train = "a b a c a b\nb a c a b\nc c a b\n" * 3
    valid = "a b c c b\na b a a d\n"
    model = Ngram(order=2, alpha="auto").fit(corpus(train), valid=corpus(valid))
    best = model.score(corpus(valid)).total_nats
    for alpha in (model.alpha_ * 0.9, model.alpha_ * 1.1, 1e-3, 1.0, 10.0):
        other = Ngram(order=2, alpha=alpha).fit(corpus(train))
        assert other.score(corpus(valid)).total_nats > best
    # Without a validation text, the last tenth of the training text serves.
    assert Ngram(order=2, alpha="auto").fit(corpus(train * 4)).alpha_ > 0


def test_stream_context_runs_on() -> None:
    text = "a b\nc a\nb c\n"
    sentence = Ngram(order=2).fit(corpus(text))
    stream = Ngram(order=2, context="stream").fit(corpus(text))
    a, b, c, size = *(stream.vocabulary_.id(x) for x in "abc"), 5
    # </s> was followed by c and by b in the stream; in sentences it is a start.
    after_end = np.exp(stream.next_log_probs([a, b, 1]))
    np.testing.assert_allclose(after_end[[a, b, c]], np.array([1, 2, 2]) / (2 + size))
    np.testing.assert_allclose(
        np.exp(sentence.next_log_probs([a, b, 1]))[[a, b, c]], np.array([2, 2, 2]) / (3 + size)
    )


def test_the_order_that_matched() -> None:
    model = lmkit.fit("bigram", corpus("the cat\nthe dog\n"))
    ledger = model.score(corpus("the dog the"), explain=True)
    assert ledger.extra["order"].tolist() == [2, 2, 0, 0]


def test_the_uniform_model_is_as_perplexed_as_it_has_outcomes() -> None:
    model = lmkit.fit("uniform", corpus("the cat\nthe dog\n"))
    ledger = model.score(corpus("the zebra\n\n"))
    assert ledger.perplexity == pytest.approx(5, rel=1e-14)
    assert model.parameters == 0


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"order": 0}, "order=0"),
        ({"order": 2.5}, "order=2.5"),
        ({"alpha": -1.0}, "alpha=-1.0"),
        ({"alpha": "best"}, "alpha='best'"),
        ({"alpha": math.nan}, "alpha=nan"),
        ({"smoothing": "kneser"}, "smoothing='kneser'"),
        ({"smoothing": "mle", "alpha": 0.5}, "leave alpha=0.5 out"),
    ],
)
def test_what_is_out_of_range_is_refused(options: dict[str, object], what: str) -> None:
    with pytest.raises(ParameterError, match=what):
        Ngram(**options).fit(corpus("a b\n"))  # type: ignore[arg-type]
