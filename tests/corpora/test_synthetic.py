"""The Markov source: its text, and that what it says of itself is true."""

from __future__ import annotations

import hashlib
import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmkit.corpora.synthetic import END, MarkovSource
from lmkit.errors import CorpusError, ParameterError
from lmkit.text.corpus import Corpus
from lmkit.text.encoding import learn_text


@pytest.fixture(scope="module")
def source() -> MarkovSource:
    return MarkovSource(types=200, seed=3)


def transitions(source: MarkovSource) -> np.ndarray:
    """The chain as a dense matrix, float64 (types + 1, types + 1)."""
    size = source.types + 1
    matrix = np.zeros((size, size))
    rows = np.broadcast_to(np.arange(size)[:, None], source.successors.shape)
    np.add.at(matrix, (rows, source.successors), source.weights / 2.0**24)
    return matrix


# ---------------------------------------------------------------------- the chain


@settings(max_examples=20)
@given(types=st.integers(2, 300), seed=st.integers(0, 2**70))
def test_a_chain_is_a_chain(types: int, seed: int) -> None:
    source = MarkovSource(types=types, seed=seed)
    assert (source.weights.sum(axis=1) == 1 << 24).all()
    assert (source.weights >= 0).all()
    matrix = transitions(source)
    assert matrix[END, END] == 0  # no empty sentences
    assert (matrix[1:, END] >= 1 / 32).all()
    assert (source.stationary > 0).all()  # every word can be reached
    for state in (END, 1, types):
        real = source.successors[state][source.weights[state] > 0]
        assert len(set(real.tolist())) == len(real)


def test_stationary_distribution_solves_its_equation(source: MarkovSource) -> None:
    assert source.stationary.sum() == pytest.approx(1, abs=1e-14)
    np.testing.assert_allclose(
        source.stationary @ transitions(source), source.stationary, atol=1e-15
    )


def test_entropy_rate_is_that_of_whole_sentences() -> None:
    """By the chain rule: the entropy of a sentence over its expected number of events."""
    source = MarkovSource(types=5, seed=2)
    matrix = transitions(source)
    # Sum over all sentences, as a first-step equation: h(s) = H(s) + sum p(t|s) h(t), h(END) = 0.
    p = np.where(matrix > 0, matrix, 1)
    entropies = -(matrix * np.log(p)).sum(axis=1)
    words = np.array(matrix)
    words[:, END] = 0
    nats = np.linalg.solve(np.eye(6) - words, entropies)[END]
    events = np.linalg.solve(np.eye(6) - words, np.ones(6))[END]
    assert source.entropy_rate == pytest.approx(nats / events, rel=1e-14)
    assert source.perplexity == pytest.approx(math.exp(nats / events), rel=1e-14)


def test_a_text_meets_the_truth(source: MarkovSource) -> None:
    events = source.events(tokens=200_000)
    nats = -source.log_probs(events)
    sentence = np.cumsum(events == END) - (events == END)
    totals = np.bincount(sentence, nats) - source.entropy_rate * np.bincount(sentence)
    error = totals.std() * math.sqrt(len(totals)) / len(events)
    assert abs(nats.mean() - source.entropy_rate) < 4 * error < 0.02
    shares = np.bincount(events, minlength=201) / len(events)
    np.testing.assert_allclose(shares, source.stationary, atol=0.004)


def test_words_are_zipfian() -> None:
    source = MarkovSource()
    share = np.sort(source.stationary[1:])[::-1]
    ranks = np.arange(1, 1001)
    slope = np.polyfit(np.log(ranks), np.log(share[:1000]), 1)[0]
    assert -1.4 < slope < -0.9


# ---------------------------------------------------------------------- text


def test_one_seed_is_one_text_everywhere() -> None:
    text = MarkovSource().text(tokens=20_000)
    assert text.startswith("w19 w948 w5 w1054 w7 w141 w850 w463 w1 w68\nw1361 w881 w1643")
    assert hashlib.sha256(text.encode()).hexdigest() == (
        "9547fda78a4dcf9e4ad54eb1a95fd4e9d44d92fe2cee9873023557dbcea5867d"
    )
    assert MarkovSource().entropy_rate == pytest.approx(2.5125374105029277, rel=1e-13)
    assert MarkovSource(seed=2).text(tokens=100) != MarkovSource().text(tokens=100)


@settings(max_examples=20)
@given(tokens=st.integers(1, 3000), more=st.integers(0, 60_000))
def test_a_text_is_whole_sentences_and_the_beginning_of_a_longer(tokens: int, more: int) -> None:
    source = MarkovSource(types=20, seed=5)
    events = source.events(tokens=tokens)
    assert len(events) >= tokens
    assert events[-1] == END
    assert np.count_nonzero(events[tokens - 1 :] == END) == 1
    longer = source.events(tokens=tokens + more)
    assert (longer[: len(events)] == events).all()
    assert (source.parse(source.text(tokens=tokens)) == events).all()


def test_log_probs_are_relative_weights(source: MarkovSource) -> None:
    matrix = transitions(source)
    events = source.events(tokens=1000)
    before = [END, *events[:-1].tolist()]
    expected = [math.log(matrix[a, b]) for a, b in zip(before, events.tolist(), strict=True)]
    np.testing.assert_allclose(source.log_probs(events), expected, rtol=1e-12)
    assert source.log_probs([END]).tolist() == [-math.inf]
    assert source.log_probs([]).shape == (0,)


def test_lmkit_scores_the_same_events(source: MarkovSource) -> None:
    text = source.text(tokens=5000)
    learned = learn_text(Corpus.from_string(text, normalize="none").train, "word")
    counts = Counter(source.parse(text).tolist())
    assert len(learned.ids) == counts.total()
    assert learned.vocabulary.counts[1] == counts[END]
    assert learned.vocabulary.counts[learned.vocabulary["w1"]] == counts[1]
    words = Corpus.from_string(text, normalize="words").train
    assert words.canonical() == text  # no normaliser parts such a word


def test_a_bigram_model_comes_down_to_the_truth() -> None:
    """Counts of a long text, smoothed a little: within 2% of the perplexity that is possible."""
    source = MarkovSource(types=50, seed=1)
    train, test = source.events(tokens=300_000), source.events(tokens=340_000)
    test = test[len(train) :]
    size = source.types + 1
    counts = np.full((size, size), 0.01)
    np.add.at(counts, (np.concatenate([[END], train[:-1]]), train), 1)
    model = counts / counts.sum(axis=1, keepdims=True)
    nats = -np.log(model[np.concatenate([[END], test[:-1]]), test]).mean()
    truth = -source.log_probs(test).mean()
    assert truth < nats < truth + 0.02
    assert nats == pytest.approx(source.entropy_rate, abs=0.03)


# ---------------------------------------------------------------------- what is refused


def test_what_cannot_be() -> None:
    with pytest.raises(ParameterError, match="types=1"):
        MarkovSource(types=1)
    with pytest.raises(ParameterError, match="seed=-1"):
        MarkovSource(seed=-1)
    with pytest.raises(ParameterError, match="tokens=0"):
        MarkovSource(types=5).events(tokens=0)
    for text in ("w1 w6", "w0", "w01", "the", "w1 W2"):
        with pytest.raises(CorpusError, match=r"none of the source's words w1 \.\.\. w5"):
            MarkovSource(types=5).parse(text)
    assert MarkovSource(types=5).parse("w1\n\nw5").tolist() == [1, END, END, 5, END]
