"""The settings of caches that suit a validation text best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from lmkit.models.cache import Cache, LogProbs, Past, log_probs_of
from lmkit.models.interpolation import find_weights

COARSE = 1e-5
"""Nats a token: weights good enough to compare two settings."""
PASSES = 4
"""How often each setting is chosen anew, the others being what they are, at most."""
FEW = 1 << 15
"""Tokens of a validation text that are enough to compare settings on."""
DECAYS = (1.0, 0.9995, 0.999, 0.998, 0.995, 0.99, 0.98, 0.95)
THETAS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.8, 1.2, 2.0, 3.0, 5.0, 8.0)
"""What is tried; the best theta falls as hidden states grow longer."""
GRID: dict[str, dict[str, Sequence[Any]]] = {
    "unigram": {"decay": DECAYS},
    "neural": {"theta": THETAS, "decay": DECAYS},
}


def best_caches(
    columns: Sequence[LogProbs],
    past: Past,
    kinds: Sequence[str],
    *,
    window: int,
    size: int,
    sentence: bool,
) -> list[Cache]:
    """Return caches of some kinds, set as they predict best beside some models.

    `columns` are the models' log-probabilities of a text's tokens, (T,) each; `past` holds the
    text.
    """
    known = _Known(past, size, sentence)
    chosen = [Cache(kind, window, theta=0.3 if kind == "neural" else 0.0) for kind in kinds]
    for _ in range(PASSES):
        before = list(chosen)
        for place, kind in enumerate(kinds):
            others = known.rows([cache for cache in chosen if cache.kind != kind])
            fixed = np.stack([*columns, *others], axis=1)
            for name, values in GRID[kind].items():
                settings: list[dict[str, Any]] = [{name: value} for value in values]
                tried = [replace(chosen[place], **setting) for setting in settings]
                chosen[place] = _best(fixed, tried, known.rows(tried))
        if chosen == before:
            break
    return chosen


class _Known:
    """What caches give each token of a text, found once for each."""

    def __init__(self, past: Past, size: int, sentence: bool):
        self.past, self.size, self.sentence = past, size, sentence
        self.found: dict[Cache, LogProbs] = {}

    def rows(self, caches: Sequence[Cache]) -> list[LogProbs]:
        """Return the log-probabilities (T,) under each of the caches."""
        new = [cache for cache in caches if cache not in self.found]
        for kind in dict.fromkeys(cache.kind for cache in new):
            alike = [cache for cache in new if cache.kind == kind]
            made = log_probs_of(alike, self.past, 0, size=self.size, sentence=self.sentence)
            self.found.update(zip(alike, made, strict=True))
        return [self.found[cache] for cache in caches]


def _best(fixed: LogProbs, caches: Sequence[Cache], rows: Sequence[LogProbs]) -> Cache:
    """Return the cache that predicts best beside the fixed distributions (T, K)."""
    found = [find_weights(np.column_stack([fixed, row]), gain=COARSE) for row in rows]
    # What is impossible whatever the setting must not make all of them alike.
    worth = [(each.impossible, each.possible_nats) for each in found]
    return caches[min(range(len(worth)), key=worth.__getitem__)]
