"""Every model of the registry, and models of a user's own, held to the contract."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import lmkit
from lmkit.models import registry
from tests.contract.model_contract import PROPERTIES, Subject

# What keeps slow models small, what fit must refuse, and how exact a model's numbers are.
_ORDERS = tuple({"order": order} for order in (0, -1, 128, 2.0, "3", None, True))
_ALPHAS = tuple({"alpha": alpha} for alpha in (-0.5, float("nan"), float("inf"), "much", None))
_ADDITIVE = (*_ALPHAS, {"smoothing": "none"}, {"smoothing": None})
_TINY_RNN = {"hidden": 6, "embedding": 6, "lanes": 2, "length": 8, "epochs": 2, "threads": 1}
_TINY_SPEC = "word-rnn:" + ",".join(f"{name}={value}" for name, value in _TINY_RNN.items())
_RNN: dict[str, Any] = {
    "options": _TINY_RNN,
    "bad": (
        *({name: 0} for name in ("hidden", "layers", "lanes", "length", "epochs", "patience")),
        *({"learning_rate": rate} for rate in (0.0, -1.0, float("nan"), float("inf"), "fast")),
        *({"dropout": share} for share in (-0.1, 1.0, float("nan"))),
        {"cell": "transformer"},
        {"hidden": 2.5},
        {"seed": -1},
        {"device": "abacus"},
    ),
    "tolerance": 5e-6,  # float32 within
}
SETTINGS: dict[str, dict[str, Any]] = {
    "uniform": {"remembers": False},
    "unigram": {"remembers": False, "bad": _ADDITIVE},
    "bigram": {"bad": _ADDITIVE},
    "trigram": {"bad": _ADDITIVE},
    "ngram": {"options": {"order": 4, "alpha": 0.1}, "bad": (*_ORDERS, *_ADDITIVE)},
    "kneser-ney": {
        "bad": (
            *_ORDERS,
            *({"prune": prune} for prune in ("x", "-1", "2-1", "1", 0)),
            {"fallback": "hope"},
            {"compat": "srilm"},
            {"modified": "yes"},
        )
    },
    "absolute-discounting": {"bad": (*_ORDERS, {"discount": 0.0}, {"discount": 1.0})},
    "witten-bell": {"bad": _ORDERS},
    "jelinek-mercer": {"bad": _ORDERS},
    "katz": {"bad": _ORDERS},
    "stupid-backoff": {"bad": (*_ORDERS, {"factor": 0.0}, {"factor": 1.5}, {"unk": "maybe"})},
    "char-rnn": _RNN,
    "word-rnn": _RNN,
    "mlp": {
        "options": {**_TINY_RNN, "order": 3},
        "bad": ({"order": 1}, {"hidden": 0}, {"epochs": 1, "budget": "1m"}, {"budget": "soon"}),
        "tolerance": 5e-6,
    },
    "dynamic": {
        "options": {"model": _TINY_SPEC, "stretch": 4, "rate": 1e-3},
        "bad": (
            {"model": "bigram"},
            {"model": "word-rnn:unit=byte"},
            {"model": "word-rnn:hidden=0"},
            {"stretch": 0},
            {"rate": 0.0},
            {"decay": -1.0},
        ),
        "tolerance": 5e-6,
    },
    "mixture": {
        "options": {"models": "kneser-ney+unigram", "caches": "unigram", "window": 9},
        "bad": (
            *({name: 0} for name in ("window", "buckets")),
            {"models": 3},
            {"models": "bigram:unit=byte"},
            {"models": "bigram:min_count=7"},
            {"models": "bigram+stupid-backoff"},
            {"models": "bigram+mixture:models=unigram"},
            {"models": "bigram:context=stream", "context": "sentence"},
            {"models": "uniform", "buckets": 2},
            {"caches": "trigram"},
            {"caches": "unigram+unigram"},
            {"caches": "neural"},
        ),
    },
}


class Echo(lmkit.LanguageModel):
    """Half of the probability on the token before, the rest shared evenly."""

    name = "echo"

    def _next_log_probs(self, context: np.ndarray) -> np.ndarray:
        size = len(self.vocabulary_)
        probabilities = np.full(size, 0.5 / size)
        probabilities[context[-1] if context[-1] < size else 0] += 0.5
        return np.log(probabilities)


class Recency(lmkit.LanguageModel):
    """Learned frequencies, raised by what was seen lately: a model with an option and a memory."""

    name = "recency"

    def __init__(self, *, weight: float = 0.5, **common: Any):
        super().__init__(**common)
        self.weight = weight

    def _check(self) -> None:
        if not 0 <= self.weight < 1:
            raise lmkit.errors.ParameterError(f"weight={self.weight}; give 0 up to 1")

    def _learn(self, ids: np.ndarray, valid_ids: Any, progress: Any) -> None:
        self.frequency_ = (self.vocabulary_.counts + 1) / (self.vocabulary_.counts + 1).sum()
        self.lengths_ = [int(n) for n in np.diff(np.flatnonzero(ids == 1))]

    def _next_log_probs(self, context: np.ndarray) -> np.ndarray:
        recent = np.bincount(context[1:], minlength=len(self.vocabulary_))[: len(self.vocabulary_)]
        if recent.sum() == 0:
            return np.log(self.frequency_)
        return np.log((1 - self.weight) * self.frequency_ + self.weight * recent / recent.sum())


# Small texts have no discounts in closed form; what stands in is said in a warning.
pytestmark = pytest.mark.filterwarnings("ignore::lmkit.models.ngram.discounts.DiscountWarning")

SUBJECTS = {name: Subject(name, **SETTINGS.get(name, {})) for name in registry.REGISTRY} | {
    "bigram-mle": Subject("bigram", {"smoothing": "mle"}, finite=False),
    "bigram-auto": Subject("bigram", {"alpha": "auto"}),
    "deep-gru": Subject(
        "char-rnn", {**_TINY_RNN, "cell": "gru", "layers": 2}, tolerance=5e-6, units=("char",)
    ),
    "deep-mixture": Subject(
        "mixture",
        {
            "models": f"{_TINY_SPEC}+bigram:smoothing=mle",
            "caches": "unigram+neural",
            "window": 12,
            "buckets": 3,
        },
        tolerance=5e-6,
        units=("word",),
    ),
    "echo": Subject("echo"),
    "recency": Subject("recency", {"weight": 0.25}, ({"weight": 1.0}, {"weight": "half"})),
}


@pytest.fixture(scope="module", autouse=True)
def user_models() -> Iterator[None]:
    """Register the models of this file, for this file alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "_REGISTERED", dict(registry._REGISTERED))
        lmkit.register(Echo)
        lmkit.register(Recency)
        yield


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Networks this small lose time to threads that wait for each other on a busy machine."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("holds", PROPERTIES, ids=lambda holds: holds.__name__)
@pytest.mark.parametrize("subject", SUBJECTS.values(), ids=SUBJECTS)
def test_contract(subject: Subject, holds: Any) -> None:
    holds(subject)
