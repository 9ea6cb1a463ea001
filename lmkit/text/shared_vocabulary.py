"""Combining the vocabularies of several models, independently of the order of the models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmkit.errors import FormatError
from lmkit.text.vocabulary import SPECIALS, UNK_ID, Vocabulary

KnownTypes = tuple[Vocabulary, Vocabulary | None]
"""A model's vocabulary, and the types of its training text outside it (None where not recorded)."""


Numbering = NDArray[np.int32] | None
"""The permutation from the ids of one vocabulary to another's, int32 (V,); None for identity."""


def largest_counts(known: Sequence[KnownTypes]) -> dict[str, int]:
    """Return the largest count that any of the models has for each type, without the specials.

    Counts are not added: one training text may be a part of another.
    """
    largest: dict[str, int] = {}
    for vocabulary in (each for pair in known for each in pair if each is not None):
        skip = len(SPECIALS)
        counts = vocabulary.counts[skip:].tolist()
        for token, count in zip(vocabulary.tokens[skip:], counts, strict=True):
            largest[token] = max(count, largest.get(token, 0))
    return largest


def literal_unknowns(known: Sequence[KnownTypes]) -> int:
    """Return the largest number of literal ``<unk>`` in the training text of any model."""
    return max((int(dropped.counts[UNK_ID]) for _, dropped in known if dropped is not None))


def shared_vocabulary(known: Sequence[KnownTypes]) -> KnownTypes:
    """Return the common vocabulary of models with the same types, and the types outside it.

    The ids are those of the model whose token bytes sort first. Each type has the largest of its
    counts; the second vocabulary is None where no model records the types it leaves out.
    """
    if all(pair == known[0] for pair in known[1:]):
        return known[0]
    first = min((vocabulary for vocabulary, _ in known), key=lambda each: each.blob.tobytes())
    largest = largest_counts(known)
    specials = np.max([vocabulary.counts[: len(SPECIALS)] for vocabulary, _ in known], axis=0)
    types = first.tokens[len(SPECIALS) :]
    vocabulary = Vocabulary(types, [*specials.tolist(), *(largest.pop(token) for token in types)])
    if all(dropped is None for _, dropped in known):
        return vocabulary, None
    rest = sorted(largest, key=lambda token: (-largest[token], token))
    counts = [literal_unknowns(known), 0, *(largest[token] for token in rest)]
    return vocabulary, Vocabulary(rest, counts)


def joint_vocabulary(
    known: Sequence[tuple[Vocabulary, Vocabulary]],
) -> tuple[Vocabulary, Vocabulary]:
    """Return the union of all types seen in training, by falling count, and the types outside it.

    Models that all have the same two vocabularies get these back; else every type is in the first,
    and the second holds the literal ``<unk>`` alone.
    """
    if all(pair == known[0] for pair in known[1:]):
        return known[0]
    largest = largest_counts(known)
    types = sorted(largest, key=lambda token: (-largest[token], token))
    vocabulary = Vocabulary(types, [0, 0, *(largest[token] for token in types)])
    return vocabulary, Vocabulary([], [literal_unknowns(known), 0])


def numbering(vocabulary: Vocabulary, other: Vocabulary) -> Numbering:
    """Return the id in `other` of each outcome of `vocabulary`, int32 (V,); None for equal ids.

    Raises KeyError, with the type, where only one of them holds a type.

    >>> numbering(Vocabulary(["a", "b"]), Vocabulary(["b", "a"]))
    array([0, 1, 3, 2], dtype=int32)
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
    """Return a numbering that was read from a file, for `size` outcomes.

    Raises FormatError where it is not a permutation, or moves a special token.
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
