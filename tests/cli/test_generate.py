"""`lmkit generate`: what is printed, and what is refused."""

from __future__ import annotations

from pathlib import Path

import lmkit
from tests.cli.commands import error_line, ok, run


def test_generate_is_seeded_and_begins_with_the_prompt(model: Path) -> None:
    arguments = ("generate", model, "--prompt", "the cat", "--tokens", "12", "--seed", "7")
    first = ok(*arguments)
    assert first == ok(*arguments)
    assert first.startswith("the cat ")
    assert ok("generate", model, "--greedy") == ok("generate", model, "--greedy", "--seed", "5")


def test_generate_takes_the_options_of_the_library(model: Path) -> None:
    loaded = lmkit.load(model)
    ours = loaded.generate("the", tokens=5, temperature=0.5, top_k=3, seed=1)
    options = ("--tokens", "5", "--temperature", "0.5", "--top-k", "3", "--seed", "1")
    assert ok("generate", model, "--prompt", "the", *options) == ours + "\n"
    searched = loaded.generate("the", tokens=3, beam=4)
    assert (
        ok("generate", model, "--prompt", "the", "--tokens", "3", "--beam", "4") == searched + "\n"
    )
    assert "temperature" in error_line("generate", model, "--temperature", "-1")
    assert "beam" in error_line("generate", model, "--beam", "2", "--greedy")


def test_generate_says_where_the_model_is_no_distribution(text: Path) -> None:
    lmkit.fit("stupid-backoff", text).save("stupid.lmkit")
    result = run("generate", "stupid.lmkit", "--tokens", "3", "--seed", "1")
    assert result.exit_code == 0
    assert "tokens are drawn in proportion to what it gives them" in result.stderr
