"""The standard streams of the process: closed ones, and encodings that lack characters."""

from __future__ import annotations

import codecs
import io
import os
import sys
from typing import Any

_REPLACED = str.maketrans({"─": "-", "–": "-", "┤": "|", "└": "+", "†": "+", "∞": "inf", "α": "a"})
"""What tables and plots are drawn with; other characters are of the user's texts."""
_BRAILLE = range(0x2800, 0x2900)
_HANDLER = "lmkit-replace"
_ASCII = "lmkit-ascii"
_lost: set[str] = set()


def prepare() -> None:
    """Give the process three standard streams that take any text.

    A closed one reads as empty and swallows what is written, and its descriptor is taken, so that
    no file is opened under its number. What an encoding lacks is replaced: rules and plots by ASCII
    characters that look like them, others by ``?``.
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
            # click writes UTF-8 where an encoding is called "ascii"
            stream.reconfigure(encoding=_ASCII if own == "ascii" else own, errors=_HANDLER)


def holds_unicode() -> bool:
    """Return whether the standard output can hold every character."""
    return codecs.lookup(sys.stdout.encoding or "utf-8").name.startswith("utf")


def note_of_losses() -> str:
    """Return a sentence on the characters that were replaced by ``?``; empty if there were none."""
    if not _lost:
        return ""
    kinds = "1 character" if len(_lost) == 1 else f"{len(_lost):,} different characters"
    encoding = sys.stdout.encoding.removeprefix("lmkit-")
    return (
        f"Note: {encoding} lacks {kinds} of the output, shown as ?; set PYTHONIOENCODING=utf-8 "
        "for all of them"
    )


def _replace(error: UnicodeError) -> tuple[str, int]:
    """Return what stands for characters that an encoding lacks, and where encoding goes on."""
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
                if not 0xDC80 <= ord(character) <= 0xDCFF:  # a byte of a file's name
                    _lost.add(character)
        written.append(shown)
    return "".join(written), error.end


def _find_ascii(name: str) -> codecs.CodecInfo | None:
    """Return the codec of ASCII under a name of our own."""
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
