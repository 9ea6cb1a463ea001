"""Cutting a stream of ids into training batches, every token once an epoch.

A batch is (T, B): T steps in B lanes. Inputs are the targets shifted by one. Padding, where
there is any, is marked in the targets, never scored and never trained on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lmkit.text.vocabulary import EOS_ID, UNK_ID

Ids = NDArray[np.int32]

IGNORED = -100
"""The target of a padding position: torch's own default for `ignore_index`."""

BLOCK = 8
"""Lanes, and the first stretch of an epoch, are multiples of so many steps long.

The matrix products of a stretch are shared out to threads in blocks of rows; the odd rows of a
stretch of odd length were found to be rounded otherwise with two threads than with one.
"""

FULL_LENGTH, DEVIATION, SHORTEST = 0.95, 5.0, 5
"""Random lengths: how often around the whole length and not its half, the standard deviation, and
the least length (Merity, Keskar & Socher 2018, section 4.1)."""

AFRESH = -1
"""In `Batch.continues`: this lane begins with the initial state."""


@dataclass(frozen=True, slots=True)
class Batch:
    """One truncated stretch of back-propagation."""

    inputs: NDArray[np.int64]  # (T, B)
    targets: NDArray[np.int64]  # (T, B), `IGNORED` where padded
    continues: NDArray[np.int64]  # (B,) which lane's state of the batch before runs on here

    @property
    def tokens(self) -> int:
        """Return how many targets are real."""
        return int(np.count_nonzero(self.targets != IGNORED))


class Batches(Protocol):
    """A source of batches: one epoch after the other."""

    @property
    def tokens(self) -> int:
        """Return how many targets an epoch has."""
        ...

    def epoch(self, rng: np.random.Generator) -> Iterator[Batch]:
        """Yield the batches of the next epoch; each token is a target exactly once."""
        ...


