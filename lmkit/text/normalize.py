"""Named normalisers: from raw text to the canonical text that every model is scored on.

========  ====================================================================================
name      what it does
========  ====================================================================================
none      nothing: white space is folded, as it always is
lower     lower case. Loses: case
letters   lower case, and everything but letters becomes a space (The Time Machine's classical
          preparation). Loses: case, digits, punctuation and all other characters but letters
words     NFC; punctuation parted from words; each Han character a word. A word is letters, marks,
          digits and underscores, with apostrophes inside (don't), and full stops or commas
          between digits (3.14, 1,000); any other character stands alone, a run of the same one
          together (... ---- ==). Loses nothing but where spaces stood
nfkc      Unicode's compatibility composition (NFKC): full-width letters, ligatures and such
          become their plain forms. Loses: which of the forms it was
========  ====================================================================================

Under a composition that includes ``words``, Han characters and full-width punctuation marks are
written without spaces: each is a word by itself, and the canonical text has no space beside one,
neither where the source has none nor where it has one. See lmkit.text.unspaced.

They are composed with ``+`` and run from left to right: ``nfkc+lower+words``. None of them adds or
removes a line end, so that sentences stay what they were; under the rule ``paragraph`` a line of
which nothing is left (a row of stars, under ``letters``) is a blank one, and ends a paragraph.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

from lmkit.errors import ParameterError, did_you_mean


def _lower(text: str) -> str:
    return text.lower()


def _letters(text: str) -> str:
    import numpy as np

    from lmkit.kernels.characters import INK
    from lmkit.text import characters

    # The final sigma and others are lower-cased as their word wants it, so lower comes first.
    codes = characters.code_points(text.lower())
    kept = (characters.classes(codes)[codes] & INK != 0) | (codes == 10)
    return characters.text_of(np.where(kept, codes, np.uint32(32)))


def _words(text: str) -> str:
    from lmkit.kernels.characters import part_words
    from lmkit.text import characters

    codes = characters.code_points(unicodedata.normalize("NFC", text))
    return characters.text_of(part_words(codes, characters.classes(codes)))


def _nfkc(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


NORMALIZERS: dict[str, Callable[[str], str] | None] = {
    "none": None,
    "lower": _lower,
    "letters": _letters,
    "words": _words,
    "nfkc": _nfkc,
}
_LOSSES = {
    "lower": ("case",),
    "letters": ("case", "digits", "punctuation"),
    "nfkc": ("compatibility forms",),
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


def losses(name: str) -> str:
    """Return what a normaliser does not keep, spaces aside; empty where it keeps everything.

    >>> losses("nfkc+letters")
    'compatibility forms, case, digits, punctuation'
    >>> losses("words")
    ''
    """
    return ", ".join(
        dict.fromkeys(lost for part in name.split("+") for lost in _LOSSES.get(part, ()))
    )


def normalizer(name: str) -> Callable[[str], str] | None:
    """Return the function from text to text of that name, or None where it changes nothing.

    White space is folded afterwards, when the canonical text is made, and spaces beside Han
    characters go. Raises ParameterError for
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
