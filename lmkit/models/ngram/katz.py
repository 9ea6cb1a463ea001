"""Katz backoff with Good-Turing discounts."""

from __future__ import annotations

import numpy as np

from lmkit.kernels.smoothing import back_off
from lmkit.models.ngram.backoff import BackoffModel
from lmkit.models.ngram.counts import NgramCounts
from lmkit.models.ngram.discounts import warn
from lmkit.models.ngram.smoothing import base_distribution, tables_of
from lmkit.models.ngram.tables import BackoffTables
from lmkit.parallel import pieces, run_all
from lmkit.types import FloatArray, Ids, IntArray

RELIABLE = 5  # Katz's k: higher counts are not discounted


class Katz(BackoffModel):
    """Katz backoff: seen n-grams are discounted, and only unseen ones use shorter contexts.

    ``p(w|h) = d(r) r / c(h)`` for r = c(hw) > 0, else ``alpha(h) p(w|h')``, where alpha makes the
    sum one, and d(r) is the Good-Turing ratio for r up to 5, and 1 above (Katz 1987; Chen &
    Goodman 1998, section 2.4). Unigrams back off to the uniform distribution. Where all counts of a
    context are above 5, and so leave no mass for unseen words, one is added to c(h).
    """

    name = "katz"

    def _estimate(self, counts: NgramCounts, ids: Ids, valid_ids: Ids | None) -> BackoffTables:
        trie = counts.trie
        size = trie.vocabulary_size
        probs, weights = np.zeros(len(trie.words)), np.ones(trie.contexts)
        base = np.zeros(len(trie.words))
        base[1 : size + 1] = base_distribution(size, self.unk)
        for order in range(1, self.order + 1):
            ratios = good_turing_ratios(counts.counts[trie.span(order)], order=order)

            def work(contexts: slice, order: int = order, ratios: FloatArray = ratios) -> None:
                lower = probs if order > 1 else base
                arrays = (trie.first, trie.suffix, counts.counts)
                part = weights[contexts]
                back_off(contexts.start, arrays, ratios, lower, probs, part, unigrams=order == 1)

            run_all(work, pieces(trie.span(order - 1)))
            if order == 1:
                # Every unigram is a node, so the unseen ones get their share here.
                unseen = counts.counts[1 : size + 1] == 0
                probs[1 : size + 1][unseen] = weights[0] * base[1 : size + 1][unseen]
                weights[0] = 1.0
        return tables_of(trie, probs, weights)


def good_turing_ratios(counts: IntArray, *, order: int) -> FloatArray:
    """Return the discount ratio of each count 0 .. 6, where 6 stands for all higher: (7,) float64.

    ``d(r) = (r*/r - m) / (1 - m)``, ``r* = (r + 1) n(r+1) / n(r)``, ``m = (k + 1) n(k+1) / n(1)``
    for r up to k = 5, n(r) the number of n-grams of count r (Katz 1987, eq. 15). If a ratio leaves
    (0, 1], the next lower k is tried; if none is usable, (r - 1/2) / r, with a DiscountWarning.
    """
    n = np.bincount(counts[counts <= RELIABLE + 1], minlength=RELIABLE + 2).astype(np.float64)
    for k in range(RELIABLE, 0, -1):
        if not n[1 : k + 1].all():
            continue
        r = np.arange(1.0, k + 1)
        missing = (k + 1) * n[k + 1] / n[1]
        if missing >= 1:
            continue
        ratios = ((r + 1) * n[2 : k + 2] / (n[1 : k + 1] * r) - missing) / (1 - missing)
        if (ratios > 0).all() and (ratios <= 1).all():
            result = np.ones(RELIABLE + 2)
            result[1 : k + 1] = ratios
            return result
    cause = "no k has usable counts of counts"
    warn("Good-Turing ratios", order, cause, "counts less one half stand in")
    r = np.maximum(np.arange(RELIABLE + 2), 1)
    return np.asarray((r - 0.5) / r)
