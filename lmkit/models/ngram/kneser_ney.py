"""Kneser-Ney smoothing."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmkit.errors import ParameterError
from lmkit.kernels.smoothing import count_extensions, counts_of_counts
from lmkit.models.ngram.backoff import BackoffModel
from lmkit.models.ngram.counts import NgramCounts
from lmkit.models.ngram.discounts import FALLBACKS, find_discounts
from lmkit.models.ngram.lmplz import last_ngrams, with_occurrences_of
from lmkit.models.ngram.smoothing import KEEP_ALL, discounted, interpolate, witten_bell
from lmkit.models.ngram.tables import BackoffTables
from lmkit.models.ngram.trie import read_only
from lmkit.text.vocabulary import UNK_ID
from lmkit.types import FloatArray, Ids, IntArray


class KneserNey(BackoffModel):
    """Interpolated Kneser-Ney smoothing, by default modified, with the conventions of lmplz.

    ``p(w|h) = (a(hw) - D(a(hw))) / a(h) + gamma(h) p(w|h')``, where a are the adjusted counts:
    occurrences at the highest order, and below it numbers of different left neighbours (Kneser &
    Ney 1995; Chen & Goodman 1998, section 3.5; see `adjusted_counts` and `modified_discounts`).

    Hyper-parameters, beside those of `BackoffModel`:

    ``modified``
        Three discounts for each order (of counts 1, 2, and 3 or more); if not, one (Ney et al.
        1994).
    ``prune``
        Thresholds such as ``0-0-1``: n-grams of order k that occur that often or less are
        left out. The last one holds for all higher orders, the first is 0, and none is lower than
        the one before.
    ``interpolate_unigrams``
        Whether unigrams are interpolated with the uniform distribution; if not, ``<unk>`` takes
        all the mass that they leave, and unknown words look easy.
    ``fallback``
        What replaces discounts that cannot be estimated (see `find_discounts`).
    ``compat``
        ``kenlm`` estimates discounts as lmplz does, in single precision and from the number of
        occurrences, in place of the adjusted count, of the last n-gram of each lower order (see
        :mod:`lmkit.models.ngram.lmplz`). The results differ where few n-grams have a count of 1 to
        4: with characters, or a text of some hundred words, discounts may differ in any digit, and
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
        if kenlm and counts.counts[1 + UNK_ID] > 0:
            raise ParameterError(
                "the text holds <unk>, which lmplz refuses; rename it, or leave compat=kenlm out"
            )
        fallback = self.fallback or ("none" if kenlm else "fixed")
        trie = counts.trie
        keep = above_thresholds(counts, prune_thresholds(self.prune, self.order))
        last = []
        if kenlm and self.context == "sentence":  # lmplz has no other
            last = last_ngrams(ids, vocabulary_size=trie.vocabulary_size, order=trie.order)

        def estimate(order: int, direct: FloatArray, weights: FloatArray) -> None:
            adjusted = adjusted_counts(counts, order)
            t = counts_of_counts(adjusted)
            if order <= len(last):
                t = with_occurrences_of(last[order - 1], t, adjusted, trie)
            discounts = find_discounts(
                t, order=order, modified=self.modified, fallback=fallback, single_precision=kenlm
            )
            if discounts is None:
                witten_bell(trie, order, adjusted, direct=direct, weights=weights)
                return
            own = keep[trie.span(order)]
            discounted(trie, order, adjusted, discounts, direct=direct, weights=weights, keep=own)

        floor = self.interpolate_unigrams
        tables = interpolate(trie, estimate, unk=self.unk, uniform_floor=floor)
        return tables.subset(keep) if len(keep) else tables


def adjusted_counts(counts: NgramCounts, order: int) -> IntArray:
    """Return the counts that Kneser-Ney smooths, of one order: (N_order,) int32.

    The highest order keeps its counts. A shorter n-gram counts the different words seen before
    it (``<s>`` is one), unless it begins with ``<s>`` itself: no word precedes that, and it keeps
    its own count. Kneser & Ney (1995); the treatment of ``<s>`` is lmplz's.

    Where "san francisco" occurs 9 times, and "francisco" after no other word, the adjusted count of
    "francisco" is 1.
    """
    trie = counts.trie
    own = counts.counts[trie.span(order)]
    if order == trie.order:
        return own
    suffixes = trie.suffix[trie.span(order + 1)]
    adjusted = count_extensions(suffixes, int(trie.starts[order]), len(own))
    bos = int(trie.bos_nodes()[order] - trie.starts[order])
    adjusted[bos:] = own[bos:]
    return read_only(adjusted)


def prune_thresholds(spec: str, order: int) -> list[int]:
    """Return the threshold of each order, 1 to n, from a list such as ``0-0-1``.

    Raises ParameterError if they are not whole numbers, decrease, are more than n, or begin above
    0.

    >>> prune_thresholds("0-0-1", 5)
    [0, 0, 1, 1, 1]
    """
    parts = str(spec).replace(" ", "-").split("-")
    if not all(part.isdecimal() for part in parts) or len(parts) > order:
        raise ParameterError(
            f"prune={spec!r}: give up to {order} whole numbers, one for each order, as in 0-0-1"
        )
    thresholds = [int(part) for part in parts]
    thresholds += [thresholds[-1]] * (order - len(thresholds))
    if thresholds[0] != 0:
        raise ParameterError(
            f"prune={spec!r}: unigrams stay, so begin with 0; min_count cuts the vocabulary"
        )
    if thresholds != sorted(thresholds):
        raise ParameterError(f"prune={spec!r}: thresholds do not fall with the order")
    return thresholds


def above_thresholds(counts: NgramCounts, thresholds: list[int]) -> NDArray[np.bool_]:
    """Return which n-grams occur more often than their order's threshold, (N,); empty for all."""
    if not any(thresholds):
        return KEEP_ALL
    trie = counts.trie
    keep = np.ones(len(trie.words), np.bool_)
    for order, threshold in enumerate(thresholds[1:], start=2):
        keep[trie.span(order)] = counts.counts[trie.span(order)] > threshold
    return keep
