"""`lmkit evaluate`: the numbers of the library, and what is said of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import lmkit
from tests.cli.commands import PARTS, TEXT, error_line, ok

RESULT_KEYS = {
    "rank", "model", "signature", "unit", "context", "perplexity", "perplexity_low",
    "perplexity_high", "perplexity_without_oov", "cross_entropy", "bits_per_character",
    "bits_per_byte", "events", "oov", "tied_with", "parameters", "fit_seconds", "score_seconds",
}  # fmt: skip


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


def test_evaluate_says_when_the_test_text_was_trained_on(text: Path, model: Path) -> None:
    said = ok("evaluate", model, "--test", text)
    assert "trained on it" in said
    assert "- Caveat: the test text is the training text of" in said


def test_evaluate_shows_the_bytes_of_the_source_and_what_is_lost(tmp_path: Path) -> None:
    text = tmp_path / "shout.txt"
    text.write_text("HELLO,  World 3!\n")
    ok("fit", "--model", "unigram", "--normalize", "letters", text, "-o", tmp_path / "m.lmkit")
    printed = ok("evaluate", tmp_path / "m.lmkit", "--test", text)
    assert "12 bytes of 17 raw (normalize=letters" in printed
    assert "; letters loses case, digits, punctuation\n" in printed
    corpus = json.loads(ok("evaluate", tmp_path / "m.lmkit", "--test", text, "--format", "json"))
    assert (corpus["corpus"]["bytes"], corpus["corpus"]["raw_bytes"]) == (12, 17)


def test_evaluate_and_compare_agree(book: Path) -> None:
    ok("fit", "--model", "bigram", "train.txt", "-o", "m.lmkit")
    (one,) = json.loads(ok("evaluate", "m.lmkit", "--test", "test.txt", "--format", "json"))[
        "results"
    ]
    (two,) = json.loads(ok("compare", "--model", "m.lmkit", *PARTS, "--format", "json"))["results"]
    times = {"score_seconds", "rank", "rank_best", "rank_worst", "tied_with"}
    assert set(one) | times == set(two) | times
    for name in set(one) - times:
        value = two[name]  # sums in another order may differ in the last digit
        assert one[name] == (pytest.approx(value, rel=1e-13) if type(value) is float else value)
    assert one["tied_with"] is None


def test_evaluate_refuses_texts_that_differ(text: Path, model: Path) -> None:
    lmkit.fit("bigram", lmkit.Corpus.open(text, normalize="letters")).save("letters.lmkit")
    text.write_text("A cat, a dog.\n")
    told = error_line("evaluate", model, "letters.lmkit", "--test", text)
    assert "not the same canonical text" in told
    Path("empty.txt").write_text("")
    assert "empty.txt" in error_line("evaluate", model, "--test", "empty.txt")


def test_evaluate_takes_another_context(text: Path) -> None:
    lmkit.fit("bigram:context=stream", text).save("stream.lmkit")
    arguments = ("evaluate", "stream.lmkit", "--test", text, "--format", "json")
    own, other = (
        json.loads(ok(*arguments, *more))["results"][0] for more in ((), ("--context", "sentence"))
    )
    assert (own["context"], other["context"]) == ("stream", "sentence")
    # Trained on the stream, 23 of 24 sentences follow </s>; <s> was seen once.
    assert other["perplexity"] > own["perplexity"]
