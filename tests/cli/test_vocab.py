"""`lmkit vocab`: counts of a text, and the file of its vocabulary."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import lmkit
from tests.cli.commands import TEXT, error_line, ok


def test_vocab_counts_and_writes(text: Path) -> None:
    facts = json.loads(ok("vocab", text, "-o", "v.json", "--format", "json"))
    assert facts["types"] == len(set(TEXT.split()))
    assert facts["tokens"] == len(TEXT.split())
    vocabulary = lmkit.Vocabulary.load("v.json")
    assert vocabulary.tokens[2] == "the"
    out = ok("vocab", text, "--test", text, "--top", "2")
    assert "(0.00%)" in out


def test_vocab_counts_what_another_text_lacks(text: Path) -> None:
    Path("other.txt").write_text("the zebra saw a zebra\n")
    facts = json.loads(ok("vocab", text, "--test", "other.txt", "--format", "json"))
    assert facts["second_text"] == {"name": "other.txt", "tokens": 5, "oov": 2, "oov_rate": 0.4}
    small = json.loads(ok("vocab", text, "--min-count", "9", "--top", "1", "--format", "json"))
    assert small["types"] == 6  # the 32; cat, sat, on, dog, a 16; mat, log and saw are 8 each
    assert small["unknown"] == 24
    assert small["top"] == [{"id": 2, "token": "the", "count": 32, "share": 32 / 136}]


def test_vocab_in_every_format(text: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(ok("vocab", text, "--top", "2", "--format", "csv"))))
    assert [(row["token"], row["count"]) for row in rows] == [("the", "32"), ("cat", "16")]
    assert "| token |" in ok("vocab", text, "--format", "markdown")
    spaces = ok("vocab", text, "--unit", "char", "--top", "1")
    assert "' '" in spaces, "white space is shown in quotes"
    assert "no folder" in error_line("vocab", text, "-o", "no/v.json")
