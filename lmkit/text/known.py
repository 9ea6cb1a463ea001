"""What several models know of the words of their training texts, whatever order they come in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmkit.errors import FormatError
from lmkit.text.vocabulary import SPECIALS, UNK_ID, Vocabulary

Known = tuple[Vocabulary, Vocabulary | None]
"""A model's vocabulary, and the types of its training text that it leaves out (None: not known)."""


Numbering = NDArray[np.int32] | None
"""The id in another vocabulary of each outcome, (V,); None where all ids are the same."""


def largest_counts(known: Sequence[Known]) -> dict[str, int]:
    """Return the largest count that any of the models has for each type, specials aside.

    Counts of two texts are not added: one text may be a part of the other.
    """
    found: dict[str, int] = {}
    for vocabulary in (each for pair in known for each in pair if each is not None):
        skip = len(SPECIALS)
        counts = vocabulary.counts[skip:].tolist()
        for token, count in zip(vocabulary.tokens[skip:], counts, strict=True):
            found[token] = max(count, found.get(token, 0))
    return found


def literal_unknowns(known: Sequence[Known]) -> int:
    """Return the largest number of literal ``<unk>`` that the training text of one model holds."""
    return max((int(dropped.counts[UNK_ID]) for _, dropped in known if dropped is not None))


def shared_vocabulary(known: Sequence[Known]) -> Known:
    """Return the vocabulary of models that know the same types, and what its texts hold beside.

    The ids are those of one of the models, the same one in whatever order they are given. Each
    type, and each type left out, has the largest of its counts; ``dropped`` is None where no model
    knows what its vocabulary leaves out.
    """
    if all(pair == known[0] for pair in known[1:]):
        return known[0]
    first = min((vocabulary for vocabulary, _ in known), key=lambda each: each.blob.tobytes())
    found = largest_counts(known)
    specials = np.max([vocabulary.counts[: len(SPECIALS)] for vocabulary, _ in known], axis=0)
    types = first.tokens[len(SPECIALS) :]
    vocabulary = Vocabulary(types, [*specials.tolist(), *(found.pop(token) for token in types)])
    if all(dropped is None for _, dropped in known):
        return vocabulary, None
    left = sorted(found, key=lambda token: (-found[token], token))
    counts = [literal_unknowns(known), 0, *(found[token] for token in left)]
    return vocabulary, Vocabulary(left, counts)


def joint_vocabulary(
    known: Sequence[tuple[Vocabulary, Vocabulary]],
) -> tuple[Vocabulary, Vocabulary]:
    """Return all types that any of the models has seen in training, and what none of them keeps.

    Where the models agree it is their vocabulary and what that leaves out; else the second holds
    the literal ``<unk>`` alone.
    """
    if all(pair == known[0] for pair in known[1:]):
        return known[0]
    found = largest_counts(known)
    types = sorted(found, key=lambda token: (-found[token], token))
    vocabulary = Vocabulary(types, [0, 0, *(found[token] for token in types)])
    return vocabulary, Vocabulary([], [literal_unknowns(known), 0])


def numbering(vocabulary: Vocabulary, other: Vocabulary) -> Numbering:
    """Return the id in `other` of each outcome of `vocabulary`, int32 (V,); None for equal ids.

    Raises KeyError, with a type that only one of them holds, where they differ.
    """
    if np.array_equal(vocabulary.offsets, other.offsets) and np.array_equal(
        vocabulary.blob, other.blob
    ):
        return None
    ids = {token: index for index, token in enumerate(other.tokens)}
    numbers = np.array([ids.pop(token) for token in vocabulary.tokens], np.int32)
    for token in ids:
        raise KeyError(token)
    return numbers


def checked_numbering(numbers: NDArray[Any] | None, size: int) -> Numbering:
    """Return a numbering of `size` outcomes as a file holds it.

    Raises FormatError where it does not have each id once, or moves a special token.
    """
    if numbers is None:
        return None
    ids = np.asarray(numbers)
    fixed = np.arange(size)
    if (
        ids.dtype != np.int32
        or ids.shape != fixed.shape
        or not np.array_equal(np.sort(ids), fixed)
        or not np.array_equal(ids[: len(SPECIALS)], fixed[: len(SPECIALS)])
    ):
        raise FormatError("the numbering of a mixed model's words is damaged; mix the models anew")
    return ids
