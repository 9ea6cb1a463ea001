"""What a vocabulary lacks, gathered while a text is encoded."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmkit.text.collected import Collected
from lmkit.text.tables import WordTable


@dataclass(frozen=True, eq=False)
class Unknown:
    """What stands in a text where a vocabulary has nothing.

    ``types`` are the different words, and the specials that every vocabulary begins with;
    ``numbers`` int32 (U,) says which of them stands at each unknown event, in the order of the
    text. ``sentences`` int64 (U,) are the sentences that the events belong to, from 0. Characters
    and bytes are not told apart: they are one empty type.
    """

    types: tuple[str, ...]
    numbers: NDArray[np.int32]
    sentences: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.sentences)


class Gathering:
    """Unknown words while they are gathered: a text of their own, with a growing vocabulary."""

    def __init__(self, unit: str) -> None:
        self._table = WordTable() if unit == "word" else None
        self._numbers = Collected(np.int32, 0)
        self._sentences = Collected(np.int64, 0)

    def add(self, words: NDArray[np.uint8], sentences: NDArray[np.int64]) -> None:
        """Add words, a space behind each, and the sentence of each."""
        if self._table is not None:
            found = self._table.encode(words, learn=True, name="the unknown words")
            self._numbers.add(found.ids)
        self._sentences.add(sentences)

    def result(self) -> Unknown:
        """Return all that were added."""
        sentences = self._sentences.array
        if self._table is None:
            return Unknown(("",), np.zeros(len(sentences), np.int32), sentences)
        found = self._table.vocabulary(self._numbers.array, min_count=1, max_size=None)
        return Unknown(found[0].tokens, found[2], sentences)
