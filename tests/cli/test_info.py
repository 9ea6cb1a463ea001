"""`lmkit info`."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.commands import TEXT, ok


def test_info_shows_what_the_file_holds(model: Path) -> None:
    facts = json.loads(ok("info", model, "--format", "json"))
    assert facts["model"] == "bigram"
    assert facts["training_tokens"] == len(TEXT.split()) + TEXT.count("\n")
    for output in ("table", "csv", "markdown"):
        assert "train_sha256" in ok("info", model, "--format", output)
