"""Beam search: the most probable continuation that a bounded look-out finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from lmkit.models.core import Core
from lmkit.types import LogProbs, State


@dataclass(frozen=True)
class Continuation:
    """Token ids, and their log-probability together, in nats."""

    ids: tuple[int, ...]
    log_prob: float


class _Begun(NamedTuple):
    """A continuation that may go on, and the model's state behind it."""

    so_far: Continuation
    state: State


def beam_search(
    model: Core,
    state: State,
    *,
    tokens: int,
    beam: int,
    to_sentence_end: bool = False,
    allow_unk: bool = False,
) -> Continuation:
    """Return the most probable continuation found with `beam` of them pursued at a time.

    It has `tokens` tokens; with `to_sentence_end` it may also be shorter and end in ``</s>``, and
    the one of the greatest probability wins, whatever its length. ``<unk>`` is in it only with
    `allow_unk`. Where nothing has any probability, it is cut short.

    With a beam as wide as there are continuations, the search is exhaustive. Equal ones are
    taken in the order of their ids.
    """
    eos = model.vocabulary_.eos_id
    live = [_Begun(Continuation((), 0.0), state)]
    ended = Continuation((), -np.inf)
    for _ in range(tokens):
        rows = []
        for begun in live:
            row = np.array(model._predict(begun.state), np.float64) + begun.so_far.log_prob
            if not allow_unk:
                row[model.vocabulary_.unk_id] = -np.inf
            if to_sentence_end:
                if row[eos] > ended.log_prob:
                    ended = Continuation((*begun.so_far.ids, eos), float(row[eos]))
                row[eos] = -np.inf
            rows.append(row)
        pursued = _best(live, rows, beam)
        if model.proper:
            # None grows more probable: what is behind the best ended one stays there.
            pursued = [(old, so_far) for old, so_far in pursued if so_far.log_prob > ended.log_prob]
        if not pursued:
            return ended if ended.ids else live[0].so_far
        live = [_Begun(so_far, model._advance(old, so_far.ids[-1])) for old, so_far in pursued]
    best = live[0].so_far
    return ended if ended.log_prob > best.log_prob else best


def _best(live: list[_Begun], rows: list[LogProbs], beam: int) -> list[tuple[State, Continuation]]:
    """Return the most probable continuations by one token, and the state that each goes on from."""
    scores = np.concatenate(rows)
    count = min(beam, int(np.isfinite(scores).sum()))
    if count == 0:
        return []
    least = np.partition(scores, len(scores) - count)[len(scores) - count]
    candidates = np.flatnonzero(scores >= least)
    order = candidates[np.argsort(-scores[candidates], kind="stable")][:count]
    found = []
    for place in order.tolist():
        begun, index = live[place // len(rows[0])], place % len(rows[0])
        ids = (*begun.so_far.ids, index)
        found.append((begun.state, Continuation(ids, float(scores[place]))))
    return found
