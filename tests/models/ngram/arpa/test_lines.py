"""The lines of ARPA files: one by one, in blocks, and in pieces for all cores."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from lmkit.errors import FormatError
from lmkit.models.ngram.arpa import lines
from lmkit.models.ngram.arpa.lines import ArpaLines, cut, shown
from lmkit.text.source import Source


def opened(path: Path, text: bytes) -> ArpaLines:
    path.write_bytes(text)
    return ArpaLines(Source("m", path=path))


def test_lines_are_stripped_and_counted(tmp_path: Path) -> None:
    text = b"\n \\data\\ \r\n\n\tngram 1=2\nlast"
    arpa = opened(tmp_path / "m", text)
    assert arpa.at_section()
    assert (arpa.next(), arpa.number) == (b"\\data\\", 3)
    assert not arpa.at_section()
    assert (arpa.next(), arpa.next(), arpa.next()) == (b"ngram 1=2", b"last", None)
    assert arpa.sha256 == hashlib.sha256(text).hexdigest()
    with pytest.raises(FormatError, match=r"^m: line 5: is wrong$"):
        arpa.fail("is wrong")


def test_runs_end_before_a_section(tmp_path: Path) -> None:
    arpa = opened(tmp_path / "m", b"\\1-grams:\n-1 a\n-2 b\n\\end\\\n")
    assert arpa.run() == b""
    assert arpa.next() == b"\\1-grams:"
    assert (arpa.run(), arpa.number) == (b"-1 a\n-2 b\n", 4)
    assert arpa.run() == b""
    assert arpa.next() == b"\\end\\"


def test_pieces_are_whole_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    text = b"".join(b"%d\n" % number for number in range(100))
    monkeypatch.setattr(lines, "cores", lambda: 4)
    pieces = list(cut(text, 7))
    assert b"".join(piece.tobytes() for piece, _ in pieces) == text
    for piece, line in pieces:
        assert piece.tobytes().startswith(b"%d\n" % (line - 7))
    assert len(pieces) == 4


def test_bytes_in_messages_are_quoted_and_short() -> None:
    assert shown(b"a\xff") == repr("a\N{REPLACEMENT CHARACTER}")
    assert shown(b"x" * 99) == repr("x" * 57 + "...")
