"""Documents: where in a raw text they begin.

A document is what can be taken as independent of the others: a file, a row of JSON lines, or what a
rule finds in the lines of a file. A rule only places boundaries, at the beginnings of lines. Each
file, and each row, begins a document under every rule but ``file``, which knows files alone.

A document that a rule finds has a line that is not blank: blank lines never begin one, unless a
regular expression matches them, and belong to the one before; those at the head of a file to its
first.
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
from lmkit.text.rows import Piece
from lmkit.text.source import Source

RULES = ("file", "blank", "line")
ROW = "row"  # what JSON lines have where no rule is given
_NEWLINE = 10
_NONE = np.empty(0, np.int64)

Lines: TypeAlias = NDArray[np.int64]


def check_documents(rule: str | None) -> str | None:
    """Return a rule that says what a document is, or None; ParameterError for one that is none.

    A rule that is not one of ``file``, ``blank`` and ``line`` is a regular expression.
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


class Finder:
    """Finds the lines at which documents begin while the raw blocks of a text go by.

    `rule` is one of `RULES`, ``row``, a regular expression, or None where nothing is known.
    """

    def __init__(self, rule: str | None) -> None:
        self._rule = rule
        self._first = True  # whether the next block begins a file
        self._state = np.zeros(3, np.int64)
        known = rule is None or rule == ROW or rule in RULES
        self._search = None if known else re.compile(str(rule)).search

    def pieces(self, source: Source) -> Iterator[Piece]:
        """Yield the blocks of the next file, cut so that documents can be found in them."""
        self._first = True
        if self._search is None or source.field is not None:  # rows are whole lines
            return source.pieces()
        return _whole_lines(source.blocks())

    def find(self, piece: Piece) -> tuple[Lines, NDArray[np.bool_]]:
        """Return the lines of a block, from 0, that end what stands before, int64 (N,).

        And whether a document begins there, bool (N,); where not, a row does.
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
            lines = self._within(piece.text, raw, starts, lines)
        return lines, np.ones(len(lines), np.bool_)

    def _within(self, text: bytes, raw: NDArray[np.uint8], starts: Lines, lines: Lines) -> Lines:
        """Return the lines that begin documents, those of files and rows among them."""
        edges = [0, *starts[starts > 0].tolist(), len(raw)]
        begun = dict(zip(starts.tolist(), lines.tolist(), strict=True))
        found = []
        for begin, end in pairwise(edges):
            if begin in begun:
                self._state[:] = 0
                found.append(np.array([begun[begin]]))
            if self._search is not None:
                own = _matched(self._search, text[begin:end], self._state)
            else:
                blank = self._rule == "blank"
                own = begin_documents(raw[begin:end], self._state, blank_lines=blank)
            found.append(own + begun.get(begin, 0))
        return np.concatenate(found)


def line_places(text: bytes, lines: Lines) -> Lines:
    """Return the byte offset of each of the rising line numbers, from 0, of a text."""
    if not len(lines):
        return lines
    newlines = np.flatnonzero(np.frombuffer(text, np.uint8) == _NEWLINE)
    return np.append(0, newlines + 1)[lines]


def _line_numbers(raw: NDArray[np.uint8], places: Lines) -> Lines:
    """Return the number of the line at each byte offset."""
    if places[-1] == 0:
        return np.zeros(len(places), np.int64)
    return np.searchsorted(np.flatnonzero(raw == _NEWLINE), places)


def _matched(search: Callable[[str], object], text: bytes, state: NDArray[np.int64]) -> Lines:
    """Return which of some whole lines begin documents by a regular expression."""
    found = []
    lines = text.decode().split("\n")
    for number, line in enumerate(lines if lines[-1] else lines[:-1]):
        if state[STARTED] and search(line.removesuffix("\r")):
            found.append(number)
            state[STARTED] = 0
        if line and not state[STARTED] and line.strip(" \0\t\v\f\r"):
            state[STARTED] = 1
    return np.array(found, np.int64)


def _whole_lines(blocks: Iterator[bytes]) -> Iterator[Piece]:
    """Yield a text in pieces cut after line ends alone; a line is held in memory as a whole."""
    held: list[bytes] = []
    for block in blocks:
        cut = block.rfind(b"\n") + 1
        if cut:
            yield Piece(b"".join((*held, block[:cut])))
            held = []
        held.append(block[cut:])
    rest = b"".join(held)
    if rest:
        yield Piece(rest)
