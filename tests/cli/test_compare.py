"""compare, evaluate and curve on the command line: what they print of intervals, ties and why."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

import lmkit
from lmkit.reporting.report import render_report
from lmkit.results.ledger_files import write_ledger
from tests.cli.commands import ok, run

TEXT = "the cat sat on the mat\nthe dog sat on the log\na cat saw a dog\n" * 40


@pytest.fixture
def book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.txt").write_text(TEXT + "an owl\n")
    (tmp_path / "test.txt").write_text("the owl sat\na cat saw the zebra\n\n" * 40)
    return tmp_path


PARTS = ("--train", "train.txt", "--test", "test.txt")


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


def test_evaluate_and_compare_agree(book: Path) -> None:
    ok("fit", "--model", "bigram", "train.txt", "-o", "m.lmkit")
    (one,) = json.loads(ok("evaluate", "m.lmkit", "--test", "test.txt", "--format", "json"))[
        "results"
    ]
    (two,) = json.loads(ok("compare", "--model", "m.lmkit", *PARTS, "--format", "json"))["results"]
    times = {"score_seconds", "rank", "rank_best", "rank_worst", "tied_with"}
    assert set(one) | times == set(two) | times
    for name in set(one) - times:
        value = two[name]  # sums in another order may differ in the last digit
        assert one[name] == (pytest.approx(value, rel=1e-13) if type(value) is float else value)
    assert one["tied_with"] is None


def test_curve_shows_nested_parts(book: Path) -> None:
    arguments = ("curve", "--model", "bigram", "--fractions", "0.5,1", "train.txt")
    printed = json.loads(ok(*arguments, "--format", "json"))
    assert [point["fraction"] for point in printed["points"]] == [0.5, 1.0]
    assert printed["points"][1]["words"] > printed["points"][0]["words"]
    rows = list(csv.DictReader(io.StringIO(ok(*arguments, "--format", "csv"))))
    assert float(rows[1]["bits_per_byte"]) == printed["points"][1]["bits_per_byte"]
    assert "bits/byte" in ok(*arguments)
    assert run("curve", "--fractions", "half", "train.txt").exit_code == 2
    refused = run("curve", "--fractions", "2", "train.txt")
    assert refused.exit_code == 1
    assert "above 0 up to 1" in refused.stderr


def test_a_report_can_hold_learning_curves(book: Path) -> None:
    models = ("--model", "bigram", "--model", "witten-bell")
    ok("compare", *models, "--test", book, "--train", book, "--report", "r.html", "--curve")
    page = Path("r.html").read_text(encoding="utf-8")
    assert 'id="learning"' in page
    assert 'id="learning"' not in render_report(lmkit.compare([lmkit.fit("bigram", book)], book))
    assert run("compare", *models, book, "--curve").exit_code == 2
