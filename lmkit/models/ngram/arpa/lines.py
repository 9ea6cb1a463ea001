"""An ARPA file as lines: section headers one by one, n-grams in large blocks of lines."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import NoReturn

import numpy as np

from lmkit.errors import FormatError
from lmkit.parallel import cores
from lmkit.text.source import Source
from lmkit.types import Bytes

_BLANKS = b" \t\r\n\0"


class ArpaLines:
    """The lines of a file: one by one, or in large blocks without a section header."""

    def __init__(self, source: Source):
        self.name = source.name
        self.number = 1  # of the next line
        self._digest = hashlib.sha256()
        self._blocks = self._whole_lines(source.blocks())
        self._block = b""
        self._offset = 0

    def _whole_lines(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        rest = b""
        for block in blocks:
            self._digest.update(block)
            rest += block
            if rest.endswith(b"\n"):
                yield rest
                rest = b""
        if rest:
            yield rest

    @property
    def sha256(self) -> str:
        """The sha256 of what was read."""
        return self._digest.hexdigest()

    def _more(self) -> bool:
        if self._offset == len(self._block):
            self._block, self._offset = next(self._blocks, b""), 0
        return self._offset < len(self._block)

    def at_section(self) -> bool:
        """Whether the next line that is not blank begins with a backslash, or there is none."""
        while self._more():
            byte = self._block[self._offset]
            if byte not in _BLANKS:
                return byte == ord("\\")
            self.number += byte == ord("\n")
            self._offset += 1
        return True

    def next(self) -> bytes | None:
        """Return the next line that is not blank, stripped; None at the end of the file."""
        while self._more():
            end = self._block.find(b"\n", self._offset) + 1 or len(self._block)
            line = self._block[self._offset : end].strip(_BLANKS)
            self._offset = end
            self.number += 1
            if line:
                return line
        return None

    def run(self) -> bytes:
        """Return the lines up to the next section header, or to the end of the block.

        Empty where the next line is a header, and at the end of the file.
        """
        if not self._more() or self._block.startswith(b"\\", self._offset):
            return b""
        end = self._block.find(b"\n\\", self._offset) + 1 or len(self._block)
        part = self._block[self._offset : end]
        self._offset = end
        self.number += part.count(b"\n")
        return part

    def rest(self) -> None:
        """Read to the end, so that the sha256 is that of the whole file."""
        for _ in self._blocks:
            pass

    def fail(self, what: str, *, line: int | None = None) -> NoReturn:
        """Raise FormatError about a line, by default the last one read."""
        raise FormatError(f"{self.name}: line {line or max(self.number - 1, 1):,}: {what}")


def cut(part: bytes, line: int) -> Iterator[tuple[Bytes, int]]:
    """Yield some lines in a piece for each core, with the number of the first line of each."""
    begin = 0
    while begin < len(part):
        end = part.find(b"\n", begin + -(-len(part) // cores()) - 1) + 1 or len(part)
        text = np.frombuffer(part, np.uint8, end - begin, begin)
        yield text, line
        line += int(np.count_nonzero(text == ord("\n")))
        begin = end


def shown(raw: bytes) -> str:
    """Return bytes of a file as messages quote them, shortened to 60 characters."""
    text = raw.decode("utf-8", "replace")
    return repr(text if len(text) <= 60 else text[:57] + "...")
