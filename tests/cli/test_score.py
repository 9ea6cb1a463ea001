"""`lmkit score`: a row for each token or sentence."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path

import pytest

import lmkit
from tests.cli.commands import error_line, ok


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


def test_score_shows_what_is_impossible(text: Path) -> None:
    lmkit.fit("bigram:smoothing=mle", text).save("mle.lmkit")
    Path("new.txt").write_text("the cat sat\nmat the\n")
    rows = list(csv.DictReader(io.StringIO(ok("score", "mle.lmkit", "new.txt", "--format", "csv"))))
    # P(the|<s>) = 2/3, P(cat|the) = 1/4, P(sat|cat) = 1/2; "mat" begins no sentence.
    assert rows[1]["nats"] == rows[1]["perplexity"] == "inf"
    assert "∞" in ok("score", "mle.lmkit", "new.txt")
    told = json.loads(ok("score", "mle.lmkit", "new.txt", "--per", "token", "--format", "json"))
    surprisals = [row["nats"] for row in told["rows"][:3]]
    assert surprisals == pytest.approx([math.log(3 / 2), math.log(4), math.log(2)])
    assert told["impossible"] > 0
    assert told["rows"][4]["nats"] is None, "JSON has no infinity"


def test_score_needs_an_event(model: Path) -> None:
    Path("empty.txt").write_text("")
    assert "empty.txt" in error_line("score", model, "empty.txt")
