"""Texts given in memory: sentences, or lists of tokens, one after the other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from pathlib import Path
from typing import Any

from lmkit.errors import CorpusError, shown

_REMEDY = (
    "give a Corpus, a Text, the name of a file, a folder or a catalogue corpus, or a list of "
    "sentences"
)


def joined(where: Any) -> tuple[str, bool]:
    """Return sentences as one text, each with a line end, and whether they are lists of tokens.

    `where` is a list, a series, an array, an open text file or an iterator, of strings or of lists
    of tokens. Lists of tokens are joined by single spaces.

    Raises CorpusError for anything else, naming the item.

    >>> joined(["a b", "c"])
    ('a b\\nc\\n', False)
    >>> joined([["a", "b"], ["c"]])
    ('a b\\nc\\n', True)
    """
    if hasattr(where, "columns"):
        raise CorpusError(f"a {type(where).__name__} is no text; give its column of sentences")
    if isinstance(where, (bytes, bytearray)):
        raise CorpusError(f"{shown(where)} is no text; decode it first")
    if isinstance(where, (Mapping, Set)) or not isinstance(where, Iterable):
        raise CorpusError(f"{shown(where)} is no text; {_REMEDY}")
    items = list(where)
    if not items:
        raise CorpusError("an empty list of sentences; give at least one")
    if all(isinstance(item, Path) or _is_file(item) for item in items):
        raise CorpusError(
            f"a list of files ({items[0]}); open them by the name of their folder, or by a pattern "
            "such as 'folder/*.txt'"
        )
    tokens = not isinstance(items[0], str)
    lines = [_line(item, index, tokens=tokens) for index, item in enumerate(items)]
    return "".join(f"{line}\n" for line in lines), tokens


def _is_file(item: Any) -> bool:
    try:
        return isinstance(item, str) and Path(item).is_file()
    except (OSError, ValueError):  # too long for a name, or a NUL in it
        return False


def _line(item: Any, index: int, *, tokens: bool) -> str:
    """Return a sentence as a line without its end. Raises CorpusError for no sentence."""
    if not tokens and isinstance(item, str):
        return item.rstrip("\r\n")
    if not tokens or isinstance(item, (str, bytes, Mapping, Set)) or not isinstance(item, Iterable):
        kind = "a list of tokens" if tokens and index else "a sentence"
        raise CorpusError(f"item {index} is {shown(item)}, not {kind}; leave it out")
    words = list(item)
    for word in words:
        if not isinstance(word, str) or not word or word.split() != [word]:
            raise CorpusError(
                f"item {index} has the token {shown(word)}; tokens are strings without white space"
            )
    return " ".join(words)
