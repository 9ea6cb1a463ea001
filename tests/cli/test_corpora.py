"""`lmkit corpora`: the catalogue listed, shown and fetched."""

from __future__ import annotations

import csv
import io
import json

from tests.cli.commands import error_line, ok


def test_corpora_lists_and_shows() -> None:
    assert "python-reference" in ok("corpora")
    listed = json.loads(ok("corpora", "list", "--format", "json"))["corpora"]
    assert {"timemachine", "ptb", "synthetic"} <= {entry["name"] for entry in listed}
    assert "true_perplexity" in ok("corpora", "show", "synthetic")
    assert "did you mean 'ptb'" in error_line("corpora", "show", "ptbb")


def test_corpora_in_every_format() -> None:
    entries = json.loads(ok("corpora", "list", "--format", "json"))["corpora"]
    rows = list(csv.DictReader(io.StringIO(ok("corpora", "list", "--format", "csv"))))
    assert [row["name"] for row in rows] == [entry["name"] for entry in entries]
    assert ok("corpora", "list", "--format", "markdown").startswith("| name |")
    shown = json.loads(ok("corpora", "show", "ptb", "--format", "json"))
    assert shown == {"schema": 1, **next(each for each in entries if each["name"] == "ptb")}
    assert "lmkit corpora fetch ptb" in ok("corpora", "show", "ptb")


def test_fetch_of_what_is_made_on_the_spot_and_of_what_cannot_be_had() -> None:
    assert "nothing to fetch" in ok("corpora", "fetch", "synthetic")
    assert "timemachine" in error_line("corpora", "fetch", "timemachine")  # there is no network
