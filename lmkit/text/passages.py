"""Hashes of the long sentences of a text, which show whether another text holds the same ones.

A *passage* is a sentence of at least `SHORTEST` bytes of canonical text; shorter ones, such
as ``yes .``, recur in texts that have nothing to do with each other. A sentence of `LONG`
bytes or more is cut into passages at positions that its bytes determine (content-defined chunking:
a cut stands where a hash of the eight bytes before it begins with seven zero bits, one position in
128). So a text without sentence ends has passages too, of about 320 bytes, and they are the same
ones wherever it stands in a longer text, but for the first few.

:class:`Passages` keeps the 64-bit hashes of all different passages of a text, or of a sample where
there are more than :data:`MOST` (1 MiB): those below 2^(64 - level). The same limit applies to any
text that is compared with it, so that a share measured on the sample has no bias. Its standard
error is sqrt(s (1 - s) / n), for a share s of n sampled passages: a test text of 20,000 passages
against a training text of two million, both sampled at 1 in 16, has n = 1,250 and an error of at
most 1.4 percentage points. A new passage meets one of 2^17 hashes by accident with a probability of
2^-47.
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
VERSION = 1  # of the hash and of what a passage is: hashes of another version are not comparable
PARTS = 10  # contiguous parts of a text whose repetitions are measured
_ALL = np.uint64(2**64 - 1)
_NOTHING = np.empty(0, np.uint64)


class Overlap(NamedTuple):
    """How many of a text's different passages another text holds: `seen` of `passages`.

    Both are numbers of the sample where the texts are sampled. `chance` is the share that a text of
    the same kind would have (see :func:`repetition`). Where `partial`, the other text is more than
    what is known of it, and may hold more.
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
        """Whether the share is above what chance gives.

        With b = min(0.5, 2 chance + 0.01), it must be above b, and the probability of as many
        passages if each were held with probability b must be below 0.001. That probability is at
        most exp(-n KL(share, b)), KL being the divergence of two coins (Hoeffding 1963, theorem 1).

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
    """The hashes of a text's different passages, uint64 (P,), rising, those below 2^(64 - level).

    `chance` is the text's own :func:`repetition`; `partial` says that the text is more than what
    was hashed, as where a mixture has a model of unknown training text.
    """

    hashes: NDArray[np.uint64]
    level: int = 0
    chance: float = 0.0
    partial: bool = False

    def at(self, level: int) -> NDArray[np.uint64]:
        """Return the hashes that are left at a level, its own or a higher one."""
        return self.hashes[: np.searchsorted(self.hashes, _limit(level), side="right")]

    def overlap(self, test: Passages) -> Overlap:
        """Return how many passages of a test text this text holds."""
        level = max(self.level, test.level)
        own, others = self.at(level), test.at(level)
        places = np.searchsorted(own, others)
        places[places == len(own)] = 0
        seen = int(np.count_nonzero(own[places] == others)) if len(own) else 0
        return Overlap(seen, len(others), self.chance, self.partial)

    def to_header(self) -> dict[str, Any]:
        """Return what a model file holds beside the hashes, JSON-able."""
        return {
            "version": VERSION,
            "level": self.level,
            "chance": self.chance,
            "partial": self.partial,
        }

    @classmethod
    def from_header(cls, header: Mapping[str, Any], hashes: NDArray[Any]) -> Passages | None:
        """Return what a file holds; None where another version of lmkit hashed otherwise.

        Raises FormatError where the hashes do not fit.
        """
        if header["version"] != VERSION:
            return None
        level, chance = int(header["level"]), float(header["chance"])
        fits = hashes.dtype == np.uint64 and hashes.ndim == 1 and 0 <= level < 64
        if not fits or (hashes[1:] <= hashes[:-1]).any() or not 0 <= chance <= 1:
            raise FormatError("the hashes of its training sentences do not fit; fit it again")
        return cls(hashes, level, chance, bool(header["partial"]))


def union(known: Sequence[Passages | None]) -> Passages | None:
    """Return the passages of several texts together, partial where some are None; None if all are.

    A text of which one part is known holds at least the passages of that part.
    """
    parts = [one for one in known if one is not None]
    if not parts:
        return None
    level = max(one.level for one in parts)
    hashes = _different(np.concatenate([one.at(level) for one in parts]))
    while len(hashes) > MOST:
        level += 1
        hashes = hashes[hashes <= _limit(level)]
    chance = max(one.chance for one in parts)
    partial = len(parts) < len(known) or any(one.partial for one in parts)
    return Passages(hashes, level, chance, partial)


class PassageSink:
    """Takes a canonical text chunk by chunk, and hashes its passages."""

    def __init__(self) -> None:
        self._level = 0
        self._found = _NOTHING  # in the order of the text
        self._size = 0
        self._open = np.empty(0, np.uint8)  # the passage that has not ended

    def add(self, piece: NDArray[np.uint8], /) -> None:
        """Take a further chunk of UTF-8 bytes."""
        text = np.concatenate([self._open, piece]) if len(self._open) else piece
        most = len(text) // SHORTEST + 1
        if self._size + most > len(self._found):
            self._make_room(most)
        room = self._found[self._size :]
        found, begin = hash_passages(text, self._level, room)
        self._size += found
        self._open = text[begin:].copy()

    def _make_room(self, most: int) -> None:
        """Make room for more hashes; raise the level where there are too many."""
        kept = self._thinned()
        self._found = np.empty(max(2 * len(kept), 1 << 12) + most, np.uint64)
        self._found[: len(kept)] = kept
        self._size = len(kept)

    def _thinned(self) -> NDArray[np.uint64]:
        """Return the hashes at the lowest level that leaves few enough; it becomes the sink's."""
        kept = self._found[: self._size]
        while len(kept) > MOST:
            self._level += 1
            kept = kept[kept <= _limit(self._level)]
        return kept

    def result(self, *, repeats: bool = False) -> Passages:
        """Return the passages of the whole text; with `repeats`, its own repetition as well."""
        if len(self._open):
            self.add(np.array([10], np.uint8))  # the text's end is a passage's
        found = self._thinned()
        return Passages(_different(found), self._level, repetition(found) if repeats else 0.0)


