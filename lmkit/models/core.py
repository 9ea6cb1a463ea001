"""The hooks, the hyper-parameters and the learned state of a language model.

:class:`Core` is what fitting, scoring, generating and saving know of a model; each is a module of
its own, and :class:`lmkit.models.base.LanguageModel` joins them.

Log-probabilities are natural, float64, and never positive where a model is proper. Ids are those
of a :class:`~lmkit.text.vocabulary.Vocabulary`: outcomes 0 .. V-1, and V for ``<s>`` in contexts.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from lmkit.errors import FormatError, NotFittedError, ParameterError, shown
from lmkit.models.hyperparameters import check_types, defaults_of, spelled
from lmkit.text.encoding import array_of_ids
from lmkit.text.passages import Passages
from lmkit.text.units import check_unit
from lmkit.text.vocabulary import Vocabulary
from lmkit.types import Ids, LogProbs, Progress, State

CONTEXTS = ("sentence", "stream")
RULES = (
    "vocabulary_", "dropped_", "normalize_", "sentences_", "train_sha256_", "train_passages_",
    "valid_passages_",
)  # fmt: skip
"""What every model learns: what its ids mean, and which texts it has seen."""


class Core(ABC):
    """What every part of lmkit that handles models knows of one.

    A model implements `_next_log_probs`; the other hooks make it learn (`_learn`), or make it fast.
    """

    name: ClassVar[str] = ""
    """The name in the registry, and in model files."""
    proper: ClassVar[bool] = True
    """Whether the probabilities sum to one over the outcomes (:mod:`lmkit.results.proper`)."""
    needs_validation: ClassVar[bool] = False
    """Whether fitting wants a validation text; the tail of the training text serves if none is."""
    resumable: ClassVar[bool] = False
    """Whether ``fit`` takes a `checkpoint` to go on from and a `log`."""
    crosses_sentences: ClassVar[bool] = True
    """Whether a model that was fitted with context ``sentence`` knows what to do with more."""

    vocabulary_: Vocabulary
    dropped_: Vocabulary | None = None
    """The types of the training text that the vocabulary leaves out; None if they are unknown."""
    normalize_: str
    sentences_: str
    train_sha256_: str | None
    train_passages_: Passages | None = None
    """The hashes of the training text's long sentences; None if they are unknown."""
    valid_passages_: Passages | None = None
    """Those of the text that the model was tuned on (early stopping, weights); None for none."""
    fit_seconds_: float | None

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "name" not in vars(cls):
            cls.name = ""  # a name is one class's own: what a subclass changes is another model

    def __init__(
        self,
        *,
        unit: str = "word",
        min_count: int = 1,
        max_size: int | None = None,
        context: str = "sentence",
    ):
        self.unit = unit
        self.min_count = min_count
        self.max_size = max_size
        self.context = context

    # ------------------------------------------------------------------ hyper-parameters

    @classmethod
    def parameter_defaults(cls) -> dict[str, Any]:
        """Return the hyper-parameters and their defaults, the model's own before the common."""
        return defaults_of(cls)

    def get_parameters(self) -> dict[str, Any]:
        """Return the hyper-parameters by name."""
        return {name: getattr(self, name) for name in self.parameter_defaults()}

    @property
    def spec(self) -> str:
        """The spec that makes this model again: its name and what is not the default."""
        defaults = self.parameter_defaults()
        changed = [
            spelled(name, value)
            for name, value in self.get_parameters().items()
            if value != defaults[name]
        ]
        name = self.name or type(self).__name__
        return name + (":" + ",".join(changed) if changed else "")

    def __repr__(self) -> str:
        changed = self.spec.partition(":")[2].replace(",", ", ")
        fitted = f", fitted, V={len(self.vocabulary_):,}" if self.is_fitted else ""
        return f"<{type(self).__name__}({changed}){fitted}>"

    # ------------------------------------------------------------------ fitting

    @property
    def is_fitted(self) -> bool:
        """Whether ``fit`` has been called, or the model was loaded."""
        return "vocabulary_" in vars(self)

    def _check_common(self) -> None:
        check_types(type(self), self.get_parameters())
        check_unit(self.unit)
        if self.context not in CONTEXTS:
            raise ParameterError(f"context={self.context!r}; choose 'sentence' or 'stream'")

    def _forget(self) -> None:
        for name in [name for name in vars(self) if name.endswith("_")]:
            delattr(self, name)

    def _share_with(self, part: Core) -> None:
        """Let a model that is part of this one have its vocabulary and rules for its own."""
        for name in RULES:
            setattr(part, name, getattr(self, name))
        part.fit_seconds_ = None  # the time of the whole holds it

    def _require_fit(self) -> None:
        if not self.is_fitted:
            raise NotFittedError(f"this {self.spec} has not learned yet; call fit(corpus) first")

    # ------------------------------------------------------------------ hooks for models

    def _check(self) -> None:
        """Raise ParameterError where a hyper-parameter is outside its range."""

    def _learn(self, ids: Ids, valid_ids: Ids | None, progress: Progress | None) -> None:
        """Set what is learned, under names that end in an underscore, from a text's ids."""

    @abstractmethod
    def _next_log_probs(self, context: Ids) -> LogProbs:
        """Return log P(next | context) for every outcome, float64 (V,).

        `context` begins with ``<s>`` (id V); with context="sentence" it holds only the ids of the
        sentence that has begun.
        """

    def _initial_state(self) -> State:
        """Return the state before the first token. States are values: never changed in place."""
        return (self.vocabulary_.bos_id,)

    def _advance(self, state: State, index: int) -> State:
        """Return the state after one more token."""
        if self.context == "sentence" and index == self.vocabulary_.eos_id:
            return self._initial_state()
        return (*state, index)

    def _advance_through(self, ids: Ids, state: State) -> State:
        """Return the state after some more tokens."""
        for index in ids.tolist():
            state = self._advance(state, index)
        return state

    def _predict(self, state: State) -> LogProbs:
        """Return log P(next | state) for every outcome, float64 (V,)."""
        return self._next_log_probs(np.array(state, np.int32))

    def _log_probs(self, ids: Ids, state: State) -> tuple[LogProbs, State]:
        """Return log P of each id given those before, float64 (T,), and the state after the last.

        A text scored in pieces, each from the state after the piece before, scores as a whole.
        """
        result = np.empty(len(ids))
        for place, index in enumerate(ids.tolist()):
            result[place] = self._predict(state)[index]
            state = self._advance(state, index)
        return result, state

    def _expect(self, tokens: int) -> None:
        """Prepare for a text of about so many tokens, in pieces; a model need not do anything."""

    def _explain(self, ids: Ids, state: State) -> dict[str, NDArray[Any]]:
        """Return further ledger columns for these ids, each of shape (T,)."""
        return {}

    @property
    def parameters(self) -> int:
        """The number of learned numbers that the predictions are made of."""
        arrays, _ = self._state_to_save()
        return sum(array.size for array in arrays.values())

    @property
    def adapts(self) -> str:
        """How the model learns from the very text that it scores; empty where it does not.

        It stands in the signature, and in every table beside the score.
        """
        return ""

    @property
    def unk(self) -> str:
        """What the probability of an unknown token is: part of the signature."""
        return "trained" if self.vocabulary_.counts[0] else "model"

    def describe(self) -> dict[str, Any]:
        """Return further facts of the fitted model by name, JSON-able: what `lmkit info` shows.

        One under a hyper-parameter's name is what was decided where that was left open.
        ``learning_curve`` is the ``history_`` of a model that is trained in steps.
        """
        self._require_fit()
        return {}

    # ------------------------------------------------------------------ other contexts

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
        self, ids: Ids, starts: NDArray[np.int64], state: Any
    ) -> tuple[LogProbs, Any]:
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
        self, ids: Ids, starts: NDArray[np.int64], state: Any
    ) -> dict[str, NDArray[Any]]:
        """Return what `_explain` does, the state beginning anew at each of the rising `starts`."""
        initial = self._initial_state()
        pieces = [
            self._explain(ids[begin:end], initial if number else state)
            for number, (begin, end) in enumerate(pairwise((0, *starts.tolist(), len(ids))))
            if begin < end
        ]
        return {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}

    # ------------------------------------------------------------------ probabilities

    def log_probs(self, ids: Any, *, state: State | None = None) -> LogProbs:
        """Return the log-probability of each id given those before it, float64 (T,), in nats.

        `ids` are a text's events, whole numbers 0 .. V-1, sentence ends (id 1) included. `state` is
        what stands before them, by default the start of a text.
        """
        self._require_fit()
        checked = self._check_ids(ids)
        return self._log_probs(checked, self._state_of(state))[0]

    def next_log_probs(self, context: Any = (), *, state: State | None = None) -> LogProbs:
        """Return the log-probability of every outcome after a context, float64 (V,), in nats.

        `context` are ids from the start of a text on; ``exp`` of the result sums to one.
        """
        self._require_fit()
        state = self._state_of(state)
        state = self._advance_through(self._check_ids(context), state)
        return np.array(self._predict(state), np.float64)  # the caller's own

    def initial_state(self) -> State:
        """Return the state before the first token of a text; an opaque value."""
        self._require_fit()
        return self._initial_state()

    def advance(self, ids: Any, *, state: State | None = None) -> State:
        """Return the state after some ids, by default from the start of a text."""
        self._require_fit()
        checked = self._check_ids(ids)
        return self._log_probs(checked, self._state_of(state))[1]

    def step(self, state: State | None, index: int) -> tuple[float, State]:
        """Return the log-probability of one more token, in nats, and the state after it.

        None is the state at the start of a text. Raises ParameterError for what is no state of
        this model.
        """
        self._require_fit()
        return self._score_one(int(self._check_ids([index])[0]), self._state_of(state))

    def _state_of(self, given: State | None) -> State:
        """Return a state that was given, the initial one for None; ParameterError for no state."""
        if given is None:
            return self._initial_state()
        if not self._is_state(given):
            raise ParameterError(
                f"{shown(given)} is no state of this {self.spec}; give what its own "
                "initial_state(), step() or advance() returned, or None for the start of a text"
            )
        return given

    def _is_state(self, given: Any) -> bool:
        """Return whether a value can be a state of this model."""
        initial = self._initial_state()
        if type(self)._initial_state is Core._initial_state:  # ids, which begin with <s>
            return isinstance(given, tuple) and given[:1] == initial
        return type(given) is type(initial)

    def _score_one(self, index: int, state: State) -> tuple[float, State]:
        """Return what `step` does, of an index that was checked."""
        log_probs, after = self._log_probs(np.array([index], np.int32), state)
        return float(log_probs[0]), after

    def _check_ids(self, ids: Any) -> Ids:
        return array_of_ids(ids, len(self.vocabulary_))

    # ------------------------------------------------------------------ files

    def _state_to_save(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Return what was learned, as arrays and as JSON-able values.

        By default: every attribute whose name ends in an underscore.
        """
        learned = {
            name: value
            for name, value in vars(self).items()
            if name.endswith("_") and name not in (*RULES, "fit_seconds_")
        }
        arrays = {name: value for name, value in learned.items() if isinstance(value, np.ndarray)}
        values = {name: value for name, value in learned.items() if name not in arrays}
        return arrays, values

    def _restore(self, arrays: Mapping[str, NDArray[Any]], values: Mapping[str, Any]) -> None:
        """Set what :meth:`_state_to_save` gave. Raises FormatError where it does not fit."""
        for name, value in {**values, **arrays}.items():
            if not name.endswith("_") or not name.isidentifier():
                raise FormatError(f"{name!r} is no learned name; the file is damaged")
            setattr(self, name, value)
