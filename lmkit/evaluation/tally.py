"""The totals of a text, counted while it is scored, in memory that does not grow with the text."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmkit.compiled import compiled
from lmkit.evaluation.scored import Scored, infinite
from lmkit.text.corpus import TextSummary
from lmkit.text.unknown import Gathering, Unknown
from lmkit.text.vocabulary import EOS_ID, UNK_ID

MOST_RUNS = 1000  # more make an interval no better, only slower


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Tally(Scored):
    """What one model made of one text: its totals, and those of up to 1,000 parts of it.

    The parts are runs of ``length`` sentences, what is left over in the last: ``nats`` float64 (B,)
    the surprisal of each, ``sizes`` int64 (B,) its events, ``bytes`` int64 (B,) its UTF-8 bytes.
    ``sentences`` is how many there are. ``known`` is the surprisal of the events in the vocabulary,
    ``zeros`` the number of events that had probability 0, ``unknown`` what the vocabulary lacks.

    ``spelling`` float64 (B,), where a spelling model has completed the tally, is what it cost to
    spell the unknown tokens of each part, in nats.
    """

    nats: NDArray[np.float64]
    sizes: NDArray[np.int64]
    bytes: NDArray[np.int64]
    length: int
    sentences: int
    known: float
    zeros: int
    unknown: Unknown
    spelling: NDArray[np.float64] | None = None

    @cached_property
    def events(self) -> int:
        """The number of events: tokens of the unit and sentence ends."""
        return int(self.sizes.sum())

    @cached_property
    def closed_nats(self) -> float:
        """The surprisal of the events in nats: an unknown token costs what ``<unk>`` does."""
        return float(self.nats.sum())

    @property
    def known_nats(self) -> float:
        """The surprisal of the events that are in the vocabulary, in nats."""
        return self.known if self.oov_count else self.closed_nats

    @cached_property
    def spelling_nats(self) -> float | None:
        """What it costs to spell the unknown tokens, in nats; None where they are not spelled."""
        return None if self.spelling is None else float(self.spelling.sum())

    @property
    def oov_count(self) -> int:
        """The number of events that are out of vocabulary."""
        return len(self.unknown)

    @property
    def impossible(self) -> int:
        """The number of events that the model gave probability 0."""
        return self.zeros

    @property
    def unknown_parts(self) -> NDArray[np.int64]:
        """The part that each unknown event belongs to, int64 (U,)."""
        return np.minimum(self.unknown.sentences // self.length, len(self.nats) - 1)


class Runs:
    """Sums over runs of sentences, which are doubled in length whenever there are too many."""

    def __init__(self, columns: int) -> None:
        self.length = 1  # sentences in each, a power of two
        self.sentences = 0
        self._sums = np.zeros((MOST_RUNS, columns))

    def add(self, piece: NDArray[Any]) -> None:
        """Add the numbers of further sentences: (S,), or (S, columns)."""
        rows = piece.reshape(len(piece), self._sums.shape[1])
        while len(rows):
            if self.sentences == MOST_RUNS * self.length:
                half = MOST_RUNS // 2
                self._sums[:half] = self._sums[::2] + self._sums[1::2]
                self._sums[half:] = 0.0
                self.length *= 2
            part = rows[: MOST_RUNS * self.length - self.sentences]
            first = self.sentences // self.length
            last = self.sentences + len(part)
            runs = np.arange(self.sentences, last) // self.length - first
            for column, numbers in enumerate(part.T):
                sums = np.bincount(runs, numbers)
                self._sums[first : first + len(sums), column] += sums
            self.sentences, rows = last, rows[len(part) :]

    @property
    def sums(self) -> NDArray[np.float64]:
        """The sums of whole runs, (B, columns); what is left over is in the last."""
        whole = max(1, self.sentences // self.length)
        sums = self._sums[:whole].copy()
        sums[-1] += self._sums[whole:].sum(axis=0)
        return sums


class Tallying:
    """A tally while the text is scored; ``sizes`` takes the bytes of each sentence."""

    def __init__(self, unit: str) -> None:
        self.sizes = Runs(1)
        self._runs = Runs(2)  # nats and events
        self._open = np.zeros(2)  # of the sentence that has not ended
        self._rows = np.empty((0, 2))
        self._unknown = Gathering(unit)
        self._known, self._zeros = 0.0, 0

    def add(
        self, ids: NDArray[np.int32], nats: NDArray[np.float64], unknown: NDArray[np.uint8]
    ) -> None:
        """Count further events; `unknown` are the words of those that are, a space behind each."""
        if len(self._rows) <= len(ids):
            self._rows = np.empty((2 * len(ids) + 1, 2))
        total = known = float(nats.sum())
        self._zeros += infinite(total, nats)
        if np.count_nonzero(ids) < len(ids):  # <unk> has the id 0
            known = float(nats[ids != UNK_ID].sum())
            before = np.searchsorted(np.flatnonzero(ids == EOS_ID), np.flatnonzero(ids == UNK_ID))
            self._unknown.add(unknown, self._runs.sentences + before)
        self._known += known
        ended = sum_sentences(ids, nats, EOS_ID, self._open, self._rows)
        self._runs.add(self._rows[:ended])

    def result(self, summary: TextSummary, **scored: Any) -> Tally:
        """Return the tally of all events, those of a last sentence without an end among them."""
        rest = summary.bytes - self.sizes.sums.sum()
        if self._open[1] or rest:
            self._runs.add(self._open[None])
            self.sizes.add(np.array([rest]))
        nats, events = self._runs.sums.T
        return Tally(
            **scored,
            summary=summary,
            nats=nats.copy(),
            sizes=events.astype(np.int64),
            bytes=self.sizes.sums[:, 0].astype(np.int64),
            length=self._runs.length,
            sentences=self._runs.sentences,
            known=self._known,
            zeros=self._zeros,
            unknown=self._unknown.result(),
        )


@compiled
def sum_sentences(ids, nats, eos, open_sums, rows):  # type: ignore[no-untyped-def]
    """Write nats and events of each sentence that ends, (S, 2), and return how many there are.

    `open_sums` (2,) are those of the sentence that the events before left open, and then of the
    one that these leave. `rows` needs one more row than there are events.
    """
    total, events, found = open_sums[0], open_sums[1], 0
    for t in range(len(ids)):  # without a branch: sentences are short
        total, events = total + nats[t], events + 1.0
        rows[found, 0], rows[found, 1] = total, events
        ended = ids[t] == eos
        found += ended
        total, events = (0.0 if ended else total), (0.0 if ended else events)
    open_sums[0], open_sums[1] = total, events
    return found
