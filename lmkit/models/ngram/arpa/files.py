"""ARPA files to models.

An ARPA file holds words, probabilities and backoff weights, but not the normaliser, the sentence
rule, the unit and the context of its model. Their defaults are ``none``, ``line``, ``word`` and
``sentence``. Tokens of other units are written as they are, a space as ``<space>``.
"""

from __future__ import annotations

from pathlib import Path

from lmkit.errors import FormatError
from lmkit.models.ngram.arpa.reader import read_arpa
from lmkit.models.ngram.arpa.writer import SPACE
from lmkit.models.ngram.standalone import StandaloneBackoff
from lmkit.text.units import check_unit, symbol_code, symbol_name
from lmkit.text.vocabulary import SPECIALS, Vocabulary
from lmkit.types import Progress


def load_arpa(
    path: str | Path,
    *,
    name: str | None = None,
    unit: str = "word",
    normalize: str = "none",
    sentences: str = "line",
    context: str = "sentence",
    encoding: str = "utf-8",
    progress: Progress | None = None,
) -> StandaloneBackoff:
    """Return the model of an ARPA file, plain or compressed (gzip, xz, zstandard, bzip2).

    `name` is what messages call it, by default its path. `normalize`, `sentences` and `unit` are
    those of the text that the model was estimated from.
    Raises FormatError, with the line and what is wrong, for a damaged file.
    """
    check_unit(unit)
    name = name or str(path)
    file = read_arpa(path, name=name, encoding=encoding, progress=progress)
    return StandaloneBackoff.of(
        file.tables,
        file.vocabulary if unit == "word" else _symbols(file.vocabulary, unit, name),
        source=Path(name).name,
        sha256=file.sha256,
        unit=unit,
        normalize=normalize,
        sentences=sentences,
        context=context,
    )


def _symbols(words: Vocabulary, unit: str, name: str) -> Vocabulary:
    """Return the vocabulary of an ARPA file whose words are characters or bytes."""
    tokens = [" " if token == SPACE else token for token in words.tokens[len(SPECIALS) :]]
    for token in tokens:
        if not _is_symbol(token, unit):
            raise FormatError(f"{name}: {token!r} is no {unit}; read it with unit=word")
    return Vocabulary(tokens)


def _is_symbol(token: str, unit: str) -> bool:
    if unit == "char":
        return len(token) == 1
    try:
        return symbol_name(symbol_code(token, unit), unit) == token
    except (TypeError, ValueError):
        return False
