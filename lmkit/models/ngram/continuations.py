"""How many ways the training text went on after the longest context that it knows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmkit.models.base import LanguageModel
from lmkit.models.ngram.backoff import BackoffModel
from lmkit.models.ngram.kernels import walk_along
from lmkit.models.ngram.model import Additive
from lmkit.models.ngram.trie import read_only


def knows_contexts(model: LanguageModel) -> bool:
    """Return whether a model is made of n-grams, so that :func:`continuations` takes it."""
    return isinstance(model, (BackoffModel, Additive))


def continuations(model: Any, ids: NDArray[np.int32], state: int) -> NDArray[np.int64]:
    """Return how many different tokens follow the longest known context, (T + 1,) int64.

    Entry t is of the context before token t, the last of that behind all of them; `state` is the
    model's before the first. It depends on contexts alone, never on the tokens predicted.
    """
    walker = model._walker()
    ids = read_only(ids)
    states = np.empty(len(ids) + 1, np.int64)
    # The state given is one of no sentence's start: the first sentence goes on from it.
    ends = np.flatnonzero(ids == walker.eos)
    cut = int(ends[0]) + 1 if len(ends) else len(ids)
    arrays = walker.trie.arrays
    walk_along(ids[:cut], state, -1, arrays, states[:cut])
    walk_along(ids[cut:], walker.initial, walker.eos, arrays, states[cut:-1])
    states[-1] = walker.walk(ids[-1:], int(states[-2])) if len(ids) else state
    first = walker.trie.first.astype(np.int64)
    counts: NDArray[np.int64] = first[states + 1] - first[states]
    return counts
