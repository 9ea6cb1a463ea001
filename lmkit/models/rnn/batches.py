"""Cutting a stream of ids into training batches, every token once an epoch.

A batch is (T, B): T time steps in B lanes, streams that are read in parallel. The inputs are the
targets shifted by one. Padding is marked in the targets and never trained on. The stream 2 3 4 5,
in two lanes and one stretch, ``<s>`` being 9, gives inputs [[9, 3], [2, 4]] and targets
[[2, 4], [3, 5]]: lane 0 is the first column.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmkit.models.rnn.options import Settings
from lmkit.text.vocabulary import EOS_ID, UNK_ID
from lmkit.types import Ids

IGNORED = -100
"""The target of a padding position: torch's own default for `ignore_index`."""

BLOCK = 8
"""The length of a lane, and of the first stretch of an epoch, is a multiple of so many steps.

Threads share the matrix products of a stretch in blocks of rows; with other lengths, the remaining
rows were measured to be rounded differently by two threads than by one.
"""

FULL_LENGTH, DEVIATION, SHORTEST = 0.95, 5.0, 5
"""Random lengths: the probability of the mean `length` rather than half of it, the standard
deviation, and the least length (Merity, Keskar & Socher 2018, section 4.1)."""

RESET = -1
"""In `Batch.continues`: the lane begins with the initial state."""


@dataclass(frozen=True, slots=True)
class Batch:
    """One stretch of truncated back-propagation."""

    inputs: NDArray[np.int64]  # (T, B)
    targets: NDArray[np.int64]  # (T, B), `IGNORED` where padded
    continues: NDArray[np.int64]  # (B,) the lane of the previous batch whose state goes on here

    @property
    def tokens(self) -> int:
        """The number of targets that are not padding."""
        return int(np.count_nonzero(self.targets != IGNORED))


class Batches(ABC):
    """A source of batches, one epoch after the other.

    `ids` (N,) are the text, `bos` the id of ``<s>``, `lanes` and `length` the size of a batch.
    `unk_rate` is the probability with which types seen once are read as ``<unk>`` in an epoch.
    """

    def __init__(
        self, ids: Ids, bos: int, *, lanes: int, length: int, unk_rate: float = 0.0
    ) -> None:
        self.ids = ids
        self.bos = bos
        self.lanes = lanes
        self.length = length
        self.unk_rate = unk_rate

    @property
    def tokens(self) -> int:
        """The number of targets of an epoch."""
        return len(self.ids)

    @abstractmethod
    def epoch(self, rng: np.random.Generator) -> Iterator[Batch]:
        """Yield the batches of the next epoch; each token is a target exactly once."""


