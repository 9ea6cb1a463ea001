"""N-gram models under a context that is not their own."""

from __future__ import annotations

import copy
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from lmkit.models.core import Core


class NgramContexts(Core):
    """How an n-gram model is scored with its state reset at places of its choice."""

    order: int
    _restart: int = -1
    """The id after which the context is empty where it runs on across sentences; -1 for none."""

    @property
    def crosses_sentences(self) -> bool:  # type: ignore[override]
        """Whether n-grams across a sentence end are known, or none is needed."""
        return self.context == "stream" or self.order == 1

    def _restarting(self) -> Self:
        """Return the model with its context empty after each ``<s>`` in a text."""
        view = copy.copy(self)
        view._restart = self.vocabulary_.bos_id
        return view

    def _log_probs_apart(
        self, ids: NDArray[np.int32], starts: NDArray[np.int64], state: Any
    ) -> tuple[NDArray[np.float64], Any]:
        """Score all documents in one go, an ``<s>`` put before each and its score left out."""
        again, own = _with_bos(ids, starts, self.vocabulary_.bos_id)
        log_probs, after = self._restarting()._log_probs(again, state)
        return log_probs[own], after

    def _explain_apart(
        self, ids: NDArray[np.int32], starts: NDArray[np.int64], state: Any
    ) -> dict[str, NDArray[Any]]:
        again, own = _with_bos(ids, starts, self.vocabulary_.bos_id)
        known = self._restarting()._explain(again, state)
        return {name: column[own] for name, column in known.items()}


def _with_bos(
    ids: NDArray[np.int32], starts: NDArray[np.int64], bos: int
) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Return the ids with ``<s>`` before each of the starts, and which of them are the ids."""
    own = np.ones(len(ids) + len(starts), np.bool_)
    own[starts + np.arange(len(starts))] = False
    return np.insert(ids, starts, bos), own
