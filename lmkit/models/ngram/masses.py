"""How much probability the distributions of a backoff model hold, and weights that make it one.

The distribution after a context h is that after h', scaled by the backoff weight, with the n-grams
of h put in place:

    ``mass(h) = sum of p(w|h) + backoff(h) (mass(h') - sum of p(w|h'))``, sums over the n-grams hw
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmkit.compiled import compiled
from lmkit.models.ngram.parallel import pieces, run_all
from lmkit.models.ngram.tables import BackoffTables, FloatArray
from lmkit.models.ngram.trie import ROOT

_NOTHING = 1e-13  # what is left of 1 when probabilities that sum to it are taken away


@compiled(inline="always")
def lower_log_prob(node, below, log_probs, backoffs, suffix, starts):  # type: ignore[no-untyped-def]
    """Return ln p(w|h') of the n-gram hw, h' the longest known suffix of its context: `below`."""
    found = np.int64(suffix[node])
    order = 1
    while found >= starts[order + 1]:
        order += 1
    paid = 0.0
    while below >= starts[order]:
        paid += backoffs[below]
        below = np.int64(suffix[below])
    return paid + log_probs[found]


@compiled
def _sums(begin, end, model, inside, below):  # type: ignore[no-untyped-def]
    """Write, for each context, the sums of p(w|h) and of p(w|h') over its n-grams hw."""
    log_probs, backoffs, first, suffix, starts = model
    for context in range(begin, end):
        h, lower = 0.0, 0.0
        for node in range(first[context], first[context + 1]):
            h += np.exp(log_probs[node])
            shorter = np.int64(suffix[context])
            lower += np.exp(lower_log_prob(node, shorter, log_probs, backoffs, suffix, starts))
        inside[context - begin] = h
        below[context - begin] = lower


def kernel_arrays(tables: BackoffTables) -> tuple[NDArray[Any], ...]:
    """Return (log_probs, backoffs, first, suffix, starts) as the kernels here take them."""
    trie = tables.trie
    return tables.log_probs, tables.backoffs, trie.first, trie.suffix, trie.starts


def explicit_sums(tables: BackoffTables, order: int) -> tuple[FloatArray, FloatArray]:
    """Return the sums of p(w|h) and p(w|h') over the n-grams hw of each context h of an order.

    Two float64 arrays, an entry for each node of that order, 1 to n-1. Only the backoffs of
    shorter contexts are looked at.
    """
    span = tables.trie.span(order)
    inside, below = np.empty(span.stop - span.start), np.empty(span.stop - span.start)
    model = kernel_arrays(tables)

    def work(where: slice) -> None:
        here = slice(where.start - span.start, where.stop - span.start)
        _sums(where.start, where.stop, model, inside[here], below[here])

    run_all(work, pieces(span))
    return inside, below


def masses(tables: BackoffTables) -> FloatArray:
    """Return what the probabilities of all outcomes sum to after each context: (C,) float64."""
    trie = tables.trie
    result = np.empty(trie.contexts)
    result[ROOT] = np.exp(tables.log_probs[1 : trie.vocabulary_size + 1]).sum()
    for k in range(1, trie.order):
        inside, below = explicit_sums(tables, k)
        span = trie.span(k)
        with np.errstate(over="ignore", invalid="ignore"):  # a file may hold any weights
            left = result[trie.suffix[span]] - below
            result[span] = inside + np.exp(tables.backoffs[span]) * left
    return result


def normalizing_backoffs(inside: FloatArray, below: FloatArray) -> FloatArray:
    """Return ln((1 - inside) / (1 - below)), the backoffs with which distributions sum to one.

    Where a context's n-grams leave no mass, or leave no outcome to give it to, that is -inf or 0.
    """
    left, room = np.maximum(1 - inside, 0), 1 - below
    with np.errstate(divide="ignore"):
        result = np.log(left) - np.log(np.maximum(room, _NOTHING))
    return np.where((room <= _NOTHING) & (left <= _NOTHING), 0.0, result)
