"""Counting a canonical text while it streams past: sizes, checksum, document boundaries.

:class:`GrowingArray` is the buffer that collects numbers whose total is not known beforehand.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from lmkit.text.corpus import Text

NEWLINE = 10  # the byte that ends a sentence of a canonical text


@dataclass(frozen=True)
class TextSummary:
    """What is counted over a canonical text; the divisors of every metric.

    `characters` and `bytes` include one for each sentence end; `words` are those of the unit
    ``word``, sentence ends not counted. `sha256` is that of the canonical text's UTF-8 bytes.
    `raw_bytes` is the size of the source as UTF-8 before normalisation; no metric divides by it.
    `documents` is None where no document rule applies.
    """

    name: str
    sha256: str
    normalize: str
    sentences: str
    characters: int
    bytes: int
    raw_bytes: int
    words: int
    sentence_ends: int
    documents: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the fields by name, as in the JSON output."""
        return dict(vars(self))


class Sink(Protocol):
    """A consumer of an array that arrives in pieces."""

    def add(self, piece: NDArray[Any], /) -> None:
        """Consume the next piece."""


class GrowingArray:
    """An array that is appended to, with spare capacity at its end.

    `size` is the size in bytes of the text that it is filled from. The initial capacity is a third
    of that, at least 2^20 elements; a full buffer is replaced by one of four times the size needed.
    Memory that has not been written to is not resident.
    """

    def __init__(self, dtype: Any, size: int) -> None:
        self._buffer = np.empty(max(size // 3, 1 << 20), dtype)
        self._size = 0

    @property
    def array(self) -> NDArray[Any]:
        """The elements so far, a view."""
        return self._buffer[: self._size]

    def add(self, piece: NDArray[Any], /) -> None:
        """Append the elements of an array."""
        needed = self._size + len(piece)
        if needed > len(self._buffer):
            larger = np.empty(4 * needed, self._buffer.dtype)
            larger[: self._size] = self.array
            self._buffer = larger
        self._buffer[self._size : needed] = piece
        self._size = needed


class Meter:
    """Counts a canonical text while it streams past, chunk by chunk.

    The number of bytes of each sentence is passed to `sizes`, and the text itself to `passages`,
    where they are given.
    """

    def __init__(self, *, sizes: Sink | None = None, passages: Sink | None = None) -> None:
        self.digest = hashlib.sha256()
        self.bytes = self.characters = self.words = self.sentence_ends = 0
        self.raw_bytes = 0  # of the source; added to by whoever reads it
        self._sizes, self._passages = sizes, passages
        self._open = 0  # bytes so far of the sentence that has not ended
        # Start of each document: bytes, characters and sentence ends before it, a column each.
        self._starts: tuple[GrowingArray, ...] = ()
        self._last_start = -1  # byte offset of the last document

    def add(self, chunk: NDArray[np.uint8], *, words: int, ends: int, characters: int) -> None:
        """Count the next chunk; `words`, `ends` and `characters` are running totals after it."""
        if self._sizes is not None:
            sizes = np.diff(np.flatnonzero(chunk == NEWLINE), prepend=-1)
            ended = int(sizes.sum())  # bytes of the chunk up to its last newline
            sizes[:1] += self._open
            self._open = len(chunk) - ended + (0 if len(sizes) else self._open)
            self._sizes.add(sizes)
        if self._passages is not None:
            self._passages.add(chunk)
        self.digest.update(chunk.data)
        self.bytes += len(chunk)
        self.words, self.sentence_ends, self.characters = words, ends, characters

    def expect_documents(self, size: int) -> None:
        """Prepare to record the documents of a text of about `size` bytes."""
        self._starts = tuple(GrowingArray(np.int64, size // 64) for _ in range(3))

    def begin_documents(self, starts: NDArray[np.int64]) -> None:
        """Record the starts of documents in the chunk that is added next, int64 (N, 3).

        Columns: byte offset within the chunk; characters and sentence ends before it in the text.
        A document that begins where the one before began leaves that one empty; it counts once.
        """
        offsets = starts[:, 0] + self.bytes
        new = np.diff(offsets, prepend=self._last_start) > 0
        if new.any():
            self._last_start = int(offsets[-1])
            for column, values in zip(self._starts, (offsets, *starts.T[1:]), strict=True):
                column.add(values[new])

    @property
    def document_starts(self) -> NDArray[np.int64] | None:
        """The sentence ends before each document started so far, int64 (D,); None without rule."""
        return self._starts[2].array if self._starts else None

    @property
    def document_offsets(self) -> NDArray[np.int64] | None:
        """The characters before each document started so far, int64 (D,); None without rule."""
        return self._starts[1].array if self._starts else None

    @property
    def documents(self) -> NDArray[np.int64] | None:
        """The canonical bytes, characters and sentence ends of each document, int64 (D, 3).

        In the order of the text, without empty documents; None where no document rule applies.
        """
        count = self.document_count
        if count is None:
            return None
        sizes = np.empty((count, 3), np.int64)
        totals = (self.bytes, self.characters, self.sentence_ends)
        for axis, (column, total) in enumerate(zip(self._starts, totals, strict=True)):
            starts = column.array[:count]
            np.subtract(starts[1:], starts[:-1], out=sizes[:-1, axis])
            sizes[-1:, axis] = total - starts[-1:]
        return sizes

    @property
    def document_count(self) -> int | None:
        """The number of documents that are not empty; None where no document rule applies."""
        if not self._starts:
            return None
        return len(self._starts[0].array) - int(self._last_start == self.bytes)

    def summary(self, text: Text) -> TextSummary:
        """Return the counts of `text`, all of whose chunks have been added."""
        return TextSummary(
            name=text.name,
            sha256=self.digest.hexdigest(),
            normalize=text.normalize,
            sentences=text.sentences,
            characters=self.characters,
            bytes=self.bytes,
            raw_bytes=self.raw_bytes,
            words=self.words,
            sentence_ends=self.sentence_ends,
            documents=self.document_count,
        )
