"""`lmkit curve`: models on growing parts of a text."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

from tests.cli.commands import ok, run


def test_curve_shows_nested_parts(book: Path) -> None:
    arguments = ("curve", "--model", "bigram", "--fractions", "0.5,1", "train.txt")
    printed = json.loads(ok(*arguments, "--format", "json"))
    assert [point["fraction"] for point in printed["points"]] == [0.5, 1.0]
    assert printed["points"][1]["words"] > printed["points"][0]["words"]
    rows = list(csv.DictReader(io.StringIO(ok(*arguments, "--format", "csv"))))
    assert float(rows[1]["bits_per_byte"]) == printed["points"][1]["bits_per_byte"]
    assert "bits/byte" in ok(*arguments)
    assert run("curve", "--fractions", "half", "train.txt").exit_code == 2
    refused = run("curve", "--fractions", "2", "train.txt")
    assert refused.exit_code == 1
    assert "above 0 up to 1" in refused.stderr


def test_curve_fills_in_the_options_that_a_spec_leaves_open(book: Path) -> None:
    models = ("--model", "bigram", "--model", "bigram:unit=word", "--unit", "char")
    arguments = ("curve", *models, "--fractions", "1", "train.txt")
    points = json.loads(ok(*arguments, "--format", "json"))["points"]
    assert [point["model"] for point in points] == ["bigram:unit=char", "bigram:unit=word"]
    assert "| model" in ok(*arguments, "--format", "markdown")
