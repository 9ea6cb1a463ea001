"""What smoothing methods share: from the counts of each order to interpolated backoff tables.

An interpolated smoothing defines, for every order, how much of a context's probability mass goes
to the n-grams seen after it, and what weight is left for the order below,

    ``p(w|h) = direct(hw) + weight(h) p(w|h')``,   h' = h without its first word,

and `interpolate` makes backoff tables of that: ``log_probs[hw] = ln p(w|h)``, and ``backoffs[h] =
ln weight(h)``. Below the unigrams is the uniform distribution. Chen & Goodman, "An empirical study
of smoothing techniques for language modeling" (TR-10-98, Harvard 1998), describes all of them in
this form.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from lmkit.kernels import smoothing as kernels
from lmkit.models.ngram.tables import BackoffTables
from lmkit.models.ngram.trie import Trie
from lmkit.parallel import pieces, run_all
from lmkit.text.vocabulary import UNK_ID
from lmkit.types import FloatArray, IntArray

KEEP_ALL: NDArray[np.bool_] = np.empty(0, np.bool_)
"""A mask of n-grams to keep that stands for all of them."""
Estimate = Callable[[int, FloatArray, FloatArray], None]


def interpolate(
    trie: Trie, estimate: Estimate, *, unk: str = "trained", uniform_floor: bool = True
) -> BackoffTables:
    """Return the backoff tables in which every order is interpolated with the one below.

    Args:
        trie: the n-grams.
        estimate: ``estimate(order, direct, weights)`` writes, for each order from 1 to n, the
            direct probability of each of its n-grams, float64 (N_order,), and the interpolation
            weight of each context, a node of the order below, float64 (N_{order-1},), preset to 1.
        unk: with ``excluded``, ``<unk>`` has probability 0, and no part in the uniform
            distribution below the unigrams.
        uniform_floor: whether the mass that unigrams leave is spread uniformly over all outcomes;
            if not, ``<unk>`` takes it all (lmplz ``--interpolate_unigrams 0``).
    """
    size = trie.vocabulary_size
    probs, weights = np.zeros(len(trie.words)), np.ones(trie.contexts)
    estimate(1, probs[trie.span(1)], weights[:1])
    base = base_distribution(size, unk) if uniform_floor else np.eye(1, size, UNK_ID)[0]
    probs[1 : size + 1] += weights[0] * base
    weights[0] = 1.0
    for k in range(2, trie.order + 1):
        contexts = trie.span(k - 1)
        estimate(k, probs[trie.span(k)], weights[contexts])

        def add(part: slice) -> None:
            kernels.add_lower_order(part.start, part.stop, trie.first, trie.suffix, weights, probs)

        run_all(add, pieces(contexts))
    return tables_of(trie, probs, weights)


def tables_of(trie: Trie, probs: FloatArray, weights: FloatArray) -> BackoffTables:
    """Return the tables of probabilities (N,) and backoff weights (C,), both overwritten."""
    for values in (probs, weights):

        def logarithm(part: slice, values: FloatArray = values) -> None:
            with np.errstate(divide="ignore"):
                np.log(values[part], out=values[part])

        run_all(logarithm, pieces(slice(0, len(values))))
    probs[0] = probs[trie.vocabulary_size + 1] = -np.inf  # the root and <s>
    return BackoffTables.build(trie, probs, weights)


def base_distribution(size: int, unk: str) -> FloatArray:
    """Return the distribution below the unigrams: uniform (V,), 0 for an excluded <unk>."""
    base = np.full(size, 1 / (size - 1 if unk == "excluded" else size))
    if unk == "excluded":
        base[UNK_ID] = 0.0
    return base


def discounted(
    trie: Trie,
    order: int,
    counts: IntArray,
    discounts: FloatArray,
    *,
    direct: FloatArray,
    weights: FloatArray,
    keep: NDArray[np.bool_] = KEEP_ALL,
) -> None:
    """Write one order's estimate under absolute discounting of its counts c, (N_order,) int32.

    ``direct = (c - D(c)) / sum of c``, and ``weight = (sum of D(c) over the n-grams to keep + sum
    of c over the others) / sum of c``. `discounts` (4,) are D of 0, 1, 2, and 3 or more; `keep` is
    (N_order,) bool, or empty if every n-gram is kept.
    """
    lowest, offset = int(trie.starts[order - 1]), int(trie.starts[order])

    def work(contexts: slice) -> None:
        children = slice(trie.first[contexts.start] - offset, trie.first[contexts.stop] - offset)
        part = weights[contexts.start - lowest : contexts.stop - lowest]
        kernels.discount(
            contexts.start, trie.first, counts[children], discounts, keep[children],
            direct[children], part,
        )  # fmt: skip

    run_all(work, pieces(trie.span(order - 1)))


def witten_bell(
    trie: Trie, order: int, counts: IntArray, *, direct: FloatArray, weights: FloatArray
) -> None:
    """Write one order's estimate under Witten-Bell smoothing of its counts c, (N_order,) int32.

    ``direct = c / (sum of c + N(h))`` and ``weight = N(h) / (sum of c + N(h))``, N(h) the number of
    different words seen after h: the chance of a new one (Witten & Bell 1991, method C; Chen &
    Goodman 1998, section 2.5). Counts 3 and 1 give direct = [3/6, 1/6] and a weight of 2/6.
    """
    contexts = trie.span(order - 1)
    begins = trie.first[contexts.start : contexts.stop + 1].astype(np.int64) - trie.starts[order]
    totals = np.diff(np.concatenate(([0], np.cumsum(counts, dtype=np.int64)))[begins])
    types = np.diff(np.concatenate(([0], np.cumsum(counts > 0)))[begins])
    denominators = np.maximum(totals + types, 1)
    weights[:] = np.where(totals > 0, types / denominators, 1.0)
    np.divide(counts, np.repeat(denominators, np.diff(begins)), out=direct)
