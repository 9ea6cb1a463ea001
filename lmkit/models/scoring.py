"""A text through a model: into a ledger, or into a tally of its totals."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmkit.models.contexts import Scoring, scoring
from lmkit.models.core import Core
from lmkit.parallel import Background, ahead
from lmkit.results.ledger import SurprisalLedger
from lmkit.results.proper import outcome_sums
from lmkit.results.tally import Tally, Tallying
from lmkit.text.corpus import Readable, Text, as_text
from lmkit.text.encoding import encode_batches
from lmkit.text.meter import GrowingArray, Meter
from lmkit.text.passages import PassageSink
from lmkit.text.tables import EncodedChunk
from lmkit.types import Progress

# Events that a model is given at once, at least: at first, and later on.
_FIRST, _BATCH = 1 << 16, 1 << 19


class _Batch(NamedTuple):
    """Scored events: ids (T,), nats (T,), the words that are unknown, what else the model knows."""

    ids: NDArray[np.int32]
    nats: NDArray[np.float64]
    unknown: NDArray[np.uint8]
    extra: dict[str, NDArray[Any]]


def score_text(
    model: Core,
    text: Readable,
    *,
    context: str | None,
    explain: bool,
    progress: Progress | None,
) -> SurprisalLedger:
    """Return the ledger of a text under a fitted model (see :meth:`LanguageModel.score`)."""
    model._require_fit()
    given = as_text(text)
    start = time.perf_counter()
    own = given.under(normalize=model.normalize_, sentences=model.sentences_)
    how = scoring(model, own, context)
    sentences = GrowingArray(np.int64, own.raw_size // 8)
    passages = PassageSink()
    meter = Meter(sizes=sentences, passages=passages)
    columns = _Columns(own.raw_size)

    def put_away(batch: _Batch) -> None:
        columns.add({**batch.extra, "ids": batch.ids, "nats": batch.nats})

    first = _score(how, own, meter, put_away, explain=explain, progress=progress)
    return SurprisalLedger(
        **_scored_by(model, how, own, first, passages, start),
        summary=meter.summary(own),
        ids=columns.take("ids", np.int32),
        nats=columns.take("nats", np.float64),
        extra=columns.rest(),
        sentence_bytes=sentences.array,
        document_sizes=meter.documents,
    )


def tally_text(
    model: Core,
    text: Readable,
    *,
    context: str | None,
    progress: Progress | None,
) -> Tally:
    """Return the tally of a text under a fitted model (see :meth:`LanguageModel.tally`)."""
    model._require_fit()
    given = as_text(text)
    start = time.perf_counter()
    own = given.under(normalize=model.normalize_, sentences=model.sentences_)
    how = scoring(model, own, context)
    passages = PassageSink()
    tallying = Tallying(model.unit, passages=passages)

    def put_away(batch: _Batch) -> None:
        tallying.add(batch.ids, batch.nats, batch.unknown)

    first = _score(how, own, tallying.meter, put_away, unknown=True, progress=progress)
    found = _scored_by(model, how, own, first, passages, start)
    return tallying.result(tallying.meter.summary(own), **found)


def _scored_by(
    model: Core,
    how: Scoring,
    text: Text,
    first: NDArray[np.int32],
    passages: PassageSink,
    start: float,
) -> dict[str, Any]:
    """Return what a ledger and a tally say of their model.

    `first` are the first ids of the text, `passages` has taken its bytes, `start` is when scoring
    began.
    """
    seconds = time.perf_counter() - start
    sums = outcome_sums(how.model, first)
    own, trained, tuned = passages.result(), model.train_passages_, model.valid_passages_
    return {
        "model": model.spec,
        "unit": model.unit,
        "context": how.context,
        "unk": model.unk,
        "proper": model.proper and sums.are_one,
        "outcome_sums": sums,
        "vocabulary_size": len(model.vocabulary_),
        "parameters": model.parameters,
        "text": text,
        "train_sha256": model.train_sha256_,
        "seen": None if trained is None else trained.overlap(own),
        "tuned": None if tuned is None else tuned.overlap(own),
        "fit_seconds": model.fit_seconds_,
        "adapts": model.adapts,
        "score_seconds": seconds,
    }


def _score(
    how: Scoring,
    text: Text,
    meter: Meter,
    put_away: Callable[[_Batch], None],
    *,
    explain: bool = False,
    unknown: bool = False,
    progress: Progress | None,
) -> NDArray[np.int32]:
    """Score a text, batch by batch, each put away in its turn; return the ids of the first.

    Each is scored from the state after the one before, while the next ones are read and the last
    one is put away.
    """
    first: NDArray[np.int32] | None = None
    batches = encode_batches(
        text,
        how.model.unit,
        how.model.vocabulary_,
        meter,
        first=_FIRST,
        most=_BATCH,
        unknown=unknown,
        documents=how.by_document,
    )
    with Background(put_away) as background:
        for batch in _scored(how, text, batches, explain=explain, progress=progress):
            first = batch.ids.copy() if first is None else first
            background.start(batch)
    return np.empty(0, np.int32) if first is None else first


def _scored(
    how: Scoring,
    text: Text,
    batches: Iterator[EncodedChunk],
    *,
    explain: bool,
    progress: Progress | None,
) -> Iterator[_Batch]:
    """Yield each batch of a text with its scores, which stay there until the next but one."""
    model = how.model
    state = model._initial_state()
    scored, expected = 0, 0
    rooms = [np.empty(0), np.empty(0)]
    for batch in ahead(batches):
        ids = batch.ids
        if not scored:
            expected = int(len(ids) * max(1.0, text.raw_size / batch.bytes))
            model._expect(expected)
        elif scored >= expected:  # a packed file holds more than its size tells
            expected = 2 * scored
        starts = batch.documents
        if starts is not None:
            known = model._explain_apart(ids, starts, state) if explain else {}
            log_probs, state = model._log_probs_apart(ids, starts, state)
        else:
            known = model._explain(ids, state) if explain else {}
            log_probs, state = model._log_probs(ids, state)
        if len(rooms[0]) < len(ids):
            rooms = [np.empty(len(ids)) for _ in rooms]
        nats, rooms = rooms[0][: len(ids)], rooms[::-1]
        np.subtract(0.0, log_probs, out=nats)  # no negative zeros
        # Copies all: a model may fill the same arrays again for the next batch.
        copies = {name: column.copy() for name, column in known.items()}
        yield _Batch(ids, nats, batch.unknown, copies)
        scored += len(ids)
        if progress is not None:
            progress("scoring", min(1.0, scored / expected))
    if progress is not None:
        progress("scoring", 1.0)


class _Columns:
    """The columns of a ledger while it grows."""

    def __init__(self, size: int) -> None:
        self._size = size
        self.filled: dict[str, GrowingArray] = {}

    def add(self, pieces: dict[str, NDArray[Any]]) -> None:
        """Put a piece behind each of some columns."""
        for name, piece in pieces.items():
            if name not in self.filled:
                self.filled[name] = GrowingArray(piece.dtype, self._size)
            self.filled[name].add(piece)

    def take(self, name: str, dtype: Any) -> NDArray[Any]:
        """Return a column, and let it go; empty for a text without events."""
        return self.filled.pop(name).array if name in self.filled else np.empty(0, dtype)

    def rest(self) -> dict[str, NDArray[Any]]:
        """Return the columns that were not taken."""
        return {name: column.array for name, column in self.filled.items()}
