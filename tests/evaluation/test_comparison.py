"""The ranking: what may be compared, who is tied with whom, and how it is shown."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

import lmkit
from lmkit.errors import NotComparableError
from lmkit.evaluation.comparison import compare
from lmkit.results.ledger_files import write_ledger
from lmkit.text.corpus import Corpus
from tests.evaluation.small_texts import TEST, TRAIN, ranked, text

# ---------------------------------------------------------------------- the ranking


def test_models_of_all_units_share_a_ranking() -> None:
    found = ranked(
        "bigram", "bigram:unit=char", "bigram:unit=byte", "uniform", "bigram:min_count=2"
    )
    bits = [ledger.bits_per_byte for ledger in found.ledgers]
    assert bits == sorted(bits)
    assert all(ledger.is_open for ledger in found.ledgers)
    assert {ledger.unit for ledger in found.ledgers} == {"word", "char", "byte"}
    for measured in found.models:
        interval = measured.bits_per_byte
        assert interval.low <= measured.scored.bits_per_byte <= interval.high
        assert interval.value == pytest.approx(measured.scored.bits_per_byte)
        assert measured.perplexity.low <= measured.scored.perplexity <= measured.perplexity.high
        assert measured.perplexity.value == measured.scored.perplexity


def test_models_that_are_the_same_are_tied_and_told_apart_by_number() -> None:
    found = ranked("bigram", "bigram", "uniform")
    assert found.labels == ("bigram", "bigram #2", "uniform")
    assert [row["tied_with"] for row in found.results()] == [["bigram #2"], ["bigram"], []]
    assert found.ranges == ((1, 2), (1, 2), (3, 3))
    assert found.pair(0, 2).difference < 0


def test_a_comparison_is_the_same_again() -> None:
    one, other = ranked("bigram", "unigram"), ranked("bigram", "unigram", seed=1)
    assert one.to_dict()["pairs"] == other.to_dict()["pairs"]
    assert [model.bits_per_byte for model in one.models] == [
        model.bits_per_byte for model in other.models
    ]


def test_intervals_do_not_depend_on_who_else_is_there() -> None:
    alone = ranked("bigram").models[0]
    among = next(m for m in ranked("bigram", "unigram", "uniform").models if m.label == "bigram")
    assert alone.bits_per_byte == among.bits_per_byte
    assert alone.perplexity == among.perplexity


def test_an_impossible_event_comes_last_without_an_interval() -> None:
    found = ranked("bigram:smoothing=mle", "bigram")
    assert found.labels == ("bigram", "bigram:smoothing=mle")
    assert found.models[1].bits_per_byte.value == math.inf
    assert math.isnan(found.models[1].bits_per_byte.low)
    assert not found.pairs[0].tied


def test_results_are_strict_json_by_design() -> None:
    printed = ranked("bigram", "unigram").to_dict()
    assert json.loads(json.dumps(printed)) == printed
    of_comparison = {"level", "seed", "blocks_of", "scope", "pairs"}
    assert set(printed) == {"schema", "corpus", "results", *of_comparison}
    first = printed["results"][0]
    assert first["perplexity_low"] <= first["perplexity"] <= first["perplexity_high"]
    assert printed["pairs"][0]["a"] == "bigram"


def test_short_texts_have_a_ranking_too() -> None:
    train = text(TRAIN)
    models = [lmkit.fit(spec, train) for spec in ("bigram", "unigram", "bigram:unit=char")]
    for content in ("a\n", "the cat\n", "the cat sat on the mat\n" * 5):
        assert len(compare(models, text(content)).models) == 3


def test_a_comparison_shows_itself() -> None:
    found = ranked("bigram", "unigram", "unigram")
    shown = str(found)
    assert "string: 520 words" in shown
    assert "\n  1  bigram " in shown
    assert "\n2–3  unigram " in shown
    frame = found.to_pandas()
    assert frame.index.tolist() == [1, 2, 3]
    assert frame.model.tolist() == list(found.labels)
    assert len(found.pairs_to_pandas()) == 3
    html = found._repr_html_()
    assert "2–3" in html
    hostile = replace(found.models[0], label="<script>alert(1)</script>")
    assert "<script>" not in replace(found, models=(hostile, *found.models[1:]))._repr_html_()


def test_what_is_not_fitted_is_fitted(tmp_path: Path) -> None:
    """Specs, unfitted and fitted models and files share a ranking; each keeps its model."""
    corpus = Corpus("own", text(TRAIN), None, text(TEST))
    fitted = lmkit.fit("bigram", corpus)
    lmkit.fit("unigram", corpus).save(tmp_path / "u.lmkit")
    lmkit.fit("uniform", corpus).save(tmp_path / "file")
    given = [
        fitted,
        tmp_path / "u.lmkit",
        str(tmp_path / "file"),
        "bigram:unit=char",
        lmkit.Trigram(),
    ]
    steps: list[tuple[str, float]] = []
    found = compare(given, corpus, progress=lambda *step: steps.append(step))
    specs = {"bigram", "unigram", "uniform", "bigram:unit=char", "trigram"}
    assert set(found.labels) == specs
    assert {one.model.spec for one in found.models if one.model is not None} == specs
    assert all(one.model.spec == one.scored.model for one in found.models if one.model is not None)
    assert next(one.model for one in found.models if one.label == "bigram") is fitted
    assert any(what.startswith("bigram:unit=char: fitting") for what, _ in steps)
    assert any(what.startswith("trigram: scoring") for what, _ in steps)
    assert all(0 <= fraction <= 1 for _, fraction in steps)
    alone = compare([lmkit.fit(spec, corpus) for spec in sorted(specs)], corpus)
    bits = [one.bits_per_byte for one in found.models]
    assert bits == [one.bits_per_byte for one in alone.models]


def test_one_text_is_cut_and_a_training_text_taken() -> None:
    own, other = text(TRAIN), text(TEST)
    train, valid, test = Corpus("string", own).split().parts.values()
    cut = compare(["bigram"], own)
    assert cut.summary.sha256 == test.summary.sha256
    assert cut.train == train
    apart = compare(["bigram"], other, train=Corpus("string", own, valid))
    assert apart.summary.sha256 == other.summary.sha256
    assert apart.ledgers[0].train_sha256 == own.summary.sha256
    (measured,) = compare([lmkit.fit("bigram", train)], own).models  # not cut: all are fitted
    assert measured.scored.summary.sha256 == own.summary.sha256


def test_improper_models_are_refused_before_any_is_fitted() -> None:
    bigram = lmkit.Bigram()
    with pytest.raises(NotComparableError, match="stupid-backoff is no probability distribution"):
        compare([bigram, "stupid-backoff"], text(TRAIN))
    assert not bigram.is_fitted


def test_ledgers_are_read_from_files(tmp_path: Path) -> None:
    corpus = Corpus("own", text(TRAIN), None, text(TEST))
    path = tmp_path / "theirs.jsonl"
    write_ledger(lmkit.fit("unigram", corpus).score(corpus), path)
    found = compare(["bigram"], corpus, ledgers=[path])
    assert [one.model is None for one in found.models] == [False, True]
    assert found.labels == ("bigram", "unigram")


# ---------------------------------------------------------------------- traps


def test_paired_differences_are_surer_than_intervals(shared_corpora: Path) -> None:
    """PTB, Kneser-Ney of order 3 and 5: the intervals overlap, and the pair is decided."""
    folder = shared_corpora / "ptb"
    corpus = Corpus.open(folder, normalize="none")
    models = [lmkit.fit(f"kneser-ney:order={order}", corpus) for order in (3, 5)]
    found = compare(models, corpus)
    assert found.labels == ("kneser-ney:order=5", "kneser-ney")
    first, second = (model.bits_per_byte for model in found.models)
    assert first.high > second.low
    assert not found.pairs[0].tied
    assert found.pairs[0].standard_error < first.standard_error / 5
    # FACTS: about 12.4 with blocks of 50 sentences, 3.2 if tokens were independent.
    perplexity = found.models[0].perplexity
    assert 9 < (perplexity.high - perplexity.low) / 2 < 17


# ---------------------------------------------------------------------- learning curves


def test_equal_models_stand_in_the_order_of_their_names() -> None:
    train = text(TRAIN)
    models = [lmkit.fit(spec, train) for spec in ("unigram", "ngram:order=1")]
    for given in (models, models[::-1]):
        found = compare(given, text(TEST))
        assert found.labels == ("ngram:order=1", "unigram")
        assert found.ranges == ((1, 2), (1, 2))


def test_how_often_training_has_a_word_is_what_any_model_has_seen() -> None:
    one, two = (lmkit.fit("unigram", text(t)) for t in ("the cat the\n", "a cat cat\n"))
    for given in ([one, two], [two, one]):
        frequencies = compare(given, text("the cat a zebra\n" * 40)).frequencies
        assert frequencies is not None
        assert frequencies[:5].tolist() == [2, 2, 1, 0, -1]


def test_the_heading_of_intervals_names_their_level() -> None:
    train = Corpus.from_string("a b c\nb c a\nc a a\n" * 9, normalize="none").train
    result = compare([lmkit.fit("unigram", train)], train, level=0.5)
    assert " 50%" in str(result)
    assert "95%" not in str(result)
