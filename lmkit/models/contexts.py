"""Where the context of a model begins anew while a text is scored.

What is scored can be sentences, documents, or one stream. A model is fitted with a context of its
own; scored under another, it is the same model, its state reset at other places.
"""

from __future__ import annotations

from typing import NamedTuple

from lmkit.errors import ParameterError, did_you_mean
from lmkit.models.core import Core
from lmkit.text.corpus import Text

SCORING_CONTEXTS = ("sentence", "document", "stream")


class Scoring(NamedTuple):
    """A model as it scores a text: `context` is what is told, ``document`` where it is reset so."""

    model: Core
    context: str

    @property
    def by_document(self) -> bool:
        """Whether the state begins anew with each document."""
        return self.context == "document"


def scoring(model: Core, text: Text, context: str | None) -> Scoring:
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
