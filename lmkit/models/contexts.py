"""Where the context of a model begins anew while a text is scored.

What is scored can be sentences, documents, or one stream. A model is fitted with a context of its
own; scored under another, it is the same model, its state reset at other places.
"""

from __future__ import annotations

import copy
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from lmkit.errors import ParameterError, did_you_mean

if TYPE_CHECKING:
    from lmkit.models.base import LanguageModel
    from lmkit.text.corpus import Text

CONTEXTS = ("sentence", "stream")
SCORING_CONTEXTS = ("sentence", "document", "stream")
_Ids = NDArray[np.int32]
_LogProbs = NDArray[np.float64]


class Contextual:
    """What a language model has for being scored under a context that is not its own.

    Every model can be; one can do it faster.
    """

    context: str
    spec: Any
    _initial_state: Any
    _log_probs: Any
    _explain: Any

    crosses_sentences: ClassVar[bool] = True
    """Whether a model that was fitted with context ``sentence`` knows what to do with more."""

    def _in_context(self, context: str) -> Self:
        """Return the model as it scores with context ``sentence`` or ``stream``.

        What it learned is shared. Raises ParameterError where it cannot run on.
        """
        if context == self.context:
            return self
        if context == "stream" and not self.crosses_sentences:
            raise ParameterError(
                f"{self.spec} was fitted on sentences apart and knows no n-gram that goes on from "
                "one into the next, so that it cannot be scored with context=stream; fit it with "
                "context=stream"
            )
        view = copy.copy(self)
        view.context = context
        return view

    def _log_probs_apart(
        self, ids: _Ids, starts: NDArray[np.int64], state: Any
    ) -> tuple[_LogProbs, Any]:
        """Return what `_log_probs` does, the state beginning anew at each of the rising `starts`.

        They are places in `ids`, int64.
        """
        result = np.empty(len(ids))
        initial = self._initial_state()
        for number, (begin, end) in enumerate(pairwise((0, *starts.tolist(), len(ids)))):
            state = initial if number else state
            if begin < end:
                result[begin:end], state = self._log_probs(ids[begin:end], state)
        return result, state

    def _explain_apart(
        self, ids: _Ids, starts: NDArray[np.int64], state: Any
    ) -> dict[str, NDArray[Any]]:
        """Return what `_explain` does, the state beginning anew at each of the rising `starts`."""
        initial = self._initial_state()
        pieces = [
            self._explain(ids[begin:end], initial if number else state)
            for number, (begin, end) in enumerate(pairwise((0, *starts.tolist(), len(ids))))
            if begin < end
        ]
        return {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}


class Scoring(NamedTuple):
    """A model as it scores a text: `context` is what is told, ``document`` where it is reset so."""

    model: LanguageModel
    context: str

    @property
    def by_document(self) -> bool:
        """Whether the state begins anew with each document."""
        return self.context == "document"


def scoring(model: LanguageModel, text: Text, context: str | None) -> Scoring:
    """Return a model as it scores a text under a context, None for its own.

    ``sentence``: its state begins anew after each ``</s>``. ``document``: at each document's start;
    a model whose own context is the sentence keeps to that. ``stream``: never.

    Raises ParameterError for another context, for ``document`` where the text does not say what a
    document is, and for ``stream`` where the model cannot run on.
    """
    if context is None:
        return Scoring(model, model.context)
    if context not in SCORING_CONTEXTS:
        raise ParameterError(
            f"unknown context {context!r}{did_you_mean(context, SCORING_CONTEXTS)}; choose from "
            f"{', '.join(SCORING_CONTEXTS)}"
        )
    if context != "document":
        return Scoring(model._in_context(context), context)
    if text.document_rule is None:
        raise ParameterError(
            f"context=document: what a document of {text.name} is, is not known; say it with "
            "--documents file, blank, line or a regular expression"
        )
    return Scoring(model, "document" if model.context == "stream" else model.context)
