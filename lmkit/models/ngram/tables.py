"""Backoff models as arrays: what every smoothing makes, ARPA files hold, and scoring reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmkit.errors import FormatError
from lmkit.kernels.scoring import Scores, pack_scores
from lmkit.models.ngram.checking import checked, checked_trie
from lmkit.models.ngram.trie import Trie, read_only

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class BackoffTables:
    """A backoff model: log-probabilities of n-grams and log backoff weights of contexts.

    With h' the history h without its first word,
    ``ln p(w|h) = log_probs[hw]`` where the trie holds hw,
    ``ln p(w|h) = backoffs[h] + ln p(w|h')`` where it holds h only, and
    ``ln p(w|h) = ln p(w|h')`` where it does not hold h either (Katz 1987).
    An interpolated model is written in the same form: its n-grams hold the whole sum.

    Attributes:
        trie: which n-grams there are; all unigrams are among them.
        log_probs: (N,) float64 nats for each node of the trie, at most 0; ``-inf`` for the root
            and for ``<s>``, and for what cannot happen.
        backoffs: (C,) float64 nats for each context; 0 for the root. May lie above 0.
        ranking: (V,) int32, the outcomes by falling unigram probability: where the search for
            the most probable next words ends.
    """

    trie: Trie
    log_probs: FloatArray
    backoffs: FloatArray
    ranking: NDArray[np.int32]

    @cached_property
    def scores(self) -> Scores:
        """Log-probabilities and backoffs as the scoring kernels take them."""
        return pack_scores(self.log_probs, self.backoffs)

    def __post_init__(self) -> None:
        for name in ("log_probs", "backoffs", "ranking"):
            object.__setattr__(self, name, read_only(getattr(self, name)))

    @classmethod
    def build(cls, trie: Trie, log_probs: FloatArray, backoffs: FloatArray) -> BackoffTables:
        """Return the tables of these log-probabilities and backoffs; the ranking is worked out."""
        unigrams = log_probs[1 : trie.vocabulary_size + 1]
        ranking = np.argsort(-unigrams, kind="stable").astype(np.int32)
        return cls(trie, log_probs, backoffs, ranking)

    @property
    def order(self) -> int:
        """The highest order n."""
        return self.trie.order

    @property
    def vocabulary_size(self) -> int:
        """The number of outcomes V."""
        return self.trie.vocabulary_size

    def kept(self, keep: NDArray[np.bool_]) -> BackoffTables:
        """Return the tables without some n-grams; probabilities and backoffs are not touched.

        `keep` is as `Trie.kept` takes it. The caller sees to it that each distribution still sums
        to one.
        """
        trie, nodes = self.trie.kept(keep)
        backoffs = self.backoffs[nodes[: trie.contexts]]
        return BackoffTables(trie, self.log_probs[nodes], backoffs, self.ranking)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return all arrays by name, as a model file holds them."""
        return {
            **self.trie.to_arrays(),
            "log_probs": self.log_probs,
            "backoffs": self.backoffs,
            "ranking": self.ranking,
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> BackoffTables:
        """Return the tables that `to_arrays` took apart; the arrays are used, not copied.

        Raises FormatError for arrays that do not fit together.
        """
        trie = checked_trie(arrays)
        log_probs = checked(arrays, "log_probs", np.float64, len(trie.words))
        backoffs = checked(arrays, "backoffs", np.float64, trie.contexts)
        ranking = checked(arrays, "ranking", np.int32, trie.vocabulary_size)
        if not 0 <= ranking.min() <= ranking.max() < trie.vocabulary_size:
            raise FormatError("the ranking names words that there are not; fit the model again")
        return cls(trie, log_probs, backoffs, ranking)
