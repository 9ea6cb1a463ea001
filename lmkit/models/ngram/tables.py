"""Backoff models as arrays: what every smoothing makes, ARPA files hold, and scoring reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmkit.errors import FormatError
from lmkit.kernels import top as kernels
from lmkit.kernels.scoring import Scores, pack_scores
from lmkit.models.ngram.checking import checked_array, checked_trie
from lmkit.models.ngram.trie import Trie, read_only
from lmkit.parallel import cores, run_all
from lmkit.types import FloatArray, IntArray, LongArray

_TOP_STATES = 1024  # states for which a thread finds the top words at a time, at most


@dataclass(frozen=True)
class BackoffTables:
    """A backoff model: log-probabilities of n-grams and log backoff weights of contexts.

    With h' the history h without its first word,
    ``ln p(w|h) = log_probs[hw]`` where the trie has hw,
    ``ln p(w|h) = backoffs[h] + ln p(w|h')`` where it has h only, and
    ``ln p(w|h) = ln p(w|h')`` where it does not have h either (Katz 1987).
    An interpolated model has the same form: its n-grams hold the interpolated sum.

    Of the trigram "the old cat" with "the old" known and neither "the old cat" nor "old cat",
    ``ln p(cat | the old) = backoffs[the old] + backoffs[old] + log_probs[cat]``.

    Attributes:
        trie: the n-grams; all unigrams are included.
        log_probs: (N,) float64 nats for each node of the trie, at most 0; ``-inf`` for the root
            and for ``<s>``, and for events of probability 0.
        backoffs: (C,) float64 nats for each context; 0 for the root. May be above 0.
        ranking: (V,) int32, the outcomes by descending unigram probability, in which the search
            for the most probable next words ends.
    """

    trie: Trie
    log_probs: FloatArray
    backoffs: FloatArray
    ranking: IntArray

    @cached_property
    def scores(self) -> Scores:
        """Log-probabilities and backoffs as the scoring kernels take them."""
        return pack_scores(self.log_probs, self.backoffs)

    def __post_init__(self) -> None:
        for name in ("log_probs", "backoffs", "ranking"):
            object.__setattr__(self, name, read_only(getattr(self, name)))

    @classmethod
    def build(cls, trie: Trie, log_probs: FloatArray, backoffs: FloatArray) -> BackoffTables:
        """Return the tables of these log-probabilities and backoffs, with the ranking computed."""
        unigrams = log_probs[1 : trie.vocabulary_size + 1]
        ranking = np.argsort(-unigrams, kind="stable").astype(np.int32)
        return cls(trie, log_probs, backoffs, ranking)

    @property
    def order(self) -> int:
        """The highest order n."""
        return self.trie.order

    def subset(self, keep: NDArray[np.bool_]) -> BackoffTables:
        """Return the tables of some of the n-grams, with unchanged probabilities and backoffs.

        `keep` is as `Trie.subset` takes it. The caller ensures that distributions still sum to one.
        """
        trie, nodes = self.trie.subset(keep)
        backoffs = self.backoffs[nodes[: trie.contexts]]
        return BackoffTables(trie, self.log_probs[nodes], backoffs, self.ranking)

    def without_empty_orders(self) -> BackoffTables:
        """Return the tables without the highest orders that have no n-grams and change nothing.

        An order without n-grams stays where a context of the order below has a backoff weight:
        every word after such a context is scored with it.
        """
        trie, order = self.trie, self.order
        while order > 1 and trie.size(order) == 0 and not self.backoffs[trie.span(order - 1)].any():
            order -= 1
        if order == trie.order:
            return self
        size, contexts = int(trie.starts[order + 1]), int(trie.starts[order])
        shorter = Trie(
            trie.starts[: order + 2],
            trie.words[:size],
            trie.first[: contexts + 1],
            trie.suffix[:size],
        )
        return BackoffTables(shorter, self.log_probs[:size], self.backoffs[:contexts], self.ranking)

    def top_words(self, states: LongArray, k: int) -> tuple[IntArray, FloatArray]:
        """Return the k most probable outcomes after each state and their log-probabilities.

        Shapes (S, k), int32 and float64 nats, by descending probability, ties by ascending id.
        """
        words, log_probs = np.empty((len(states), k), np.int32), np.empty((len(states), k))
        size = max(1, min(_TOP_STATES, -(-len(states) // (4 * cores()))))

        def work(begin: int) -> None:
            piece = slice(begin, begin + size)
            out = (words[piece], log_probs[piece])
            kernels.top_words(states[piece], self.trie.arrays, self.scores, self.ranking, out)

        run_all(work, range(0, len(states), size))
        return words, log_probs

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
        """Return the tables of the arrays of `to_arrays`, which are used, not copied.

        Raises FormatError for arrays that do not fit together.
        """
        trie = checked_trie(arrays)
        log_probs = checked_array(arrays, "log_probs", np.float64, len(trie.words))
        backoffs = checked_array(arrays, "backoffs", np.float64, trie.contexts)
        ranking = checked_array(arrays, "ranking", np.int32, trie.vocabulary_size)
        if not 0 <= ranking.min() <= ranking.max() < trie.vocabulary_size:
            raise FormatError("the ranking names words that there are not; fit the model again")
        return cls(trie, log_probs, backoffs, ranking)
