"""The totals of a text, counted while it is scored.

Memory grows with the unknown words, by 12 bytes for each, and with documents, where they are known,
by 40; a ledger takes 12 bytes for each event.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmkit.kernels.events import sum_documents, sum_events
from lmkit.results.scored import Scored
from lmkit.text.encoding import UnknownCollector, UnknownTokens
from lmkit.text.meter import Meter, Sink, TextSummary
from lmkit.text.vocabulary import EOS_ID, UNK_ID

MOST_RUNS = 1000  # more make an interval no better, only slower


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Tally(Scored):
    """What one model made of one text: its totals, and those of up to 1,000 parts of it.

    The parts are runs of ``length`` sentences, what is left over in the last: ``nats`` float64 (B,)
    the surprisal of each, ``sizes`` int64 (B,) its events, ``bytes`` int64 (B,) its UTF-8 bytes.
    ``sentences`` is how many there are. ``known`` is the surprisal of the events in the vocabulary,
    ``zeros`` the number of events that had probability 0, ``first_zero`` sentence and position of
    the first of them, ``unknown`` what the vocabulary lacks.

    ``spelling`` float64 (B,), where a spelling model has completed the tally, is what it cost to
    spell the unknown tokens of each part, in nats.

    Where documents are known, and the text has sentence ends, ``document_nats`` float64 (D,),
    ``document_events`` int64 (D,) and ``document_spelling`` are the same for each document; its
    size is in ``document_sizes``.
    """

    nats: NDArray[np.float64]
    sizes: NDArray[np.int64]
    bytes: NDArray[np.int64]
    length: int
    sentences: int
    known: float
    zeros: int
    unknown: UnknownTokens
    first_zero: tuple[int, int] | None = None
    spelling: NDArray[np.float64] | None = None
    document_nats: NDArray[np.float64] | None = None
    document_events: NDArray[np.int64] | None = None
    document_spelling: NDArray[np.float64] | None = None

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

    def spelled(self, costs: NDArray[np.float64]) -> dict[str, Any]:
        """Return the fields of the tally once each unknown event costs so much to spell, (U,)."""
        spelling = np.bincount(self.unknown_parts, costs, len(self.nats))
        fields: dict[str, Any] = {"spelling": spelling}
        if self.document_nats is not None and self.document_starts is not None:
            first = self.document_starts[1:-1]
            documents = np.searchsorted(first, self.unknown.sentences, side="right")
            count = len(self.document_nats)
            fields["document_spelling"] = np.bincount(documents, costs, count)
        return fields


class Runs:
    """Sums over runs of sentences, which are doubled in length whenever there are too many.

    ``sentences`` counts those that ended, ``length`` is how many there are in each run, a power of
    two.
    """

    def __init__(self, columns: int) -> None:
        self.length = 1
        self.sentences = 0
        self._sums = np.zeros((MOST_RUNS + 1, columns))  # one more, for what has not ended

    def add(self, sentences: NDArray[Any]) -> None:
        """Add a number for each of further sentences, (S,), to the first column."""
        self.make_room(len(sentences))
        runs = np.arange(self.sentences, self.sentences + len(sentences)) // self.length
        self._sums[:, 0] += np.bincount(runs, sentences, MOST_RUNS + 1)
        self.sentences += len(sentences)

    def add_events(self, ids: NDArray[np.int32], nats: NDArray[np.float64]) -> int:
        """Add events, and return how many are impossible.

        The columns are their surprisals, that of those in the vocabulary, and their number.
        """
        self.make_room(int(np.count_nonzero(ids == EOS_ID)))
        shift = self.length.bit_length() - 1
        ended, zeros = sum_events(
            ids, nats, self.sentences, shift, self._sums, eos=EOS_ID, unk=UNK_ID
        )
        self.sentences += ended
        return zeros

    def make_room(self, sentences: int) -> None:
        """Double the runs until so many more sentences fit."""
        while self.sentences + sentences > MOST_RUNS * self.length:
            half = MOST_RUNS // 2
            self._sums[:half] = self._sums[:-1:2] + self._sums[1::2]
            self._sums[half] = self._sums[-1]
            self._sums[half + 1 :] = 0.0
            self.length *= 2

    def end_sentence(self) -> None:
        """Count what came after the end of the last sentence as one more."""
        self.make_room(1)
        self.sentences += 1

    @property
    def sums(self) -> NDArray[np.float64]:
        """The sums of whole runs, (B, columns); what is left over is in the last."""
        whole = self.sentences // self.length
        sums = self._sums[:whole].copy()
        sums[-1:] += self._sums[whole:].sum(axis=0)
        return sums


class Documents:
    """Sums over documents: surprisals and events, as many rows as documents have begun."""

    def __init__(self) -> None:
        self._sums = np.zeros((MOST_RUNS, 2))
        self._last = 0  # the document of the last event

    def add_events(
        self,
        ids: NDArray[np.int32],
        nats: NDArray[np.float64],
        sentences: int,
        starts: NDArray[np.int64],
    ) -> None:
        """Add events after so many sentence ends; `starts` are those before each document."""
        if len(starts) > len(self._sums):
            more = np.zeros((2 * len(starts) - len(self._sums), 2))
            self._sums = np.concatenate([self._sums, more])
        self._last = sum_documents(ids, nats, sentences, self._last, starts, self._sums, eos=EOS_ID)

    def sums(self, count: int) -> NDArray[np.float64]:
        """Return the sums of so many documents, (D, 2)."""
        return self._sums[:count].copy()


class Tallying:
    """A tally while the text is scored, counted by a ``meter`` that it makes.

    `passages` takes the text's bytes.
    """

    def __init__(self, unit: str, *, passages: Sink | None = None) -> None:
        self._sizes = Runs(1)
        self.meter = Meter(sizes=self._sizes, passages=passages)
        self._runs = Runs(3)
        self._documents = Documents()
        self._unknown = UnknownCollector(unit)
        self._zeros = 0
        self._first_zero: tuple[int, int] | None = None
        self._open = 0  # events of the last sentence, which has not ended

    def add(
        self, ids: NDArray[np.int32], nats: NDArray[np.float64], unknown: NDArray[np.uint8]
    ) -> None:
        """Count further events; `unknown` holds the unknown words, each followed by a space."""
        if np.count_nonzero(ids) < len(ids):  # <unk> has the id 0
            before = np.searchsorted(np.flatnonzero(ids == EOS_ID), np.flatnonzero(ids == UNK_ID))
            self._unknown.add(unknown, self._runs.sentences + before)
        sentences = self._runs.sentences
        starts = self.meter.document_starts
        if starts is not None:
            self._documents.add_events(ids, nats, sentences, starts)
        zeros = self._runs.add_events(ids, nats)
        if zeros and self._first_zero is None:
            event = int(np.argmax(np.isposinf(nats)))
            ended = int(np.count_nonzero(ids[:event] == EOS_ID))
            self._first_zero = sentences + ended, _since_end(ids[:event], self._open)
        self._zeros += zeros
        self._open = _since_end(ids, self._open)

    def result(self, summary: TextSummary, **scored: Any) -> Tally:
        """Return the tally of all events, those of a last sentence without an end among them."""
        rest = summary.bytes - int(self._sizes.sums.sum())
        if self._open:
            self._runs.end_sentence()
            self._sizes.add(np.array([rest]))
        sizes = self.meter.documents
        if sizes is not None and summary.sentences != "none":
            sums = self._documents.sums(len(sizes))
            scored["document_nats"] = sums[:, 0].copy()
            scored["document_events"] = sums[:, 1].astype(np.int64)
        nats, known, events = self._runs.sums.T
        return Tally(
            **scored,
            summary=summary,
            document_sizes=sizes,
            nats=nats.copy(),
            sizes=events.astype(np.int64),
            bytes=self._sizes.sums[:, 0].astype(np.int64),
            length=self._runs.length,
            sentences=self._runs.sentences,
            known=float(known.sum()),
            zeros=self._zeros,
            first_zero=self._first_zero,
            unknown=self._unknown.result(),
        )


def _since_end(ids: NDArray[np.int32], before: int) -> int:
    """Return how many events come after the last sentence end; `before` stood before them."""
    ends = ids[::-1] == EOS_ID
    return int(np.argmax(ends)) if ends.any() else before + len(ids)
