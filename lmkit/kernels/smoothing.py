"""From counts to probabilities: discounting, interpolation, Katz backoff, and weights by EM.

Loops go over the contexts ``begin`` up to ``end`` of one order, nodes of a trie; the children of
context c are the nodes ``first[c]`` up to ``first[c + 1]``, and ``suffix`` leads from an n-gram to
the one without its first word. An array for one order has an entry for each of its n-grams;
counts are int32, probabilities float64.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lmkit.kernels.compiled import compiled
from lmkit.types import FloatArray, IntArray

_EMPTY_MASS = 1e-9  # probability of unseen outcomes below which every outcome counts as seen


def count_extensions(suffixes: IntArray, first: int, size: int) -> IntArray:
    """Return how many n-grams have each n-gram of the order below as suffix: int32 (size,).

    ``suffixes`` are those of all n-grams of an order; the order below has the nodes from `first`
    on.

    >>> count_extensions(np.array([7, 5, 7], np.int32), 5, 3)
    array([1, 0, 2], dtype=int32)
    """
    extensions = np.zeros(size, np.int32)
    _count_extensions(suffixes, first, extensions)
    return extensions


def counts_of_counts(counts: IntArray) -> NDArray[np.int64]:
    """Return how many n-grams have the count 0, 1, 2, 3 and 4: (5,) int64."""
    tally = np.zeros(6, np.int64)
    _counts_of_counts(counts, tally)
    return tally[:5]


def add_lower_order(
    begin: int, end: int, first: IntArray, suffix: IntArray, rest: FloatArray, probs: FloatArray
) -> None:
    """Add ``rest(h) p(w|h')`` to the probability of each n-gram hw, in place.

    ``rest`` has an entry for each context, ``probs`` for each node of the trie; those of the lower
    order are final.
    """
    _add_lower_order(begin, end, first, suffix, rest, probs)


def discount(
    begin: int,
    first: IntArray,
    counts: IntArray,
    discounts: FloatArray,
    keep: NDArray[np.bool_],
    direct: FloatArray,
    rest: FloatArray,
) -> None:
    """Write the shares of absolute discounting for the ``len(rest)`` contexts from `begin` on.

    ``direct = (c - D(c)) / sum of c`` for each of their n-grams, and ``rest = (sum of D(c) over the
    n-grams to keep + sum of c over the others) / sum of c`` for each context, 1 without counts.
    ``counts``, ``keep`` and ``direct`` begin with the first of their n-grams; ``keep`` is empty if
    all are kept. ``discounts`` (4,) are D of 0, 1, 2, and 3 or more.

    Counts 3 and 1 with the discounts 0, 0.5, 1, 1.5 give direct = [1.5/4, 0.5/4], rest = 2/4.
    """
    _discount(begin, first, counts, discounts, keep, direct, rest)


def back_off(
    begin: int,
    arrays: tuple[IntArray, IntArray, IntArray],
    ratios: FloatArray,
    lower: FloatArray,
    probs: FloatArray,
    rest: FloatArray,
    *,
    unigrams: bool,
) -> None:
    """Write the probabilities of Katz backoff for the ``len(rest)`` contexts from `begin` on.

    ``arrays`` are (first, suffix, counts) of the trie; ``ratios[r]`` is the discount ratio of the
    count r, its last entry that of all higher counts. An n-gram of count r gets ``ratios[r] r /
    total`` in ``probs``, each context the weight of the lower order in ``rest``, so that the sum is
    one. ``lower`` has the probability of each n-gram's suffix; of `unigrams`, that of the unigram
    itself in the distribution below.
    """
    _back_off(begin, arrays, ratios, lower, unigrams, probs, rest)


def expected_choices(
    frequencies: FloatArray,
    buckets: NDArray[np.int8],
    floor: FloatArray,
    weights: FloatArray,
    prior: float,
) -> tuple[FloatArray, FloatArray, float]:
    """Return the expectation step of interpolation weights, and the mean log-likelihood in nats.

    The probability of token t is interpolated from the highest order n down: order k takes ``1 -
    weights[k - 1, b]`` of what reaches it, b its bucket, and passes the rest on, the last to the
    ``floor``. Returns the expected numbers of times that each weight's order was taken and passed,
    each (n, B), with the pseudo-count `prior` added to either.

    Shapes: ``frequencies`` (T, n), ``buckets`` (T, n) int8, 0 where the context was never seen;
    ``floor`` (T,), ``weights`` (n, B).
    """
    taken, passed = np.full((2, *weights.shape), prior)
    shares = np.empty(len(weights))
    nats = _expected_choices(frequencies, buckets, floor, weights, shares, taken, passed)
    return taken, passed, float(nats)


@compiled
def _count_extensions(suffixes, first, extensions):
    for suffix in suffixes:
        extensions[suffix - first] += 1


@compiled
def _counts_of_counts(counts, tally):
    for count in counts:
        tally[min(count, 5)] += 1


@compiled
def _add_lower_order(begin, end, first, suffix, rest, probs):
    for context in range(begin, end):
        for node in range(first[context], first[context + 1]):
            probs[node] += rest[context] * probs[suffix[node]]


@compiled
def _discount(begin, first, counts, discounts, keep, direct, rest):
    offset = first[begin]
    for i in range(len(rest)):
        total, left = np.int64(0), 0.0
        children = range(first[begin + i] - offset, first[begin + i + 1] - offset)
        for child in children:
            count = counts[child]
            total += count
            left += discounts[min(count, 3)] if len(keep) == 0 or keep[child] else count
        rest[i] = left / total if total > 0 else 1.0
        for child in children:
            count = counts[child]
            direct[child] = (count - discounts[min(count, 3)]) / max(total, 1)


@compiled
def _back_off(begin, arrays, ratios, lower, unigrams, probs, rest):
    first, suffix, counts = arrays
    for i in range(len(rest)):
        children = range(first[begin + i], first[begin + i + 1])
        total, kept, covered = 0.0, 0.0, 0.0
        for node in children:
            count = counts[node]
            total += count
            kept += count * ratios[min(count, len(ratios) - 1)]
            if count > 0:
                covered += lower[node if unigrams else suffix[node]]
        if total == 0.0:
            rest[i] = 1.0
            continue
        unseen = 1.0 - covered
        if unseen < _EMPTY_MASS:  # every outcome was seen: there is none to back off for
            divisor = kept
            rest[i] = 1.0
        else:
            divisor = total if kept < total else total + 1.0
            rest[i] = (1.0 - kept / divisor) / unseen
        for node in children:
            count = counts[node]
            probs[node] = count * ratios[min(count, len(ratios) - 1)] / divisor


@compiled
def _expected_choices(frequencies, buckets, floor, weights, shares, taken, passed):
    """`shares`, an entry for each order, is working memory."""
    size, order = frequencies.shape
    total_nats = 0.0
    for t in range(size):
        reach = 1.0
        for k in range(order - 1, -1, -1):
            weight = weights[k, buckets[t, k]]
            shares[k] = reach * (1.0 - weight) * frequencies[t, k]
            reach *= weight
        below = reach * floor[t]
        total = below + shares.sum()
        for k in range(order):
            if buckets[t, k] > 0:
                passed[k, buckets[t, k]] += below / total
                taken[k, buckets[t, k]] += shares[k] / total
            below += shares[k]
        total_nats += np.log(total)
    return total_nats / max(size, 1)