class StreamBatches:
    """B contiguous lanes of one stream, read in stretches of `length` tokens.

    Lane b ends where lane b + 1 begins, so at the end of an epoch the state of lane b runs on
    into lane b + 1: over the epochs the network sees streams as long as the whole text, not
    only a B-th of it, as it will when it scores. The first stretch of an epoch has a random
    length, so that the cuts of back-propagation fall elsewhere each time.
    """

    def __init__(
        self,
        ids: Ids,
        bos: int,
        *,
        lanes: int,
        length: int,
        unk_rate: float = 0.0,
        random_length: bool = False,
    ) -> None:
        self.ids = ids
        self.unk_rate = unk_rate
        self.length = length
        self.random_length = random_length
        self.steps = BLOCK * -(-len(ids) // (lanes * BLOCK))  # tokens a lane
        self.lanes = -(-len(ids) // self.steps)  # no lane is empty
        if self.lanes == 1:
            self.steps = len(ids)
        self.bos = bos

    @property
    def tokens(self) -> int:
        """Return how many targets an epoch has."""
        return len(self.ids)

    def epoch(self, rng: np.random.Generator) -> Iterator[Batch]:
        """Yield stretches of all lanes, from the start of the lanes to their end."""
        ids = hide_rare(self.ids, self.unk_rate, rng)
        shape = (self.lanes, self.steps)
        padding = (0, self.lanes * self.steps - len(ids))  # all of it in the last lane
        inputs = np.pad(np.append(self.bos, ids[:-1]).astype(np.int64), padding)
        targets = np.pad(ids.astype(np.int64), padding, constant_values=IGNORED)
        inputs, targets = inputs.reshape(shape).T, targets.reshape(shape).T
        lanes = np.arange(self.lanes)
        continues = lanes - 1  # the first lane AFRESH, each other where the one before it ended
        start, stop = 0, self._first_stretch(rng)
        while start < self.steps:
            yield Batch(inputs[start:stop], targets[start:stop], continues)
            start, stop, continues = stop, stop + self._stretch(rng), lanes

    def _stretch(self, rng: np.random.Generator) -> int:
        if not self.random_length:
            return self.length
        mean = self.length if rng.random() < FULL_LENGTH else self.length / 2
        return max(SHORTEST, round(rng.normal(mean, DEVIATION)))

    def _first_stretch(self, rng: np.random.Generator) -> int:
        if self.length < 2 * BLOCK:
            return self.length
        return BLOCK * int(rng.integers(1, self.length // BLOCK + 1))


class RandomBatches:
    """Stretches of `length` tokens in random order, each with the initial state before it.

    Where the text is cut is drawn anew each epoch: the first stretch has a random length. The
    input of a stretch begins with the token before it. Nothing is carried from one to the next, so
    that the network never learns to use more than `length` tokens.
    """

    def __init__(
        self, ids: Ids, bos: int, *, lanes: int, length: int, unk_rate: float = 0.0
    ) -> None:
        self.ids = ids
        self.unk_rate = unk_rate
        self.bos = bos
        self.lanes = lanes
        self.length = length

    @property
    def tokens(self) -> int:
        """Return how many targets an epoch has."""
        return len(self.ids)

    def epoch(self, rng: np.random.Generator) -> Iterator[Batch]:
        """Yield batches of `lanes` stretches; the first and the last of the text are padded."""
        ids = hide_rare(self.ids, self.unk_rate, rng)
        before = np.append(self.bos, ids[:-1])
        first = -int(rng.integers(self.length))  # the place where a full first stretch would begin
        starts = rng.permutation(np.arange(first, len(ids), self.length))
        steps = np.arange(self.length)[:, None]
        for at in range(0, len(starts), self.lanes):
            places = starts[at : at + self.lanes] + steps  # (T, B)
            # Of the first stretch, what lies before the text is cut off and made up at its end.
            places = np.where(places[0] < 0, steps, places)
            real = (places < len(ids)) & ~((starts[at : at + self.lanes] < 0) & (
                places >= first + self.length
            ))  # fmt: skip
            places = np.where(real, places, 0)
            inputs = np.where(real, before[places], EOS_ID).astype(np.int64)
            targets = np.where(real, ids[places], IGNORED).astype(np.int64)
            yield Batch(inputs, targets, np.full(places.shape[1], AFRESH))


class SentenceBatches:
    """Whole sentences side by side, each with a state of its own that begins at ``<s>``.

    Sentences of like length share a batch, so that little is padded; which ones, and in which
    order the batches come, changes from epoch to epoch. A batch holds about `lanes` times
    `length` tokens. A sentence longer than `length` is read in stretches, its state running on.
    """

    def __init__(
        self, ids: Ids, bos: int, *, lanes: int, length: int, unk_rate: float = 0.0
    ) -> None:
        self.ids = ids
        self.unk_rate = unk_rate
        self.bos = bos
        self.lanes = lanes
        self.length = length
        self.sentences = Sentences.of(ids)

    @property
    def tokens(self) -> int:
        """Return how many targets an epoch has."""
        return len(self.ids)

    def epoch(self, rng: np.random.Generator) -> Iterator[Batch]:
        """Yield padded batches in random order."""
        ids = hide_rare(self.ids, self.unk_rate, rng)
        by_length = np.lexsort((rng.random(len(self.sentences)), self.sentences.lengths))
        groups = list(self.sentences.groups(by_length, self.lanes, self.length))
        for index in rng.permutation(len(groups)):
            group = groups[index]
            inputs, positions = self.sentences.padded(group, ids, self.bos)
            targets = np.where(positions < 0, IGNORED, ids[positions]).astype(np.int64)
            continues = np.full(len(group), AFRESH)
            for start in range(0, len(inputs), self.length):
                stop = start + self.length
                yield Batch(inputs[start:stop], targets[start:stop], continues)
                continues = np.arange(len(group))


@dataclass(frozen=True, slots=True)
class Sentences:
    """Where the sentences of a stream of ids lie; the last may lack its end."""

    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]

    @classmethod
    def of(cls, ids: Ids) -> Sentences:
        """Return the sentences of `ids`, each up to and with its ``</s>``."""
        return cls.between(np.flatnonzero(ids == EOS_ID) + 1, len(ids))

    @classmethod
    def between(cls, starts: NDArray[np.int64], size: int) -> Sentences:
        """Return the runs of `size` ids that the rising `starts` cut, those without ids left out.

        >>> Sentences.between(np.array([0, 3, 5]), 5)
        Sentences(starts=array([0, 3]), lengths=array([3, 2]))
        """
        edges = np.unique(np.concatenate(([0], starts, [size])))
        return cls(edges[:-1], np.diff(edges))

    def __len__(self) -> int:
        return len(self.starts)

    def span(self, index: int) -> slice:
        """Return where sentence `index` lies in the stream."""
        start = int(self.starts[index])
        return slice(start, start + int(self.lengths[index]))

    def groups(
        self, order: NDArray[np.int64], lanes: int, length: int
    ) -> Iterator[NDArray[np.int64]]:
        """Yield runs of `order`, sentences by rising length, of about lanes x length tokens."""
        start = 0
        lengths = self.lengths[order]
        while start < len(order):
            stop = start + lanes
            # Sentences shorter than a stretch leave room for more lanes.
            while stop < len(order) and (stop + 1 - start) * lengths[stop] <= lanes * length:
                stop += 1
            yield order[start:stop]
            start = stop

    def padded(
        self, rows: NDArray[np.int64], ids: Ids, bos: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return inputs (T, B) that begin with `bos`, and targets' places in `ids`, -1 in padding.

        B is the number of `rows`, T the length of the longest.
        """
        lengths = self.lengths[rows]
        steps = np.arange(lengths.max())[:, None]  # (T, 1)
        positions = np.where(steps < lengths, self.starts[rows] + steps, -1)  # (T, B)
        inputs = np.full(positions.shape, bos, np.int64)
        inputs[1:] = np.where(positions[1:] < 0, EOS_ID, ids[positions[1:] - 1])
        return inputs, positions


def hide_rare(ids: Ids, rate: float, rng: np.random.Generator) -> Ids:
    """Return `ids` with each token of a type seen once made ``<unk>`` with probability `rate`.

    A type seen once would be unknown, had its one token not been there: so the network learns
    where unknown words come, though the training text has none, and learns the type as well.
    """
    if not rate:
        return ids
    seen_once = np.bincount(ids)[ids] == 1  # (N,)
    hidden = seen_once & (ids > EOS_ID) & (rng.random(len(ids)) < rate)
    return np.where(hidden, UNK_ID, ids).astype(ids.dtype)
