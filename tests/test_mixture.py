"""Mixtures: exact sums, weights that no others beat, and refusals that say what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lmkit
from lmkit.errors import FormatError, LmkitError, ParameterError, VocabularyError
from lmkit.models import mixture as mixtures
from lmkit.models.interpolation import find_weights
from lmkit.models.mixture import Mixture
from lmkit.models.ngram.continuations import continuations
from lmkit.models.registry import create
from lmkit.reporting.findings import findings
from lmkit.storage import read_model_file, write_model_file
from lmkit.text.corpus import Corpus

pytestmark = pytest.mark.filterwarnings("ignore::lmkit.models.ngram.discounts.DiscountWarning")

RNN = "word-rnn:hidden=16,embedding=8,epochs=1,threads=1"


def sentences(count: int, seed: int) -> str:
    """Return sentences over few words, each paragraph of ten with two favourites of its own."""
    rng = np.random.default_rng(seed)
    words = [f"w{i:02}" for i in range(40)]
    lines = []
    for number in range(count):
        if number % 10 == 0:
            favourites = rng.choice(words, 2)
        line = rng.choice(words[:8], 6)
        line[rng.random(6) < 0.4] = rng.choice(favourites)
        lines.append(" ".join(line))
    return "\n".join(lines) + "\n"


def corpus(count: int, seed: int) -> Corpus:
    return Corpus.from_string(sentences(count, seed), normalize="none", sentences="line")


TRAIN, VALID, TEST = corpus(300, 1), corpus(100, 2), corpus(100, 3)
TRAINED = lmkit.fit("unigram", TRAIN).vocabulary_


@pytest.fixture(scope="module")
def ngram() -> Any:
    return lmkit.fit("kneser-ney:order=3", TRAIN)


@pytest.fixture(scope="module")
def rnn() -> Any:
    return lmkit.fit(RNN, TRAIN, valid=VALID)


# ---------------------------------------------------------------------- weights


def test_em_finds_the_maximum() -> None:
    rng = np.random.default_rng(0)
    log_probs = np.log(rng.dirichlet(np.ones(50), 400)[:, :3])
    found = find_weights(log_probs)

    def nats(weights: np.ndarray) -> float:
        return -float(np.log(np.exp(log_probs) @ weights).mean())

    assert found.weights.sum() == pytest.approx(1)
    assert found.nats == pytest.approx(nats(found.weights[0]))
    grid = np.linspace(0, 1, 41)
    best = min(
        nats(np.array([a, b, 1 - a - b])) for a in grid for b in grid if 0 < a + b < 1 - 1e-9
    )
    assert found.nats <= best + 1e-5


def test_em_on_a_known_mixture() -> None:
    """Half of the events are certain under one distribution alone, half under both alike."""
    log_probs = np.log([[0.5, 0.5], [1.0, 1e-300]] * 50 + [[1e-300, 1.0]] * 25)
    weights = find_weights(log_probs).weights[0]
    np.testing.assert_allclose(weights, [2 / 3, 1 / 3], atol=0.01)


def test_weights_of_buckets_and_of_nothing() -> None:
    rng = np.random.default_rng(1)
    log_probs = np.log(rng.uniform(0.01, 1, (4000, 2)))
    buckets = rng.integers(0, 2, 4000)
    log_probs[buckets == 1, 0] += np.log(0.2)
    found = find_weights(log_probs, buckets=buckets, count=3)
    np.testing.assert_allclose(found.weights.sum(axis=1), 1)
    assert found.weights[0, 0] > 0.4 > found.weights[1, 0]
    alone = find_weights(log_probs).weights[0]
    np.testing.assert_array_equal(found.weights[2], alone)  # a bucket without events
    assert found.nats < find_weights(log_probs).nats
    np.testing.assert_array_equal(find_weights(np.empty((0, 4))).weights, np.full((1, 4), 0.25))


def test_impossible_events_take_no_part() -> None:
    log_probs = np.array([[-1.0, -2.0], [-np.inf, -1.0], [-3.0, -np.inf]] * 10)
    with_none = np.concatenate([log_probs, np.full((5, 2), -np.inf)])
    found, clean = find_weights(with_none), find_weights(log_probs)
    np.testing.assert_allclose(found.weights, clean.weights)
    assert (found.nats, found.impossible, clean.impossible) == (np.inf, 5, 0)
    assert found.possible_nats == clean.possible_nats == clean.nats < 10


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


def test_models_are_left_as_they_are(ngram: Any) -> None:
    before = dict(vars(ngram))
    mixture = lmkit.mix([ngram], VALID, caches=["unigram"])
    assert vars(ngram) == before
    assert mixture.models_[0] is not ngram
    assert mixture.models_[0].tables_ is ngram.tables_


def test_fitting_and_mixing_agree(ngram: Any) -> None:
    spec = r"mixture:models=bigram:alpha=0.1\,context=stream+kneser-ney,caches=unigram"
    fitted = lmkit.fit(spec, TRAIN, valid=VALID)
    other = lmkit.fit("bigram:alpha=0.1,context=stream", TRAIN)
    mixed = lmkit.mix([ngram, other], VALID, caches=["unigram"])
    assert isinstance(fitted, Mixture)
    assert fitted.spec == mixed.spec == spec
    np.testing.assert_array_equal(fitted.weights_, mixed.weights_)
    a, b = fitted.score(TEST), mixed.score(TEST)
    np.testing.assert_array_equal(a.nats, b.nats)
    assert a.signature == b.signature


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
    counts = continuations(ngram, ids, ngram.initial_state())
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
    np.testing.assert_array_equal(continuations(ngram, ids[11:], middle), counts[11:])


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


# ---------------------------------------------------------------------- order of the models


def test_the_speller_of_a_mixture_is_learned_from_what_all_its_models_know() -> None:
    """Two texts, one vocabulary: each model leaves other words out, and the mixture knows both."""
    one = Corpus.from_string("the cat sat\nthe dog ran\n" * 9 + "zip zap\n", normalize="none")
    two = Corpus.from_string("the cat ran\nthe cat\n" * 9 + "quux quiz zip zip\n", normalize="none")
    a = lmkit.fit("bigram:min_count=2", one)
    b = lmkit.fit("kneser-ney:order=2", two, vocabulary=a.vocabulary_)
    mixed, other = lmkit.mix([a, b], one), lmkit.mix([b, a], one)
    assert mixed.spec == other.spec
    assert mixed.dropped_ == other.dropped_
    dropped = dict(zip(mixed.dropped_.tokens, mixed.dropped_.counts.tolist(), strict=True))
    assert dropped == {"<unk>": 0, "</s>": 0, "zip": 2, "quux": 1, "quiz": 1, "zap": 1}
    tokens = mixed.vocabulary_.tokens
    assert mixed.vocabulary_.counts[tokens.index("the")] == 18  # as both say
    assert mixed.vocabulary_.counts[tokens.index("ran")] == 9
    assert mixed.vocabulary_.counts[tokens.index("sat")] == 9  # as the first says
    test = Corpus.from_string("the quip zipped\n", normalize="none")
    results = [lmkit.compare(models, test).results() for models in ([mixed, a], [a, other])]
    assert [each["bits_per_byte"] for each in results[0]] == [
        each["bits_per_byte"] for each in results[1]
    ]
    spelled = mixed.speller()
    alone = {w: a.speller().log_probs([w])[0] for w in ("quux", "zap")}
    assert spelled.types > a.speller().types
    assert spelled.log_probs(["quux"])[0] > alone["quux"]


def test_caches_are_set_in_one_order(ngram: Any, rnn: Any) -> None:
    a = lmkit.mix([ngram, rnn], VALID, caches=["neural", "unigram"], window=30)
    b = lmkit.mix([rnn, ngram], VALID, caches=["unigram", "neural"], window=30)
    assert a.caches_ == b.caches_
    np.testing.assert_array_equal(a.weights_, b.weights_)
    assert a.spec == b.spec


# ---------------------------------------------------------------------- refusals


def test_models_that_do_not_fit_together(ngram: Any) -> None:
    other = lmkit.fit("bigram", VALID)
    upper = lmkit.fit(
        "bigram", Corpus.from_string(sentences(300, 1), normalize="lower", sentences="line")
    )
    letters = lmkit.fit("bigram:unit=char", TRAIN)
    stupid = lmkit.fit("stupid-backoff", TRAIN)
    mixture = lmkit.mix([ngram], VALID)
    for models, error, told in (
        ([], ParameterError, "no models"),
        ([ngram, other], VocabularyError, "--vocabulary"),
        ([ngram, upper], ParameterError, "normalize"),
        ([ngram, letters], ParameterError, "unit"),
        ([ngram, stupid], ParameterError, "outcomes sum to"),
        ([ngram, mixture], ParameterError, "mix its models"),
        ([ngram, create("bigram")], LmkitError, "call fit"),
    ):
        with pytest.raises(error, match=told):
            lmkit.mix(models, VALID)
    for options, told in (
        ({"caches": ["neural"]}, "recurrent"),
        ({"caches": ["trigram"]}, "unigram, neural"),
        ({"window": 0}, "window=0"),
        ({"buckets": 0}, "buckets=0"),
    ):
        with pytest.raises(ParameterError, match=told):
            lmkit.mix([ngram], VALID, **options)
    known = lmkit.fit("bigram", VALID, vocabulary=ngram.vocabulary_)
    assert lmkit.mix([ngram, known], VALID).train_sha256_ is None


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
