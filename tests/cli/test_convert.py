"""`lmkit convert`, `lmkit prune`, and ARPA files wherever a command takes or makes a model."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

import lmkit
from tests.cli.commands import ok, run

TEXT = "the cat sat on the mat\nthe dog sat on the log\na cat saw a dog\n" * 8
OTHER = "the dog saw the cat\na log sat on a zebra\n"


def error(*arguments: str | Path, code: int = 1) -> str:
    result = run(*arguments)
    assert result.exit_code == code, result.output
    return result.stderr.strip().splitlines()[-1]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two texts and a fitted model, and the process in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text(TEXT)
    (tmp_path / "other.txt").write_text(OTHER)
    lmkit.fit("witten-bell", "text.txt").save("m.lmkit")
    return tmp_path


# ---------------------------------------------------------------------- convert


def test_there_and_back_is_exact(here: Path) -> None:
    assert "12 1-grams" in ok("convert", "m.lmkit", "m.arpa")
    ok("convert", "m.arpa", "back.lmkit", "--normalize", "words")
    ok("convert", "back.lmkit", "again.arpa")
    ok("convert", "again.arpa", "packed.arpa.gz")
    ok("convert", "packed.arpa.gz", "third.arpa")
    first = (here / "m.arpa").read_bytes()
    assert (here / "again.arpa").read_bytes() == (here / "third.arpa").read_bytes() == first
    table = json.loads(
        ok("evaluate", "m.lmkit", "back.lmkit", "--test", "other.txt", "--format", "json")
    )
    one, other = (result["perplexity"] for result in table["results"])
    assert one == pytest.approx(other, rel=1e-6)


def test_what_an_arpa_file_does_not_say_is_said(here: Path) -> None:
    result = run("convert", "m.lmkit", "m.arpa")
    assert "does not say normalize=words;" in result.stderr
    lmkit.fit("witten-bell:unit=char,context=stream", "text.txt").save("c.lmkit")
    result = run("convert", "c.lmkit", "c.arpa")
    assert "normalize=words, unit=char, context=stream" in result.stderr
    ok("convert", "c.arpa", "c2.lmkit", "--unit", "char", "--context", "stream",
       "--normalize", "words")  # fmt: skip
    for arguments in (
        ("fit", "--model", "witten-bell", "text.txt", "-o", "f.arpa"),
        ("prune", "m.lmkit", "--threshold", "0.01", "-o", "p.arpa"),
    ):
        assert "does not say normalize=words;" in run(*arguments).stderr
    a, b = lmkit.load("c.lmkit"), lmkit.load("c2.lmkit")
    assert b.score("other.txt").perplexity == pytest.approx(a.score("other.txt").perplexity)


def test_what_cannot_be_converted(here: Path) -> None:
    lmkit.fit("bigram", "text.txt").save("b.lmkit")
    assert "bigram has no backoff form" in error("convert", "b.lmkit", "b.arpa")
    assert not (here / "b.arpa").exists()
    assert "neither m.lmkit nor x.lmkit" in error("convert", "m.lmkit", "x.lmkit", code=2)
    told = error("convert", "m.lmkit", "x.arpa", "--unit", "char", code=2)
    assert "m.lmkit knows its own unit" in told
    ok("convert", "m.lmkit", "m.arpa")
    assert "did you mean 'words'" in error("convert", "m.arpa", "x.lmkit", "--normalize", "word")
    (here / "bad.arpa").write_text("\\data\\\nngram 1=1\n\n\\1-grams:\n1\ta\n\n\\end\\\n")
    assert "bad.arpa: line 5: the 1-gram" in error("convert", "bad.arpa", "x.lmkit")
    assert "no such file" in error("convert", "none.arpa", "x.lmkit")
    assert "there is no folder" in error("convert", "m.lmkit", "no/x.arpa")


# ---------------------------------------------------------------------- ARPA everywhere


def test_fit_writes_arpa(here: Path) -> None:
    assert "wrote kn.arpa.gz" in ok("fit", "--model", "witten-bell", "text.txt", "-o", "kn.arpa.gz")
    assert lmkit.load("kn.arpa.gz").vocabulary_ is not None
    told = error("fit", "--model", "bigram", "text.txt", "-o", "b.arpa")
    assert "bigram has no backoff form" in told


def test_commands_take_arpa_files(here: Path) -> None:
    ok("convert", "m.lmkit", "m.arpa")
    assert "source=m.arpa" in ok("info", "m.arpa")
    assert "source=m.arpa" in ok("evaluate", "m.arpa", "--test", "other.txt")
    assert "zebra" in ok("score", "m.arpa", "other.txt")
    assert len(ok("generate", "m.arpa", "--tokens", "5", "--seed", "1").split()) >= 1
    ranked = ok("compare", "--model", "m.arpa", "--model", "bigram", "--train", "text.txt",
                "--test", "other.txt", "--normalize", "none")  # fmt: skip
    assert "source=m.arpa" in ranked


# ---------------------------------------------------------------------- prune


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
        told = error("prune", "m.lmkit", "-o", "p.lmkit", *options, code=2)
        assert "give --threshold, --ngrams or --size" in told
    for size in ("much", "-1", "10TB", "1.2.3MB"):
        told = error("prune", "m.lmkit", "-o", "p.lmkit", "--size", size, code=2)
        assert "10MB or 1GiB" in told
    told = error("prune", "m.lmkit", "-o", "p.arpa", "--size", "1MB", code=2)
    assert "give an ARPA file --ngrams" in told
    assert "12 n-grams must stay" in error("prune", "m.lmkit", "-o", "p.lmkit", "--ngrams", "3")
    lmkit.fit("bigram", "text.txt").save("b.lmkit")
    assert "no backoff form" in error("prune", "b.lmkit", "-o", "p.lmkit", "--threshold", "1")
    (here / "keep.txt").write_bytes(b"\xff\xfe\n")
    told = error("prune", "m.lmkit", "-o", "p.lmkit", "--threshold", "1", "--keep", "keep.txt")
    assert "keep.txt: not UTF-8" in told
    assert not (here / "p.lmkit").exists()
