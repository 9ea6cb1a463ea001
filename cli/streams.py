"""Standard streams that are closed or whose encoding lacks characters."""

from __future__ import annotations

import codecs
import io
import os
import sys
from typing import Any

_REPLACED = str.maketrans({"─": "-", "–": "-", "┤": "|", "└": "+", "†": "+", "∞": "inf", "α": "a"})
"""ASCII substitutes of the characters in tables and plots; others are from the user's texts."""
_BRAILLE = range(0x2800, 0x2900)
_HANDLER = "lmkit-replace"
_ASCII = "lmkit-ascii"
_lost: set[str] = set()


def prepare() -> None:
    """Replace closed standard streams, and make stdout and stderr accept any text.

    A closed stream becomes the null device; its descriptor is occupied, so that no file opened
    later gets that number. Characters that the encoding lacks are replaced: those of tables and
    plots by similar ASCII characters, others by ``?``.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.dup2(os.open(os.devnull, os.O_RDWR), descriptor)
    for descriptor, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            mode = "w" if descriptor else "r"
            setattr(sys, name, open(descriptor, mode, encoding="utf-8"))  # noqa: SIM115, PTH123
    codecs.register_error(_HANDLER, _replace)
    codecs.register(_find_ascii)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            own = codecs.lookup(stream.encoding).name
            # click writes UTF-8 if the encoding is named "ascii"
            stream.reconfigure(encoding=_ASCII if own == "ascii" else own, errors=_HANDLER)


def holds_unicode() -> bool:
    """Return whether the encoding of stdout covers all of Unicode."""
    return codecs.lookup(sys.stdout.encoding or "utf-8").name.startswith("utf")


def note_of_losses() -> str:
    """Return a note on the characters replaced by ``?`` so far; empty if there are none."""
    if not _lost:
        return ""
    kinds = "1 character" if len(_lost) == 1 else f"{len(_lost):,} different characters"
    encoding = sys.stdout.encoding.removeprefix("lmkit-")
    return (
        f"Note: {encoding} lacks {kinds} of the output, shown as ?; set PYTHONIOENCODING=utf-8 "
        "for all of them"
    )


def _replace(error: UnicodeError) -> tuple[str, int]:
    """Encoding error handler: return the substitute text and the index at which to continue."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    written = []
    for character in error.object[error.start : error.end]:
        if ord(character) in _BRAILLE:
            shown = " " if ord(character) == _BRAILLE.start else "*"
        else:
            shown = character.translate(_REPLACED)
            if not shown.isascii():
                shown = "?"
                if not 0xDC80 <= ord(character) <= 0xDCFF:  # a surrogate escape
                    _lost.add(character)
        written.append(shown)
    return "".join(written), error.end


def _find_ascii(name: str) -> codecs.CodecInfo | None:
    """Codec search function: return the ASCII codec for the name ``lmkit-ascii``."""
    if name.replace("_", "-") != _ASCII:
        return None
    ascii_codec: Any = codecs.lookup("ascii")
    return codecs.CodecInfo(
        ascii_codec.encode,
        ascii_codec.decode,
        ascii_codec.streamreader,
        ascii_codec.streamwriter,
        ascii_codec.incrementalencoder,
        ascii_codec.incrementaldecoder,
        name=_ASCII,
    )
