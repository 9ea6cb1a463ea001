"""Finding where documents begin in a raw text.

A document is a unit of text that is taken as independent of the others: a file, a row of JSON
lines, or a run of lines. Boundaries lie at the beginnings of lines. Every file and every row begins
a document, except that the rule ``file`` ignores rows.

Every document has a line that is not blank. Blank lines belong to the document before them, those
at the head of a file to its first, unless a regular expression matches them:

    line        rule blank    rule line    rule '^= '
    = A =       begins        begins       begins
    text                      begins
    (blank)
    more        begins        begins
    = B =                     begins       begins
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from lmkit.errors import ParameterError, did_you_mean
from lmkit.kernels.runs import STARTED, begin_documents
from lmkit.text.json_lines import BLANK, Piece
from lmkit.text.source import Source

RULES = ("file", "blank", "line")
ROW = "row"  # the rule of JSON lines where none is given
_NEWLINE = 10
_NONE = np.empty(0, np.int64)

Lines: TypeAlias = NDArray[np.int64]


def check_documents(rule: str | None) -> str | None:
    """Return `rule` if it is a valid document rule or None; raise ParameterError otherwise.

    A rule other than ``file``, ``blank`` and ``line`` is a regular expression.
    """
    if rule is None or rule in RULES:
        return rule
    meant = did_you_mean(rule, RULES) if rule.isalpha() else ""
    if meant or not rule:
        raise ParameterError(
            f"unknown document rule {rule!r}{meant}; choose from {', '.join(RULES)}, or give a "
            "regular expression for the lines that begin a document, such as '^= '"
        )
    try:
        re.compile(rule)
    except (re.error, OverflowError, RecursionError) as error:
        raise ParameterError(
            f"documents={rule!r} is no regular expression ({error}); choose from "
            f"{', '.join(RULES)}, or mend it"
        ) from None
    return rule


class DocumentFinder:
    """Finds the lines at which documents begin while the raw blocks of a text stream past.

    `rule` is one of `RULES`, ``row``, a regular expression, or None for no documents.
    """

    def __init__(self, rule: str | None) -> None:
        self._rule = rule
        self._first = True  # whether the next block begins a file
        self._state = np.zeros(3, np.int64)
        named = rule is None or rule == ROW or rule in RULES
        self._search = None if named else re.compile(str(rule)).search

    def pieces(self, source: Source) -> Iterator[Piece]:
        """Yield the blocks of the next file, as whole lines where a pattern is searched for."""
        self._first = True
        if self._search is None or source.field is not None:  # rows are whole lines
            return source.pieces()
        return _whole_lines(source.blocks())

    def find(self, piece: Piece) -> tuple[Lines, NDArray[np.bool_]]:
        """Return the numbers of the lines of a block, from 0, at which the text before ends.

        Two arrays of shape (N,): the line numbers, int64, rising; and bool, whether a document
        begins there (else only a row of JSON lines).
        """
        first, self._first = self._first, False
        if self._rule is None:
            return _NONE, np.empty(0, np.bool_)
        raw = np.frombuffer(piece.text, np.uint8)
        starts = piece.starts
        if first and (not len(starts) or starts[0] > 0):
            starts = np.append(0, starts)
        lines = _line_numbers(raw, starts) if len(starts) else starts
        if self._rule == "file":
            return lines, np.arange(len(lines)) < int(first)
        if self._rule != ROW:
            lines = self._find_lines(piece.text, raw, starts, lines)
        return lines, np.ones(len(lines), np.bool_)

    def _find_lines(
        self, text: bytes, raw: NDArray[np.uint8], starts: Lines, lines: Lines
    ) -> Lines:
        """Return the lines that begin documents, including those that begin files and rows.

        ``starts`` are the byte offsets of files and rows in the block, ``lines`` their lines.
        """
        edges = [0, *starts[starts > 0].tolist(), len(raw)]
        line_at = dict(zip(starts.tolist(), lines.tolist(), strict=True))
        found = []
        for begin, end in pairwise(edges):
            if begin in line_at:
                self._state[:] = 0
                found.append(np.array([line_at[begin]]))
            if self._search is not None:
                inner = _matching_lines(self._search, text[begin:end], self._state)
            else:
                blank = self._rule == "blank"
                inner = begin_documents(raw[begin:end], self._state, blank_lines=blank)
            found.append(inner + line_at.get(begin, 0))
        return np.concatenate(found)


def line_offsets(text: bytes, lines: Lines) -> Lines:
    """Return the byte offset of each line, given by its number from 0, rising.

    >>> line_offsets(b"a\\nbc\\nd", np.array([0, 2])).tolist()
    [0, 5]
    """
    if not len(lines):
        return lines
    newlines = np.flatnonzero(np.frombuffer(text, np.uint8) == _NEWLINE)
    return np.append(0, newlines + 1)[lines]


def _line_numbers(raw: NDArray[np.uint8], offsets: Lines) -> Lines:
    """Return the number of the line at each byte offset: the inverse of :func:`line_offsets`."""
    if offsets[-1] == 0:
        return np.zeros(len(offsets), np.int64)
    return np.searchsorted(np.flatnonzero(raw == _NEWLINE), offsets)


def _matching_lines(
    search: Callable[[str], object], text: bytes, state: NDArray[np.int64]
) -> Lines:
    """Return the numbers of the lines that match a pattern and begin documents."""
    found = []
    lines = text.decode().split("\n")
    for number, line in enumerate(lines if lines[-1] else lines[:-1]):
        if state[STARTED] and search(line.removesuffix("\r")):
            found.append(number)
            state[STARTED] = 0
        if line and not state[STARTED] and line.strip(BLANK):
            state[STARTED] = 1
    return np.array(found, np.int64)


def _whole_lines(blocks: Iterator[bytes]) -> Iterator[Piece]:
    """Yield a text in pieces that end with a newline; a line is held in memory as a whole."""
    parts: list[bytes] = []  # of a line that may continue in the next block
    for block in blocks:
        cut = block.rfind(b"\n") + 1
        if cut:
            yield Piece(b"".join((*parts, block[:cut])))
            parts = []
        parts.append(block[cut:])
    rest = b"".join(parts)
    if rest:
        yield Piece(rest)
