"""`lmkit convert`, and ARPA files wherever a command takes a model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import lmkit
from tests.cli.commands import error_line, ok, run


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
    assert "bigram has no backoff form" in error_line("convert", "b.lmkit", "b.arpa")
    assert not (here / "b.arpa").exists()
    assert "neither m.lmkit nor x.lmkit" in error_line("convert", "m.lmkit", "x.lmkit", code=2)
    told = error_line("convert", "m.lmkit", "x.arpa", "--unit", "char", code=2)
    assert "m.lmkit knows its own unit" in told
    ok("convert", "m.lmkit", "m.arpa")
    assert "did you mean 'words'" in error_line(
        "convert", "m.arpa", "x.lmkit", "--normalize", "word"
    )
    (here / "bad.arpa").write_text("\\data\\\nngram 1=1\n\n\\1-grams:\n1\ta\n\n\\end\\\n")
    assert "bad.arpa: line 5: the 1-gram" in error_line("convert", "bad.arpa", "x.lmkit")
    assert "no such file" in error_line("convert", "none.arpa", "x.lmkit")
    assert "there is no folder" in error_line("convert", "m.lmkit", "no/x.arpa")


def test_commands_take_arpa_files(here: Path) -> None:
    ok("convert", "m.lmkit", "m.arpa")
    assert "source=m.arpa" in ok("info", "m.arpa")
    assert "source=m.arpa" in ok("evaluate", "m.arpa", "--test", "other.txt")
    assert "zebra" in ok("score", "m.arpa", "other.txt")
    assert len(ok("generate", "m.arpa", "--tokens", "5", "--seed", "1").split()) >= 1
    ranked = ok("compare", "--model", "m.arpa", "--model", "bigram", "--train", "text.txt",
                "--test", "other.txt", "--normalize", "none")  # fmt: skip
    assert "source=m.arpa" in ranked
