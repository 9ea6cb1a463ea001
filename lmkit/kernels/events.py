"""Sums over the events of a text: surprisals of runs and documents, and shares of a cache."""

from __future__ import annotations

import numpy as np

from lmkit.kernels.compiled import compiled
from lmkit.types import FloatArray, IntArray, LongArray


def sum_events(
    ids: IntArray,
    nats: FloatArray,
    sentences: int,
    shift: int,
    sums: FloatArray,
    *,
    eos: int,
    unk: int,
) -> tuple[int, int]:
    """Add events to the sums of their runs of sentences.

    A run holds ``1 << shift`` sentences; `sentences` of them ended before these events. ``ids`` and
    ``nats`` are (T,); ``sums`` is (B, 3), a row for each run: the nats of all events, those of
    events other than `unk`, and the number of events. Returns how many sentences end with these
    events, and how many events are impossible (infinite nats).

    With shift = 1, the ids [5, eos, unk, eos, 6] of 1 nat each, and 1 sentence before them, give
    row 0 [2, 2, 2], row 1 [3, 2, 3] and (2, 0).
    """
    ended, impossible = _sum_events(ids, nats, sentences, shift, sums, eos, unk)
    return ended, impossible


def sum_documents(
    ids: IntArray,
    nats: FloatArray,
    sentences: int,
    document: int,
    starts: LongArray,
    sums: FloatArray,
    *,
    eos: int,
) -> int:
    """Add events to the sums of their documents, and return the document of the last one.

    ``ids`` and ``nats`` are (T,); ``starts`` (D,) is how many sentences end before each document;
    ``sums`` is (D, 2), a row for each document: nats and number of events. `sentences` ended before
    these events, the last of which was in `document`.

    With starts = [0, 1], the ids [5, eos, 6, eos] of 1 nat each add [2, 2] to either row.
    """
    return int(_sum_documents(ids, nats, sentences, document, starts, sums, eos))


def recent_shares(ids: IntArray, first: int, lows: LongArray, weights: FloatArray) -> FloatArray:
    """Return the share that a token's own type has among the tokens before it, (T - first,).

    ``ids`` (T,) are tokens from 0 up, of which those from index `first` on are asked for. The one
    at index t counts the tokens from ``lows[t - first]`` up to t - 1, that at t - a with the weight
    ``weights[a - 1]``. NaN where it counts none.

    >>> recent_shares(np.array([7, 8, 7], np.int32), 1, np.array([0, 0]), np.array([1.0, 0.5]))
    array([0.        , 0.33333333])
    """
    sums = np.concatenate([np.zeros(1), np.cumsum(weights)])
    latest = np.full(int(ids.max(initial=0)) + 1, -1, np.int64)
    before, shares = np.empty(len(ids), np.int64), np.empty(len(lows))
    _recent_shares(ids, first, lows, weights, sums, latest, before, shares)
    return shares


@compiled
def _sum_events(ids, nats, sentences, shift, sums, eos, unk):
    run = sentences >> shift
    total, known, events = sums[run, 0], sums[run, 1], sums[run, 2]
    zeros, before = 0, sentences
    for t in range(len(ids)):  # without a branch: sentences are short
        now = sentences >> shift
        same, run = now == run, now
        total = (total if same else 0.0) + nats[t]
        known = (known if same else 0.0) + (nats[t] if ids[t] != unk else 0.0)
        events = (events if same else 0.0) + 1.0
        sums[run, 0], sums[run, 1], sums[run, 2] = total, known, events
        zeros += nats[t] == np.inf
        sentences += ids[t] == eos
    return sentences - before, zeros


@compiled
def _sum_documents(ids, nats, sentences, document, starts, sums, eos):
    for t in range(len(ids)):
        while document + 1 < len(starts) and starts[document + 1] <= sentences:
            document += 1
        sums[document, 0] += nats[t]
        sums[document, 1] += 1.0
        sentences += ids[t] == eos
    return document


@compiled
def _recent_shares(ids, first, lows, weights, sums, latest, before, shares):
    """Follow, for each token, the chain of earlier tokens of its type.

    `latest`, -1 for each type, and `before`, for each token, are working memory: the index of the
    last token of a type, and of the previous token of the same type. `sums` are those of the first
    0, 1, ... weights.
    """
    for t in range(len(ids)):
        before[t] = latest[ids[t]]
        latest[ids[t]] = t
        if t < first:
            continue
        low = lows[t - first]
        own = 0.0
        i = before[t]
        while i >= low:
            own += weights[t - i - 1]
            i = before[i]
        shares[t - first] = own / sums[t - low] if t > low else np.nan
