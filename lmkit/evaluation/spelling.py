"""Spelling: the probability of a word that a vocabulary lacks, letter by letter.

A closed vocabulary calls every word that it lacks ``<unk>``, and pays for that name alone. The
speller completes it: ``p(w|h) = p(<unk>|h) p_spell(w)`` is a distribution over all words there can
be, and with it the totals of word, character and byte models are about the same string.

A speller belongs to a training text and a vocabulary, not to a model: all models that share these
share it, and no model gains by it. That of a mixture is learned from what any of its models knows:
the types in the vocabulary of one, or left out of it, with the largest of their counts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmkit.errors import NotComparableError
from lmkit.models.base import LanguageModel
from lmkit.models.registry import create
from lmkit.text.corpus import Corpus, Text
from lmkit.text.encoding import learn_text
from lmkit.text.vocabulary import BOS, EOS, SPECIALS, UNK, UNK_ID, Vocabulary

ORDER = 5
RARE_SHARE = 0.1  # of the types of the training text, at least, are learned from
_FOLDED = 4  # NUL, tab, line feed, return: no canonical text holds them
_SYMBOLS = {
    "char": 0x110000 - 0x800 - _FOLDED,  # all code points but the surrogates
    "byte": 256 - 13 - _FOLDED,  # 13 byte values never occur in UTF-8
}


@dataclass(frozen=True, eq=False)
class Speller:
    """A distribution over the tokens outside a vocabulary: the probabilities sum to one.

    For words it is a Witten-Bell character model of order 5, the end of the word included, of the
    rarest types of the training text: those that its vocabulary leaves out, and where these are
    fewer than a tenth of all types, the rarest others with them. Each type counts once. A character
    that they do not hold shares the probability of an unknown one with all others of Unicode. What
    the model gives to words of the vocabulary is taken away, and the rest scaled up.

    A literal ``<unk>`` in the training text is a token that is known not to be spelled: with n of
    those, and m tokens left out of the vocabulary, the literal has n / (n + m + 1), and the other
    words share what is left. Where training has none, it is spelled like any word.

    For characters and bytes, all symbols outside the vocabulary are equally likely.

    ``letters`` is the character model, None for characters and bytes. ``unseen`` is the number of
    symbols that neither it nor the vocabulary holds, ``literal`` the probability of a literal
    ``<unk>``, ``rest`` what the character model leaves to words outside the vocabulary.
    ``types`` is how many types it learned from.
    """

    unit: str
    letters: LanguageModel | None
    unseen: int
    literal: float = 0.0
    rest: float = 1.0
    types: int = 0

    def log_probs(self, tokens: Sequence[str]) -> NDArray[np.float64]:
        """Return log p of tokens outside the vocabulary, given that they are: float64 (n,), nats.

        The value for a token of the vocabulary is meaningless.
        """
        if self.letters is None:
            return np.full(len(tokens), -np.log(max(self.unseen, 1)))
        spelled: NDArray[np.float64] = _raw(self.letters, self.unseen, tokens)
        spelled -= np.log(self.rest)
        if self.literal:
            spelled += np.log1p(-self.literal)
            spelled[[token == UNK for token in tokens]] = np.log(self.literal)
        return spelled


def speller_of(model: LanguageModel) -> Speller:
    """Return the distribution over the tokens that a fitted model's vocabulary lacks.

    Raises NotFittedError for a model that has not learned, and NotComparableError for one that does
    not say what it was trained on, as that of an ARPA file; :func:`speller_of_text` takes the
    training text.
    """
    model._require_fit()
    dropped = Vocabulary([]) if model.dropped_ is None else model.dropped_
    return learn_speller(model.unit, model.vocabulary_, dropped)


def learn_speller(unit: str, vocabulary: Vocabulary, dropped: Vocabulary) -> Speller:
    """Return the speller of a vocabulary and the types that it leaves out, both with counts.

    ``dropped.counts[0]`` is how often the training text holds a literal ``<unk>``. Raises
    NotComparableError where the vocabulary has no counts.
    """
    if unit != "word":
        return Speller(unit, None, _SYMBOLS[unit] - (len(vocabulary) - len(SPECIALS)))
    types = _rarest(vocabulary, dropped) or [UNK] * min(1, int(dropped.counts[UNK_ID]))
    if not types:
        raise NotComparableError(
            "words outside the vocabulary cannot be spelled: the model does not say how often its "
            "words occur; give the training text (--train)"
        )
    letters = _letters(types)
    unseen = _SYMBOLS["char"] - 1 - (len(letters.vocabulary_) - len(SPECIALS))  # 1: the space
    literal, left_out = int(dropped.counts[UNK_ID]), int(dropped.counts[len(SPECIALS) :].sum())
    # No word is empty or reserved, and none of these can stand for one outside the vocabulary.
    barred = ["", EOS, BOS, *([UNK] if literal else []), *vocabulary.tokens[len(SPECIALS) :]]
    inside = math.fsum(np.exp(_raw(letters, unseen, barred)))  # whatever the order of the ids
    share = literal / (literal + left_out + 1)
    return Speller(unit, letters, unseen, share, 1 - inside, len(types))


def speller_of_text(unit: str, text: Text, vocabulary: Vocabulary) -> Speller:
    """Return the speller of a vocabulary that comes without counts, as an ARPA file's does.

    `text` is the training text; it goes through its own normaliser.
    """
    learned = learn_text(text, unit).vocabulary
    counted = list(zip(learned.tokens, learned.counts.tolist(), strict=True))[len(SPECIALS) :]
    inside = dict.fromkeys(vocabulary.tokens[len(SPECIALS) :], 0)
    outside: dict[str, int] = {}
    for token, count in counted:
        (inside if token in inside else outside)[token] = count
    literal = int(learned.counts[UNK_ID])
    return learn_speller(
        unit,
        Vocabulary(inside, [0, 0, *inside.values()]),
        Vocabulary(outside, [literal, 0, *outside.values()]),
    )


def _rarest(vocabulary: Vocabulary, dropped: Vocabulary) -> list[str]:
    """Return the types to learn from: those left out, with the rarest others where they are few."""
    skip = len(SPECIALS)
    types, counts = vocabulary.tokens[skip:], vocabulary.counts[skip:]
    rare = list(dropped.tokens[skip:])
    wanted = int(np.ceil(RARE_SHARE * (len(types) + len(rare)))) - len(rare)
    seen = np.sort(counts[counts > 0])
    if wanted <= 0 or not len(seen):
        return rare
    # Whole frequencies: which of the words that are equally rare to take would be arbitrary.
    rarest = (counts > 0) & (counts <= seen[min(wanted, len(seen)) - 1])
    return rare + [types[index] for index in np.flatnonzero(rarest).tolist()]


def _letters(types: Sequence[str]) -> LanguageModel:
    return create(f"witten-bell:order={ORDER},unit=char").fit(_words(types))


def _words(words: Sequence[str]) -> Corpus:
    # One word a line: the end of the line is the end of the word.
    lines = "".join(f"{word}\n" for word in words)
    return Corpus.from_string(lines, normalize="none", sentences="line")


def _raw(letters: LanguageModel, unseen: int, words: Sequence[str]) -> NDArray[np.float64]:
    """Return the log-probability of words as strings, before renormalising, float64 (n,)."""
    # An empty word first: a byte order mark at the very start would be taken for one.
    ledger = letters.score(_words(["", *words]))
    nats = ledger.nats + ledger.oov * np.log(max(unseen, 1))
    totals = np.bincount(ledger.sentence, nats, len(words) + 1).astype(np.float64)
    return -totals[1:]
