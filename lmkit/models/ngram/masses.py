"""What the distributions of a backoff model sum to, and the backoff weights that make it one.

The distribution after a context h is that after h', scaled by the backoff weight, with the
probabilities of the n-grams hw of h in place of the scaled ones. So its sum is

    ``mass(h) = sum p(w|h) + backoff(h) (mass(h') - sum p(w|h'))``, both sums over the n-grams hw.

With p(a|h) = 0.5, p(b|h) = 0.2, p(a|h') = 0.3, p(b|h') = 0.1 and mass(h') = 1, the words that are
not among the n-grams of h share 1 - 0.7 = 0.3 after h and have 1 - 0.4 = 0.6 after h'; a backoff
weight of 0.3 / 0.6 = 0.5 makes mass(h) one.
"""

from __future__ import annotations

import numpy as np

from lmkit.kernels import pruning as kernels
from lmkit.models.ngram.tables import BackoffTables
from lmkit.models.ngram.trie import ROOT
from lmkit.parallel import pieces, run_all
from lmkit.text.vocabulary import EOS_ID
from lmkit.types import FloatArray

_TOLERANCE = 1e-13  # a probability mass below this is 0 but for rounding


def kernel_arrays(tables: BackoffTables) -> kernels.Model:
    """Return (log_probs, backoffs, first, suffix, starts) as the kernels of pruning take them."""
    trie = tables.trie
    return tables.log_probs, tables.backoffs, trie.first, trie.suffix, trie.starts


def explicit_sums(tables: BackoffTables, order: int) -> tuple[FloatArray, FloatArray]:
    """Return the sums of p(w|h) and p(w|h') over the n-grams hw of each context h of an order.

    Two float64 arrays, an entry for each node of that order, 1 to n-1. Only the backoffs of
    shorter contexts are read.
    """
    span = tables.trie.span(order)
    explicit, lower = np.empty(span.stop - span.start), np.empty(span.stop - span.start)
    model = kernel_arrays(tables)

    def work(contexts: slice) -> None:
        part = slice(contexts.start - span.start, contexts.stop - span.start)
        kernels.explicit_sums(contexts, model, explicit[part], lower[part])

    run_all(work, pieces(span))
    return explicit, lower


def masses(tables: BackoffTables) -> FloatArray:
    """Return what the probabilities of all outcomes sum to after each context: (C,) float64."""
    trie = tables.trie
    result = np.empty(trie.contexts)
    result[ROOT] = np.exp(tables.log_probs[1 : trie.vocabulary_size + 1]).sum()
    for k in range(1, trie.order):
        explicit, lower = explicit_sums(tables, k)
        span = trie.span(k)
        with np.errstate(over="ignore", invalid="ignore"):  # a file may hold any weights
            backed_off = result[trie.suffix[span]] - lower
            result[span] = explicit + np.exp(tables.backoffs[span]) * backed_off
    return result


def mass_error(tables: BackoffTables, *, context: str) -> float:
    """Return how far from 1 the probabilities after any context of a text sum, at most.

    With ``context="sentence"`` contexts that contain a sentence end do not occur, and are ignored;
    IRSTLM counts ``<s>`` after it.
    """
    trie = tables.trie
    occurs = np.ones(trie.contexts, np.bool_)
    if context == "sentence":
        for order in range(1, trie.order):
            span = trie.span(order)
            occurs[span] = occurs[trie.parents(order)] & (trie.words[span] != EOS_ID)
    error = float(np.abs(masses(tables)[occurs] - 1).max())
    return error if error < np.inf else np.inf  # not NaN


def normalizing_backoffs(explicit: FloatArray, lower: FloatArray) -> FloatArray:
    """Return ln((1 - explicit) / (1 - lower)), the backoffs with which distributions sum to one.

    `explicit` and `lower` are as `explicit_sums` returns them. The backoff is -inf where the
    n-grams of a context leave no mass, and 0 where no outcome is left either.
    """
    mass, lower_mass = np.maximum(1 - explicit, 0), 1 - lower
    with np.errstate(divide="ignore"):
        result = np.log(mass) - np.log(np.maximum(lower_mass, _TOLERANCE))
    return np.where((lower_mass <= _TOLERANCE) & (mass <= _TOLERANCE), 0.0, result)
