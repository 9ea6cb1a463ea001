"""Hashes of the long sentences of a text, to detect sentences that two texts share.

A *passage* is a sentence of at least `SHORTEST` bytes of canonical text; shorter ones, such as
``yes .``, recur in unrelated texts. A sentence of `LONG` bytes or more is cut into passages by
content-defined chunking: there is a cut wherever a hash of the preceding eight bytes begins with
seven zero bits, at one position in 128. So a text without sentence ends has passages too, of about
320 bytes, and a copy of it within another text has the same ones, except for the first few.

:class:`Passages` keeps the 64-bit hashes of all distinct passages of a text, or of a sample where
there are more than :data:`MOST` (1 MiB): the hashes below 2^(64 - level), one in 2^level. Any text
that is compared with it is sampled by the same limit, so that the share measured on the sample is
unbiased. The standard error of a share s of n sampled passages is sqrt(s (1 - s) / n): a test text
of 20,000 passages and a training text of two million, both sampled at 1 in 16, give n = 1,250 and
an error of at most 1.4 percentage points. A new passage collides with one of 2^17 hashes with
probability 2^-47.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmkit.errors import FormatError
from lmkit.kernels.passages import SHORTEST, hash_passages

MOST = 1 << 17  # hashes that are kept
VERSION = 1  # of hash and passage definition: hashes of different versions are not comparable
PARTS = 10  # contiguous parts of a text between which repetition is measured
_LARGEST_HASH = np.uint64(2**64 - 1)
_NO_HASHES = np.empty(0, np.uint64)


class Overlap(NamedTuple):
    """How many of a text's distinct passages another text holds: `seen` of `passages`.

    Both count sampled passages where the texts are sampled. `chance` is the share expected of an
    independent text of the same kind (see :func:`repetition`). With `partial`, not all of the other
    text was hashed, and `seen` is a lower bound.
    """

    seen: int
    passages: int
    chance: float
    partial: bool = False

    @property
    def share(self) -> float | None:
        """The share of the passages that the other text holds; None for a text without passages."""
        return self.seen / self.passages if self.passages else None

    @property
    def copied(self) -> bool:
        """Whether the share is significantly above chance, which suggests copied text.

        The null hypothesis is that each of the n passages is seen with probability at most
        b = min(0.5, 2 chance + 0.01). It is rejected where share > b and the tail probability is
        below 0.001, bounded by exp(-n KL(share, b)) with the divergence of two Bernoulli variables
        KL(s, b) = s ln(s/b) + (1-s) ln((1-s)/(1-b)) (Hoeffding 1963, theorem 1).

        >>> [Overlap(seen, 1000, 0.005).copied for seen in (10, 30, 50)]
        [False, False, True]
        """
        share, limit = self.share, min(0.5, 2 * self.chance + 0.01)
        if share is None or share <= limit:
            return False
        divergence = share * math.log(share / limit)
        if share < 1:
            divergence += (1 - share) * math.log((1 - share) / (1 - limit))
        return self.passages * divergence > math.log(1000)


@dataclass(frozen=True, eq=False)
class Passages:
    """The rising hashes of a text's distinct passages, uint64 (P,), those below 2^(64 - level).

    `chance` is the text's own :func:`repetition`; `partial` says that only a part of the text was
    hashed, as for a mixture one of whose models has an unknown training text.
    """

    hashes: NDArray[np.uint64]
    level: int = 0
    chance: float = 0.0
    partial: bool = False

    def at(self, level: int) -> NDArray[np.uint64]:
        """Return the hashes of the sample at a level, its own or a higher one."""
        return self.hashes[: np.searchsorted(self.hashes, _limit(level), side="right")]

    def overlap(self, test: Passages) -> Overlap:
        """Return how many passages of a test text this text holds."""
        level = max(self.level, test.level)
        own, others = self.at(level), test.at(level)
        indices = np.searchsorted(own, others)
        indices[indices == len(own)] = 0
        seen = int(np.count_nonzero(own[indices] == others)) if len(own) else 0
        return Overlap(seen, len(others), self.chance, self.partial)

    def to_header(self) -> dict[str, Any]:
        """Return the fields other than the hashes, as a model file's header holds them."""
        return {
            "version": VERSION,
            "level": self.level,
            "chance": self.chance,
            "partial": self.partial,
        }

    @classmethod
    def from_header(cls, header: Mapping[str, Any], hashes: NDArray[Any]) -> Passages | None:
        """Return the passages that a file holds; None where their `VERSION` is another.

        Raises FormatError where header or hashes are invalid.
        """
        if header["version"] != VERSION:
            return None
        level, chance = int(header["level"]), float(header["chance"])
        fits = hashes.dtype == np.uint64 and hashes.ndim == 1 and 0 <= level < 64
        if not fits or (hashes[1:] <= hashes[:-1]).any() or not 0 <= chance <= 1:
            raise FormatError("the hashes of its training sentences do not fit; fit it again")
        return cls(hashes, level, chance, bool(header["partial"]))


