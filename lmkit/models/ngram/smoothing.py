"""Smoothing: from counts to the probability that each order gives, and what it leaves.

Interpolated smoothings are peers: each says, for every order, how much of a context's mass goes
to the n-grams seen after it, and how much is left to the order below,

    ``p(w|h) = direct(hw) + rest(h) p(w|h')``,   h' = h without its first word,

and `interpolate` makes a backoff model of that. Below the unigrams stands the uniform
distribution. Chen & Goodman, "An empirical study of smoothing techniques for language modeling"
(TR-10-98, Harvard 1998), describes all of them in this form.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from lmkit.kernels import smoothing as kernels
from lmkit.models.ngram.counts import NgramCounts
from lmkit.models.ngram.tables import BackoffTables
from lmkit.models.ngram.trie import IntArray, Trie, read_only
from lmkit.parallel import pieces, run_all

FloatArray = NDArray[np.float64]
Unk = str  # trained | uniform | excluded
Give = Callable[[int, FloatArray, FloatArray], None]


def interpolate(
    trie: Trie, give: Give, *, unk: Unk = "trained", floor: bool = True
) -> BackoffTables:
    """Return the backoff model in which every order is interpolated with the one below.

    Args:
        trie: the n-grams.
        give: ``give(order, direct, rest)`` writes, for each order from 1 to n, the probability
            that the order itself gives to each of its n-grams, float64 (N_order,), and what each
            context of the order below leaves to shorter contexts, float64 (M,), which comes as 1.
        unk: with ``excluded``, ``<unk>`` has probability 0, and no part in the uniform
            distribution below the unigrams.
        floor: whether the mass that unigrams leave is spread uniformly over all outcomes;
            if not, ``<unk>`` takes it all (lmplz ``--interpolate_unigrams 0``).
    """
    size = trie.vocabulary_size
    probs, rest = np.zeros(len(trie.words)), np.ones(trie.contexts)
    give(1, probs[trie.span(1)], rest[:1])
    below = base_distribution(size, unk) if floor else np.eye(1, size)[0]
    probs[1 : size + 1] += rest[0] * below
    rest[0] = 1.0
    for k in range(2, trie.order + 1):
        contexts = trie.span(k - 1)
        give(k, probs[trie.span(k)], rest[contexts])

        def add(where: slice) -> None:
            kernels.add_lower_order(where.start, where.stop, trie.first, trie.suffix, rest, probs)

        run_all(add, pieces(contexts))
    logarithms(probs, probs)
    logarithms(rest, rest)
    probs[0] = probs[size + 1] = -np.inf
    return BackoffTables.build(trie, probs, rest)


def base_distribution(size: int, unk: Unk) -> FloatArray:
    """Return what stands below the unigrams: uniform (V,) float64, 0 for an excluded <unk>."""
    base = np.full(size, 1 / (size - 1 if unk == "excluded" else size))
    if unk == "excluded":
        base[0] = 0.0
    return base


def logarithms(values: FloatArray, out: FloatArray) -> None:
    """Write the logarithms, -inf for 0, on all cores."""

    def work(where: slice) -> None:
        with np.errstate(divide="ignore"):
            np.log(values[where], out=out[where])

    run_all(work, pieces(slice(0, len(values))))


# ---------------------------------------------------------------------- counts to smooth


def without_unk(counts: NgramCounts) -> NgramCounts:
    """Return the counts without the n-grams that hold ``<unk>``; its unigram stays, with 0."""
    trie = counts.trie
    keep = trie.words != 0
    for k in range(2, trie.order + 1):
        keep[trie.span(k)] &= keep[trie.parents(k)]
    keep[1] = True
    kept, nodes = trie.kept(keep)
    new = counts.counts[nodes]
    new[0] -= new[1]
    new[1] = 0
    totals = np.zeros(kept.contexts, np.int32)
    totals[0] = new[0]
    for k in range(2, kept.order + 1):
        begins = kept.first[kept.span(k - 1)]
        sums = np.concatenate(([0], np.cumsum(new[kept.span(k)], dtype=np.int64)))
        ends = kept.first[1:][kept.span(k - 1)]
        totals[kept.span(k - 1)] = sums[ends - kept.starts[k]] - sums[begins - kept.starts[k]]
    return NgramCounts(kept, new, totals, counts.context)


def adjusted_counts(counts: NgramCounts, order: int) -> IntArray:
    """Return the counts that Kneser-Ney smooths, of one order: (N_order,) int32.

    The highest order keeps its counts. A shorter n-gram counts the different words seen before
    it (``<s>`` is one), unless it begins with ``<s>`` itself: nothing can stand before that, and
    it keeps its own count. Kneser & Ney (1995); the treatment of ``<s>`` is lmplz's.
    """
    trie = counts.trie
    own = counts.counts[trie.span(order)]
    if order == trie.order:
        return own
    suffixes = trie.suffix[trie.span(order + 1)]
    adjusted = kernels.count_extensions(suffixes, int(trie.starts[order]), len(own))
    bos = int(trie.bos_spans()[order] - trie.starts[order])
    adjusted[bos:] = own[bos:]
    return read_only(adjusted)


# ---------------------------------------------------------------------- shares of one order


def discounted(
    trie: Trie,
    order: int,
    amounts: IntArray,
    discounts: FloatArray,
    *,
    keep: NDArray[np.bool_],
    direct: FloatArray,
    rest: FloatArray,
) -> None:
    """Give the shares of one order under absolute discounting of its amounts a, (N_order,) int32.

    ``direct = (a - D(a)) / sum of a``, and ``rest = (sum of D(a) over the n-grams that stay + sum
    of a over those that do not) / sum of a``. `discounts` (4,) are D of 0, 1, 2, and 3 or more;
    `keep` is (N_order,) bool, or empty if every n-gram stays.
    """
    lowest, offset = int(trie.starts[order - 1]), int(trie.starts[order])

    def work(where: slice) -> None:
        children = slice(trie.first[where.start] - offset, trie.first[where.stop] - offset)
        part = rest[where.start - lowest : where.stop - lowest]
        kernels.discount(
            where.start, trie.first, amounts[children], discounts, keep[children],
            direct[children], part,
        )  # fmt: skip

    run_all(work, pieces(trie.span(order - 1)))


def witten_bell(
    trie: Trie, order: int, amounts: IntArray, *, direct: FloatArray, rest: FloatArray
) -> None:
    """Give the shares of one order under Witten-Bell smoothing of its amounts a, (N_order,) int32.

    ``direct = a / (sum of a + N(h))`` and ``rest = N(h) / (sum of a + N(h))``, N(h) the number of
    different words seen after h: the chance of a new one (Witten & Bell 1991, method C; Chen &
    Goodman 1998, section 2.5).
    """
    contexts = trie.span(order - 1)
    begins = trie.first[contexts.start : contexts.stop + 1].astype(np.int64) - trie.starts[order]
    totals = np.diff(np.concatenate(([0], np.cumsum(amounts, dtype=np.int64)))[begins])
    types = np.diff(np.concatenate(([0], np.cumsum(amounts > 0)))[begins])
    mass = np.maximum(totals + types, 1)
    rest[:] = np.where(totals > 0, types / mass, 1.0)
    np.divide(amounts, np.repeat(mass, np.diff(begins)), out=direct)
