"""`lmkit generate`."""

from __future__ import annotations

from pathlib import Path

from tests.cli.commands import ok


def test_generate_is_seeded_and_begins_with_the_prompt(model: Path) -> None:
    arguments = ("generate", model, "--prompt", "the cat", "--tokens", "12", "--seed", "7")
    first = ok(*arguments)
    assert first == ok(*arguments)
    assert first.startswith("the cat ")
    assert ok("generate", model, "--greedy") == ok("generate", model, "--greedy", "--seed", "5")