def union(known: Sequence[Passages | None]) -> Passages | None:
    """Return the passages of several texts together; partial where some, None if all are None."""
    parts = [one for one in known if one is not None]
    if not parts:
        return None
    level = max(one.level for one in parts)
    hashes = _distinct(np.concatenate([one.at(level) for one in parts]))
    while len(hashes) > MOST:
        level += 1
        hashes = hashes[hashes <= _limit(level)]
    chance = max(one.chance for one in parts)
    partial = len(parts) < len(known) or any(one.partial for one in parts)
    return Passages(hashes, level, chance, partial)


class PassageSink:
    """Hashes the passages of a canonical text that arrives in chunks."""

    def __init__(self) -> None:
        self._level = 0
        self._buffer = _NO_HASHES  # filled in the order of the text
        self._size = 0
        self._open = np.empty(0, np.uint8)  # the passage that has not ended

    def add(self, piece: NDArray[np.uint8], /) -> None:
        """Hash the next chunk of UTF-8 bytes."""
        text = np.concatenate([self._open, piece]) if len(self._open) else piece
        most = len(text) // SHORTEST + 1
        if self._size + most > len(self._buffer):
            self._reserve(most)
        hashed, begin = hash_passages(text, self._level, self._buffer[self._size :])
        self._size += hashed
        self._open = text[begin:].copy()

    def _reserve(self, most: int) -> None:
        """Enlarge the buffer for `most` more hashes, subsampling first where there are too many."""
        kept = self._subsampled()
        self._buffer = np.empty(max(2 * len(kept), 1 << 12) + most, np.uint64)
        self._buffer[: len(kept)] = kept
        self._size = len(kept)

    def _subsampled(self) -> NDArray[np.uint64]:
        """Raise the level until at most `MOST` hashes are left, and return these."""
        kept = self._buffer[: self._size]
        while len(kept) > MOST:
            self._level += 1
            kept = kept[kept <= _limit(self._level)]
        return kept

    def result(self, *, repeats: bool = False) -> Passages:
        """Return the passages of the whole text; with `repeats`, measure its repetition as well."""
        if len(self._open):
            self.add(np.array([10], np.uint8))  # the end of the text ends the last passage
        hashes = self._subsampled()
        return Passages(_distinct(hashes), self._level, repetition(hashes) if repeats else 0.0)


def repetition(hashes: NDArray[np.uint64]) -> float:
    """Return the share of the distinct passages of one tenth of a text that occur in the others.

    `hashes` are in the order of the text. The result is the median over the ten contiguous tenths:
    the share that a held-out part of the text would have by chance, refrains and boilerplate
    included; a single copied tenth hardly changes it.

    >>> text = np.random.default_rng(1).integers(2**64, size=100, dtype=np.uint64)
    >>> text[::10] = text[0]  # a refrain, once in each tenth, beside nine other passages
    >>> repetition(text)
    0.1
    """
    tenth = (np.arange(len(hashes)) * PARTS // max(1, len(hashes))).astype(np.uint64)
    low = np.uint64(15)  # the tenth replaces the low four bits of a hash: one sort orders by both
    pairs = _distinct(hashes & ~low | tenth)
    new = np.ones(len(pairs), np.bool_)  # whether a pair is the first of its passage
    new[1:] = pairs[1:] >> np.uint64(4) != pairs[:-1] >> np.uint64(4)
    passage = np.cumsum(new) - 1
    unique = np.bincount(passage)[passage] == 1  # passages that occur in one tenth only
    tenth_of = (pairs & low).astype(np.int64)
    distinct = np.bincount(tenth_of, minlength=PARTS)
    repeated = np.bincount(tenth_of, ~unique, PARTS)
    some = distinct > 0
    return float(np.median(repeated[some] / distinct[some])) if some.any() else 0.0


def _distinct(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return the distinct values, rising; np.unique, which hashes them, is slower here."""
    rising = np.sort(values)
    new = np.ones(len(rising), np.bool_)
    np.not_equal(rising[1:], rising[:-1], out=new[1:])
    return rising[new]


def _limit(level: int) -> np.uint64:
    return np.uint64(_LARGEST_HASH >> np.uint64(level))
