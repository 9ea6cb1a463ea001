"""Named normalisers: from raw text to the canonical text that every model is scored on.

========  ====================================================================================
name      what it does
========  ====================================================================================
none      nothing: white space is folded, as it always is (NUL, tab, return, space: what KenLM's
          lmplz parts words at; a form feed is a character of its word)
lower     lower case. Loses: case
letters   lower case, and everything but letters becomes a space (The Time Machine's classical
          preparation). Loses: case, digits, punctuation and all other characters but letters
words     NFC; punctuation separated from words; each Han character a word. A word is letters,
          marks, digits and underscores, with apostrophes inside (don't), and full stops or commas
          between digits (3.14, 1,000); any other character is a token by itself, a run of the
          same one together (... ---- ==). Marks, joiners and other format characters belong to
          the word before them (UAX #29, WB4); an emoji sequence or a flag is one word. Loses
          nothing but the positions of spaces, byte order marks, and lone format characters
nfkc      Unicode's compatibility composition (NFKC): full-width letters, ligatures and the like
          become their plain forms. Loses: which of the forms it was
========  ====================================================================================

Under a composition that includes ``words``, the canonical text has no space beside a Han character
or a full-width punctuation mark, whether the source has one there or not (lmkit.text.unspaced).

Normalisers are composed with ``+`` and run from left to right: ``nfkc+lower+words``. None of them
adds or removes a line end. Under the sentence rule ``paragraph``, a line of which nothing is left
(a row of stars, under ``letters``) is a blank line, and ends a paragraph.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from functools import partial, reduce

import numpy as np
from numpy.typing import NDArray

from lmkit.errors import ParameterError, did_you_mean
from lmkit.kernels.characters import (
    DIGIT,
    EXTEND,
    HAN,
    INK,
    LETTER,
    PICTURE,
    SPACE,
    WORD,
    part_words,
)

_CODE_POINTS = 0x110000
_NEWLINE, _SPACE = 10, np.uint32(32)
_CLASSES = (
    (SPACE, r"[\s\u200B]"),  # zero-width space: a boundary of words that is not seen
    (WORD, r"[\p{L}\p{M}\p{N}\p{Prepended_Concatenation_Mark}_--\p{Han}]"),
    (HAN, r"\p{Han}"),
    (LETTER, r"[\p{L}--\p{Han}]"),
    (DIGIT, r"[\p{Nd}--\p{Han}]"),
    (INK, r"[\p{L}\p{M}]"),
    (EXTEND, r"[\p{WB=Extend}\p{WB=Format}\p{WB=ZWJ}\p{M}]"),
    (PICTURE, r"\p{Extended_Pictographic}"),
)
_MARK = "\ufeff"  # a byte order mark: files put together leave it inside a text


def code_points(text: str) -> NDArray[np.uint32]:
    """Return the code points of a text, uint32 (characters,); read-only."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


def text_of(codes: NDArray[np.uint32]) -> str:
    """Return the text with these code points: the inverse of :func:`code_points`."""
    return codes.tobytes().decode("utf-32-le", "surrogatepass")


def character_classes(codes: NDArray[np.uint32]) -> NDArray[np.uint8]:
    """Return the class bits of each code point that occurs in a text, uint8 (0x110000,).

    Unicode's properties are looked up by `regex`, once for each distinct character; entries of
    code points that do not occur are 0.
    """
    import regex

    present = np.zeros(_CODE_POINTS, np.bool_)
    present[codes] = True
    distinct = np.flatnonzero(present).astype(np.uint32)
    alphabet = text_of(distinct)
    table = np.zeros(_CODE_POINTS, np.uint8)
    for bit, pattern in _CLASSES:
        for match in regex.finditer(f"{pattern}+", alphabet, regex.VERSION1):
            table[distinct[match.start() : match.end()]] |= bit
    return table


def _letters(text: str) -> str:
    # Lower case first: that of a final sigma depends on its neighbours.
    codes = code_points(text.lower().replace(_MARK, ""))
    kinds = character_classes(codes)[codes]
    # Each character goes with the one that it extends: itself, or the last that extends none.
    bases = np.maximum.accumulate(np.arange(len(codes)) * (kinds & EXTEND == 0))
    kept = (kinds[bases] & (INK | EXTEND) == INK) | (codes == _NEWLINE)
    return text_of(np.where(kept, codes, _SPACE))


def _words(text: str) -> str:
    codes = code_points(unicodedata.normalize("NFC", text.replace(_MARK, "")))
    return text_of(part_words(codes, character_classes(codes)))


NORMALIZERS: dict[str, Callable[[str], str] | None] = {
    "none": None,
    "lower": str.lower,
    "letters": _letters,
    "words": _words,
    "nfkc": partial(unicodedata.normalize, "NFKC"),
}
_LOSSES = {
    "lower": ("case",),
    "letters": ("case", "digits", "punctuation"),
    "nfkc": ("compatibility forms",),
}


def check_normalizer(name: str) -> str:
    """Return `name` if it is a normaliser or a composition of some; raise ParameterError otherwise.

    >>> check_normalizer("nfkc+letters")
    'nfkc+letters'
    """
    for part in name.split("+"):
        if part not in NORMALIZERS:
            raise ParameterError(
                f"unknown normaliser {part!r}{did_you_mean(part, NORMALIZERS)}; choose from "
                f"{', '.join(NORMALIZERS)}, composed with +"
            )
    return name


def losses(name: str) -> str:
    """Return what a normaliser discards, other than spaces; empty where it discards nothing.

    >>> losses("nfkc+letters")
    'compatibility forms, case, digits, punctuation'
    >>> losses("words")
    ''
    """
    return ", ".join(
        dict.fromkeys(lost for part in name.split("+") for lost in _LOSSES.get(part, ()))
    )


def normalizer(name: str) -> Callable[[str], str] | None:
    """Return the function from text to text of that name; None for ``none``.

    White space is folded, and spaces beside Han characters are removed, only later, when the
    canonical text is made. Raises ParameterError for an unknown name.

    >>> normalizer("words")("He said: \\"don't!\\" (3.14)...")
    'He said : " don\\'t ! " ( 3.14 ) ...'
    >>> normalizer("none") is None
    True
    """
    steps = [NORMALIZERS[part] for part in check_normalizer(name).split("+")]
    functions = [step for step in steps if step is not None]
    if not functions:
        return None
    return lambda text: reduce(lambda part, function: function(part), functions, text)
