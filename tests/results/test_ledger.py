"""The ledger's totals and rows, from surprisals put in by hand."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lmkit
from lmkit.errors import CorpusError
from lmkit.results.ledger import SurprisalLedger
from lmkit.text.corpus import Corpus
from lmkit.text.encoding import encode_chunks, learn_text

TEXT = "the cat\n\nthe dodo sat\n"


def ledger(nats: Any, text: str = TEXT, unit: str = "word", train: str = "the cat sat\n") -> Any:
    rules = {"normalize": "none", "sentences": "line"}
    learned = learn_text(Corpus.from_string(train, **rules).train, unit)
    own = Corpus.from_string(text, **rules).train
    (chunk,) = encode_chunks(own, unit, learned.vocabulary) if text else [None]
    empty = np.empty(0)
    return SurprisalLedger(
        model="hand",
        unit=unit,
        context="sentence",
        unk="model",
        proper=True,
        vocabulary_size=len(learned.vocabulary),
        parameters=3,
        text=own,
        summary=own.summary,
        ids=chunk.ids if chunk else empty.astype(np.int32),
        nats=np.array(nats, np.float64),
    )


# Events: the cat </s> | </s> | the dodo sat </s>; 5 words, 3 ends, 22 characters.
NATS = [1.0, 2.0, 0.5, 0.25, 1.0, 9.0, 2.0, 0.25]


def test_totals_by_hand() -> None:
    row = ledger(NATS)
    assert len(row) == row.events == 8
    assert row.total_nats == 16.0
    assert row.cross_entropy == 2.0
    assert row.perplexity == pytest.approx(math.e**2)
    assert row.oov_count == 1
    assert row.perplexity_without_oov == pytest.approx(math.e)  # 7 nats over 7 events
    assert row.perplexity_per_word == pytest.approx(math.exp(16 / (5 + 3)))
    assert row.summary.characters == row.summary.bytes == 22
    assert row.bits_per_character == row.bits_per_byte == pytest.approx(16 / math.log(2) / 22)
    assert row.impossible == 0


def test_units_share_the_divisors_of_the_text() -> None:
    text = "é 漢\n"  # 4 characters, 7 bytes, 2 words
    words = ledger([1, 1, 1], text)
    characters = ledger([1, 1, 1, 1], text, "char")
    octets = ledger([1] * 7, text, "byte")
    assert [len(row) for row in (words, characters, octets)] == [3, 4, 7]
    for row in (words, characters, octets):
        assert row.bits_per_byte == pytest.approx(row.total_nats / math.log(2) / 7)
        assert row.bits_per_character == pytest.approx(row.total_nats / math.log(2) / 4)
        assert row.perplexity_per_word == pytest.approx(math.exp(row.total_nats / 3))
        assert row.perplexity == pytest.approx(math.e)


def test_rows_stand_where_the_text_has_them() -> None:
    row = ledger(NATS)
    assert row.sentence.tolist() == [0, 0, 0, 1, 2, 2, 2, 2]
    assert row.position.tolist() == [0, 1, 2, 0, 0, 1, 2, 3]
    assert row.offsets.tolist() == [0, 4, 7, 8, 9, 13, 18, 21]
    assert row.lengths.tolist() == [3, 3, 1, 1, 3, 4, 3, 1]
    assert list(row.tokens()) == ["the", "cat", "</s>", "</s>", "the", "dodo", "sat", "</s>"]
    octets = ledger([0] * 4, "éa\n", "byte")
    assert list(octets.tokens()) == ["é", "", "a", "</s>"]


def test_as_a_data_frame() -> None:
    frame = ledger(NATS).to_pandas()
    columns = ["sentence", "position", "offset", "length", "token", "id", "nats", "oov"]
    assert list(frame.columns) == columns
    assert frame.nats.sum() == 16.0
    assert frame.loc[frame.oov, "token"].tolist() == ["dodo"]


def test_an_empty_text_has_no_perplexity() -> None:
    row = ledger([], "")
    assert len(row) == 0
    assert row.total_nats == 0.0
    assert row.oov_count == row.impossible == 0
    for value in (row.perplexity, row.perplexity_without_oov, row.bits_per_byte):
        assert math.isnan(value)
    assert row.sentence.shape == row.position.shape == (0,)
    assert row.sentence.dtype == row.position.dtype == np.int64
    assert list(row.tokens()) == []
    assert len(row.to_pandas()) == 0
    assert "0 events" in str(row)


def test_an_impossible_event_makes_the_total_infinite() -> None:
    row = ledger([1.0, 1.0, 0.0, 0.0, 1.0, math.inf, 1.0, 0.0])
    assert row.impossible == 1
    assert row.perplexity == row.bits_per_byte == row.cross_entropy == math.inf
    assert row.perplexity_without_oov == pytest.approx(math.exp(4 / 7))


def test_only_unknown_tokens_leave_nothing_without_them() -> None:
    row = replace(ledger([3.0, 3.0], "dodo\n"), given_oov=np.array([True, True]))
    assert math.isnan(row.perplexity_without_oov)
    assert row.perplexity == pytest.approx(math.exp(3))


def test_metrics_by_name_hold_numbers_alone() -> None:
    result = ledger(NATS).to_dict()
    assert json.loads(json.dumps(result)) == result
    assert result["perplexity"] == pytest.approx(math.e**2)
    assert result["events"] == 8
    assert result["oov"] == 1
    assert result["signature"].startswith(
        "ppl|unit:word|norm:none|sent:line|ctx:sentence|unk:model"
    )


def test_ledgers_are_shown_short_and_compared_by_identity() -> None:
    row = ledger(NATS)
    assert len(repr(row)) < 120
    assert row == row
    assert row != ledger(NATS)


def test_a_text_that_changed_has_no_places(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text("the cat sat\n")
    scored = lmkit.fit("unigram", path).score(path)
    assert scored.offsets.tolist() == [0, 4, 8, 11]
    path.write_text("a doggy ran\n")
    again = replace(scored)
    with pytest.raises(CorpusError, match="changed since it was scored"):
        _ = again.offsets
