"""Blocks: documents, sentences and stretches of a text, the same under every model."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lmkit
from lmkit.evaluation.blocks import (
    MOST_RUNS,
    Blocks,
    block_starts,
    blocks_of,
    sentence_blocks,
    shortest_block,
)
from lmkit.text.corpus import Corpus, Text


def text(content: str, sentences: str = "line", documents: str | None = None) -> Text:
    rules = {"normalize": "none", "sentences": sentences, "documents": documents}
    return Corpus.from_string(content, **rules).train


def pieces_of(own: Text, blocks: Blocks) -> list[str]:
    canonical = own.canonical()
    bounds = [*blocks.first_characters.tolist(), len(canonical)]
    return [canonical[a:b] for a, b in pairwise(bounds)]


@given(st.lists(st.text("aé漢 ", max_size=8), min_size=1, max_size=90))
def test_sentences_are_blocks_at_any_number(lines: list[str]) -> None:
    own = text("\n".join(lines) + "\n")
    blocks = blocks_of(own)
    assert (blocks.kind, blocks.length, len(blocks)) == ("sentence", 1, len(lines))
    cut = pieces_of(own, blocks)
    assert "".join(cut) == own.canonical()
    assert [len(piece.encode()) for piece in cut] == blocks.bytes.tolist()
    assert all(piece.endswith("\n") and "\n" not in piece[:-1] for piece in cut)


def test_a_stream_is_cut_into_stretches_of_twenty_words() -> None:
    own = text("ab c\n" * 105, "none")
    blocks = blocks_of(own)
    assert (blocks.kind, blocks.length, len(blocks)) == ("stretch", 20, 10)
    assert [len(piece.split()) for piece in pieces_of(own, blocks)] == [20] * 9 + [30]
    assert blocks.bytes.sum() == own.summary.bytes
    long = blocks_of(text("ab c\n" * 50_000, "none"))
    assert (long.length, len(long)) == (100, 1000)


@pytest.mark.parametrize("files", [2, 4, 5, 70])
def test_documents_are_blocks_where_there_are_five(tmp_path: Path, files: int) -> None:
    for number in range(files):
        (tmp_path / f"{number:02}.txt").write_text("a b\nc\n" * (number + 1))
    blocks = blocks_of(Corpus.open(tmp_path, normalize="none").train)
    if files < 5:
        assert blocks.kind == "sentence"
    else:
        assert blocks.kind == "document"
        assert blocks.bytes.tolist() == [6 * (number + 1) for number in range(files)]


@pytest.mark.parametrize("documents", [None, "blank"])
@pytest.mark.parametrize("sentences", ["line", "paragraph", "none"])
@pytest.mark.parametrize("unit", ["word", "char", "byte"])
@pytest.mark.parametrize("lines", [0, 3, 59, 1500])
def test_a_ledger_has_the_same_blocks(
    unit: str, sentences: str, lines: int, documents: str | None
) -> None:
    own = text("the cat é\n\n漢 sat\n" * lines, sentences, documents)
    ledger = lmkit.fit(f"bigram:unit={unit}", text("the cat sat\n" * 9, sentences)).score(own)
    blocks, known = blocks_of(own), blocks_of(own, ledger)
    assert known.kind == blocks.kind
    assert len(blocks) <= MOST_RUNS or blocks.kind == "document"
    assert np.array_equal(known.bytes, blocks.bytes)
    assert np.array_equal(known.first_characters, blocks.first_characters)
    foreign = replace(ledger, sentence_bytes=None)
    for one in (blocks, known):
        assert np.array_equal(one.first_events(ledger), one.first_events(foreign))
        totals = one.totals(ledger, ledger.nats)
        assert totals.sum() == pytest.approx(ledger.closed_nats)
        assert one.totals(ledger, np.ones(len(ledger))).sum() == len(ledger)


def test_blocks_of_sentences_hold_their_surprisal() -> None:
    own = text("the cat é\nsat\n\n漢 on the mat\n" * 30)
    ledger = lmkit.fit("bigram", own).score(own)
    by_sentence = np.bincount(ledger.sentence, ledger.nats)
    assert np.allclose(sentence_blocks(own).totals(ledger, ledger.nats), by_sentence)


def test_blocks_take_every_segment_once() -> None:
    assert block_starts(10, 3).tolist() == [0, 3, 6]  # the tenth joins the last
    assert block_starts(2, 5).tolist() == [0]
    assert block_starts(0, 1).tolist() == []
    assert [shortest_block(count) for count in (0, 1, 1000, 1001, 2001)] == [1, 1, 1, 2, 4]
