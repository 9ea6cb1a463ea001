"""The units in which one canonical text can be read: words, characters, bytes.

All three are views over the same string. A word is what stands between single spaces, and, under a
normaliser that includes ``words``, each Han character and full-width mark by itself; a character is
a Unicode code point; a byte is one of the text's UTF-8 bytes. A line end is the sentence end
``</s>`` in each of them.
"""

from __future__ import annotations

from collections.abc import Iterable

from lmkit.errors import ParameterError, did_you_mean
from lmkit.text.unspaced import space_between
from lmkit.text.vocabulary import EOS

UNITS = ("word", "char", "byte")


def check_unit(unit: str) -> str:
    """Return `unit` if there is one of that name; ParameterError otherwise."""
    if unit not in UNITS:
        raise ParameterError(
            f"unknown unit {unit!r}{did_you_mean(unit, UNITS)}; choose from {', '.join(UNITS)}"
        )
    return unit


def symbol_name(code: int, unit: str) -> str:
    """Return the token that stands for a character's code point or for a byte's value.

    A byte beyond ASCII is named as ``<0xE9>``, so that every token is valid text.

    >>> symbol_name(233, "char"), symbol_name(233, "byte"), symbol_name(97, "byte")
    ('é', '<0xE9>', 'a')
    """
    return f"<0x{code:02X}>" if unit == "byte" and code > 127 else chr(code)


def symbol_code(token: str, unit: str) -> int:
    """Return the code that :func:`symbol_name` named."""
    return int(token[3:5], 16) if unit == "byte" and len(token) > 1 else ord(token)


def join_tokens(tokens: Iterable[str], unit: str, normalize: str = "none") -> str:
    """Return the text that a run of tokens spells, sentence ends as line ends.

    It is the canonical text that was split into them; `normalize` says which words of it no space
    parts. Bytes that make no valid UTF-8 come out as the replacement character.

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
    """Yield each word with the space that parts it from the one before, if one does."""
    before = ""
    for token in tokens:
        if token == EOS:
            yield "\n"
            before = ""
        else:
            yield space_between(before, token, normalize) + token if before else token
            before = token


def _byte(token: str) -> int:
    # <unk> can only be drawn where it was asked for; as a byte it is a question mark.
    return symbol_code(token, "byte") if token != "<unk>" else ord("?")
