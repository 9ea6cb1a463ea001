"""Witten-Bell smoothing."""

from __future__ import annotations

from lmkit.models.ngram.backoff import BackoffModel
from lmkit.models.ngram.counts import NgramCounts
from lmkit.models.ngram.smoothing import interpolate, witten_bell
from lmkit.models.ngram.tables import BackoffTables
from lmkit.types import FloatArray, Ids


class WittenBell(BackoffModel):
    """Interpolated Witten-Bell smoothing: new words come as often as they have come before.

    ``p(w|h) = (c(hw) + N(h) p(w|h')) / (c(h) + N(h))``, N(h) the number of different words seen
    after h (Witten & Bell 1991, method C; Chen & Goodman 1998, section 2.5). It needs no counts
    of counts, and so works on any text.
    """

    name = "witten-bell"

    def _estimate(self, counts: NgramCounts, ids: Ids, valid_ids: Ids | None) -> BackoffTables:
        trie = counts.trie

        def estimate(order: int, direct: FloatArray, weights: FloatArray) -> None:
            own = counts.counts[trie.span(order)]
            witten_bell(trie, order, own, direct=direct, weights=weights)

        return interpolate(trie, estimate, unk=self.unk)
