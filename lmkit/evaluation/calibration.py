"""Calibration: entropy against surprisal, and the probability of the top guess against accuracy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmkit.models.base import LanguageModel
from lmkit.results.ledger import SurprisalLedger
from lmkit.text.vocabulary import EOS_ID

EVENTS = 2000  # each needs the whole distribution, (V,)
_RUN = 50  # consecutive events to a sample: reaching a position costs more than advancing
_BINS = 10


@dataclass(frozen=True)
class Bin:
    """A bin of a reliability diagram: a tenth of the sampled events, sorted by prediction.

    ``expected`` is the mean prediction and ``observed`` the mean outcome: the probability of the
    top guess and its accuracy, or the entropy of the distribution and the surprisal, both in bits.
    ``events`` is the number of events.
    """

    expected: float
    observed: float
    events: int


@dataclass(frozen=True)
class Calibration:
    """How a model's distributions agree with a text, over a sample of its events.

    ``model`` is its rank, from 0. ``top_guess`` are bins by the probability of the most
    probable outcome, lowest first; ``entropy`` bins by the entropy of the distribution. In a
    calibrated model expected equals observed in each bin, up to sampling error. ``accuracy`` is
    the share of events in which the top guess was right, ``confidence`` its mean probability,
    ``error`` the expected calibration error: the mean of |expected - observed| over the events.
    With bins of 3 and 1 events that expect 0.5 and 0.9 and observe 0.6 and 0.5, it is
    (3 * 0.1 + 1 * 0.4) / 4 = 0.175.
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


def calibrate(
    model: LanguageModel,
    ledger: SurprisalLedger,
    *,
    index: int = 0,
    events: int = EVENTS,
    seed: int = 0,
) -> Calibration:
    """Return how a model's distributions agree with the text of a ledger of its own.

    About `events` events are sampled, in runs of 50; `index` is the model's rank, from 0.
    Unknown tokens count as ``<unk>``.
    """
    if ledger.context != "document":
        model = model._in_context(ledger.context)
    resets = _resets(ledger)
    sampled = [
        _predictions(model, ledger.ids, resets, start, stop)
        for start, stop in _runs(len(ledger), events, seed)
    ]
    entropy, surprisal, confidence, hit = np.concatenate(sampled, axis=1)
    top_guess = _bins(confidence, hit)
    error = sum(part.events * abs(part.expected - part.observed) for part in top_guess)
    return Calibration(
        model=index,
        events=len(hit),
        accuracy=float(hit.mean()),
        confidence=float(confidence.mean()),
        error=error / len(hit),
        mean_entropy=float(entropy.mean()),
        mean_surprisal=float(surprisal.mean()),
        top_guess=top_guess,
        entropy=_bins(entropy, surprisal),
    )


def _runs(total: int, events: int, seed: int) -> list[tuple[int, int]]:
    """Return the span of each run: one at a random offset in each of equal parts of a text."""
    if total <= events:
        return [(0, total)]
    parts = -(-events // _RUN)
    begins = np.linspace(0, total, parts + 1).astype(np.int64)
    random = np.random.default_rng(seed)
    room = np.maximum(np.diff(begins) - _RUN, 0)
    starts = begins[:-1] + random.integers(room + 1)
    return [(int(start), min(int(start) + _RUN, total)) for start in starts]


def _resets(ledger: SurprisalLedger) -> NDArray[np.int64]:
    """Return the indices, in increasing order, of the events before which the state was reset."""
    if ledger.context == "sentence":
        return np.append(0, np.flatnonzero(ledger.ids == EOS_ID) + 1)
    if ledger.context == "document" and ledger.document_offsets is not None:
        return np.searchsorted(ledger.offsets, ledger.document_offsets[:-1])
    return np.zeros(1, np.int64)


def _predictions(
    model: LanguageModel,
    ids: NDArray[np.int32],
    resets: NDArray[np.int64],
    start: int,
    stop: int,
) -> NDArray[np.float64]:
    """Return entropy and surprisal (bits), top probability, and whether right: float64 (4, n)."""
    begin = int(resets[np.searchsorted(resets, start, side="right") - 1])
    state = model.advance(ids[begin:start])
    reset = set(resets[(resets > start) & (resets < stop)].tolist())
    columns = np.empty((4, stop - start))
    for column, index in enumerate(ids[start:stop].tolist()):
        if start + column in reset:
            state = model.initial_state()
        log_probs = model.next_log_probs(state=state)
        probs = np.exp(log_probs)
        possible = probs > 0
        top = int(np.argmax(log_probs))
        columns[:, column] = (
            -(probs[possible] @ log_probs[possible]) / np.log(2),
            -log_probs[index] / np.log(2),
            probs[top],
            top == index,
        )
        state = model.advance([index], state=state)
    return columns


def _bins(expected: NDArray[np.float64], observed: NDArray[np.float64]) -> tuple[Bin, ...]:
    """Return tenths of the events, sorted by prediction."""
    tenths = np.array_split(np.argsort(expected, kind="stable"), _BINS)
    return tuple(
        Bin(float(expected[tenth].mean()), float(observed[tenth].mean()), len(tenth))
        for tenth in tenths
        if len(tenth)
    )
