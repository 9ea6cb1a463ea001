"""Counting a text while it streams past, and the arrays that grow with it."""

from __future__ import annotations

import numpy as np
import pytest

from lmkit.text.corpus import Corpus
from lmkit.text.meter import GrowingArray, Meter


@pytest.mark.parametrize("sentences", ["line", "paragraph", "none"])
@pytest.mark.parametrize("words", [3, 300, 300_000])
def test_the_bytes_of_sentences_are_counted_across_chunks(words: int, sentences: str) -> None:
    raw = ("word é " * words + "\n\n") * (900_000 // words)
    text = Corpus.from_string(raw, normalize="none", sentences=sentences).train
    sizes = GrowingArray(np.int64, 1)
    meter = Meter(sizes=sizes)
    canonical = b"".join(chunk.tobytes() for chunk in text.chunks(meter))
    expected = [len(line) for line in canonical.splitlines(keepends=True) if line[-1:] == b"\n"]
    assert sizes.array.tolist() == expected


def test_an_array_grows_beyond_its_capacity() -> None:
    pieces = [np.arange(size) for size in (3, 0, 1 << 20, 5 << 20, 7)]
    collected = GrowingArray(np.int64, 10)
    for piece in pieces:
        collected.add(piece)
    np.testing.assert_array_equal(collected.array, np.concatenate(pieces))


def test_documents_are_measured_between_their_starts() -> None:
    meter = Meter()
    meter.expect_documents(0)
    # "ab é\n" and "c\n", of which a document begins at byte 0, and two at byte 0 of the second
    # chunk, one of them empty; a last one begins at the end of the text, and is empty as well.
    meter.begin_documents(np.array([[0, 0, 0]]))
    meter.add(np.frombuffer("ab é\n".encode(), np.uint8), words=2, ends=1, characters=5)
    meter.begin_documents(np.array([[0, 5, 1], [0, 5, 1], [2, 7, 2]]))
    meter.add(np.frombuffer(b"c\n", np.uint8), words=3, ends=2, characters=7)
    assert meter.documents is not None
    assert meter.documents.tolist() == [[6, 5, 1], [2, 2, 1]]
    assert meter.document_count == 2
    assert Meter().documents is None
