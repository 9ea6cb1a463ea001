"""`lmkit fit`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import lmkit
from tests.cli.commands import RESULT_KEYS, TEXT, error_line, ok


def test_fit_then_evaluate_agrees_with_the_library(text: Path, model: Path) -> None:
    printed = json.loads(ok("evaluate", model, "--test", text, "--format", "json"))
    corpus = lmkit.Corpus.open(text)
    ledger = lmkit.fit("bigram", corpus).score(corpus)
    (result,) = printed["results"]
    assert printed["schema"] == 1
    assert set(result) >= RESULT_KEYS
    assert result["rank"] is None
    assert result["perplexity"] == ledger.perplexity
    assert result["events"] == len(TEXT.split()) + TEXT.count("\n")
    assert printed["corpus"]["sha256"] == corpus.train.summary.sha256
    assert result["signature"] == ledger.signature.replace("|unk:model|", "|unk:spell|")


def test_fit_names_the_file_after_the_model(text: Path) -> None:
    assert "bigram.lmkit" in ok("fit", "--model", "bigram:alpha=0.5", text)
    assert lmkit.load("bigram.lmkit").spec == "bigram:alpha=0.5"


def test_fit_takes_options_for_every_model_and_specs_win(text: Path) -> None:
    ok("fit", "--model", "bigram:min_count=1", text, "--unit", "char", "--min-count", "5")
    fitted = lmkit.load("bigram.lmkit")
    assert (fitted.unit, fitted.min_count) == ("char", 1)


def test_fit_takes_a_vocabulary_from_a_file(text: Path) -> None:
    Path("words.txt").write_text("<s> the dog\nunicorn cat </s>\n")
    ok("fit", "--model", "witten-bell:order=2", text, "--vocabulary", "words.txt")
    fitted = lmkit.load("witten-bell.lmkit")
    assert fitted.vocabulary_.tokens[2:] == ("the", "dog", "unicorn", "cat")
    words = TEXT.split()
    known = [words.count(word) for word in fitted.vocabulary_.tokens[2:]]
    assert fitted.vocabulary_.counts.tolist() == [
        len(words) - sum(known),
        TEXT.count("\n"),
        *known,
    ]
    assert np.exp(fitted.next_log_probs([2])).sum() == pytest.approx(1, abs=1e-12)
    ok("vocab", text, "-o", "v.json", "--max-size", "3")
    ok("fit", "--model", "bigram", text, "--vocabulary", "v.json")
    ok("fit", "--model", "bigram", text, "--max-size", "3", "-o", "same.lmkit")
    first, second = lmkit.load("bigram.lmkit"), lmkit.load("same.lmkit")
    assert first.vocabulary_ == second.vocabulary_
    rules = ("--vocabulary", "v.json", "--min-count", "2")
    assert "one is given" in error_line("fit", "--model", "bigram", text, *rules)
    assert "cannot be read" in error_line(
        "fit", "--model", "bigram", text, "--vocabulary", "no.txt"
    )


def test_fit_reads_standard_input(text: Path) -> None:
    ok("fit", "--model", "unigram", "-", "-o", "in.lmkit", stdin=TEXT)
    ok("fit", "--model", "unigram", text, "-o", "file.lmkit")
    first, second = lmkit.load("in.lmkit"), lmkit.load("file.lmkit")
    assert first.train_sha256_ == second.train_sha256_


def test_fit_bare_uses_the_embedded_corpus(text: Path) -> None:
    ok("fit", "--model", "unigram")
    assert lmkit.load("unigram.lmkit").normalize_ == "words"
    assert "python-reference/test" in ok("evaluate", "unigram.lmkit")
