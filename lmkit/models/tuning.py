"""The settings of caches, and the weights of a mixture, that suit a validation text best."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmkit.models.cache import KINDS, Cache, LogProbs, Past, as_log_probs
from lmkit.models.interpolation import Interpolation, find_weights

COARSE = 1e-5
"""Nats a token: weights good enough to compare two settings."""
PASSES = 5
"""How often each cache's setting is chosen anew, the others' being what they are."""


class Tuned(NamedTuple):
    """What a validation text says of a mixture.

    ``caches`` as they are best set; ``found`` the weights; ``alone`` (K,) the mean nats of each
    model and cache by itself, infinite where it gives a token nothing.
    """

    caches: list[Cache]
    found: Interpolation
    alone: NDArray[np.float64]


class _Candidate(NamedTuple):
    cache: Cache
    log_probs: LogProbs


def tune(
    columns: Sequence[LogProbs],
    past: Past,
    kinds: Sequence[str],
    *,
    window: int,
    size: int,
    sentence: bool,
    buckets: NDArray[np.int64],
    count: int,
) -> Tuned:
    """Return the best settings of caches of some kinds, and the weights of models and caches.

    `columns` are the models' log-probabilities of the text's tokens, (T,) each; `past` holds the
    whole text, `buckets` (T,) the set of weights, of `count`, that each token has.
    """
    tables = [_candidates(past, kind, window, size=size, sentence=sentence) for kind in kinds]
    chosen = [0] * len(kinds)
    for _ in range(PASSES if kinds else 0):
        before = list(chosen)
        for place, table in enumerate(tables):
            others = [tables[k][c].log_probs for k, c in enumerate(chosen) if k != place]
            chosen[place] = _best(np.stack([*columns, *others], axis=1), table)
        if chosen == before:
            break
    best = [table[choice] for table, choice in zip(tables, chosen, strict=True)]
    joined = np.stack([*columns, *(candidate.log_probs for candidate in best)], axis=1)
    alone = -joined.mean(axis=0) if len(joined) else np.full(joined.shape[1], np.nan)
    found = find_weights(joined, buckets=buckets, count=count)
    return Tuned([candidate.cache for candidate in best], found, alone)


def _candidates(
    past: Past, kind: str, window: int, *, size: int, sentence: bool
) -> list[_Candidate]:
    """Return caches of one kind with each setting, and what they make of the text."""
    made, values = KINDS[kind]
    found = []
    for width in sorted({window, max(1, window // 4)}, reverse=True):
        reading = made(width, values[0]).reading(past, 0, sentence=sentence)
        for value, row in zip(values, made.tried(reading, values), strict=True):
            found.append(_Candidate(made(width, value), as_log_probs(row, size)))
    return found


def _best(fixed: LogProbs, table: Sequence[_Candidate]) -> int:
    """Return which candidate predicts best beside the fixed distributions (T, K)."""
    nats = [
        find_weights(np.column_stack([fixed, candidate.log_probs]), gain=COARSE).nats
        for candidate in table
    ]
    return min(range(len(nats)), key=nats.__getitem__)
