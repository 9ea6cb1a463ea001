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
from numpy.typing import NDArray

from lmkit.kernels import pruning as kernels
from lmkit.models.ngram.tables import BackoffTables
from lmkit.models.ngram.trie import ROOT
from lmkit.parallel import pieces, run_all
from lmkit.text.vocabulary import EOS_ID
from lmkit.types import FloatArray, LongArray

_TOLERANCE = 1e-13  # a probability mass below this is 0 but for rounding
_MOST_DECIMALS = 5  # more change sums by less than any tolerance
_DIGITS_LOST = 1e-9  # log10, scaled by 10^decimals: float64 holds decimals this well


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


def decimals(tables: BackoffTables) -> int | None:
    """Return how many decimals the log10 numbers of a model have, None for more than five.

    Those between 1 and 10 in magnitude decide, where there are any: four significant digits are
    three decimals there, and more in smaller numbers.
    """
    values = np.abs(np.concatenate([tables.log_probs, tables.backoffs])) / np.log(10)
    values = values[np.isfinite(values)]
    large = values[(values >= 1) & (values < 10)]
    values = large if len(large) else values
    for count in range(1, _MOST_DECIMALS + 1):
        scaled = values * 10.0**count
        if (np.abs(scaled - np.rint(scaled)) < _DIGITS_LOST * 10.0**count).all():
            return count
    return None


def rounding_error(tables: BackoffTables) -> float:
    """Return how far from 1 rounding alone can make the sums of probabilities; 0 if it was exact.

    A number of d decimals is off by 10^-d / 2 in log10 at most, and a probability is the product
    of one for each order: with 3 decimals and 3 orders, 10^(3 * 0.0005) - 1 = 0.0035.
    """
    count = decimals(tables)
    return 0.0 if count is None else float(10 ** (tables.order * 0.5 * 10.0**-count) - 1)


def normalized(tables: BackoffTables, *, context: str) -> BackoffTables:
    """Return the tables with each distribution divided by its sum.

    Contexts that do not occur (see `mass_error`) are left as they are.
    """
    trie = tables.trie
    sums = np.where(_occurring(tables, context), masses(tables), 1.0)
    log_sums = np.log(sums)
    log_probs, backoffs = tables.log_probs.copy(), tables.backoffs.copy()
    parents: LongArray = np.concatenate([trie.parents(k) for k in range(1, trie.order + 1)])
    log_probs[1:] -= log_sums[parents]
    # p(w|h) = backoff(h) p(w|h'), the latter now divided by the sum of h'.
    backoffs[1:] += log_sums[trie.suffix[1 : trie.contexts]] - log_sums[1:]
    return BackoffTables(trie, log_probs, backoffs, tables.ranking)


def mass_error(tables: BackoffTables, *, context: str) -> float:
    """Return how far from 1 the probabilities after any context of a text sum, at most.

    With ``context="sentence"`` contexts that contain a sentence end do not occur, and are ignored;
    IRSTLM counts ``<s>`` after it.
    """
    error = float(np.abs(masses(tables)[_occurring(tables, context)] - 1).max())
    return error if error < np.inf else np.inf  # not NaN


def _occurring(tables: BackoffTables, context: str) -> NDArray[np.bool_]:
    """Return which contexts occur in texts, (C,)."""
    trie = tables.trie
    occurs = np.ones(trie.contexts, np.bool_)
    if context == "sentence":
        for order in range(1, trie.order):
            span = trie.span(order)
            occurs[span] = occurs[trie.parents(order)] & (trie.words[span] != EOS_ID)
    return occurs


def normalizing_backoffs(explicit: FloatArray, lower: FloatArray) -> FloatArray:
    """Return ln((1 - explicit) / (1 - lower)), the backoffs with which distributions sum to one.

    `explicit` and `lower` are as `explicit_sums` returns them. The backoff is -inf where the
    n-grams of a context leave no mass, and 0 where no outcome is left either.
    """
    mass, lower_mass = np.maximum(1 - explicit, 0), 1 - lower
    with np.errstate(divide="ignore"):
        result = np.log(mass) - np.log(np.maximum(lower_mass, _TOLERANCE))
    return np.where((lower_mass <= _TOLERANCE) & (mass <= _TOLERANCE), 0.0, result)
