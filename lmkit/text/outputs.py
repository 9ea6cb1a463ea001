"""Files in a folder of texts that are no texts: what lmkit wrote there, pictures, archives."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from lmkit.errors import CorpusError, CorpusWarning
from lmkit.storage import foreign_format
from lmkit.text.compression import DAMAGED, decompressed

_HEAD = 1 << 12  # bytes that are looked at
_WRITTEN = re.compile(
    rb"""
    \A .{8} \{ .* "format":\ "lmkit        # a model file or a checkpoint
  | ^ \\data\\ \s* $                       # an ARPA file
  | \A \s* \{ \s* "schema":\ \d            # results and vocabularies
  | lmkit_ledger                           # scores
  | <meta [^>]* content="lmkit\ [\d.]+     # a report
    """,
    re.VERBOSE | re.MULTILINE | re.DOTALL,
)


def texts_among(files: Sequence[Path], where: str | Path) -> list[Path]:
    """Return the files that are not known to be something else than text, by their first bytes.

    Warns of the others with CorpusWarning: a folder of texts may hold models that lmkit wrote, ARPA
    files, ledgers, vocabularies, results, reports and pictures. Raises CorpusError where none is
    left.
    """
    other = [file for file in files if is_no_text(file)]
    if other:
        names = ", ".join(file.name for file in other[:5]) + (", ..." if len(other) > 5 else "")
        verb = "is no text" if len(other) == 1 else "are no texts"
        warnings.warn(
            f"{where}: skipped {names}, which {verb} (written by lmkit, or of another format); "
            "to read such a file as text, give it by itself",
            CorpusWarning,
            stacklevel=2,
        )
    if files and len(other) == len(files):
        raise CorpusError(f"{where}: no texts in it; put one text or train/valid/test there")
    return [file for file in files if file not in other]


def is_no_text(file: Path) -> bool:
    """Return whether a file's first bytes are those of an output of lmkit or of another format."""
    head = b""
    with suppress(OSError, *DAMAGED), file.open("rb") as stream:
        head = next(decompressed(stream, _HEAD), b"")
    return bool(foreign_format(head) or _WRITTEN.search(head))
