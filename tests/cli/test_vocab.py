"""`lmkit vocab`."""

from __future__ import annotations

import json
from pathlib import Path

import lmkit
from tests.cli.commands import TEXT, ok


def test_vocab_counts_and_writes(text: Path) -> None:
    facts = json.loads(ok("vocab", text, "-o", "v.json", "--format", "json"))
    assert facts["types"] == len(set(TEXT.split()))
    assert facts["tokens"] == len(TEXT.split())
    vocabulary = lmkit.Vocabulary.load("v.json")
    assert vocabulary.tokens[2] == "the"
    out = ok("vocab", text, "--test", text, "--top", "2")
    assert "(0.00%)" in out
