"""What the distributions of a backoff model sum to, and weights that make it one.

The distribution after a context h is that after h', scaled by the backoff weight, with the
probabilities of the n-grams of h put in:

    ``mass(h) = sum of p(w|h) + backoff(h) (mass(h') - sum of p(w|h'))``, sums over the n-grams hw
"""

from __future__ import annotations

import numpy as np

from lmkit.kernels import pruning as kernels
from lmkit.models.ngram.tables import BackoffTables, FloatArray
from lmkit.models.ngram.trie import ROOT
from lmkit.parallel import pieces, run_all

_ROUNDING = 1e-13  # a probability mass below this is 0 but for rounding


def kernel_arrays(tables: BackoffTables) -> kernels.Model:
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
        kernels.explicit_sums(where, model, inside[here], below[here])

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
        result = np.log(left) - np.log(np.maximum(room, _ROUNDING))
    return np.where((room <= _ROUNDING) & (left <= _ROUNDING), 0.0, result)
