"""The models of a mixture: which of them guide it, and how their probabilities add up."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lmkit.models.base import LanguageModel, LogProbs
from lmkit.models.ngram.continuations import knows_contexts


def recurrent_part(models: Sequence[LanguageModel]) -> int:
    """Return the place of the recurrent model with the most parameters, the first of equal ones."""
    return _largest(models, [hasattr(model, "hidden_states") for model in models])


def ngram_part(models: Sequence[LanguageModel]) -> int:
    """Return the place of the n-gram model with the most parameters, the first of equal ones."""
    return _largest(models, [knows_contexts(model) for model in models])


def _largest(models: Sequence[LanguageModel], fit: Sequence[bool]) -> int:
    places = [place for place, fits in enumerate(fit) if fits]
    return max(places, key=lambda place: models[place].parameters)


def bucket_of(counts: NDArray[np.int64], buckets: int) -> NDArray[np.int64]:
    """Return the bucket of each number of continuations: its binary digits, the last being open.

    >>> bucket_of(np.array([0, 1, 2, 3, 4, 1000]), 4).tolist()
    [0, 1, 2, 2, 3, 3]
    """
    return np.minimum(np.frexp(counts)[1], buckets - 1).astype(np.int64)


def mixed(columns: LogProbs, weights: NDArray[np.float64]) -> LogProbs:
    """Return the log of the weighted sum of probabilities: (T,) from columns (K, T)."""
    peaks = columns.max(axis=0)
    peaks[np.isneginf(peaks)] = 0.0
    with np.errstate(divide="ignore"):
        total = np.log((np.exp(columns - peaks) * weights).sum(axis=0)) + peaks
    return np.asarray(np.minimum(total, 0.0))
