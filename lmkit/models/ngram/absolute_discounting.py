"""Absolute discounting."""

from __future__ import annotations

from typing import Any

import numpy as np

from lmkit.errors import ParameterError
from lmkit.kernels.smoothing import counts_of_counts
from lmkit.models.ngram.backoff import BackoffModel
from lmkit.models.ngram.counts import NgramCounts
from lmkit.models.ngram.smoothing import discounted, interpolate
from lmkit.models.ngram.tables import BackoffTables
from lmkit.types import FloatArray, Ids


class AbsoluteDiscounting(BackoffModel):
    """Interpolated absolute discounting: a constant is subtracted from every count.

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

        def estimate(order: int, direct: FloatArray, weights: FloatArray) -> None:
            own = counts.counts[trie.span(order)]
            t = counts_of_counts(own)
            constant = t[1] / (t[1] + 2 * t[2]) if t[1] and t[2] else 0.5
            discounts = np.full(4, constant if self.discount is None else self.discount)
            discounts[0] = 0
            discounted(trie, order, own, discounts, direct=direct, weights=weights)

        return interpolate(trie, estimate, unk=self.unk)
