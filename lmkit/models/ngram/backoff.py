"""Models that are backoff tables: scoring, distributions and the most probable next words."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmkit.errors import ParameterError
from lmkit.kernels.scoring import ROUNDING, score_backoff, step_backoff
from lmkit.models.base import LanguageModel
from lmkit.models.files import names_arpa
from lmkit.models.ngram.arpa.writer import save_arpa
from lmkit.models.ngram.checking import check_outcomes
from lmkit.models.ngram.contexts import NgramContexts
from lmkit.models.ngram.counts import NgramCounts, count_ngrams
from lmkit.models.ngram.model import check_order
from lmkit.models.ngram.scoring import Walker, table_for
from lmkit.models.ngram.smoothing import without_unk
from lmkit.models.ngram.tables import BackoffTables
from lmkit.models.ngram.top import top_words
from lmkit.types import Ids, LogProbs, Progress, State

UNK = ("trained", "uniform", "excluded")
_NOTHING = np.empty(0)


class BackoffModel(NgramContexts, LanguageModel):
    """An n-gram model whose estimate is a set of backoff tables.

    Hyper-parameters: ``order`` n; ``unk``, how the unknown token gets its probability:

    ``trained``
        ``<unk>`` is a word like any other: its tokens in the training text, literal or left out
        of the vocabulary, are counted. Where there are none, it is as with ``uniform``.
    ``uniform``
        n-grams that hold it are not counted; it has its share of the uniform distribution below
        the unigrams, and the context is empty after it.
    ``excluded``
        as ``uniform``, with probability 0: unknown tokens score -inf nats.
    """

    unk: str = "trained"
    tables_: BackoffTables

    def __init__(self, *, order: int = 3, unk: str = "trained", **common: Any):
        super().__init__(**common)
        self.order = order
        self.unk = unk

    def _check(self) -> None:
        check_order(self.order)
        if self.unk not in UNK:
            raise ParameterError(f"unk={self.unk!r} is unknown; use {', '.join(UNK)}")

    def _learn(self, ids: Ids, valid_ids: Ids | None, progress: Progress | None) -> None:
        if progress is not None:
            progress("counting", 0.0)
        counts = count_ngrams(
            ids,
            order=self.order,
            vocabulary_size=len(self.vocabulary_),
            context="sentence" if self.context == "sentence" else "stream",
        )
        if self.unk != "trained" and counts.counts[1] > 0:
            counts = without_unk(counts)
        if progress is not None:
            progress("smoothing", 0.5)
        self.tables_ = self._estimate(counts, ids, valid_ids)

    @abstractmethod
    def _estimate(self, counts: NgramCounts, ids: Ids, valid_ids: Ids | None) -> BackoffTables:
        """Return the smoothed model of these counts of a text, whose ids are (T,)."""

    # ------------------------------------------------------------------ predicting

    def _walker(self) -> Walker:
        eos = self.vocabulary_.eos_id if self.context == "sentence" else self._restart
        return Walker.of(self.tables_.trie, eos=eos)

    def _initial_state(self) -> State:
        return self._walker().initial

    def _expect(self, tokens: int) -> None:
        table_for(self.tables_.trie, tokens, expected=True)

    def _advance(self, state: State, index: int) -> State:
        return self._walker().walk(np.array([index], np.int32), state)

    def _score_one(self, index: int, state: State) -> tuple[float, State]:
        walker = self._walker()
        rule = (walker.initial, walker.eos, walker.trie.arrays)
        return step_backoff(state, index, *rule, self.tables_.scores)

    def _next_log_probs(self, context: Ids) -> LogProbs:
        walker = self._walker()
        return self._predict(walker.walk(context[1:], walker.initial))

    def _predict(self, state: State) -> LogProbs:
        tables = self.tables_
        trie = tables.trie
        path = [state]
        while path[-1] > 0:
            path.append(int(trie.suffix[path[-1]]))
        result = np.append(tables.log_probs[1 : trie.vocabulary_size + 1], 0.0)
        for context in reversed(path[:-1]):
            result += tables.backoffs[context]
            children = slice(int(trie.first[context]), int(trie.first[context + 1]))
            result[trie.words[children]] = tables.log_probs[children]
        return np.where(result > ROUNDING, result, np.minimum(result, 0.0))[:-1]

    def top_next(self, contexts: Sequence[Any], *, k: int = 10) -> tuple[Ids, LogProbs]:
        """Return the k most probable outcomes after each context, and their log-probabilities.

        `contexts` are sequences of ids, each from the start of a text on. Shapes (contexts, k),
        int32 and float64 nats, by falling probability, ties by rising id.
        """
        self._require_fit()
        walker = self._walker()
        checked = [self._check_ids(context) for context in contexts]
        states = [walker.walk(context, walker.initial) for context in checked]
        return self._top(np.array(states, np.int64), k)

    def top_along(self, ids: Any, *, k: int = 10) -> tuple[Ids, LogProbs]:
        """Return the k most probable outcomes at each place of a text: what might have stood there.

        As `top_next` of every beginning of the ids (T,); shapes (T, k).
        """
        self._require_fit()
        checked = self._check_ids(ids)
        return self._top(self._walker().states(checked)[:-1], k)

    def _top(self, states: NDArray[np.int64], k: int) -> tuple[Ids, LogProbs]:
        if not 1 <= k <= len(self.vocabulary_):
            raise ParameterError(
                f"k={k}: there are {len(self.vocabulary_)} outcomes; use 1 or more"
            )
        return top_words(self.tables_, states, k)

    def _score(
        self, ids: Ids, state: State, *, explain: bool
    ) -> tuple[LogProbs, NDArray[np.int8], LogProbs, int]:
        result = np.empty(len(ids))
        orders = np.empty(len(ids) if explain else 0, np.int8)
        paid = np.empty(len(orders))
        tables, out = self.tables_.scores, (result, orders, paid)
        after = self._walker().score(score_backoff, ids, state, tables=tables, out=out)
        return result, orders, paid, after

    def _log_probs(self, ids: Ids, state: State) -> tuple[LogProbs, State]:
        result, _, _, after = self._score(ids, state, explain=False)
        return result, after

    def _explain(self, ids: Ids, state: State) -> dict[str, NDArray[Any]]:
        _, orders, paid, _ = self._score(ids, state, explain=True)
        return {"order": orders, "backoff": -paid + 0.0}

    # ------------------------------------------------------------------ size and files

    @property
    def parameters(self) -> int:
        """The number of probabilities and backoff weights."""
        return len(self.tables_.log_probs) - 2 + len(self.tables_.backoffs) - 1

    def save(self, path: str | Path) -> None:
        """Write the model as :meth:`LanguageModel.save` does, or as an ARPA file of that name."""
        if names_arpa(path):
            save_arpa(self, path)
        else:
            super().save(path)

    def _state_to_save(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        return self.tables_.to_arrays(), {}

    def _restore(self, arrays: Mapping[str, NDArray[Any]], values: Mapping[str, Any]) -> None:
        self.tables_ = BackoffTables.from_arrays(arrays)
        check_outcomes(self.tables_.trie, len(self.vocabulary_))
