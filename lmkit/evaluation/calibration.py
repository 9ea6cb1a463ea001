"""Does a model know what it knows? Entropy against surprisal, the top guess against the text."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Bin:
    """A tenth of the sampled events, those with like predictions.

    ``expected`` is the mean of what the model said, ``observed`` the mean of what came: the
    probability of the top guess and how often it was right, or the entropy of the distribution and
    the surprisal, both in bits. ``events`` is how many there are.
    """

    expected: float
    observed: float
    events: int


@dataclass(frozen=True)
class Calibration:
    """How a model's distributions agree with a text, over a sample of its events.

    ``model`` is its place in the ranking. ``top_guess`` are bins by the probability of the most
    probable outcome, lowest first; ``entropy`` bins by the entropy of the distribution. In a
    calibrated model expected equals observed in each bin, but for chance. ``accuracy`` is how often
    the top guess was right, ``confidence`` the mean probability it had, ``error`` the expected
    calibration error: the mean of |expected - observed| over the events.
    ``mean_entropy`` and ``mean_surprisal`` are in bits, ``events`` how many were sampled.
    """

    model: int
    events: int
    accuracy: float
    confidence: float
    error: float
    mean_entropy: float
    mean_surprisal: float
    top_guess: tuple[Bin, ...]
    entropy: tuple[Bin, ...]
