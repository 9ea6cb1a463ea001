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
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from lmkit.models.ngram.counts import NgramCounts
from lmkit.models.ngram.parallel import cores, run_all
from lmkit.models.ngram.tables import BackoffTables
from lmkit.models.ngram.trie import IntArray, Trie

FloatArray = NDArray[np.float64]
Unk = str  # trained | uniform | excluded


@dataclass(frozen=True)
class Share:
    """What one order gives and leaves.

    Attributes:
        direct: (N_k,) float64, the probability that the order itself gives to each n-gram.
        rest: (M,) float64, what each context of the order below leaves to shorter contexts;
            1 where nothing was seen after it.
    """

    direct: FloatArray
    rest: FloatArray


def interpolate(
    trie: Trie, share: Callable[[int], Share], *, unk: Unk = "trained", floor: bool = True
) -> BackoffTables:
    """Return the backoff model in which every order is interpolated with the one below.

    Args:
        trie: the n-grams.
        share: what each order, 1 to n, gives and leaves.
        unk: with ``excluded``, ``<unk>`` has probability 0, and no part in the uniform
            distribution below the unigrams.
        floor: whether the mass that unigrams leave is spread uniformly over all outcomes;
            if not, ``<unk>`` takes it all (lmplz ``--interpolate_unigrams 0``).
    """
    size = trie.vocabulary_size
    probs = np.zeros(len(trie.words))
    backoffs = np.zeros(trie.contexts)
    unigrams = share(1)
    below = base_distribution(size, unk) if floor else np.eye(1, size)[0]
    probs[1 : size + 1] = unigrams.direct[:size] + unigrams.rest[0] * below
    for k in range(2, trie.order + 1):
        part = share(k)
        contexts, nodes = trie.span(k - 1), trie.span(k)

        def add(
            where: slice,
            part: Share = part,
            lowest: int = contexts.start,
            offset: int = nodes.start,
        ) -> None:
            rest = part.rest[where.start - lowest : where.stop - lowest]
            _add_below(where.start, trie.first, trie.suffix, rest, part.direct, offset, probs)

        run_all(add, pieces(contexts))
        logarithms(part.rest, backoffs[contexts])
    logarithms(probs, probs)
    probs[0] = probs[size + 1] = -np.inf
    return BackoffTables.build(trie, probs, backoffs)


def base_distribution(size: int, unk: Unk) -> FloatArray:
    """Return what stands below the unigrams: uniform (V,) float64, 0 for an excluded <unk>."""
    base = np.full(size, 1 / (size - 1 if unk == "excluded" else size))
    if unk == "excluded":
        base[0] = 0.0
    return base


def pieces(nodes: slice) -> list[slice]:
    """Return a range of nodes cut for the cores."""
    size = max(1 << 14, -(-(nodes.stop - nodes.start) // (8 * cores())))
    begins = range(nodes.start, nodes.stop, size)
    return [slice(begin, min(begin + size, nodes.stop)) for begin in begins]


def logarithms(values: FloatArray, out: FloatArray) -> None:
    """Write the logarithms, -inf for 0, on all cores."""

    def work(where: slice) -> None:
        with np.errstate(divide="ignore"):
            np.log(values[where], out=out[where])

    run_all(work, pieces(slice(0, len(values))))


@njit(cache=True, nogil=True)
def _add_below(begin, first, suffix, rest, direct, offset, probs):  # type: ignore[no-untyped-def]
    """Write direct(hw) + rest(h) p(w|h') for the n-grams of the contexts from `begin` on."""
    for i in range(len(rest)):
        for node in range(first[begin + i], first[begin + i + 1]):
            probs[node] = direct[node - offset] + rest[i] * probs[suffix[node]]


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


def adjusted_counts(counts: NgramCounts) -> IntArray:
    """Return the counts that Kneser-Ney smooths: (N,) int32.

    The highest order keeps its counts. A shorter n-gram counts the different words seen before
    it (``<s>`` is one), unless it begins with ``<s>`` itself: nothing can stand before that, and
    it keeps its own count. Kneser & Ney (1995); the treatment of ``<s>`` is lmplz's.
    """
    trie = counts.trie
    adjusted = counts.counts.copy()
    bos = trie.bos_spans()
    for k in range(1, trie.order):
        begin = int(trie.starts[k])
        end = int(bos[k])
        extensions = np.bincount(trie.suffix[trie.span(k + 1)] - begin, minlength=end - begin)
        adjusted[begin:end] = extensions[: end - begin]
    return adjusted


# ---------------------------------------------------------------------- discounting


@njit(cache=True, nogil=True)
def _discount(begin, first, amounts, discounts, keep, offset, direct, rest):  # type: ignore[no-untyped-def]
    """Write the shares of the contexts from `begin` on, one for each of `rest`."""
    for i in range(len(rest)):
        total, left = np.int64(0), 0.0
        children = range(first[begin + i], first[begin + i + 1])
        for node in children:
            amount = amounts[node]
            total += amount
            left += discounts[min(amount, 3)] if len(keep) == 0 or keep[node] else amount
        rest[i] = left / total if total > 0 else 1.0
        for node in children:
            amount = amounts[node]
            direct[node - offset] = (amount - discounts[min(amount, 3)]) / max(total, 1)


def discounted(
    trie: Trie, order: int, amounts: IntArray, discounts: FloatArray, keep: NDArray[np.bool_]
) -> Share:
    """Return the share of one order under absolute discounting of the amounts a, (N,) int32.

    ``direct = (a - D(a)) / sum of a``, and ``rest = (sum of D(a) over the n-grams that stay + sum
    of a over those that do not) / sum of a``. `discounts` (4,) are D of 0, 1, 2, and 3 or more;
    `keep` is (N,) bool, or empty if every n-gram stays.
    """
    contexts, offset = trie.span(order - 1), int(trie.starts[order])
    direct = np.zeros(trie.size(order))
    rest = np.ones(trie.size(order - 1))

    def work(where: slice) -> None:
        part = rest[where.start - contexts.start : where.stop - contexts.start]
        _discount(where.start, trie.first, amounts, discounts, keep, offset, direct, part)

    run_all(work, pieces(contexts))
    return Share(direct, rest)


def witten_bell(trie: Trie, order: int, amounts: IntArray) -> Share:
    """Return the share of one order under Witten-Bell smoothing of the amounts a, (N,) int32.

    ``direct = a / (sum of a + N(h))`` and ``rest = N(h) / (sum of a + N(h))``, N(h) the number of
    different words seen after h: the chance of a new one (Witten & Bell 1991, method C; Chen &
    Goodman 1998, section 2.5).
    """
    contexts, nodes = trie.span(order - 1), trie.span(order)
    begins = trie.first[contexts.start : contexts.stop + 1].astype(np.int64) - nodes.start
    here = amounts[nodes]
    totals = np.diff(np.concatenate(([0], np.cumsum(here, dtype=np.int64)))[begins])
    types = np.diff(np.concatenate(([0], np.cumsum(here > 0)))[begins])
    mass = np.maximum(totals + types, 1)
    rest = np.where(totals > 0, types / mass, 1.0)
    return Share(here / np.repeat(mass, np.diff(begins)), rest)
