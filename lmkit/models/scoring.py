"""A text through a model, into a ledger."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lmkit.evaluation.ledger import SurprisalLedger
from lmkit.text.ahead import ahead
from lmkit.text.collected import Collected
from lmkit.text.corpus import Meter, Text
from lmkit.text.encoding import encode_chunks

if TYPE_CHECKING:
    from lmkit.models.base import LanguageModel, Progress

_BATCH = 1 << 18  # events that a model is given at once, at least, but for the last


def score_text(
    model: LanguageModel, text: Text, *, explain: bool, progress: Progress | None
) -> SurprisalLedger:
    """Return the ledger of a text under a fitted model (see :meth:`LanguageModel.score`).

    Each batch is scored from the state after the one before, while the next ones are read and the
    last one is put away.
    """
    start = time.perf_counter()
    own = text.under(normalize=model.normalize_, sentences=model.sentences_)
    meter = Meter(sentences=own.raw_size // 8)
    columns = _Columns(own.raw_size)
    with ThreadPoolExecutor(1) as pool:
        put_away: Future[None] | None = None
        for batch in _scored(model, own, meter, explain=explain, progress=progress):
            if put_away is not None:
                put_away.result()
            put_away = pool.submit(columns.add, batch)
        if put_away is not None:
            put_away.result()
    return SurprisalLedger(
        model=model.spec,
        unit=model.unit,
        context=model.context,
        unk=model.unk,
        proper=model.proper,
        vocabulary_size=len(model.vocabulary_),
        parameters=model.parameters,
        text=own,
        summary=meter.summary(own),
        ids=columns.take("ids", np.int32),
        nats=columns.take("nats", np.float64),
        extra=columns.rest(),
        train_sha256=model.train_sha256_,
        fit_seconds=model.fit_seconds_,
        adapts=model.adapts,
        score_seconds=time.perf_counter() - start,
        sentence_bytes=meter.sentence_bytes,
    )


def _scored(
    model: LanguageModel, text: Text, meter: Meter, *, explain: bool, progress: Progress | None
) -> Iterator[dict[str, NDArray[Any]]]:
    """Yield the columns of each batch: ids, nats, and what else the model knows."""
    state = model._initial_state()
    scored, expected = 0, 0
    for ids, size in ahead(_batches(text, model, meter)):
        if not scored:
            expected = int(len(ids) * max(1.0, text.raw_size / size))
            model._expect(expected)
        elif scored >= expected:  # a packed file holds more than its size tells
            expected = 2 * scored
        known = model._explain(ids, state) if explain else {}
        log_probs, state = model._log_probs(ids, state)
        nats = np.subtract(0.0, log_probs)  # no negative zeros
        # Copies all: a model may fill the same arrays again for the next batch.
        yield {**{name: column.copy() for name, column in known.items()}, "ids": ids, "nats": nats}
        scored += len(ids)
        if progress is not None:
            progress("scoring", min(1.0, scored / expected))
    if progress is not None:
        progress("scoring", 1.0)


def _batches(
    text: Text, model: LanguageModel, meter: Meter
) -> Iterator[tuple[NDArray[np.int32], int]]:
    """Yield the ids of a text, many at a time, and the bytes of text that they are."""
    waiting: list[NDArray[np.int32]] = []
    events = size = 0
    for chunk in encode_chunks(text, model.unit, model.vocabulary_, meter, places=False):
        waiting.append(chunk.ids)
        events += len(chunk.ids)
        size += chunk.bytes
        if events >= _BATCH:
            yield np.concatenate(waiting), size
            waiting, events, size = [], 0, 0
    if events:
        yield np.concatenate(waiting), size


class _Columns:
    """The columns of a ledger while it grows."""

    def __init__(self, size: int) -> None:
        self._size = size
        self.filled: dict[str, Collected] = {}

    def add(self, pieces: dict[str, NDArray[Any]]) -> None:
        """Put a piece behind each of some columns."""
        for name, piece in pieces.items():
            if name not in self.filled:
                self.filled[name] = Collected(piece.dtype, self._size)
            self.filled[name].add(piece)

    def take(self, name: str, dtype: Any) -> NDArray[Any]:
        """Return a column, and let it go; empty for a text without events."""
        return self.filled.pop(name).array if name in self.filled else np.empty(0, dtype)

    def rest(self) -> dict[str, NDArray[Any]]:
        """Return the columns that were not taken."""
        return {name: column.array for name, column in self.filled.items()}