def repetition(hashes: NDArray[np.uint64]) -> float:
    """Return what share of the different passages in a tenth of a text stands in its other tenths.

    `hashes` are in the order of the text. It is the median of the ten contiguous tenths: what a
    held-out part of the text would show by chance, refrains and boilerplate included, and one tenth
    that is copied from elsewhere changes little.

    >>> text = np.random.default_rng(1).integers(2**64, size=100, dtype=np.uint64)
    >>> text[::10] = text[0]  # a refrain, once in each tenth, beside nine other passages
    >>> repetition(text)
    0.1
    """
    tenth = (np.arange(len(hashes)) * PARTS // max(1, len(hashes))).astype(np.uint64)
    low = np.uint64(15)  # four bits of a hash give way to the tenth: one sort brings both in order
    pairs = _different(hashes & ~low | tenth)
    new = np.ones(len(pairs), np.bool_)
    new[1:] = pairs[1:] >> np.uint64(4) != pairs[:-1] >> np.uint64(4)
    number = np.cumsum(new) - 1
    alone = np.bincount(number)[number] == 1  # passages that one tenth holds
    here = (pairs & low).astype(np.int64)
    different, repeated = np.bincount(here, minlength=PARTS), np.bincount(here, ~alone, PARTS)
    some = different > 0
    return float(np.median(repeated[some] / different[some])) if some.any() else 0.0


def _different(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return the different ones of some numbers, rising: sorted, where np.unique hashes them."""
    rising = np.sort(values)
    new = np.ones(len(rising), np.bool_)
    np.not_equal(rising[1:], rising[:-1], out=new[1:])
    return rising[new]


def _limit(level: int) -> np.uint64:
    return np.uint64(_ALL >> np.uint64(level))
