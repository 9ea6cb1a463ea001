"""`lmkit prune`: what is dropped, how much, and what it costs."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

import lmkit
from tests.cli.commands import error_line, ok


def test_prune_shows_what_is_lost(here: Path) -> None:
    arguments = ("prune", "m.lmkit", "-o", "p.lmkit", "--threshold", "0.01", "--test", "other.txt")
    table = ok(*arguments)
    assert [line.split()[0] for line in table.splitlines()[2:]] == [
        "1-grams", "2-grams", "3-grams", "all", "perplexity", "w/o", "bytes"
    ]  # fmt: skip
    told = json.loads(ok(*arguments, "--format", "json"))
    assert told["schema"] == 1
    assert told["model"] == lmkit.load("p.lmkit").spec
    assert [row["n"] for row in told["orders"]] == [1, 2, 3]
    assert told["orders"][0]["before"] == told["orders"][0]["after"] == 12
    assert told["ngrams"]["before"] == sum(row["before"] for row in told["orders"])
    assert told["ngrams"]["after"] < told["ngrams"]["before"]
    for name, when in (("m.lmkit", "before"), ("p.lmkit", "after")):
        ledger = lmkit.load(name).score("other.txt")
        assert told["perplexity"][when] == pytest.approx(ledger.perplexity)
        assert told["perplexity_without_oov"][when] == pytest.approx(ledger.perplexity_without_oov)
        assert told["bytes"][when] == (here / name).stat().st_size
    rows = list(csv.DictReader(io.StringIO(ok(*arguments, "--format", "csv"))))
    assert [row["name"] for row in rows][3:5] == ["ngrams", "perplexity"]
    assert ok(*arguments, "--format", "markdown").startswith("|")


def test_prune_to_a_number_with_a_list_and_a_history(here: Path) -> None:
    (here / "keep.txt").write_text("cat saw a\nno such thing\n")
    lmkit.fit("witten-bell:order=2", "text.txt").save("h.lmkit")
    ok("prune", "m.lmkit", "-o", "p.arpa", "--ngrams", "20", "--keep", "keep.txt",
       "--history", "h.lmkit")  # fmt: skip
    text = (here / "p.arpa").read_text()
    assert "\tcat saw a\n" in text
    head = [int(line.split("=")[1]) for line in text.splitlines() if line.startswith("ngram ")]
    assert sum(head) <= 20
    ok("prune", "p.arpa", "-o", "pp.lmkit", "--threshold", "1e9")
    assert "p.arpa pruned to 1e+09" in lmkit.load("pp.lmkit").spec
    assert lmkit.load("pp.lmkit").get_parameters()["order"] == 1


@pytest.mark.parametrize(("said", "bytes_"), [("5200", 5200), ("5.2kB", 5200), ("5.1KiB", 5222)])
def test_prune_to_a_size(here: Path, said: str, bytes_: int) -> None:
    ok("prune", "m.lmkit", "-o", "p.lmkit", "--size", said)
    assert (here / "p.lmkit").stat().st_size <= bytes_
    assert f"pruned to {bytes_} bytes" in lmkit.load("p.lmkit").spec


def test_prune_refuses(here: Path) -> None:
    for options in ((), ("--threshold", "1", "--ngrams", "20")):
        told = error_line("prune", "m.lmkit", "-o", "p.lmkit", *options, code=2)
        assert "give --threshold, --ngrams or --size" in told
    for size in ("much", "-1", "10TB", "1.2.3MB"):
        told = error_line("prune", "m.lmkit", "-o", "p.lmkit", "--size", size, code=2)
        assert "10MB or 1GiB" in told
    told = error_line("prune", "m.lmkit", "-o", "p.arpa", "--size", "1MB", code=2)
    assert "give an ARPA file --ngrams" in told
    assert "12 n-grams must stay" in error_line(
        "prune", "m.lmkit", "-o", "p.lmkit", "--ngrams", "3"
    )
    lmkit.fit("bigram", "text.txt").save("b.lmkit")
    assert "no backoff form" in error_line("prune", "b.lmkit", "-o", "p.lmkit", "--threshold", "1")
    (here / "keep.txt").write_bytes(b"\xff\xfe\n")
    told = error_line("prune", "m.lmkit", "-o", "p.lmkit", "--threshold", "1", "--keep", "keep.txt")
    assert "keep.txt: not UTF-8" in told
    assert not (here / "p.lmkit").exists()
