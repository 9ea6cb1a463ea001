"""Linear interpolation: weighted sums of distributions, and weights by expectation maximisation."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmkit.types import LogProbs

GAIN = 1e-7
"""Nats per event: rounds end when one gains less."""
ROUNDS = 5000
SHARED = 20.0
"""Pseudo-counts of the global weights, added to each bucket so that small ones do not overfit."""


class Interpolation(NamedTuple):
    """Weights, and the cross-entropy of the events under them.

    ``weights`` (B, K), rows summing to 1, one for each bucket; ``impossible``, the number of events
    with probability 0 under all distributions; ``possible_nats``, the mean nats of the others, NaN
    if there are none.
    """

    weights: NDArray[np.float64]
    possible_nats: float
    impossible: int

    @property
    def nats(self) -> float:
        """The mean nats of an event, infinite if one is impossible."""
        return np.inf if self.impossible else self.possible_nats


def find_weights(
    log_probs: LogProbs,
    *,
    buckets: NDArray[np.int64] | None = None,
    count: int = 1,
    gain: float = GAIN,
) -> Interpolation:
    """Return the weights that maximise the likelihood of the events.

    `log_probs` (T, K) are the log-probabilities of the events under K distributions. `buckets` (T,)
    assigns each event to a bucket below `count`; each bucket has its own weights, with the global
    weights as a prior of `SHARED` pseudo-counts (MAP). Events that are impossible under all
    distributions are left out. Without events the weights are equal.
    """
    size = log_probs.shape[1]
    peaks = log_probs.max(axis=1, initial=-np.inf)
    possible = np.isfinite(peaks)
    shares = np.exp(log_probs[possible] - peaks[possible, None])
    equal = np.full(size, 1 / size)
    of_all = _maximise(shares, equal, 0.0, gain) if len(shares) else equal
    weights = np.tile(of_all, (count, 1))
    if buckets is not None and count > 1:
        where = buckets[possible]
        for bucket in np.unique(where):
            weights[bucket] = _maximise(shares[where == bucket], of_all, SHARED, gain)
    rows = weights[0] if buckets is None else weights[buckets[possible]]
    nats = (
        -float((np.log((shares * rows).sum(axis=1)) + peaks[possible]).mean())
        if len(shares)
        else np.nan
    )
    return Interpolation(weights, nats, int(np.count_nonzero(~possible)))


def _maximise(
    shares: NDArray[np.float64], prior: NDArray[np.float64], strength: float, gain: float
) -> NDArray[np.float64]:
    """Return the weights (K,) of one bucket, starting from `prior`.

    E-step: the posterior of distribution k for event t is w_k p_tk / sum_j w_j p_tj, `shares` being
    p (T, K) up to a factor for each event. M-step: the weights are proportional to the sums of the
    posteriors plus `strength` pseudo-counts in the proportions of the prior.
    """
    weights, before = prior, -np.inf
    for _ in range(ROUNDS):
        total = shares @ weights
        now = float(np.log(total).mean())
        if abs(now - before) < gain:
            break
        before = now
        counted = weights * (shares.T @ (1 / total)) + strength * prior
        weights = counted / counted.sum()
    return weights


def bucket_of(counts: NDArray[np.int64], buckets: int) -> NDArray[np.int64]:
    """Return the bucket of each number of continuations: its binary digits, at most buckets - 1.

    >>> bucket_of(np.array([0, 1, 2, 3, 4, 1000]), 4).tolist()
    [0, 1, 2, 2, 3, 3]
    """
    return np.minimum(np.frexp(counts)[1], buckets - 1).astype(np.int64)


def mixed(columns: LogProbs, weights: NDArray[np.float64]) -> LogProbs:
    """Return the log of the weighted sum of probabilities: (T,) from log-probabilities (K, T)."""
    peaks = columns.max(axis=0)
    peaks[np.isneginf(peaks)] = 0.0
    with np.errstate(divide="ignore"):
        total = np.log((np.exp(columns - peaks) * weights).sum(axis=0)) + peaks
    return np.asarray(np.minimum(total, 0.0))
