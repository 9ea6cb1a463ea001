"""The uniform model: what every other model has to beat."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmkit.models.base import LanguageModel
from lmkit.types import Ids, LogProbs, State


class Uniform(LanguageModel):
    """Gives each of the V outcomes the probability 1/V, whatever the context.

    Its perplexity is V on every text.
    """

    name = "uniform"

    @property
    def parameters(self) -> int:
        """0: it learns nothing but the vocabulary."""
        return 0

    def _next_log_probs(self, context: Ids) -> LogProbs:
        size = len(self.vocabulary_)
        return np.full(size, -np.log(size))

    def _initial_state(self) -> State:
        return ()

    def _advance(self, state: State, index: int) -> State:
        return state

    def _log_probs(self, ids: Ids, state: State) -> tuple[LogProbs, State]:
        return np.full(len(ids), -np.log(len(self.vocabulary_))), state

    def _explain(self, ids: Ids, state: State) -> dict[str, NDArray[Any]]:
        return {"entropy": np.full(len(ids), np.log(len(self.vocabulary_)))}
