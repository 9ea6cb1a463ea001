"""Named normalisers: from raw text to the canonical text that every model is scored on.

========  ====================================================================================
name      what it does
========  ====================================================================================
none      nothing: white space is folded, as it always is
lower     lower case
letters   lower case, and everything but letters becomes a space (The Time Machine's classical
          preparation)
words     NFC; punctuation parted from words; each Han character a word
nfkc      Unicode's compatibility composition (NFKC): full-width letters, ligatures and such
          become their plain forms
========  ====================================================================================

They are composed with ``+`` and run from left to right: ``nfkc+lower+words``. None of them adds or
removes a line end, so that sentences stay what they were.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import cache

from lmkit.errors import ParameterError, did_you_mean

# A word: letters, marks, digits and underscores, with apostrophes inside (don't), and full stops
# or commas between digits (3.14, 1,000). Any other character stands alone, a run of the same
# one together (... ---- ==).
_WORDS = r"""
    \p{Han}
  | [\p{L}\p{M}\p{N}_--\p{Han}]+
    (?: (?: ['’] (?=[\p{L}--\p{Han}]) | (?<=\p{Nd}) [.,] (?=\p{Nd}) )
        [\p{L}\p{M}\p{N}_--\p{Han}]+
    )*
  | ([^\s\p{L}\p{M}\p{N}_]) \1*
"""


def _lower(text: str) -> str:
    return text.lower()


def _letters(text: str) -> str:
    # A mark belongs to its letter (combining accents, vowel signs); the final sigma and others
    # are lower-cased in their word, so lower comes first.
    return _not_letters().sub(" ", text.lower())


def _words(text: str) -> str:
    lines = unicodedata.normalize("NFC", text).split("\n")
    find = _word().finditer
    # White space before the first word stays: it may part it from the block before.
    return "\n".join(
        " " * line[:1].isspace() + " ".join([match[0] for match in find(line)]) for line in lines
    )


def _nfkc(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


@cache
def _not_letters() -> re.Pattern[str]:
    import regex

    pattern: re.Pattern[str] = regex.compile(r"[^\p{L}\p{M}\n]+")
    return pattern


@cache
def _word() -> re.Pattern[str]:
    import regex

    pattern: re.Pattern[str] = regex.compile(_WORDS, regex.VERBOSE | regex.VERSION1)
    return pattern


NORMALIZERS: dict[str, Callable[[str], str] | None] = {
    "none": None,
    "lower": _lower,
    "letters": _letters,
    "words": _words,
    "nfkc": _nfkc,
}


def check_normalizer(name: str) -> str:
    """Return the name if it is a normaliser or a composition of some; ParameterError otherwise.

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


def normalizer(name: str) -> Callable[[str], str] | None:
    """Return the function from text to text of that name, or None where it changes nothing.

    White space is folded afterwards, when the canonical text is made. Raises ParameterError for
    an unknown name.

    >>> normalizer("words")("He said: \\"don't!\\" (3.14)...")
    'He said : " don\\'t ! " ( 3.14 ) ...'
    >>> normalizer("none") is None
    True
    """
    steps = [NORMALIZERS[part] for part in check_normalizer(name).split("+")]
    functions = [step for step in steps if step is not None]
    if not functions:
        return None

    def run(text: str) -> str:
        for function in functions:
            text = function(text)
        return text

    return run
