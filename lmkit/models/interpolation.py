"""Weights of a linear interpolation, found by expectation maximisation."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

LogProbs = NDArray[np.float64]

GAIN = 1e-7
"""Nats a token: weights that gain less in a round are found."""
ROUNDS = 5000
SHARED = 20.0
"""Events by which each bucket is held to the weights of all: buckets may be small."""


class Interpolation(NamedTuple):
    """Weights, and how probable they make the events.

    ``weights`` (B, K), rows summing to 1; ``impossible``, how many events are so under all of the
    distributions; ``possible_nats``, the mean nats of one of the others, NaN if there is none.
    """

    weights: NDArray[np.float64]
    possible_nats: float
    impossible: int

    @property
    def nats(self) -> float:
        """The mean nats of an event, infinite where one is impossible."""
        return np.inf if self.impossible else self.possible_nats


def find_weights(
    log_probs: LogProbs,
    *,
    buckets: NDArray[np.int64] | None = None,
    count: int = 1,
    gain: float = GAIN,
) -> Interpolation:
    """Return the weights under which the events are most probable.

    `log_probs` (T, K) are what each of K distributions gives each event. `buckets` (T,) from 0 up
    to `count` parts the events; each bucket gets weights of its own, drawn to those of all events
    as if by `SHARED` more events of them. Events that are impossible under all teach nothing.
    Without events the weights are equal.
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
    """Return the weights (K,) of one bucket, beginning at `prior`.

    With `strength` events of the prior's own proportions added to what is counted.
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
