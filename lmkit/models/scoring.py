"""A text through a model, into a ledger."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lmkit.evaluation.ledger import SurprisalLedger
from lmkit.text.corpus import Meter, Text
from lmkit.text.encoding import EncodedChunk, encode_chunks

if TYPE_CHECKING:
    from lmkit.models.base import LanguageModel, LogProbs, Progress


def score_text(
    model: LanguageModel, text: Text, *, explain: bool, progress: Progress | None
) -> SurprisalLedger:
    """Return the ledger of a text under a fitted model (see :meth:`LanguageModel.score`).

    The text goes past in chunks, each scored from the state after the one before.
    """
    start = time.perf_counter()
    own = text.under(normalize=model.normalize_, sentences=model.sentences_)
    meter = Meter()
    chunks: list[EncodedChunk] = []
    log_probs: list[LogProbs] = []
    extras: list[dict[str, NDArray[Any]]] = []
    state = model._initial_state()
    for chunk in encode_chunks(own, model.unit, model.vocabulary_, meter):
        chunks.append(chunk)
        if explain:
            extras.append(model._explain(chunk.ids, state))
        piece, state = model._log_probs(chunk.ids, state)
        log_probs.append(piece)
        if progress is not None:
            progress("scoring", 0.0)
    ids = _joined([chunk.ids for chunk in chunks], np.int32)
    columns = (
        {name: np.concatenate([extra[name] for extra in extras]) for name in extras[0]}
        if extras
        else {}
    )
    nats = -_joined(log_probs, np.float64)
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
        nats=nats + 0.0,  # no negative zeros
        oov=ids == model.vocabulary_.unk_id,
        offsets=_joined([chunk.offsets for chunk in chunks], np.int64),
        lengths=_joined([chunk.lengths for chunk in chunks], np.int32),
        extra=columns,
        train_sha256=model.train_sha256_,
        fit_seconds=model.fit_seconds_,
        score_seconds=time.perf_counter() - start,
    )


def _joined(pieces: list[Any], dtype: Any) -> NDArray[Any]:
    if len(pieces) == 1:
        return np.asarray(pieces[0])
    return np.concatenate(pieces) if pieces else np.empty(0, dtype)
