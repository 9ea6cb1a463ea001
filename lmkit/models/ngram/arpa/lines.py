"""An ARPA file as lines: its heads one by one, its n-grams in large runs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from lmkit.errors import FormatError
from lmkit.parallel import cores
from lmkit.text.source import Source

Bytes = NDArray[np.uint8]


class ArpaLines:
    """The lines of a file: singly, or in large runs that hold no section's head."""

    def __init__(self, source: Source):
        self.name = source.name
        self.number = 1  # of the line to come
        self._digest = hashlib.sha256()
        self._blocks = self._whole_lines(source.blocks())
        self._block = b""
        self._place = 0

    def _whole_lines(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        held = b""
        for block in blocks:
            self._digest.update(block)
            held += block
            if held.endswith(b"\n"):
                yield held
                held = b""
        if held:
            yield held

    @property
    def sha256(self) -> str:
        """The sha256 of what was read."""
        return self._digest.hexdigest()

    def _more(self) -> bool:
        if self._place == len(self._block):
            self._block, self._place = next(self._blocks, b""), 0
        return self._place < len(self._block)

    def at_section(self) -> bool:
        """Whether the next line that is not blank begins with a backslash, or there is none."""
        while self._more():
            byte = self._block[self._place]
            if byte not in b" \t\r\n\v\f\0":
                return byte == ord("\\")
            self.number += byte == ord("\n")
            self._place += 1
        return True

    def next(self) -> bytes | None:
        """Return the next line that is not blank, without blanks at its ends; None at the end."""
        while self._more():
            end = self._block.find(b"\n", self._place) + 1 or len(self._block)
            line = self._block[self._place : end].strip(b" \t\r\n\v\f\0")
            self._place = end
            self.number += 1
            if line:
                return line
        return None

    def run(self) -> bytes:
        """Return the lines up to the next that begins with a backslash, or to the block's end.

        Empty where the next line begins with one, and at the end of the file.
        """
        if not self._more() or self._block.startswith(b"\\", self._place):
            return b""
        end = self._block.find(b"\n\\", self._place) + 1 or len(self._block)
        part = self._block[self._place : end]
        self._place = end
        self.number += part.count(b"\n")
        return part

    def rest(self) -> None:
        """Read to the end, for the sake of the sha256."""
        for _ in self._blocks:
            pass

    def fail(self, what: str, *, line: int | None = None) -> NoReturn:
        """Raise FormatError about a line, by default the one read last."""
        raise FormatError(f"{self.name}: line {line or max(self.number - 1, 1):,}: {what}")


def cut(part: bytes, line: int) -> Iterator[tuple[Bytes, int]]:
    """Yield a run of lines in pieces for all cores, each with the number of its first line."""
    begin = 0
    while begin < len(part):
        end = part.find(b"\n", begin + -(-len(part) // cores()) - 1) + 1 or len(part)
        text = np.frombuffer(part, np.uint8, end - begin, begin)
        yield text, line
        line += int(np.count_nonzero(text == 10))
        begin = end


def shown(raw: bytes) -> str:
    """Return bytes of a file as a message shows them: quoted, and not too long."""
    text = raw.decode("utf-8", "replace")
    return repr(text if len(text) <= 60 else text[:57] + "...")
