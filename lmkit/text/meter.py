"""What is counted over a canonical text while it is read."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lmkit.text.collected import Collected

if TYPE_CHECKING:
    from lmkit.text.corpus import Text

NEWLINE = 10  # the byte that ends a sentence of a canonical text


@dataclass(frozen=True)
class TextSummary:
    """What is counted over a canonical text; the divisors of every metric.

    `characters` and `bytes` include one for each sentence end; `words` are those of the unit
    ``word``, sentence ends not counted. `sha256` is that of the canonical text's UTF-8 bytes.
    `raw_bytes` is the size of the source as UTF-8, before anything was done to it: no divisor, but
    what shows how far the canonical text is from its source.
    `documents` is None where it is not known what a document is.
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
        """Return the fields by name, as the JSON output has them."""
        return dict(vars(self))


class Sink(Protocol):
    """What takes numbers piece by piece."""

    def add(self, piece: NDArray[Any], /) -> None:
        """Take some more."""


class Meter:
    """Counts a canonical text while it streams past.

    The bytes of each sentence go to `sizes`, and all bytes to `passages`, if they are given.
    """

    def __init__(self, *, sizes: Sink | None = None, passages: Sink | None = None) -> None:
        self.digest = hashlib.sha256()
        self.bytes = self.characters = self.words = self.sentence_ends = 0
        self.raw_bytes = 0  # of the source, which is read before its canonical text goes past
        self._sizes, self._passages = sizes, passages
        self._open = 0  # bytes of the sentence that has not ended
        self._begun: tuple[Collected, ...] = ()
        self._last = -1  # the byte at which the last document began

    def add(self, chunk: NDArray[np.uint8], *, words: int, ends: int, characters: int) -> None:
        """Count a further chunk; the totals are those of the text up to its end."""
        if self._sizes is not None:
            sizes = np.diff(np.flatnonzero(chunk == NEWLINE), prepend=-1)
            whole = int(sizes.sum())
            sizes[:1] += self._open
            self._open = len(chunk) - whole + (0 if len(sizes) else self._open)
            self._sizes.add(sizes)
        if self._passages is not None:
            self._passages.add(chunk)
        self.digest.update(chunk.data)
        self.bytes += len(chunk)
        self.words, self.sentence_ends, self.characters = words, ends, characters

    def expect_documents(self, size: int) -> None:
        """Take note that documents are known, in a text of about `size` bytes."""
        self._begun = tuple(Collected(np.int64, size // 64) for _ in range(3))

    def begin_documents(self, starts: NDArray[np.int64]) -> None:
        """Note where documents begin in the chunk that is added next, int64 (N, 3).

        Bytes from its first one on, characters and sentence ends from the first of the text.
        """
        places = starts[:, 0] + self.bytes
        new = np.diff(places, prepend=self._last) > 0  # those before it that are empty drop out
        if new.any():
            self._last = int(places[-1])
            for column, values in zip(self._begun, (places, *starts.T[1:]), strict=True):
                column.add(values[new])

    @property
    def document_starts(self) -> NDArray[np.int64] | None:
        """The sentence ends before each document that has begun, int64 (D,); None if unknown."""
        return self._begun[2].array if self._begun else None

    @property
    def document_offsets(self) -> NDArray[np.int64] | None:
        """The characters before each document that has begun, int64 (D,); None if unknown."""
        return self._begun[1].array if self._begun else None

    @property
    def documents(self) -> NDArray[np.int64] | None:
        """The canonical bytes, characters and sentence ends of each document, int64 (D, 3).

        In the order of the text; None where documents are unknown. Those without a byte are left
        out.
        """
        count = self.document_count
        if count is None:
            return None
        sizes = np.empty((count, 3), np.int64)
        totals = (self.bytes, self.characters, self.sentence_ends)
        for place, (column, total) in enumerate(zip(self._begun, totals, strict=True)):
            starts = column.array[:count]
            np.subtract(starts[1:], starts[:-1], out=sizes[:-1, place])
            sizes[-1:, place] = total - starts[-1:]
        return sizes

    @property
    def document_count(self) -> int | None:
        """The number of documents that have a byte; None where documents are unknown."""
        if not self._begun:
            return None
        return len(self._begun[0].array) - int(self._last == self.bytes)

    def summary(self, text: Text) -> TextSummary:
        """Return the counts, for a text that has streamed past whole."""
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
