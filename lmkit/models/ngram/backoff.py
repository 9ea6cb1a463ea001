"""Models that are backoff tables: scoring, distributions and the most probable next words."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmkit.errors import ParameterError, shown
from lmkit.kernels.scoring import ROUNDING, score_backoff, step_backoff
from lmkit.models.base import LanguageModel
from lmkit.models.files import names_arpa, no_backoff_form
from lmkit.models.ngram.arpa.writer import save_arpa
from lmkit.models.ngram.base import NgramModel
from lmkit.models.ngram.counts import NgramCounts
from lmkit.models.ngram.discounts import one_warning
from lmkit.models.ngram.tables import BackoffTables
from lmkit.models.ngram.trie import ROOT, Trie
from lmkit.text.vocabulary import UNK_ID
from lmkit.types import Ids, LogProbs, LongArray, Progress, State

UNK_RULES = ("trained", "uniform", "excluded")


class BackoffModel(NgramModel):
    """An n-gram model whose estimate is a set of backoff tables.

    Hyper-parameters: ``order`` n; ``unk``, how the unknown token gets its probability:

    ``trained``
        ``<unk>`` is a word like any other: its tokens in the training text, literal or left out
        of the vocabulary, are counted. Where there are none, it is as with ``uniform``.
    ``uniform``
        n-grams that contain it are not counted; it has its share of the uniform distribution below
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

    @property
    def _trie(self) -> Trie:
        return self.tables_.trie

    def _check(self) -> None:
        super()._check()
        if self.unk not in UNK_RULES:
            raise ParameterError(f"unk={self.unk!r} is unknown; use {', '.join(UNK_RULES)}")

    def _learn(self, ids: Ids, valid_ids: Ids | None, progress: Progress | None) -> None:
        if progress is not None:
            progress("counting", 0.0)
        counts = self._count(ids)
        if self.unk != "trained" and counts.counts[1 + UNK_ID] > 0:
            counts = counts.without_unk()
        if progress is not None:
            progress("smoothing", 0.5)
        with one_warning():
            self.tables_ = self._estimate(counts, ids, valid_ids)

    @abstractmethod
    def _estimate(self, counts: NgramCounts, ids: Ids, valid_ids: Ids | None) -> BackoffTables:
        """Return the smoothed model of the counts of a training text, whose ids are (T,)."""

    # ------------------------------------------------------------------ predicting

    def _score_one(self, index: int, state: State) -> tuple[float, State]:
        return step_backoff(state, index, *self._rule(), self.tables_.scores)

    def _predict(self, state: State) -> LogProbs:
        """Return the distribution after a state: unigrams first, then each longer context.

        A longer context adds its backoff weight to all words, and replaces those that follow it.
        """
        tables, trie = self.tables_, self._trie
        path = [state]
        while path[-1] > ROOT:
            path.append(int(trie.suffix[path[-1]]))
        result = np.append(tables.log_probs[1 : trie.vocabulary_size + 1], 0.0)  # 0: for <s>
        for context in reversed(path[:-1]):
            result += tables.backoffs[context]
            children = slice(int(trie.first[context]), int(trie.first[context + 1]))
            result[trie.words[children]] = tables.log_probs[children]
        return np.where(result > ROUNDING, result, np.minimum(result, 0.0))[:-1]

    def top_next(self, contexts: Sequence[Any], *, k: int = 10) -> tuple[Ids, LogProbs]:
        """Return the k most probable outcomes after each context, and their log-probabilities.

        `contexts` are sequences of ids, each from the start of a text on. Shapes (contexts, k),
        int32 and float64 nats, by descending probability, ties by ascending id.
        """
        self._require_fit()
        initial = self._initial_state()
        states = [self._walk(self._check_ids(context), initial) for context in contexts]
        return self._top(np.array(states, np.int64), k)

    def top_along(self, ids: Any, *, k: int = 10) -> tuple[Ids, LogProbs]:
        """Return the k most probable outcomes at each position of a text, before it is read.

        As `top_next` of every prefix of the ids (T,); shapes (T, k).
        """
        self._require_fit()
        return self._top(self._states(self._check_ids(ids), self._initial_state())[:-1], k)

    def _top(self, states: LongArray, k: int) -> tuple[Ids, LogProbs]:
        if not 1 <= k <= len(self.vocabulary_):
            raise ParameterError(
                f"k={k}: there are {len(self.vocabulary_)} outcomes; use 1 or more"
            )
        return self.tables_.top_words(states, k)

    def _score(
        self, ids: Ids, state: State, *, explain: bool
    ) -> tuple[LogProbs, NDArray[np.int8], LogProbs, int]:
        """Return log-probabilities, matched orders, log backoff weights, and the state after."""
        result = np.empty(len(ids))
        orders = np.empty(len(ids) if explain else 0, np.int8)
        backoffs = np.empty(len(orders))
        out = (result, orders, backoffs)
        after = self._run(score_backoff, ids, state, tables=self.tables_.scores, out=out)
        return result, orders, backoffs, after

    def _log_probs(self, ids: Ids, state: State) -> tuple[LogProbs, State]:
        result, _, _, after = self._score(ids, state, explain=False)
        return result, after

    def _explain(self, ids: Ids, state: State) -> dict[str, NDArray[Any]]:
        _, orders, backoffs, _ = self._score(ids, state, explain=True)
        return {"order": orders, "backoff": -backoffs + 0.0}  # 0, not -0

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
        self._check_restored()


def backoff_form(model: LanguageModel) -> BackoffModel:
    """Return the model if it is a backoff model.

    Raises ParameterError for one that has no backoff form: it is more than probabilities of
    n-grams and weights of contexts.
    """
    if isinstance(model, BackoffModel):
        return model
    if not isinstance(model, LanguageModel):
        raise ParameterError(f"{shown(model)} is no model; give a fitted or a loaded one")
    raise no_backoff_form(model)
