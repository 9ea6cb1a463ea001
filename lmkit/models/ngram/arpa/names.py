"""Which files are ARPA files."""

from __future__ import annotations

from pathlib import Path

from lmkit.errors import CorpusError
from lmkit.models.files import names_arpa
from lmkit.text.source import Source

_HEAD = 1 << 12  # bytes of a file that are searched for \data\


def is_arpa(path: str | Path) -> bool:
    r"""Return whether a file is an ARPA file, by its name, or by a line ``\data\`` at its head."""
    if names_arpa(path):
        return True
    try:
        head = next(Source(str(path), path=Path(path)).blocks(_HEAD), b"")
    except CorpusError:
        return False
    return any(line.strip() == b"\\data\\" for line in head.split(b"\n"))
