"""Arrays that grow while a text is read."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


class Collected:
    """Numbers that are collected piece by piece into one array.

    There is room for what a text of `size` bytes is likely to need, and it grows fourfold; room
    costs no memory before it is written to.
    """

    def __init__(self, dtype: Any, size: int) -> None:
        self._room = np.empty(max(size // 3, 1 << 20), dtype)
        self._size = 0

    @property
    def array(self) -> NDArray[Any]:
        """The numbers so far, a view."""
        return self._room[: self._size]

    def add(self, piece: NDArray[Any]) -> None:
        """Put further numbers behind those that there are."""
        needed = self._size + len(piece)
        if needed > len(self._room):
            larger = np.empty(4 * needed, self._room.dtype)
            larger[: self._size] = self.array
            self._room = larger
        self._room[self._size : needed] = piece
        self._size = needed
