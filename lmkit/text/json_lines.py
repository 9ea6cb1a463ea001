"""JSON lines as text: each row is a document, its text the string in one field."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmkit.errors import CorpusError, EncodingError
from lmkit.text import compression

DEFAULT_FIELD = "text"
SUFFIXES = (".jsonl", ".ndjson")
_NO_STARTS = np.empty(0, np.int64)
# White space, NUL among it, as the kernel that finds documents has it (lmkit/kernels/runs.py).
BLANK = (
    "\0\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)


class Piece(NamedTuple):
    """A block of raw text as UTF-8, and the rising byte offsets at which rows begin, int64."""

    text: bytes
    starts: NDArray[np.int64] = _NO_STARTS


def is_json_lines(path: Path) -> bool:
    """Return whether a file's name says that it holds JSON lines, packed or not.

    >>> is_json_lines(Path("news.jsonl.zst")), is_json_lines(Path("news.txt"))
    (True, False)
    """
    name = path.with_suffix("") if path.suffix in compression.SUFFIXES else path
    return name.suffix in SUFFIXES


def row_pieces(
    name: str, pieces: Iterator[bytes], *, field: str, errors: str, size: int
) -> Iterator[Piece]:
    """Yield the texts of the rows, each ending with a newline, in blocks of about `size` bytes.

    A block holds whole rows. `pieces` are the file as UTF-8, cut anywhere. Blank lines and rows
    whose text is blank are skipped. Raises CorpusError, with file name and line number, for a row
    that is not a JSON object or has no string in that field; EncodingError for a text that is not
    valid Unicode, where `errors` is ``strict``.

    >>> rows = iter([b'{"text": "a b"}\\n{"te', b'xt": "c"}\\n'])
    >>> [(p.text, p.starts.tolist()) for p in row_pieces("f", rows, field="text", errors="strict",
    ...                                                  size=100)]
    [(b'a b\\nc\\n', [0, 4])]
    """
    texts: list[bytes] = []
    starts: list[int] = []
    length = 0
    for number, line in enumerate(_lines(pieces), start=1):
        text = _text_of(line, field, errors, f"{name}: line {number:,}") if line.strip() else b""
        if not text:
            continue
        starts.append(length)
        texts.append(text if text.endswith(b"\n") else text + b"\n")
        length += len(texts[-1])
        if length >= size:
            yield Piece(b"".join(texts), np.array(starts, np.int64))
            texts, starts, length = [], [], 0
    if texts:
        yield Piece(b"".join(texts), np.array(starts, np.int64))


def _text_of(line: bytes, field: str, errors: str, where: str) -> bytes:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        raise CorpusError(f"{where} is not valid JSON; JSON lines have one object a line") from None
    if not isinstance(row, dict):
        raise CorpusError(f"{where} is {_kind(row)}, no JSON object with a field {field!r}")
    if field not in row:
        fields = ", ".join(row) or "none"
        raise CorpusError(
            f"{where} has no field {field!r}; its fields: {fields}; name the text's with --field"
        )
    text = row[field]
    if not isinstance(text, str):
        raise CorpusError(f"{where}: the field {field!r} is {_kind(text)}, not a string")
    if not text.strip(BLANK):
        return b""
    try:
        return text.encode("utf-8", errors)
    except UnicodeEncodeError:
        raise EncodingError(
            f"{where}: the field {field!r} holds half of a surrogate pair, which is no character; "
            "read on with --errors replace"
        ) from None


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "true or false"
    kinds = {dict: "an object", list: "a list", str: "a string", type(None): "null"}
    return kinds.get(type(value), "a number")


def _lines(pieces: Iterator[bytes]) -> Iterator[bytes]:
    parts: list[bytes] = []  # of a line that may continue in the next piece
    for piece in pieces:
        first, *others = piece.split(b"\n")
        parts.append(first)
        for line in others:
            yield b"".join(parts)
            parts = [line]
    yield b"".join(parts)
