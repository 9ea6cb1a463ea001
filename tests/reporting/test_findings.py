"""Findings: what is said of a comparison, and when."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import lmkit
from lmkit.evaluation.comparison import compare, rank
from lmkit.evaluation.completion import complete
from lmkit.evaluation.spelling import speller_of
from lmkit.reporting.findings import findings
from lmkit.text.corpus import Corpus
from tests.evaluation.small_texts import TRAIN, ranked, text


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


def test_models_that_were_not_tested_are_not_called_alike() -> None:
    """Three sentences are no test: only the two that are the same score alike."""
    train = Corpus.from_string("a b c\nb c a\nc a a\n" * 9, normalize="none").train
    test = Corpus.from_string("a b\nc a\nb\n", normalize="none").train
    models = [lmkit.fit(spec, train) for spec in ("unigram", "bigram", "bigram")]
    (line,) = [line for line in findings(compare(models, test)) if "score alike" in line]
    assert line == "bigram and bigram #2 score alike."
    assert not [line for line in findings(compare(models[:2], test)) if "alike" in line]
