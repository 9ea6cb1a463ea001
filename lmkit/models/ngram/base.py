"""``NgramModel``: what counting and backoff models share, an order and a trie of n-grams.

A state is a node of the trie, the longest known suffix of the history. Long texts are scored in
pieces on all cores: the state before a piece depends on the n - 1 ids before it alone.
"""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Callable
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from lmkit.errors import FormatError, ParameterError
from lmkit.kernels.trie import TrieArrays, walk, walk_along
from lmkit.models.base import LanguageModel
from lmkit.models.ngram.counts import NgramCounts, count_ngrams
from lmkit.models.ngram.hashing import table_for
from lmkit.models.ngram.trie import ROOT, Trie, read_only
from lmkit.parallel import cores, run_all
from lmkit.text.vocabulary import EOS_ID
from lmkit.types import Ids, LogProbs, LongArray, State

MAX_ORDER = 127  # the ledger's column of matched orders is int8
PIECE = 1 << 15  # tokens that a thread scores at a time, at least
_NO_ID = -1


class NgramModel(LanguageModel):
    """A model whose context is the last n - 1 tokens, found in a trie of n-grams.

    A subclass says in `_trie` where its trie is, and predicts from a state.
    """

    order: int
    _reset_id: int = _NO_ID
    """The id after which the context is empty where it crosses sentence ends; -1 for none."""

    @property
    @abstractmethod
    def _trie(self) -> Trie:
        """The n-grams that the model knows."""

    def _check(self) -> None:
        order = self.order
        if isinstance(order, bool) or not isinstance(order, int) or not 1 <= order <= MAX_ORDER:
            raise ParameterError(f"order={order!r} must be a whole number from 1 to {MAX_ORDER}")

    def _count(self, ids: Ids) -> NgramCounts:
        """Return the counts of a training text, (T,) ids."""
        return count_ngrams(
            ids,
            order=self.order,
            vocabulary_size=len(self.vocabulary_),
            context="sentence" if self.context == "sentence" else "stream",
        )

    # ------------------------------------------------------------------ states

    def _rule(self) -> tuple[int, int, TrieArrays]:
        """Return the initial state, the id that resets the state to it (-1 for none), and the trie.

        The kernels take these to follow a text from state to state.
        """
        trie = self._trie
        reset_id = EOS_ID if self.context == "sentence" else self._reset_id
        return trie.initial_state, reset_id, trie.arrays

    def _initial_state(self) -> State:
        return self._trie.initial_state

    def _is_state(self, given: Any) -> bool:
        return isinstance(given, (int, np.integer)) and 0 <= int(given) < len(self._trie.words)

    def _walk(self, ids: Ids, state: int) -> int:
        """Return the state after the ids."""
        return walk(read_only(ids), state, *self._rule()) if len(ids) else state

    def _states(self, ids: Ids, state: int) -> LongArray:
        """Return the state before each id, `state` the first, and after the last: (T + 1,)."""
        return walk_along(read_only(ids), state, *self._rule())

    def _advance(self, state: State, index: int) -> State:
        return self._walk(np.array([index], np.int32), state)

    def _next_log_probs(self, context: Ids) -> LogProbs:
        return self._predict(self._walk(context[1:], self._initial_state()))

    def continuations(self, ids: Ids, state: int) -> LongArray:
        """Return how many different tokens follow the longest known context, (T + 1,) int64.

        Entry t is that of the context before token t, the last that of the context after all of
        them; `state` is the model's before the first. The numbers depend on contexts alone, never
        on the tokens that are predicted.
        """
        states = self._states(ids, state)
        first = self._trie.first.astype(np.int64)
        counts: LongArray = first[states + 1] - first[states]
        return counts

    # ------------------------------------------------------------------ scoring long texts

    def _expect(self, tokens: int) -> None:
        table_for(self._trie, tokens, expected=True)

    def _run(
        self,
        kernel: Callable[..., None],
        ids: Ids,
        state: int,
        *,
        tables: Any,
        out: tuple[NDArray[Any], ...],
        finish: Callable[[slice], None] | None = None,
    ) -> int:
        """Run `score_backoff` or `look_up` over a text and return the state after it.

        `tables` and `out` are arguments of the kernel; the arrays of `out` have one entry for each
        id, or none. ``finish(piece)`` is called after each piece, while its entries are in the
        cache.
        """
        ids = read_only(ids)
        trie, rule = self._trie, self._rule()
        table = table_for(trie, len(ids))
        memory = trie.order - 1  # the ids on which a state depends

        def state_before(index: int) -> int:
            near = index <= memory
            return self._walk(ids[0 if near else index - memory : index], state if near else ROOT)

        def work(begin: int) -> None:
            piece = slice(begin, min(begin + size, len(ids)))
            parts = tuple(array[piece] for array in out)
            kernel(ids[piece], state_before(begin), *rule, table, tables, parts)
            if finish is not None:
                finish(piece)

        size = max(PIECE, min(4 * PIECE, -(-len(ids) // (4 * cores()))))
        run_all(work, range(0, len(ids), size))
        return state_before(len(ids))

    # ------------------------------------------------------------------ other contexts

    @property
    def crosses_sentences(self) -> bool:  # type: ignore[override]
        """Whether n-grams across a sentence end are known, or none is needed."""
        return self.context == "stream" or self.order == 1

    def _log_probs_apart(self, ids: Ids, starts: LongArray, state: State) -> tuple[LogProbs, State]:
        """Score all documents at once, with ``<s>`` inserted before each; its score is dropped."""
        model, padded, own = self._with_bos(ids, starts)
        log_probs, after = model._log_probs(padded, state)
        return log_probs[own], after

    def _explain_apart(self, ids: Ids, starts: LongArray, state: State) -> dict[str, NDArray[Any]]:
        model, padded, own = self._with_bos(ids, starts)
        return {name: column[own] for name, column in model._explain(padded, state).items()}

    def _with_bos(self, ids: Ids, starts: LongArray) -> tuple[Self, Ids, NDArray[np.bool_]]:
        """Return a view of the model whose context is empty after ``<s>``, and what to score.

        That is the ids with ``<s>`` inserted before each of `starts`, (T + S,), and a mask of the
        ids among them. ``[5, 6, 7]`` with a start at 2 becomes ``[5, 6, <s>, 7]``.
        """
        view = copy.copy(self)
        view._reset_id = self.vocabulary_.bos_id
        own = np.ones(len(ids) + len(starts), np.bool_)
        own[starts + np.arange(len(starts))] = False
        return view, np.insert(ids, starts, view._reset_id), own

    # ------------------------------------------------------------------ files

    def _check_restored(self) -> None:
        """Raise FormatError unless vocabulary and order are those of the trie of a file."""
        trie, size = self._trie, len(self.vocabulary_)
        if trie.vocabulary_size != size:
            raise FormatError(
                f"n-grams of {trie.vocabulary_size:,} words and a vocabulary of {size:,}; fit the "
                "model again"
            )
        if trie.order != self.order:
            raise FormatError(f"n-grams up to order {trie.order}, not {self.order}")
