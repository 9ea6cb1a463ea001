"""A small text, and a model that keeps what it is asked."""

from __future__ import annotations

from typing import Any

import numpy as np

import lmkit
from lmkit.errors import ParameterError
from lmkit.text.corpus import Corpus

TRAIN = "the cat sat\nthe dog sat\n\n"


def corpus(text: str = TRAIN, **rules: Any) -> Corpus:
    return Corpus.from_string(text, **{"normalize": "none", "sentences": "line", **rules})


class Recorder(lmkit.LanguageModel):
    """Uniform, and keeps what it was asked."""

    needs_validation = False

    def __init__(self, *, fail: bool = False, **common: Any):
        super().__init__(**common)
        self.fail = fail
        self.asked: list[list[int]] = []
        self.given: list[Any] = []

    def _check(self) -> None:
        if self.fail:
            raise ParameterError("fail=True; give False")

    def _learn(self, ids: Any, valid_ids: Any, progress: Any) -> None:
        self.given.append((ids, valid_ids))

    def _next_log_probs(self, context: np.ndarray) -> Any:
        assert context.dtype == np.int32
        self.asked.append(context.tolist())
        return np.full(len(self.vocabulary_), -np.log(len(self.vocabulary_)))
