"""`lmkit compare`: the ranking in every format, intervals, ties, why, and what is refused."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

import lmkit
from lmkit.reporting.report import render_report
from lmkit.results.ledger_files import write_ledger
from tests.cli.commands import PARTS, ok, run


def test_ties_and_intervals_are_shown(book: Path) -> None:
    models = ("--model", "bigram", "--model", "bigram:context=stream", "--model", "uniform")
    out = ok("compare", *models, *PARTS)
    assert "95%" in out
    printed = json.loads(ok("compare", *models, *PARTS, "--format", "json"))
    for result in printed["results"]:
        assert result["perplexity_low"] <= result["perplexity"] <= result["perplexity_high"]
        low, high = result["bits_per_byte_low"], result["bits_per_byte_high"]
        assert f"{low:.4f}–{high:.4f}" in out
    assert len(printed["pairs"]) == 3
    rows = list(csv.DictReader(io.StringIO(ok("compare", *models, *PARTS, "--format", "csv"))))
    ties = [row["tied_with"] for row in rows]
    assert ties == ["; ".join(result["tied_with"]) for result in printed["results"]]


def test_why_splits_the_difference(book: Path) -> None:
    models = ("--model", "bigram", "--model", "unigram", "--why")
    out = ok("compare", *models, *PARTS)
    assert "why: unigram saves " in out
    for split in ("frequency", "kind", "position", "order"):
        assert f"\n{split} " in out
    assert "words that bigram saves most bits on" in out
    printed = json.loads(ok("compare", *models, *PARTS, "--format", "json"))
    (a, b) = (printed["decomposition"][side] for side in "ab")
    assert (a, b) == ("unigram", "bigram")
    assert "|" in ok("compare", *models, *PARTS, "--format", "markdown")
    assert "why" not in ok("compare", "--model", "bigram", "--why", *PARTS)
    impossible = ("--model", "bigram", "--model", "bigram:smoothing=mle", "--why")
    out = ok("compare", *impossible, *PARTS)  # an infinite difference has no parts
    assert "why" not in out
    assert "probability 0" in out


def test_other_tools_stand_beside(book: Path) -> None:
    ok("fit", "--model", "bigram", "train.txt", "-o", "m.lmkit")
    ledger = lmkit.load("m.lmkit").score(lmkit.Corpus.open("test.txt"))
    write_ledger(ledger, "theirs.jsonl")
    arguments = ("compare", "--model", "m.lmkit", "--ledger", "theirs.jsonl", *PARTS)
    results = json.loads(ok(*arguments, "--format", "json"))["results"]
    assert results[0]["nats"] == results[1]["nats"]
    assert results[0]["tied_with"] == ["bigram #2"]
    # A ledger alone needs no model.
    alone = json.loads(ok("compare", "--ledger", "theirs.jsonl", *PARTS, "--format", "json"))
    assert [result["model"] for result in alone["results"]] == ["bigram"]
    refused = run("compare", "--ledger", "train.txt", *PARTS)
    assert refused.exit_code == 1
    assert "a ledger file ends in" in refused.stderr


def test_arpa_files_are_spelled_with_the_training_text(golden: Path) -> None:
    train, test = golden / "timemachine.train.txt", golden / "timemachine.test.txt"
    files = [golden / "timemachine.3.arpa.gz", golden / "timemachine.3.nointerp.arpa.gz"]
    models = [part for file in files for part in ("--model", file)]
    spelled = json.loads(
        ok("compare", *models, "--train", train, "--test", test, "--format", "json")
    )
    assert all("|unk:spell|" in result["signature"] for result in spelled["results"])
    closed = json.loads(ok("compare", *models, "--test", test, "--format", "json"))
    gains = [
        a["bits_per_byte"] - b["bits_per_byte"]
        for a, b in zip(spelled["results"], closed["results"], strict=True)
    ]
    assert gains[0] > 0.3  # 270 words, spelled
    assert gains[0] == pytest.approx(gains[1])
    assert "Caveat: 270 unknown words are not spelled" in ok("compare", *models, "--test", test)
    result = run("evaluate", files[0], "--test", test)
    assert "unspelled" in result.stderr
    assert "258.72" in result.stdout
    assert run("evaluate", files[0], "--test", test, "--train", train).stderr == ""


def test_a_report_can_hold_learning_curves(book: Path) -> None:
    models = ("--model", "bigram", "--model", "witten-bell")
    Path("out").mkdir()
    ok("compare", *models, "--test", book, "--train", book, "--report", "out/r.html", "--curve")
    page = Path("out/r.html").read_text(encoding="utf-8")
    assert 'id="learning"' in page
    assert 'id="learning"' not in render_report(lmkit.compare([lmkit.fit("bigram", book)], book))
    assert run("compare", *models, book, "--curve").exit_code == 2
