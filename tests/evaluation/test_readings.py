"""How often a comparison reads its texts: as often as needed, and no more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lmkit
from lmkit.text import splitting
from lmkit.text.source import Source

WORDS = ["the", "cat", "sat", "on", "a", "mat", "dog", "saw", "an", "owl"]


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A file of 400 sentences, every twentieth word of them a rare one."""
    rng = np.random.default_rng(0)
    lines = [" ".join(rng.choice(WORDS, 8)) + f" rare{rng.integers(10**6)}" for _ in range(400)]
    path = tmp_path / "book.txt"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Counter[tuple[int, int | None]]:
    """The number of times that each part of a file was opened, by its byte offsets."""
    counts: Counter[tuple[int, int | None]] = Counter()
    original: Callable[..., Any] = Source.pieces

    def pieces(self: Source, *arguments: Any) -> Any:
        if self.path is not None:
            counts[self.start, self.stop] += 1
        return original(self, *arguments)

    monkeypatch.setattr(Source, "pieces", pieces)
    return counts


def test_one_file_is_read_once_to_cut_it(book: Path, opened: Counter[Any]) -> None:
    parts = lmkit.Corpus.open(book).split()
    assert opened == {(0, None): 1}
    whole = book.read_text()
    assert "".join(part.canonical() for part in parts.parts.values()) == whole


@pytest.mark.parametrize("sentences", ["line", "none"])
def test_a_long_text_is_cut_at_the_same_places(
    book: Path, sentences: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without room for its blocks, the one that a cut falls into is read again."""
    book.write_text(book.read_text() * 60)  # more than one block
    corpus = lmkit.Corpus.open(book, sentences=sentences)
    expected = [part.sources for part in corpus.split().parts.values()]
    monkeypatch.setattr(splitting, "_BUFFER", 0)
    assert [part.sources for part in corpus.split().parts.values()] == expected


def test_a_comparison_reads_no_more_than_it_must(book: Path, opened: Counter[Any]) -> None:
    """Once to cut; the test part once a model, and twice more to spell the unknown words of all."""
    found = lmkit.compare(["unigram", "bigram", "trigram"], book)
    test = found.ledgers[0].text.sources[0]
    ((middle, end),) = [key for key in opened if key[0] and key[1] is not None]
    train, valid = (0, middle), (middle, end)
    assert opened[0, None] == 1
    assert opened[train] == 3  # once a model
    assert opened[valid] <= 3
    assert opened[test.start, None] == 3 + 2
    assert found.ledgers[0].spelling is not None
    opened.clear()
    str(found), found.to_dict(), found._repr_html_()
    assert not opened
    found.decompose(0, 1)
    found.decompose(0, 2)  # which also count how often training has each word
    assert opened == {(test.start, None): 1}
