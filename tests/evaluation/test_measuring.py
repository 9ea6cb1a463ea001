"""Intervals of one model on a text, and what they are about."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

import lmkit
from lmkit.evaluation.measuring import measure, scope_remark
from lmkit.text.corpus import Corpus, Text
from tests.evaluation.small_texts import TEST, TRAIN


def test_measuring_one_ledger() -> None:
    ledger = lmkit.fit("bigram", text(TRAIN)).score(text(TEST))
    found = measure(ledger, level=0.5)
    assert found.label == "bigram"
    assert found.bits_per_byte.level == 0.5
    assert found.to_dict()["blocks"] >= 30


def text(content: str, documents: str | None = None) -> Text:
    return Corpus.from_string(content, normalize="none", documents=documents).train


@pytest.mark.parametrize("lines", [0, 1, 4, 5, 70, 1001, 2500])
def test_an_interval_of_sentences_is_for_this_text(lines: int) -> None:
    random = np.random.default_rng(lines)
    own = text("".join("a b " * int(n) + "\n" for n in random.integers(0, 5, lines)))
    model = lmkit.fit("bigram", text("a b a a\nb\n" * 9))
    found = measure(model.score(own))
    assert found.scope == ("this text" if lines >= 5 else None)
    assert math.isnan(found.bits_per_byte.low) == (lines < 5)
    assert found.bits_per_byte.blocks <= 1000
    again = measure(model.tally(own))
    assert again.to_dict()["blocks"] == found.to_dict()["blocks"]
    values = [(one.bits_per_byte.low, one.perplexity.high) for one in (found, again)]
    np.testing.assert_allclose(*values)


@pytest.mark.parametrize(("documents", "scope"), [(2, "this text"), (12, "texts like these")])
def test_an_interval_of_documents_is_for_texts_like_these(documents: int, scope: str) -> None:
    random = np.random.default_rng(7)
    parts = []
    for _ in range(documents):
        words = random.choice(["a", "b", "c d", "e f g"], p=random.dirichlet(np.ones(4)), size=200)
        parts.append("\n".join(words))
    own = text("\n\n".join(parts), "blank")
    model = lmkit.fit("unigram", own)
    found = [measure(model.score(own)), measure(model.tally(own))]
    for one in found:
        assert one.scope == scope
        if documents < 5:
            assert "2 documents cannot tell (5 are needed)" in scope_remark(one)
            assert one.between_documents is None
        else:
            assert one.bits_per_byte.blocks == documents
            # A document's own mix of words makes nearly all of the variance.
            assert one.between_documents is not None
            assert one.between_documents > 0.8
            assert "texts like these 12 documents; " in scope_remark(one)
    ends = [(one.bits_per_byte.low, one.bits_per_byte.high) for one in found]
    np.testing.assert_allclose(*ends)


def test_independent_documents_have_no_variance_between_them() -> None:
    random = np.random.default_rng(8)
    lines = random.choice(["a", "b", "c d", "e f g"], size=4000)
    own = text("\n\n".join("\n".join(part) for part in lines.reshape(40, 100)), "blank")
    found = measure(lmkit.fit("unigram", own).score(own))
    assert found.between_documents is not None
    assert found.between_documents < 0.5
    as_sentences = measure(replace(found.scored, document_sizes=None), None)
    assert as_sentences.scope == "this text"


def test_the_share_between_documents_does_not_depend_on_how_many_there_are() -> None:
    """Blocks of several sentences share a document's rate too, and are not taken for sentences."""
    shares = []
    for documents in (10, 80, 200):
        random = np.random.default_rng(documents)
        parts = [
            "\n".join(
                random.choice(["a", "b", "c d", "e f g"], p=random.dirichlet(np.ones(4)), size=80)
            )
            for _ in range(documents)
        ]
        own = text("\n\n".join(parts), "blank")
        found = measure(lmkit.fit("unigram", own).tally(own)).between_documents
        assert found is not None
        shares.append(found)
    assert min(shares) > 0.85
