"""`lmkit compare`: the ranking, its formats, and what is refused."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

from tests.cli.commands import error_line, ok


def test_compare_ranks_by_bits_a_byte(text: Path) -> None:
    printed = json.loads(
        ok("compare", "--model", "uniform", "--model", "bigram", text, "--format", "json")
    )
    assert [result["model"] for result in printed["results"]] == ["bigram", "uniform"]
    assert [result["rank"] for result in printed["results"]] == [1, 2]
    bits = [result["bits_per_byte"] for result in printed["results"]]
    assert bits == sorted(bits)


def test_compare_formats_agree(text: Path) -> None:
    arguments = ("compare", "--model", "uniform", "--model", "unigram", text, "--format")
    rows = list(csv.DictReader(io.StringIO(ok(*arguments, "csv"))))
    results = json.loads(ok(*arguments, "json"))["results"]
    for row, result in zip(rows, results, strict=True):
        assert float(row["perplexity"]) == result["perplexity"]
        assert row["signature"] == result["signature"]
    table, markdown = ok(*arguments, "table"), ok(*arguments, "markdown")
    for result in results:
        assert result["signature"] in table
        assert result["signature"] in markdown
    assert markdown.splitlines()[3].startswith("| ---: | --- |")


def test_compare_mixes_files_and_specs_and_explains(text: Path, model: Path) -> None:
    out = ok("compare", "--model", model, "--model", "trigram", "--model", "bigram:unit=char",
             "--train", text, "--test", text)  # fmt: skip
    assert "bigram:unit=char" in out


def test_compare_explains_the_add_one_trigram() -> None:
    out = ok("compare", "--model", "bigram", "--model", "trigram", "--model", "trigram:alpha=0.01")
    assert "The add-one trigram loses to the bigram" in out
    assert "Adding 0.01 instead" in out


def test_compare_names_events_of_probability_zero(text: Path, tmp_path: Path) -> None:
    (tmp_path / "test.txt").write_text("mat mat\n")
    arguments = ("compare", "--model", "bigram:alpha=0", "--train", text, "--test", "test.txt")
    assert "infinite perplexity" in ok(*arguments)
    (result,) = json.loads(ok(*arguments, "--format", "json"))["results"]
    assert result["perplexity"] is None
    assert result["impossible"] > 0


def test_compare_refuses_another_normaliser(text: Path, model: Path) -> None:
    rules = ("--normalize", "letters", "--sentences", "none")
    line = error_line("compare", "--model", model, "--model", "bigram", text, *rules)
    assert "not the same canonical text" in line
    assert "--normalize" in line


def test_compare_spells_what_a_small_vocabulary_lacks(text: Path) -> None:
    printed = json.loads(
        ok("compare", "--model", "bigram", "--model", "bigram:min_count=9", "--train", text,
           "--test", text, "--model", "bigram:unit=char", "--format", "json")
    )  # fmt: skip
    results = {result["model"]: result for result in printed["results"]}
    whole, small = results["bigram"], results["bigram:min_count=9"]
    assert small["perplexity"] < whole["perplexity"], "of <unk>, which is easy"
    assert small["oov"] == 24
    assert small["bits_per_byte"] > whole["bits_per_byte"], "of the words themselves"
    assert "|unk:spell|" in small["signature"]
