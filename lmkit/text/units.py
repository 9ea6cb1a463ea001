"""Units of text: words, characters and bytes, three tokenisations of the same canonical string.

A word ends at a space; under a normaliser that includes ``words``, each Han character and
full-width mark is also a word by itself. A character is a Unicode code point, a byte one of the
text's UTF-8 bytes. In every unit a newline is the sentence end ``</s>``. The line "a é":

    word   a    é    </s>
    char   a    ' '  é       </s>
    byte   a    ' '  <0xC3>  <0xA9>  </s>
"""

from __future__ import annotations

from collections.abc import Iterable

from lmkit.errors import ParameterError, did_you_mean
from lmkit.text.unspaced import space_between
from lmkit.text.vocabulary import EOS

UNITS = ("word", "char", "byte")


def check_unit(unit: str) -> str:
    """Return `unit` if it is one of `UNITS`; raise ParameterError otherwise."""
    if unit not in UNITS:
        raise ParameterError(
            f"unknown unit {unit!r}{did_you_mean(unit, UNITS)}; choose from {', '.join(UNITS)}"
        )
    return unit


def symbol_name(code: int, unit: str) -> str:
    """Return the token of a code point or of a byte value.

    A byte above 127 is written ``<0xE9>``, so that every token is valid text.

    >>> symbol_name(233, "char"), symbol_name(233, "byte"), symbol_name(97, "byte")
    ('é', '<0xE9>', 'a')
    """
    return f"<0x{code:02X}>" if unit == "byte" and code > 127 else chr(code)


def symbol_code(token: str, unit: str) -> int:
    """Return the code of a token: the inverse of :func:`symbol_name`."""
    return int(token[3:5], 16) if unit == "byte" and len(token) > 1 else ord(token)


def join_tokens(tokens: Iterable[str], unit: str, normalize: str = "none") -> str:
    """Return the canonical text of a sequence of tokens, sentence ends as newlines.

    `normalize` determines which words are written without a space between them. Bytes that are not
    valid UTF-8 become the replacement character.

    >>> join_tokens(["the", "cat", "</s>", "a", "dog"], "word")
    'the cat\\na dog'
    >>> join_tokens(["用", "Python", "3", "写"], "word", "words")
    '用Python 3写'
    >>> join_tokens(["a", "<0xC3>", "<0xA9>", "</s>"], "byte")
    'aé\\n'
    """
    if unit == "word":
        return "".join(word_pieces(tokens, normalize))
    if unit == "char":
        return "".join("\n" if token == EOS else token for token in tokens)
    codes = bytes(10 if token == EOS else _byte(token) for token in tokens)
    return codes.decode("utf-8", "replace")


def word_pieces(tokens: Iterable[str], normalize: str) -> Iterable[str]:
    """Yield each word, with the space that separates it from the one before where there is one."""
    before = ""
    for token in tokens:
        if token == EOS:
            yield "\n"
            before = ""
        else:
            yield space_between(before, token, normalize) + token if before else token
            before = token


def _byte(token: str) -> int:
    # <unk>, which is generated only on request, is written as a question mark.
    return symbol_code(token, "byte") if token != "<unk>" else ord("?")
