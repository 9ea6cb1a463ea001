"""Why does one model beat another? The difference in bits, split exactly."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """One part of a text, and what two models paid for it.

    ``label`` names the part; ``items`` is how many words and sentence ends it holds; ``bits_a``
    and ``bits_b`` are the bits that each model paid there.
    """

    label: str
    items: int
    bits_a: float
    bits_b: float

    @property
    def difference(self) -> float:
        """Bits of `a` minus bits of `b`: negative where `a` is better."""
        return self.bits_a - self.bits_b


@dataclass(frozen=True)
class Split:
    """A text cut into parts by one property: the parts hold each word and sentence end once.

    ``by`` is ``frequency`` (how often training has the word: 0, 1, 2-4, 5-9, 10-99, 100-999,
    1000+, and the sentence ends), ``kind`` (known words, unknown words, sentence ends),
    ``position`` (the place in the sentence) or ``order`` (the n-gram order that matched in `a`).
    """

    by: str
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class SentenceDifference:
    """A sentence on which two models differ: ``number`` from 0, its ``text``, and its bits."""

    number: int
    text: str
    bits_a: float
    bits_b: float

    @property
    def difference(self) -> float:
        """Bits of `a` minus bits of `b`: negative where `a` is better."""
        return self.bits_a - self.bits_b


@dataclass(frozen=True)
class TokenDifference:
    """A word type on which two models differ, over its ``count`` occurrences in the text."""

    token: str
    count: int
    bits_a: float
    bits_b: float

    @property
    def difference(self) -> float:
        """Bits of `a` minus bits of `b`: negative where `a` is better."""
        return self.bits_a - self.bits_b


@dataclass(frozen=True)
class Decomposition:
    """The difference of two models on one text, in bits, by several properties.

    ``a`` and ``b`` are places in the ranking; ``bits_a`` and ``bits_b`` the totals, which the
    parts of every split sum to. ``sentences_a`` are those where `a` gains most over `b`, the
    largest gain first, ``sentences_b`` the reverse; ``tokens_a`` and ``tokens_b`` likewise.
    """

    a: int
    b: int
    bits_a: float
    bits_b: float
    splits: tuple[Split, ...]
    sentences_a: tuple[SentenceDifference, ...]
    sentences_b: tuple[SentenceDifference, ...]
    tokens_a: tuple[TokenDifference, ...]
    tokens_b: tuple[TokenDifference, ...]