class StreamBatches(Batches):
    """B contiguous lanes of one stream, read in stretches of `length` tokens.

    Lane b ends where lane b + 1 begins, so after an epoch the state of lane b goes on in lane
    b + 1: over the epochs the network is trained on streams as long as the whole text, not only a
    B-th of it, like those it will score. The first stretch of an epoch has a random length, so that
    the boundaries of back-propagation differ from epoch to epoch. `random_length` varies all.
    """

    def __init__(
        self, ids: Ids, bos: int, *, lanes: int, random_length: bool = False, **options: Any
    ) -> None:
        steps = BLOCK * -(-len(ids) // (lanes * BLOCK))  # of a lane
        lanes = -(-len(ids) // steps)  # so that no lane is empty
        super().__init__(ids, bos, lanes=lanes, **options)
        self.steps = steps if lanes > 1 else len(ids)
        self.random_length = random_length

    def epoch(self, rng: np.random.Generator) -> Iterator[Batch]:
        """Yield the stretches of all lanes from their first step to their last."""
        ids = hide_rare(self.ids, self.unk_rate, rng)
        shape = (self.lanes, self.steps)
        padding = (0, self.lanes * self.steps - len(ids))  # in the last lane
        inputs = np.pad(np.append(self.bos, ids[:-1]).astype(np.int64), padding)
        targets = np.pad(ids.astype(np.int64), padding, constant_values=IGNORED)
        inputs, targets = inputs.reshape(shape).T, targets.reshape(shape).T  # (T, B)
        lanes = np.arange(self.lanes)
        continues = lanes - 1  # lane 0 is RESET, each other continues the one before
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


class RandomBatches(Batches):
    """Stretches of `length` tokens in random order, each from the initial state.

    The boundaries are drawn anew each epoch: the first stretch has a random length. The first input
    of a stretch is the token before it. No state goes on to another stretch, so the network never
    learns to use more than `length` tokens.
    """

    def epoch(self, rng: np.random.Generator) -> Iterator[Batch]:
        """Yield batches of `lanes` stretches; the first and the last of the text are padded."""
        ids = hide_rare(self.ids, self.unk_rate, rng)
        before = np.append(self.bos, ids[:-1])
        first = -int(rng.integers(self.length))  # the start of the first stretch, if it were full
        starts = rng.permutation(np.arange(first, len(ids), self.length))
        steps = np.arange(self.length)[:, None]  # (T, 1)
        for index in range(0, len(starts), self.lanes):
            chosen = starts[index : index + self.lanes]  # (B,)
            positions = chosen + steps  # (T, B)
            # The first stretch loses what lies before the text and is padded at its end instead.
            positions = np.where(positions[0] < 0, steps, positions)
            beyond = (chosen < 0) & (positions >= first + self.length)
            real = (positions < len(ids)) & ~beyond
            positions = np.where(real, positions, 0)
            inputs = np.where(real, before[positions], EOS_ID).astype(np.int64)
            targets = np.where(real, ids[positions], IGNORED).astype(np.int64)
            yield Batch(inputs, targets, np.full(positions.shape[1], RESET))


class SentenceBatches(Batches):
    """Whole sentences in parallel, each with a state of its own that begins at ``<s>``.

    Sentences of similar length share a batch, so that there is little padding; which ones do, and
    the order of the batches, change from epoch to epoch. A batch has about `lanes` times `length`
    tokens. A sentence longer than `length` is read in stretches with one state.
    """

    def __init__(self, ids: Ids, bos: int, **options: Any) -> None:
        super().__init__(ids, bos, **options)
        self.sentences = Sentences.of(ids)

    def epoch(self, rng: np.random.Generator) -> Iterator[Batch]:
        """Yield padded batches in random order."""
        ids = hide_rare(self.ids, self.unk_rate, rng)
        by_length = np.lexsort((rng.random(len(self.sentences)), self.sentences.lengths))
        groups = list(self.sentences.groups(by_length, self.lanes, self.length))
        for index in rng.permutation(len(groups)):
            group = groups[index]
            inputs, positions = self.sentences.padded(group, ids, self.bos)
            targets = np.where(positions < 0, IGNORED, ids[positions]).astype(np.int64)
            continues = np.full(len(group), RESET)
            for start in range(0, len(inputs), self.length):
                stop = start + self.length
                yield Batch(inputs[start:stop], targets[start:stop], continues)
                continues = np.arange(len(group))


@dataclass(frozen=True, slots=True)
class Sentences:
    """The sentences of a stream of ids; the last may lack its ``</s>``."""

    starts: NDArray[np.int64]  # (S,) positions in the stream
    lengths: NDArray[np.int64]  # (S,) with the ``</s>``

    @classmethod
    def of(cls, ids: Ids) -> Sentences:
        """Return the sentences of `ids`, each up to its ``</s>``.

        >>> Sentences.of(np.array([5, 6, 1, 7], np.int32))
        Sentences(starts=array([0, 3]), lengths=array([3, 1]))
        """
        return cls.between(np.flatnonzero(ids == EOS_ID) + 1, len(ids))

    @classmethod
    def between(cls, starts: NDArray[np.int64], size: int) -> Sentences:
        """Return the runs into which `starts`, in rising order, split `size` ids; none is empty.

        >>> Sentences.between(np.array([0, 3, 5]), 5)
        Sentences(starts=array([0, 3]), lengths=array([3, 2]))
        """
        edges = np.unique(np.concatenate(([0], starts, [size])))
        return cls(edges[:-1], np.diff(edges))

    def __len__(self) -> int:
        return len(self.starts)

    def span(self, index: int) -> slice:
        """Return the positions of sentence `index` in the stream."""
        start = int(self.starts[index])
        return slice(start, start + int(self.lengths[index]))

    def groups(
        self, order: NDArray[np.int64], lanes: int, length: int
    ) -> Iterator[NDArray[np.int64]]:
        """Yield slices of `order`, sentences by length, of about lanes x length tokens each."""
        start = 0
        lengths = self.lengths[order]
        while start < len(order):
            stop = start + lanes
            # Where sentences are shorter than a stretch, there is room for more of them.
            while stop < len(order) and (stop + 1 - start) * lengths[stop] <= lanes * length:
                stop += 1
            yield order[start:stop]
            start = stop

    def padded(
        self, rows: NDArray[np.int64], ids: Ids, bos: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the inputs (T, B) of the sentences `rows` (B,), and their targets' positions.

        Inputs begin with `bos`; positions are indices of `ids`, -1 where padded. T is the length of
        the longest sentence.
        """
        lengths = self.lengths[rows]
        steps = np.arange(lengths.max())[:, None]  # (T, 1)
        positions = np.where(steps < lengths, self.starts[rows] + steps, -1)  # (T, B)
        inputs = np.full(positions.shape, bos, np.int64)
        inputs[1:] = np.where(positions[1:] < 0, EOS_ID, ids[positions[1:] - 1])
        return inputs, positions


def hide_rare(ids: Ids, rate: float, rng: np.random.Generator) -> Ids:
    """Return `ids` with each type seen once replaced by ``<unk>`` with probability `rate`.

    The network so learns the contexts of unknown words from a training text that has none. In
    epochs in which a type is not replaced it is learned itself.
    """
    if not rate:
        return ids
    seen_once = np.bincount(ids)[ids] == 1  # (N,)
    hidden = seen_once & (ids > EOS_ID) & (rng.random(len(ids)) < rate)
    return np.where(hidden, UNK_ID, ids).astype(ids.dtype)


def make_batches(settings: Settings, ids: Ids, outcomes: int, *, context: str) -> Batches:
    """Return the batches of a training text; the id of ``<s>`` is `outcomes`."""
    options = {name: getattr(settings, name) for name in ("lanes", "length", "unk_rate")}
    if context == "sentence":
        return SentenceBatches(ids, outcomes, **options)
    if settings.sampling == "random":
        return RandomBatches(ids, outcomes, **options)
    return StreamBatches(ids, outcomes, random_length=settings.random_length, **options)
