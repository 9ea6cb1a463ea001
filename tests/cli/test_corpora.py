"""`lmkit corpora`."""

from __future__ import annotations

import json

from tests.cli.commands import error_line, ok


def test_corpora_lists_and_shows() -> None:
    assert "python-reference" in ok("corpora")
    listed = json.loads(ok("corpora", "list", "--format", "json"))["corpora"]
    assert {"timemachine", "ptb", "synthetic"} <= {entry["name"] for entry in listed}
    assert "true_perplexity" in ok("corpora", "show", "synthetic")
    assert "did you mean 'ptb'" in error_line("corpora", "show", "ptbb")
