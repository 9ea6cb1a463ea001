"""Stupid backoff: scores that are no probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np

from lmkit.errors import ParameterError
from lmkit.models.ngram.backoff import BackoffModel
from lmkit.models.ngram.counts import NgramCounts
from lmkit.models.ngram.tables import BackoffTables
from lmkit.types import Ids


class StupidBackoff(BackoffModel):
    """Relative frequencies, times a constant factor for each backoff; they sum to more than one.

    ``S(w|h) = c(hw) / c(h)`` where hw was seen, ``factor * S(w|h')`` where it was not (Brants,
    Popat, Xu, Och & Dean 2007, eq. 5). A context that was not seen itself is shortened without the
    factor. A word never seen scores the factor times one occurrence in the text. Fast, and close to
    Kneser-Ney on very large texts; as its scores are no probabilities, it is never ranked.
    """

    name = "stupid-backoff"
    proper = False

    def __init__(self, *, factor: float = 0.4, **options: Any):
        super().__init__(**options)
        self.factor = factor

    def _check(self) -> None:
        super()._check()
        if not 0 < self.factor <= 1:
            raise ParameterError(f"factor={self.factor} must lie above 0 and not above 1")

    def _estimate(self, counts: NgramCounts, ids: Ids, valid_ids: Ids | None) -> BackoffTables:
        trie = counts.trie
        totals = np.repeat(counts.totals, np.diff(trie.first))
        scores = counts.counts[1:] / np.maximum(totals, 1)
        outcomes = slice(int(self.unk == "excluded"), trie.vocabulary_size)  # <unk> is the first
        scores[outcomes] = np.maximum(scores[outcomes], self.factor / max(counts.tokens, 1))
        with np.errstate(divide="ignore"):
            np.log(scores, out=scores)
        backoffs = np.where(counts.totals > 0, np.log(self.factor), 0.0)
        backoffs[0] = 0.0
        return BackoffTables.build(trie, np.append(-np.inf, scores), backoffs)
