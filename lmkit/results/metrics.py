"""Metrics from surprisals. Totals are summed, then divided: never a mean of means.

Surprisal is -log p in nats; bits are nats / ln 2. All divisors are counts of the canonical text.
"""

from __future__ import annotations

import math


def cross_entropy(nats: float, events: int) -> float:
    """Return the nats for each event; NaN where there are no events.

    >>> round(cross_entropy(-math.log(0.5) - math.log(0.25), 2), 4)
    1.0397
    """
    return nats / events if events else math.nan


def perplexity(nats: float, events: int) -> float:
    """Return exp(total nats / events); infinity where an event has probability 0.

    >>> round(perplexity(-math.log(0.5) - math.log(0.25), 2), 2)
    2.83
    """
    try:
        return math.exp(cross_entropy(nats, events))
    except OverflowError:
        return math.inf


def bits_per(nats: float, count: int) -> float:
    """Return the bits for each of `count` characters or bytes; NaN where there are none.

    >>> bits_per(math.log(2) * 6, 3)
    2.0
    """
    return nats / math.log(2) / count if count else math.nan
