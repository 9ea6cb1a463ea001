"""How many ways the training text went on after the longest context that it knows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmkit.models.base import LanguageModel
from lmkit.models.ngram.backoff import BackoffModel
from lmkit.models.ngram.model import Additive


def knows_contexts(model: LanguageModel) -> bool:
    """Return whether a model is made of n-grams, so that :func:`continuations` takes it."""
    return isinstance(model, (BackoffModel, Additive))


def continuations(model: Any, ids: NDArray[np.int32], state: int) -> NDArray[np.int64]:
    """Return how many different tokens follow the longest known context, (T + 1,) int64.

    Entry t is that of the context before token t, the last that of the context after all of them;
    `state` is the model's before the first. The numbers depend on contexts alone, never on the
    tokens that are predicted.
    """
    walker = model._walker()
    states = walker.states(ids, state)
    first = walker.trie.first.astype(np.int64)
    counts: NDArray[np.int64] = first[states + 1] - first[states]
    return counts
