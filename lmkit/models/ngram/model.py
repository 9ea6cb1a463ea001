"""N-gram models with additive smoothing: Laplace, Lidstone, maximum likelihood."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmkit.errors import FormatError, ParameterError
from lmkit.kernels.scoring import look_up
from lmkit.models.base import LanguageModel
from lmkit.models.ngram.checking import check_outcomes
from lmkit.models.ngram.contexts import NgramContexts
from lmkit.models.ngram.counts import NgramCounts, count_ngrams
from lmkit.models.ngram.scoring import Walker, table_for
from lmkit.types import Ids, LogProbs, Progress, State

SMOOTHINGS = ("laplace", "lidstone", "mle")
MAX_ORDER = 127  # the ledger's column of matched orders is int8
_AUTO_RANGE = (-16.0, 5.0)  # where alpha=auto looks: ln alpha


class _Evidence(NamedTuple):
    """What the counts say of each id: int32 (T,), 0 for what was never seen."""

    hits: NDArray[np.int32]
    seen: NDArray[np.int32]


class Additive(NgramContexts, LanguageModel):
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

    order: int
    counts_: NgramCounts
    alpha_: float

    def __init__(self, *, smoothing: str = "laplace", alpha: float | str = 1.0, **common: Any):
        super().__init__(**common)
        self.smoothing = smoothing
        self.alpha = alpha

    @property
    def needs_validation(self) -> bool:  # type: ignore[override]
        """Whether alpha is to be found on a validation text."""
        return self.alpha == "auto" and self.smoothing != "mle"

    def _check(self) -> None:
        check_order(self.order)
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
        self.counts_ = count_ngrams(
            ids,
            order=self.order,
            vocabulary_size=len(self.vocabulary_),
            context="sentence" if self.context == "sentence" else "stream",
        )
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

        found, _ = self._look_up(valid_ids, self._initial_state())
        pairs, times = np.unique(np.stack(found), axis=1, return_counts=True)
        size = len(self.vocabulary_)

        def nats(log_alpha: float) -> float:
            alpha = np.exp(log_alpha)
            return -float(times @ np.log((pairs[0] + alpha) / (pairs[1] + alpha * size)))

        best = minimize_scalar(nats, bounds=_AUTO_RANGE, method="bounded")
        return float(np.exp(best.x))

    # ------------------------------------------------------------------ predicting

    def _walker(self) -> Walker:
        eos = self.vocabulary_.eos_id if self.context == "sentence" else self._restart
        return Walker.of(self.counts_.trie, eos=eos)

    def _initial_state(self) -> State:
        return self._walker().initial

    def _expect(self, tokens: int) -> None:
        table_for(self.counts_.trie, tokens, expected=True)

    def _advance(self, state: State, index: int) -> State:
        return self._walker().walk(np.array([index], np.int32), state)

    def _next_log_probs(self, context: Ids) -> LogProbs:
        walker = self._walker()
        return self._predict(walker.walk(context[1:], walker.initial))

    def _complete(self) -> NDArray[np.int64]:
        """Return from which node on the contexts of each order below n are complete.

        Complete are those of n - 1 words, and the shorter ones that begin with ``<s>``.
        """
        trie = self.counts_.trie
        return np.append(trie.bos_spans()[: self.order - 1], trie.starts[self.order - 1])

    def _predict(self, state: State) -> LogProbs:
        trie, size = self.counts_.trie, len(self.vocabulary_)
        complete = state >= self._complete()[np.searchsorted(trie.starts, state, side="right") - 1]
        total = int(self.counts_.totals[state]) if complete else 0
        if total == 0:
            return np.full(size, -np.log(size))
        children = slice(int(trie.first[state]), int(trie.first[state + 1]))
        counts = np.zeros(size + 1)
        counts[trie.words[children]] = self.counts_.counts[children]
        with np.errstate(divide="ignore"):
            return np.asarray(np.log((counts[:size] + self.alpha_) / (total + self.alpha_ * size)))

    def _look_up(
        self, ids: Ids, state: int, finish: Callable[[_Evidence, slice], None] | None = None
    ) -> tuple[_Evidence, int]:
        """Return the counts of each id's n-gram and context, and the state after the ids."""
        found = _Evidence(np.empty(len(ids), np.int32), np.empty(len(ids), np.int32))
        after = self._walker().score(
            look_up,
            ids,
            state,
            tables=(self.counts_.counts, self.counts_.totals, self._complete()),
            out=found,
            finish=None if finish is None else lambda where: finish(found, where),
        )
        return found, after

    def _log_probs(self, ids: Ids, state: State) -> tuple[LogProbs, State]:
        result = np.empty(len(ids))
        alpha, size = self.alpha_, len(self.vocabulary_)

        def finish(found: _Evidence, where: slice) -> None:
            hits, seen = found.hits[where], found.seen[where]
            with np.errstate(divide="ignore", invalid="ignore"):
                np.log((hits + alpha) / (seen + alpha * size), out=result[where])
            result[where][seen == 0] = -np.log(size)

        _, after = self._look_up(ids, state, finish)
        return result, after

    def _explain(self, ids: Ids, state: State) -> dict[str, NDArray[Any]]:
        found, _ = self._look_up(ids, state)
        return {"order": np.where(found.hits > 0, self.order, 0).astype(np.int8)}

    # ------------------------------------------------------------------ size and files

    @property
    def parameters(self) -> int:
        """The number of different n-grams of the highest order, and of its contexts."""
        return self.counts_.trie.size(self.order) + self.counts_.trie.size(self.order - 1)

    def _state_to_save(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        return self.counts_.to_arrays(), {"alpha": self.alpha_, "context": self.counts_.context}

    def _restore(self, arrays: Mapping[str, NDArray[Any]], values: Mapping[str, Any]) -> None:
        self.counts_ = NgramCounts.from_arrays(arrays, values["context"])
        self.alpha_ = float(values["alpha"])
        check_outcomes(self.counts_.trie, len(self.vocabulary_))
        if self.counts_.order != self.order:
            raise FormatError(f"n-grams up to order {self.counts_.order}, not {self.order}")


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


def check_order(order: int) -> None:
    """Raise ParameterError unless the order is a whole number from 1 to 127."""
    if isinstance(order, bool) or not isinstance(order, int) or not 1 <= order <= MAX_ORDER:
        raise ParameterError(f"order={order!r} must be a whole number from 1 to {MAX_ORDER}")
