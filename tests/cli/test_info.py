"""`lmkit info`: what it shows of a model file."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.commands import TEXT, error_line, ok


def test_info_shows_what_the_file_holds(model: Path) -> None:
    facts = json.loads(ok("info", model, "--format", "json"))
    assert facts["model"] == "bigram"
    assert facts["training_tokens"] == len(TEXT.split()) + TEXT.count("\n")
    for output in ("table", "csv", "markdown"):
        assert "train_sha256" in ok("info", model, "--format", output)


def test_info_shows_the_options_and_the_vocabulary(model: Path) -> None:
    facts = json.loads(ok("info", model, "--format", "json"))
    assert (facts["alpha"], facts["unit"], facts["normalize"]) == (1.0, "word", "words")
    assert facts["outcomes"] == len(set(TEXT.split())) + 2
    assert facts["bytes"] == model.stat().st_size
    assert facts["proper"] is True
    assert facts["top_tokens"][:2] == ["the", "cat"]  # 32, and 16 as sat, on, dog and a are
    rows = dict(line.split(maxsplit=1) for line in ok("info", model).splitlines())
    assert rows["min_count"] == "1"
    assert rows["max_size"] == "none"
    assert rows["training_tokens"] == "160"  # 17 words and 3 sentence ends, 8 times


def test_a_model_of_counts_has_no_learning_curve(model: Path) -> None:
    told = error_line("info", model, "--plot", "curve.svg")
    assert told == "Error: bigram was not trained in steps: it has no learning curve"
    assert not Path("curve.svg").exists()
