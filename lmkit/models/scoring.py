"""A text through a model, into a ledger."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lmkit.evaluation.ledger import SurprisalLedger
from lmkit.text.corpus import Meter, Text
from lmkit.text.encoding import encode_events

if TYPE_CHECKING:
    from lmkit.models.base import LanguageModel, Progress

_BATCH = 1 << 22  # events that a model is given at once


def score_text(
    model: LanguageModel, text: Text, *, explain: bool, progress: Progress | None
) -> SurprisalLedger:
    """Return the ledger of a text under a fitted model (see :meth:`LanguageModel.score`).

    The text is read whole, and scored in batches, each from the state after the one before.
    """
    start = time.perf_counter()
    own = text.under(normalize=model.normalize_, sentences=model.sentences_)
    meter = Meter()
    events = encode_events(own, model.unit, model.vocabulary_, meter)
    ids = events.ids
    nats = np.empty(len(ids))
    columns: dict[str, NDArray[Any]] = {}
    state = model._initial_state()
    for begin in range(0, len(ids), _BATCH):
        batch = slice(begin, min(begin + _BATCH, len(ids)))
        if explain:
            for name, values in model._explain(ids[batch], state).items():
                columns.setdefault(name, np.empty(len(ids), values.dtype))[batch] = values
        log_probs, state = model._log_probs(ids[batch], state)
        np.subtract(0.0, log_probs, out=nats[batch])  # no negative zeros
        if progress is not None:
            progress("scoring", batch.stop / len(ids))
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
        ids=ids,
        nats=nats,
        oov=ids == model.vocabulary_.unk_id,
        offsets=events.offsets,
        lengths=events.lengths,
        extra=columns,
        train_sha256=model.train_sha256_,
        fit_seconds=model.fit_seconds_,
        adapts=model.adapts,
        score_seconds=time.perf_counter() - start,
    )
