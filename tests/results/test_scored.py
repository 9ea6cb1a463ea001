"""What ledger and tally have in common: metrics from totals, by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

import lmkit
from lmkit.results.ledger import SurprisalLedger
from lmkit.results.proper import OutcomeSums
from lmkit.text.corpus import Corpus
from lmkit.text.passages import Overlap

TEXT = Corpus.from_string("ab c\nd\n", normalize="none").train  # 3 words, 2 ends, 7 bytes
LN2 = math.log(2)


@pytest.fixture
def ledger() -> SurprisalLedger:
    """Five events of 1, 2, 1, 4 and 1 bits; the fourth is unknown and spelled with 6 more."""
    return SurprisalLedger(
        model="m", unit="word", context="sentence", unk="spell", proper=True, vocabulary_size=4,
        parameters=0, text=TEXT, summary=TEXT.summary,
        ids=np.array([2, 3, 1, 0, 1], np.int32),
        nats=LN2 * np.array([1.0, 2, 1, 4, 1]),
        spelling=LN2 * np.array([0.0, 0, 0, 6, 0]),
    )  # fmt: skip


def test_metrics_by_hand(ledger: SurprisalLedger) -> None:
    assert ledger.closed_nats == pytest.approx(9 * LN2)
    assert ledger.total_nats == pytest.approx(15 * LN2)
    assert ledger.perplexity == pytest.approx(2 ** (9 / 5))
    assert ledger.perplexity_without_oov == pytest.approx(2 ** (5 / 4))
    assert ledger.perplexity_per_word == pytest.approx(2 ** (15 / 5))
    assert ledger.bits_per_byte == pytest.approx(15 / 7)
    assert ledger.bits_per_character == pytest.approx(15 / 7)
    assert ledger.is_open
    assert not replace(ledger, spelling=None).is_open


def test_the_first_event_of_probability_0_is_named(ledger: SurprisalLedger) -> None:
    assert ledger.first_impossible is None
    broken = replace(ledger, nats=np.array([1.0, np.inf, 1, np.inf, 1]), spelling=None)
    assert broken.impossible == 2
    assert str(broken.first_impossible) == "'c' (sentence 0, position 1, from 0)"
    assert broken.perplexity == math.inf


def test_documents_are_running_sums(ledger: SurprisalLedger) -> None:
    assert ledger.document_offsets is None
    parted = replace(ledger, document_sizes=np.array([[5, 5, 1], [2, 2, 1]]))
    assert parted.document_offsets is not None
    assert parted.document_starts is not None
    assert parted.document_offsets.tolist() == [0, 5, 7]
    assert parted.document_starts.tolist() == [0, 1, 2]


def test_what_is_known_of_the_training_text(ledger: SurprisalLedger) -> None:
    assert ledger.trained_on_test is None
    assert replace(ledger, train_sha256=TEXT.summary.sha256).trained_on_test is True
    apart = Overlap(*(0 for _ in Overlap._fields))
    assert replace(ledger, seen=apart).trained_on_test is None  # no sentence is long enough
    assert ledger.tuned_on_test is False


def test_it_shows_itself(ledger: SurprisalLedger) -> None:
    assert str(ledger) == "m: perplexity 3.48 a word, 2.143 bits a byte, 5 events, 1 OOV"
    improper = replace(ledger, proper=False, outcome_sums=OutcomeSums(1.2, 1.3, 1.4, 64))
    assert "sum to 1.2 to 1.4, 1.3 on average" in str(improper)
    told, tallied = ledger.to_dict(), lmkit.fit("unigram", TEXT).tally(TEXT).to_dict()
    assert list(told) == list(tallied)
