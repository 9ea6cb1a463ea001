"""Kneser-Ney and absolute discounting."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmkit.errors import ParameterError
from lmkit.kernels.smoothing import counts_of_counts
from lmkit.models.ngram.backoff import BackoffModel
from lmkit.models.ngram.counts import NgramCounts
from lmkit.models.ngram.discounts import FALLBACKS, find_discounts
from lmkit.models.ngram.lmplz import last_ngrams, tallied_last
from lmkit.models.ngram.smoothing import (
    FloatArray,
    adjusted_counts,
    discounted,
    interpolate,
    witten_bell,
)
from lmkit.models.ngram.tables import BackoffTables
from lmkit.types import Ids

_ALL: NDArray[np.bool_] = np.empty(0, np.bool_)


class KneserNey(BackoffModel):
    """Interpolated Kneser-Ney smoothing, by default modified, with the conventions of lmplz.

    ``p(w|h) = (a(hw) - D(a(hw))) / a(h) + gamma(h) p(w|h')``, where the amounts a are counts at
    the highest order, and below it numbers of different left neighbours (Kneser & Ney 1995;
    Chen & Goodman 1998, section 3.5; see `adjusted_counts` and `modified_discounts`).

    Hyper-parameters, beside those of `BackoffModel`:

    ``modified``
        Three discounts an order (for 1, 2, and 3 or more); if not, one (Ney et al. 1994).
    ``prune``
        Thresholds such as ``0-0-1``: n-grams of order k that occur that often or less are
        left out; the last one holds for all higher orders, none falls, the first is 0.
    ``interpolate_unigrams``
        Whether unigrams are interpolated with the uniform distribution; if not, ``<unk>`` takes
        all the mass that they leave, and unknown words look easy.
    ``fallback``
        What stands in where discounts cannot be estimated (see `find_discounts`).
    ``compat``
        ``kenlm`` estimates discounts as lmplz does, in single precision and from the number of
        occurrences, in place of the adjusted count, of the last n-gram of each lower order (see
        :mod:`lmkit.models.ngram.lmplz`). The two part where few n-grams have a count of 1 to 4:
        with characters, or a text of some hundred words, discounts may differ in any digit, and
        exist under one rule alone; with thousands of types they differ from the fourth digit on.
        And it refuses what lmplz refuses: ``<unk>`` in the text, and, unless a fallback is named,
        discounts that cannot be estimated.
    """

    name = "kneser-ney"

    def __init__(
        self,
        *,
        modified: bool = True,
        prune: str = "0",
        interpolate_unigrams: bool = True,
        fallback: str | None = None,
        compat: str = "lmkit",
        **options: Any,
    ):
        super().__init__(**options)
        self.modified = modified
        self.prune = prune
        self.interpolate_unigrams = interpolate_unigrams
        self.fallback = fallback
        self.compat = compat

    def _check(self) -> None:
        super()._check()
        if self.fallback is not None and self.fallback not in FALLBACKS:
            raise ParameterError(
                f"fallback={self.fallback!r} is unknown; use {', '.join(FALLBACKS)}"
            )
        if self.compat not in ("lmkit", "kenlm"):
            raise ParameterError(f"compat={self.compat!r} is unknown; use lmkit or kenlm")
        prune_thresholds(self.prune, self.order)

    def _estimate(self, counts: NgramCounts, ids: Ids, valid_ids: Ids | None) -> BackoffTables:
        kenlm = self.compat == "kenlm"
        if kenlm and counts.counts[1] > 0:
            raise ParameterError(
                "the text holds <unk>, which lmplz refuses; rename it, or leave compat=kenlm out"
            )
        fallback = self.fallback or ("none" if kenlm else "fixed")
        trie = counts.trie
        keep = kept_ngrams(counts, prune_thresholds(self.prune, self.order))
        last = []
        if kenlm and self.context == "sentence":  # lmplz knows no other
            last = last_ngrams(ids, vocabulary_size=trie.vocabulary_size, order=trie.order)

        def give(order: int, direct: FloatArray, rest: FloatArray) -> None:
            amounts = adjusted_counts(counts, order)
            t = counts_of_counts(amounts)
            if order <= len(last):
                t = tallied_last(t, amounts, trie, last[order - 1])
            found = find_discounts(
                t, order=order, modified=self.modified, fallback=fallback, single_precision=kenlm
            )
            if found is None:
                witten_bell(trie, order, amounts, direct=direct, rest=rest)
                return
            here = keep[trie.span(order)]
            discounted(trie, order, amounts, found, keep=here, direct=direct, rest=rest)

        tables = interpolate(trie, give, unk=self.unk, floor=self.interpolate_unigrams)
        return tables.kept(keep) if len(keep) else tables


class AbsoluteDiscounting(BackoffModel):
    """Interpolated absolute discounting: a constant is taken from every count.

    ``p(w|h) = max(c(hw) - D, 0) / c(h) + D N(h) / c(h) p(w|h')``, N(h) the number of different
    words seen after h (Ney, Essen & Kneser 1994; Chen & Goodman 1998, section 2.7). ``discount``
    is D, between 0 and 1, for all orders; left out, ``D = t1 / (t1 + 2 t2)`` for each, t_k the
    number of its n-grams of count k, and 0.5 where t1 or t2 is 0.
    """

    name = "absolute-discounting"

    def __init__(self, *, discount: float | None = None, **options: Any):
        super().__init__(**options)
        self.discount = discount

    def _check(self) -> None:
        super()._check()
        if self.discount is not None and not 0 < self.discount < 1:
            raise ParameterError(f"discount={self.discount} must lie between 0 and 1")

    def _estimate(self, counts: NgramCounts, ids: Ids, valid_ids: Ids | None) -> BackoffTables:
        trie = counts.trie

        def give(order: int, direct: FloatArray, rest: FloatArray) -> None:
            amounts = counts.counts[trie.span(order)]
            t = counts_of_counts(amounts)
            constant = t[1] / (t[1] + 2 * t[2]) if t[1] and t[2] else 0.5
            discounts = np.full(4, constant if self.discount is None else self.discount)
            discounts[0] = 0
            discounted(trie, order, amounts, discounts, keep=_ALL, direct=direct, rest=rest)

        return interpolate(trie, give, unk=self.unk)


def prune_thresholds(spec: str, order: int) -> list[int]:
    """Return the threshold of each order, 1 to n, from a list such as ``0-0-1``.

    Raises ParameterError if they are no whole numbers, fall, are more than n, or begin above 0.
    """
    parts = str(spec).replace(" ", "-").split("-")
    if not all(part.isdecimal() for part in parts) or len(parts) > order:
        raise ParameterError(
            f"prune={spec!r}: give up to {order} whole numbers, one for each order, as in 0-0-1"
        )
    found = [int(part) for part in parts]
    found += [found[-1]] * (order - len(found))
    if found[0] != 0:
        raise ParameterError(
            f"prune={spec!r}: unigrams stay, so begin with 0; min_count cuts the vocabulary"
        )
    if found != sorted(found):
        raise ParameterError(f"prune={spec!r}: thresholds do not fall with the order")
    return found


def kept_ngrams(counts: NgramCounts, thresholds: list[int]) -> NDArray[np.bool_]:
    """Return which n-grams occur more often than their order's threshold; empty for all."""
    if not any(thresholds):
        return _ALL
    trie = counts.trie
    keep = np.ones(len(trie.words), np.bool_)
    for order, threshold in enumerate(thresholds, start=1):
        if order > 1:
            keep[trie.span(order)] = counts.counts[trie.span(order)] > threshold
    return keep
