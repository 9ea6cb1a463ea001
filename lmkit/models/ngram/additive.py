"""N-gram models with additive smoothing: Laplace, Lidstone, maximum likelihood."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmkit.errors import ParameterError
from lmkit.kernels.scoring import look_up
from lmkit.models.ngram.base import NgramModel
from lmkit.models.ngram.counts import NgramCounts
from lmkit.models.ngram.trie import Trie
from lmkit.types import Ids, LogProbs, LongArray, Progress, State

SMOOTHINGS = ("laplace", "lidstone", "mle")
_LOG_ALPHAS = (-16.0, 5.0)  # the range of ln alpha that alpha=auto searches


class _Occurrences(NamedTuple):
    """The counts of each token's n-gram and of its context: int32 (T,), 0 for unseen ones."""

    ngrams: NDArray[np.int32]
    contexts: NDArray[np.int32]


class Additive(NgramModel):
    """An n-gram model that adds a constant to every count.

    ``P(w|h) = (c(hw) + alpha) / (c(h) + alpha V)``, h the n-1 tokens before w, padded with
    ``<s>``, V the number of outcomes. alpha = 1 is Laplace's rule of succession; other values
    are Lidstone's (Lidstone 1920; Chen & Goodman 1998, eq. 2); alpha = 0 is maximum likelihood:
    what was not seen after a seen context is impossible (-inf nats). After a context that was
    never seen, every outcome has probability 1/V, for alpha = 0 too, so that each distribution
    sums to one.

    Hyper-parameters: ``smoothing`` is ``laplace``, ``lidstone`` or ``mle`` (which is alpha = 0);
    ``alpha`` a number, or ``auto`` for the one that predicts the validation text best.
    """

    counts_: NgramCounts
    alpha_: float

    def __init__(self, *, smoothing: str = "laplace", alpha: float | str = 1.0, **common: Any):
        super().__init__(**common)
        self.smoothing = smoothing
        self.alpha = alpha

    @property
    def _trie(self) -> Trie:
        return self.counts_.trie

    @property
    def needs_validation(self) -> bool:  # type: ignore[override]
        """Whether alpha is to be found on a validation text."""
        return self.alpha == "auto" and self.smoothing != "mle"

    def _check(self) -> None:
        super()._check()
        if self.smoothing not in SMOOTHINGS:
            raise ParameterError(
                f"smoothing={self.smoothing!r} is unknown; use {', '.join(SMOOTHINGS)}, "
                "or a model of its own such as kneser-ney"
            )
        if self.smoothing == "mle" and self.alpha not in (0.0, 1.0):
            raise ParameterError(f"smoothing=mle adds nothing: leave alpha={self.alpha} out")
        if isinstance(self.alpha, str):
            if self.alpha != "auto":
                raise ParameterError(f"alpha={self.alpha!r}: give a number of 0 or more, or auto")
        elif not 0 <= self.alpha < np.inf:
            raise ParameterError(f"alpha={self.alpha} must be a finite number of 0 or more")

    def _learn(self, ids: Ids, valid_ids: Ids | None, progress: Progress | None) -> None:
        self.counts_ = self._count(ids)
        if self.smoothing == "mle":
            self.alpha_ = 0.0
        elif isinstance(self.alpha, str):
            self.alpha_ = self._best_alpha(valid_ids)
        else:
            self.alpha_ = float(self.alpha)

    def _best_alpha(self, valid_ids: Ids | None) -> float:
        """Return the alpha under which the validation text is most probable."""
        if valid_ids is None or len(valid_ids) == 0:
            raise ParameterError("alpha=auto needs a validation text; give one, or a number")
        from scipy.optimize import minimize_scalar

        occurrences, _ = self._look_up(valid_ids, self._initial_state())
        pairs, times = np.unique(np.stack(occurrences), axis=1, return_counts=True)
        size = len(self.vocabulary_)

        def nats(log_alpha: float) -> float:
            alpha = np.exp(log_alpha)
            return -float(times @ np.log((pairs[0] + alpha) / (pairs[1] + alpha * size)))

        best = minimize_scalar(nats, bounds=_LOG_ALPHAS, method="bounded")
        return float(np.exp(best.x))

    # ------------------------------------------------------------------ predicting

    def _full_contexts(self) -> LongArray:
        """Return the first node of each order below n whose context is a full one: (n,) int64.

        Full contexts are those of n - 1 words, and the shorter ones that begin with ``<s>``; they
        are the last nodes of their order.
        """
        trie = self._trie
        return np.append(trie.bos_nodes()[: self.order - 1], trie.starts[self.order - 1])

    def _predict(self, state: State) -> LogProbs:
        trie, size = self._trie, len(self.vocabulary_)
        order = np.searchsorted(trie.starts, state, side="right") - 1
        total = int(self.counts_.totals[state]) if state >= self._full_contexts()[order] else 0
        if total == 0:
            return np.full(size, -np.log(size))
        children = slice(int(trie.first[state]), int(trie.first[state + 1]))
        counts = np.zeros(size + 1)
        counts[trie.words[children]] = self.counts_.counts[children]
        with np.errstate(divide="ignore"):
            return np.asarray(np.log((counts[:size] + self.alpha_) / (total + self.alpha_ * size)))

    def _look_up(
        self, ids: Ids, state: int, finish: Callable[[_Occurrences, slice], None] | None = None
    ) -> tuple[_Occurrences, int]:
        """Return the counts of each id's n-gram and context, and the state after the ids."""
        out = _Occurrences(np.empty(len(ids), np.int32), np.empty(len(ids), np.int32))
        after = self._run(
            look_up,
            ids,
            state,
            tables=(self.counts_.counts, self.counts_.totals, self._full_contexts()),
            out=out,
            finish=None if finish is None else lambda piece: finish(out, piece),
        )
        return out, after

    def _log_probs(self, ids: Ids, state: State) -> tuple[LogProbs, State]:
        result = np.empty(len(ids))
        alpha, size = self.alpha_, len(self.vocabulary_)

        def finish(occurrences: _Occurrences, piece: slice) -> None:
            ngrams, contexts = occurrences.ngrams[piece], occurrences.contexts[piece]
            with np.errstate(divide="ignore", invalid="ignore"):
                np.log((ngrams + alpha) / (contexts + alpha * size), out=result[piece])
            result[piece][contexts == 0] = -np.log(size)

        _, after = self._look_up(ids, state, finish)
        return result, after

    def _explain(self, ids: Ids, state: State) -> dict[str, NDArray[Any]]:
        occurrences, _ = self._look_up(ids, state)
        return {"order": np.where(occurrences.ngrams > 0, self.order, 0).astype(np.int8)}

    # ------------------------------------------------------------------ size and files

    @property
    def parameters(self) -> int:
        """The number of different n-grams of the highest order, and of its contexts."""
        return self._trie.size(self.order) + self._trie.size(self.order - 1)

    def _state_to_save(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        return self.counts_.to_arrays(), {"alpha": self.alpha_, "context": self.counts_.context}

    def _restore(self, arrays: Mapping[str, NDArray[Any]], values: Mapping[str, Any]) -> None:
        self.counts_ = NgramCounts.from_arrays(arrays, values["context"])
        self.alpha_ = float(values["alpha"])
        self._check_restored()


class Ngram(Additive):
    """An n-gram model of any order with additive smoothing (see `Additive`)."""

    name = "ngram"

    def __init__(self, *, order: int = 3, **options: Any):
        super().__init__(**options)
        self.order = order


class Unigram(Additive):
    """The frequencies of tokens, Laplace-smoothed: an n-gram model of order 1."""

    name = "unigram"
    order = 1


class Bigram(Additive):
    """An n-gram model of order 2: one token of context, Laplace-smoothed."""

    name = "bigram"
    order = 2


class Trigram(Additive):
    """An n-gram model of order 3: two tokens of context, Laplace-smoothed."""

    name = "trigram"
    order = 3
