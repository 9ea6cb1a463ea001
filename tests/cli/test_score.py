"""`lmkit score`."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

import lmkit
from tests.cli.commands import ok


def test_score_per_token_sums_to_the_ledger(text: Path, model: Path) -> None:
    rows = json.loads(ok("score", model, text, "--per", "token", "--format", "json"))["rows"]
    ledger = lmkit.load(model).score(lmkit.Corpus.open(text))
    assert math.fsum(row["nats"] for row in rows) == pytest.approx(ledger.total_nats, rel=1e-12)
    assert [row["token"] for row in rows[:7]] == ["the", "cat", "sat", "on", "the", "mat", "</s>"]
    table = ok("score", model, text, "--per", "token").splitlines()
    assert len(table) == len(rows) + 1


def test_score_per_sentence_reads_standard_input(model: Path) -> None:
    out = ok("score", model, "-", stdin="the cat\n\na unicorn\n")
    rows = [line.split("\t") for line in out.splitlines()]
    assert rows[0] == ["sentence", "events", "oov", "nats", "perplexity", "proper", "text"]
    assert [(row[1], row[2], row[6]) for row in rows[1:]] == [
        ("3", "0", "the cat"), ("1", "0", ""), ("3", "1", "a unicorn"),
    ]  # fmt: skip
