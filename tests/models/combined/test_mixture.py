"""Mixtures: exact sums, weights that no others beat, and refusals that say what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lmkit
from lmkit.errors import FormatError
from lmkit.models.combined import mixture as mixtures
from lmkit.models.combined.mixture import Mixture
from lmkit.models.registry import create
from lmkit.reporting.findings import findings
from lmkit.storage import read_model_file, write_model_file
from tests.models.combined.samples import TEST, TRAIN, VALID, corpus, sentences

pytestmark = pytest.mark.filterwarnings("ignore::lmkit.models.ngram.discounts.DiscountWarning")

TRAINED = lmkit.fit("unigram", TRAIN).vocabulary_


def test_what_no_component_can_say_is_no_certainty() -> None:
    """A bigram of maximum likelihood gives most of the validation text nothing."""
    model = lmkit.fit("bigram:smoothing=mle", corpus(3, 1), vocabulary=TRAINED)
    mixture = lmkit.mix([model], VALID)
    np.testing.assert_array_equal(mixture.valid_nats_, [np.inf, np.inf])
    assert mixture.score(VALID).perplexity == np.inf
    cached = lmkit.mix([model], VALID, caches=["unigram"])
    assert cached.valid_nats_[-1] == np.inf
    # The decay is still chosen, by what is possible: words recur within their paragraph.
    assert cached.caches_[0].decay < 1


# ---------------------------------------------------------------------- mixing


def test_a_mixture_is_the_weighted_sum(ngram: Any, rnn: Any) -> None:
    mixture = lmkit.mix([ngram, rnn], VALID)
    weights = mixture.weights_[0]
    a, b = (np.exp(-model.score(TEST).nats) for model in (ngram, rnn))
    ledger = mixture.score(TEST)
    np.testing.assert_allclose(np.exp(-ledger.nats), weights[0] * a + weights[1] * b, rtol=1e-9)
    assert (ledger.adapts, mixture.context) == ("", "stream")
    assert mixture.parameters == ngram.parameters + rnn.parameters + 2
    valid = mixture.score(VALID)
    assert valid.cross_entropy == pytest.approx(mixture.valid_nats_[-1], rel=1e-9)
    assert valid.cross_entropy <= min(mixture.valid_nats_[:2])


def test_caches_help_where_words_recur(ngram: Any, rnn: Any) -> None:
    plain = lmkit.mix([ngram, rnn], VALID).score(TEST)
    for caches in (["unigram"], ["neural"], ["unigram", "neural"]):
        mixture = lmkit.mix([ngram, rnn], VALID, caches=caches, window=60)
        ledger = mixture.score(TEST)
        assert ledger.perplexity < 0.95 * plain.perplexity
        assert "|adapt:cache|" in ledger.signature
        assert "caches=" in mixture.spec
        assert [cache.kind for cache in mixture.caches_] == caches


def test_a_long_validation_text_goes_past_in_pieces(
    ngram: Any, rnn: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hidden states are never those of more than a piece; what is learned is the same."""
    caches = ["unigram", "neural"]
    whole = lmkit.mix([ngram, rnn], VALID, caches=caches, window=60, buckets=3)
    lengths: list[int] = []
    hidden_states = type(rnn).hidden_states

    def counted(model: Any, ids: Any, state: Any) -> Any:
        lengths.append(len(ids))
        return hidden_states(model, ids, state)

    monkeypatch.setattr(type(rnn), "hidden_states", counted)
    monkeypatch.setattr(mixtures, "PIECE", 64)
    cut = lmkit.mix([ngram, rnn], VALID, caches=caches, window=60, buckets=3)
    few = len(VALID.train.canonical().split()) + 100  # events
    assert lengths == [0, few, *[64] * (few // 64), few % 64]
    assert cut.caches_ == whole.caches_
    np.testing.assert_allclose(cut.weights_, whole.weights_, atol=1e-6)
    np.testing.assert_allclose(cut.valid_nats_, whole.valid_nats_, rtol=1e-6)
    monkeypatch.setattr(mixtures, "FEW", 100)
    lengths.clear()
    lmkit.mix([ngram, rnn], VALID, caches=caches)
    assert max(lengths) == 100


def test_a_seed_reaches_the_models_that_have_one() -> None:
    mixture = create("mixture:seed=5,models=word-rnn+bigram+word-rnn:seed=7")
    assert isinstance(mixture, Mixture)
    parts = mixture._components()
    assert [getattr(part, "seed", None) for part in parts] == [5, None, 7]


def test_buckets_are_of_contexts_alone(ngram: Any) -> None:
    """The number of continuations, counted again from the text."""
    ids = ngram.encode(sentences(30, 7))
    train = ngram.encode(sentences(300, 1)).tolist()
    v = len(ngram.vocabulary_)
    seen: dict[tuple[int, ...], set[int]] = {}
    history: list[int] = [v]
    for index in train:
        for n in (0, 1, 2):
            if n <= len(history):
                seen.setdefault(tuple(history[len(history) - n :]), set()).add(index)
        history = [v] if index == 1 else [*history, index]
    counts = ngram.continuations(ids, ngram.initial_state())
    history = [v]
    for place, index in enumerate([*ids.tolist(), 1]):
        context = next(
            c for n in (2, 1, 0) if (c := tuple(history[max(0, len(history) - n) :])) in seen
        )
        # <unk> and <s> are unigrams of every model, whether the text has them or not.
        extra = len({0, v} - seen[context]) if context == () else 0
        assert counts[place] == len(seen[context]) + extra
        history = [v] if index == 1 else [*history, index]
    mixture = lmkit.mix([ngram], VALID, caches=["unigram"], buckets=4)
    assert mixture.weights_.shape == (4, 2)
    middle = ngram.advance(ids[:11])
    np.testing.assert_array_equal(ngram.continuations(ids[11:], middle), counts[11:])


def test_a_mixture_beats_its_models_in_the_comparison(ngram: Any, rnn: Any) -> None:
    mixture = lmkit.mix([ngram, rnn], VALID, caches=["unigram"], window=60)
    results = lmkit.compare([ngram, rnn, mixture], TEST).results()
    assert results[0]["model"] == mixture.spec
    assert [result["adapts"] for result in results] == ["cache", None, None]


def test_a_comparison_tells_who_adapts(ngram: Any) -> None:
    mixture = lmkit.mix([ngram], VALID, caches=["unigram"])
    told = [line for line in findings(lmkit.compare([ngram, mixture], TEST)) if "adapts" in line]
    assert len(told) == 1
    assert told[0].startswith(f"Caveat: {mixture.spec} learns from the test text")
    other = lmkit.mix([ngram], VALID, caches=["unigram"], window=9)
    alike = lmkit.compare([other, mixture], TEST)
    assert not any("adapts" in line for line in findings(alike))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("models", []),
        ("models", [{"model": "mixture", "parameters": {}, "learned": {}}]),
        ("models", [{"model": "bigram", "parameters": {"order": 2}, "learned": {}}]),
        ("models", [{"model": "bigram"}]),
        ("caches", [["trigram", 5, 1.0]]),
        ("caches", [["unigram", 0, 1.0]]),
        ("caches", [["neural", 5, 1.0, 1.0]]),
        ("caches", 7),
    ],
)
def test_a_hostile_file_is_a_format_error(ngram: Any, tmp_path: Path, key: str, value: Any) -> None:
    path = tmp_path / "m.lmkit"
    lmkit.mix([ngram], VALID, caches=["unigram"]).save(path)
    arrays, header = read_model_file(path)
    header["learned"][key] = value
    write_model_file(tmp_path / "bad.lmkit", {k: np.array(a) for k, a in arrays.items()}, header)
    with pytest.raises(FormatError, match=r"bad\.lmkit"):
        lmkit.load(tmp_path / "bad.lmkit")


@pytest.mark.parametrize("weights", [[[0.5, 0.4]], [[1.5, -0.5]], [[1.0]], [0.5, 0.5]])
def test_weights_that_do_not_fit(ngram: Any, tmp_path: Path, weights: Any) -> None:
    path = tmp_path / "m.lmkit"
    lmkit.mix([ngram], VALID, caches=["unigram"]).save(path)
    arrays, header = read_model_file(path)
    changed = {k: np.array(a) for k, a in arrays.items()} | {"model.weights": np.array(weights)}
    write_model_file(tmp_path / "bad.lmkit", changed, header)
    with pytest.raises(FormatError, match="weights"):
        lmkit.load(tmp_path / "bad.lmkit")
