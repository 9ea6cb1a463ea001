"""`lmkit evaluate`."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.commands import ok


def test_evaluate_says_when_the_test_text_was_trained_on(text: Path, model: Path) -> None:
    said = ok("evaluate", model, "--test", text)
    assert "trained on it" in said
    assert "- Caveat: the test text is the training text of" in said


def test_evaluate_shows_the_bytes_of_the_source_and_what_is_lost(tmp_path: Path) -> None:
    text = tmp_path / "shout.txt"
    text.write_text("HELLO,  World 3!\n")
    ok("fit", "--model", "unigram", "--normalize", "letters", text, "-o", tmp_path / "m.lmkit")
    printed = ok("evaluate", tmp_path / "m.lmkit", "--test", text)
    assert "12 bytes of 17 raw (normalize=letters" in printed
    assert "; letters loses case, digits, punctuation\n" in printed
    corpus = json.loads(ok("evaluate", tmp_path / "m.lmkit", "--test", text, "--format", "json"))
    assert (corpus["corpus"]["bytes"], corpus["corpus"]["raw_bytes"]) == (12, 17)
