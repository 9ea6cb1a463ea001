"""Mixing fitted models: nothing depends on their order, and what cannot be mixed is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import lmkit
from lmkit.errors import LmkitError, ParameterError, VocabularyError
from lmkit.evaluation.spelling import speller_of
from lmkit.models.combined.mixture import Mixture
from lmkit.models.registry import create
from lmkit.text.corpus import Corpus
from tests.models.combined.samples import TEST, TRAIN, VALID, sentences

pytestmark = pytest.mark.filterwarnings("ignore::lmkit.models.ngram.discounts.DiscountWarning")

TRAINED = lmkit.fit("unigram", TRAIN).vocabulary_


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
    spelled = speller_of(mixed)
    alone = {w: speller_of(a).log_probs([w])[0] for w in ("quux", "zap")}
    assert spelled.types > speller_of(a).types
    assert spelled.log_probs(["quux"])[0] > alone["quux"]


def test_caches_are_set_in_one_order(ngram: Any, rnn: Any) -> None:
    a = lmkit.mix([ngram, rnn], VALID, caches=["neural", "unigram"], window=30)
    b = lmkit.mix([rnn, ngram], VALID, caches=["unigram", "neural"], window=30)
    assert a.caches_ == b.caches_
    np.testing.assert_array_equal(a.weights_, b.weights_)
    assert a.spec == b.spec


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
