"""Texts given in memory, and what is taken for none."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import lmkit
from lmkit.errors import CorpusError

SENTENCES = ["The cat sat.", "A dog", "", "ran!"]
SAME = lmkit.Corpus.from_string("The cat sat.\nA dog\n\nran!\n")


@pytest.mark.parametrize(
    "given",
    [
        SENTENCES,
        tuple(SENTENCES),
        iter(SENTENCES),
        pd.Series(SENTENCES, index=[7, 3, 5, 1]),
        np.array(SENTENCES),
        io.StringIO("\n".join(SENTENCES)),
        (sentence for sentence in SENTENCES),
    ],
    ids=lambda given: type(given).__name__,
)
def test_sentences_of_any_kind_are_the_text_of_their_lines(given: Any) -> None:
    model = lmkit.fit("unigram", given)
    assert model.train_sha256_ == SAME.train.summary.sha256
    assert model.score(SENTENCES).perplexity == model.score(SAME).perplexity


def test_lists_of_tokens_stay_as_they_are() -> None:
    model = lmkit.fit("unigram", [["The", "cat's", "mat."], ["A"]])
    assert model.vocabulary_.tokens[2:] == ("The", "cat's", "mat.", "A")
    assert model.normalize_ == "none"
    assert len(model.score([np.array(["A", "mat."])])) == 3


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (None, "None is no text; give a Corpus"),
        (3, "3 is no text; give a Corpus"),
        (b"a b", "b'a b' is no text; decode it first"),
        ({"a": "b"}, "{'a': 'b'} is no text"),
        ({"a b"}, "{'a b'} is no text"),
        (pd.DataFrame({"text": SENTENCES}), "a DataFrame is no text; give its column of sentences"),
        ([], "an empty list of sentences"),
        (["a", None], "item 1 is None, not a sentence"),
        (pd.Series(["a", np.nan]), "item 1 is nan, not a sentence"),
        ([["a"], "b"], "item 1 is 'b', not a list of tokens"),
        (["a", ["b"]], r"item 1 is \['b'\], not a sentence"),
        ([["a b"]], "item 0 has the token 'a b'; tokens are strings without white space"),
        ([["a", 3]], "item 0 has the token 3; tokens are strings"),
        ([[""]], "item 0 has the token ''"),
        ([Path(__file__)], r"a list of files \("),
        ([__file__], r"a list of files \("),
        ("the time machine", "'the time machine': no such file .* put its sentences into a list"),
        ("x" * 5000, r"\.\.\.: .*"),
    ],
)
def test_what_is_no_text_is_refused_in_one_line(given: Any, message: str) -> None:
    model = lmkit.fit("unigram", SAME)
    calls = [model.score, model.tally, lmkit.measure_zipf, lambda it: lmkit.fit("bigram", it)]
    for call in calls:
        with pytest.raises(CorpusError, match=message) as caught:
            call(given)
        assert "\n" not in str(caught.value)


def test_a_corpus_is_opened_by_name_and_made_of_a_string() -> None:
    for given in (None, ["a"], 3):
        with pytest.raises(CorpusError, match="names no corpus"):
            lmkit.Corpus.open(given)
        with pytest.raises(CorpusError, match="is no string"):
            lmkit.Corpus.from_string(given)
