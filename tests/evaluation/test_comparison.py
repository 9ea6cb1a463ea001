"""The ranking: what may be compared, who is tied with whom, and how it is shown."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import lmkit
from lmkit.errors import NotComparableError, ParameterError
from lmkit.evaluation.comparison import compare, rank
from lmkit.evaluation.completion import complete
from lmkit.evaluation.curve import learning_curve
from lmkit.evaluation.measuring import measure
from lmkit.evaluation.spelling import speller_of
from lmkit.reporting.findings import findings
from lmkit.results.ledger_files import write_ledger
from lmkit.text.corpus import Corpus, Text

TRAIN = "the cat sat on the mat\nthe dog sat on the log\na cat saw a dog\n" * 20 + "an owl\n"
TEST = "the owl sat\n\na cat saw the zebra on the mat\nthe dog\n" * 40


def text(content: str, normalize: str = "none", sentences: str = "line") -> Text:
    return Corpus.from_string(content, normalize=normalize, sentences=sentences).train


def ranked(*specs: str, **options: object) -> lmkit.Comparison:
    train = text(TRAIN)
    return compare([lmkit.fit(spec, train) for spec in specs], text(TEST), **options)


# ---------------------------------------------------------------------- the gate


def test_texts_must_be_the_same() -> None:
    ledger = lmkit.fit("unigram", text(TRAIN)).score(text(TEST))
    other = lmkit.fit("unigram", text(TRAIN)).score(text(TRAIN))
    with pytest.raises(NotComparableError, match="score both on the same text"):
        rank([ledger, other])
    lower = lmkit.fit("unigram", text(TRAIN, "letters")).score(text(TEST))
    with pytest.raises(NotComparableError, match="--normalize"):
        rank([ledger, replace(lower, summary=replace(lower.summary, sha256="0"))])


def test_scores_that_are_no_probabilities_are_refused() -> None:
    ledger = lmkit.fit("unigram", text(TRAIN)).score(text(TEST))
    with pytest.raises(NotComparableError, match="sum to 1 after 8 contexts, but not after every"):
        rank([ledger, replace(ledger, proper=False)])
    with pytest.raises(NotComparableError, match="do not sum to one"):
        rank([ledger, replace(ledger, proper=False, outcome_sums=None)])
    with pytest.raises(NotComparableError, match="name at least one"):
        rank([])
    empty = lmkit.fit("unigram", text(TRAIN)).score(text(""))
    with pytest.raises(NotComparableError, match="no events"):
        rank([empty])


def test_unspelled_vocabularies_must_be_the_same() -> None:
    train, test = text(TRAIN), text(TEST)
    large, small = (lmkit.fit(s, train).score(test) for s in ("bigram", "bigram:min_count=2"))
    assert rank([large, large]).models[0].scored is large
    with pytest.raises(NotComparableError, match="80 events unknown"):
        rank([small, large])
    char = lmkit.fit("bigram:unit=char", train).score(test)
    with pytest.raises(NotComparableError, match="--train"):
        rank([char, large])


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


def test_measuring_one_ledger() -> None:
    ledger = lmkit.fit("bigram", text(TRAIN)).score(text(TEST))
    found = measure(ledger, level=0.5)
    assert found.label == "bigram"
    assert found.bits_per_byte.level == 0.5
    assert found.to_dict()["blocks"] >= 30


# ---------------------------------------------------------------------- traps


def test_a_small_vocabulary_looks_good_and_is_not() -> None:
    found = ranked("bigram", "bigram:min_count=30")
    small = next(ledger for ledger in found.ledgers if "min_count" in ledger.model)
    large = next(ledger for ledger in found.ledgers if ledger is not small)
    assert small.perplexity < large.perplexity
    assert found.ledgers[0] is large
    assert any("would be the best word model" in line for line in findings(found))


def test_two_arpa_files_and_the_mass_of_unk(golden: Path) -> None:
    """The file whose <unk> holds much mass is ahead by the unknown words alone, and is told so."""
    models = [
        lmkit.load(golden / name)
        for name in ("timemachine.3.arpa.gz", "timemachine.3.nointerp.arpa.gz")
    ]
    rules = {"normalize": "none", "sentences": "line"}
    train = Corpus.open(golden / "timemachine.train.txt", **rules).train
    test = Corpus.open(golden / "timemachine.test.txt", **rules).train
    found = compare(models, test, train=train)
    assert all(ledger.is_open for ledger in found.ledgers)
    by_perplexity = {round(ledger.perplexity, 2): ledger for ledger in found.ledgers}
    full, spread = by_perplexity[152.55], by_perplexity[258.72]
    assert full.perplexity_without_oov == pytest.approx(192.7054430848869, rel=1e-6)
    assert spread.perplexity_without_oov == pytest.approx(171.81693852915419, rel=1e-6)
    # One vocabulary, one speller: spelling costs both the same, and cannot change their order.
    assert np.array_equal(full.spelling, spread.spelling)
    caveat = next(line for line in findings(found) if line.startswith("Caveat"))
    assert "by the 270 unknown words alone" in caveat
    # A vocabulary that has learned what is unknown looks best of all by its closed perplexity, and
    # is not: it is ahead of the one file and behind the other.
    learned = lmkit.fit("kneser-ney:min_count=2", train)
    again = compare([*models, learned], test, train=train)
    bits = {round(ledger.perplexity, 2): ledger.bits_per_byte for ledger in again.ledgers}
    assert min(bits) == pytest.approx(99.79, abs=0.01)
    assert bits[152.55] < bits[min(bits)] < bits[258.72]


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


def test_curves_fall_over_nested_parts() -> None:
    lines = (TRAIN * 3).splitlines()
    corpus = replace(Corpus.from_string("\n".join(lines) + "\n", normalize="none"), test=text(TEST))
    curve = learning_curve(["bigram", "unigram:unit=char"], corpus, fractions=(1, 0.1, 0.5))
    assert curve.models == ("bigram", "unigram:unit=char")
    assert [point.fraction for point in curve.of("bigram")] == [0.1, 0.5, 1]
    words = [point.words for point in curve.of("bigram")]
    assert words == sorted(words)
    assert words[-1] == len(" ".join(lines).split())
    bits = [point.bits_per_byte.value for point in curve.of("bigram")]
    assert bits[-1] < bits[0]
    whole = lmkit.compare([lmkit.fit("bigram", corpus)], corpus).ledgers[0]
    assert bits[-1] == pytest.approx(whole.bits_per_byte)
    assert len(curve.to_pandas()) == 6


def test_curves_refuse_what_is_no_part() -> None:
    corpus = Corpus("c", text(TRAIN), None, text(TEST))
    for fractions in ((), (0,), (1.5,)):
        with pytest.raises(ParameterError, match="above 0 up to 1"):
            learning_curve(["bigram"], corpus, fractions=fractions)
    with pytest.raises(ParameterError, match="no test part"):
        learning_curve(["bigram"], Corpus("c", text(TRAIN)))


@pytest.mark.parametrize(
    ("unk", "spelling", "told"),
    [
        (-4.0, 0.0, "alone: it finds <unk> more probable (346 bits in all). On"),
        (1.0, -5.0, "alone: its speller, learned from other words left out of the vocabulary, "
         "spells them in 433 bits fewer. On"),
        (-2.0, -3.0, "(173 bits in all), and its speller, learned from other words left out of the "
         "vocabulary, spells them in 260 bits fewer. On"),
    ],
)  # fmt: skip
def test_the_caveat_tells_a_likelier_unk_from_another_speller(
    unk: float, spelling: float, told: str
) -> None:
    """60 unknown words; -4 nats each are 60 * 4 / ln 2 = 346 bits."""
    test = text("the owl sat\na cat saw the zebra\n" * 60)
    model = lmkit.fit("unigram", text(TRAIN))
    ledger = complete(model.score(test), lambda: speller_of(model))
    assert ledger.oov_count == 60
    ahead = replace(
        ledger,
        model="ahead",
        nats=ledger.nats + np.where(ledger.oov, unk, 0.05),
        spelling=ledger.spelling + np.where(ledger.oov, spelling, 0.0),
    )
    found = rank([ledger, ahead])
    assert found.labels == ("ahead", "unigram")
    assert any(told in line for line in findings(found)), findings(found)


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
