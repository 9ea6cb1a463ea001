"""Mixtures: language models of one vocabulary, and caches, interpolated linearly.

p(w | h) = sum over k of weight_k p_k(w | h). The weights and the settings of caches maximise the
likelihood of the validation text; the weights by expectation maximisation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import astuple
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from lmkit.errors import FormatError, ParameterError
from lmkit.models.base import LanguageModel
from lmkit.models.combined import parts
from lmkit.models.combined.cache import FEW, KINDS, Cache, Past, best_caches, check_cache, in_order
from lmkit.models.combined.weights import bucket_of, find_weights, mixed
from lmkit.models.fitting import named_progress
from lmkit.models.hyperparameters import names_given
from lmkit.models.ngram.base import NgramModel
from lmkit.models.registry import model_class
from lmkit.results.proper import improper
from lmkit.storage import prefixed, under
from lmkit.text.shared_vocabulary import Numbering, checked_numbering
from lmkit.types import Ids, LogProbs, Progress, State

PIECE = 1 << 17
"""Tokens scored at once: their hidden states must fit into memory, 0.5 GB for 1,000 units."""


class MixtureState(NamedTuple):
    """The state of a mixture: the states of its models, and the history of its caches."""

    models: tuple[State, ...]
    past: Past


class Mixture(LanguageModel):
    r"""Language models of one vocabulary, and caches, interpolated linearly.

    Hyper-parameters, beside those of every model:

    ``models``
        Specs joined by ``+``: ``mixture:models=kneser-ney:order=5+word-rnn``. A comma within one
        is spelled ``\,``. All learn from the same text and share one vocabulary.
    ``caches, window``
        ``unigram``, ``neural``, or ``unigram+neural``: caches over the last `window` tokens (see
        :mod:`lmkit.models.combined.cache`); ``neural`` uses the hidden states of the recurrent
        model with the most parameters.
    ``buckets``
        The number of sets of weights. Positions of a text are assigned to buckets by the number of
        different tokens that the largest n-gram model has seen after the longest context it knows,
        by powers of two: with few continuations, an n-gram model is more reliable.
    ``seed``
        The seed of its models, unless their own specs name one.

    With context ``stream``, the default, caches continue across sentence ends, and each model keeps
    the context of its own spec; with ``sentence`` all are reset after each ``</s>``.

    Learned: `models_`, in the order of their specs, so that no number depends on the order in which
    they are given; `numberings_`, the id in each model of each outcome, None where it is the same;
    `caches_`; `weights_` (buckets, K) for the models and then the caches, and `valid_nats_`
    (K + 1,), the mean nats of a validation token under each of them alone (infinite where it gave
    a token nothing) and, last, under the mixture.
    """

    name: ClassVar[str] = "mixture"
    needs_validation: ClassVar[bool] = True

    models_: list[LanguageModel]
    numberings_: list[Numbering]
    caches_: list[Cache]
    weights_: NDArray[np.float64]
    valid_nats_: NDArray[np.float64]

    def __init__(
        self,
        *,
        models: str = "kneser-ney:order=5+word-rnn",
        caches: str | None = None,
        window: int = 2000,
        buckets: int = 1,
        seed: int | None = None,
        context: str = "stream",
        **common: Any,
    ):
        super().__init__(context=context, **common)
        self.models = models
        self.caches = caches
        self.window = window
        self.buckets = buckets
        self.seed = seed

    # ------------------------------------------------------------------ learning

    def _check(self) -> None:
        models = self._components()
        for model in models:
            model._check_common()
            model._check()
        check_parts(self, models)

    def kinds(self) -> list[str]:
        """Return the kinds of its caches, in the order of `KINDS` however they are given."""
        return in_order(self.caches.split("+")) if self.caches else []

    def _components(self) -> list[LanguageModel]:
        """Return the unfitted models that the specs make, with the mixture's own options."""
        models = []
        for spec in re.split(r"\+(?!\d)", self.models):  # but not in 1e+3
            given = names_given(spec)

            def fixed(model: LanguageModel, name: str, given: set[str] = given) -> bool:
                other = name == "unit" and model.parameter_defaults()[name] != "word"
                return name in given or other

            model = parts.make_part(self, spec, parts.VOCABULARY_OPTIONS, fixed)
            if self.context == "sentence" and model.context != "sentence":
                if "context" in given:
                    raise ParameterError(
                        f"{spec} runs on across sentences in a mixture with context='sentence'; "
                        "leave one of the two out"
                    )
                model.context = "sentence"
            models.append(model)
        return models

    def _learn(self, ids: Ids, valid_ids: Ids | None, progress: Progress | None) -> None:
        models = self._components()
        for model in models:
            self._share_with(model)
            model._learn(ids, valid_ids, named_progress(progress, model.name))
        self.combine(models, np.empty(0, np.int32) if valid_ids is None else valid_ids, progress)

    def combine(
        self,
        models: list[LanguageModel],
        valid_ids: Ids,
        progress: Progress | None,
        *,
        numberings: Sequence[Numbering] = (),
    ) -> None:
        """Learn the caches' settings and the weights from the validation text.

        `numberings` maps the mixture's ids to those of each model, None (the default) if they are
        equal.
        """
        self.caches_ = []
        self.numberings_ = list(numberings) or [None] * len(models)
        if progress is not None:
            progress("mixing", 0.0)
        kinds = self.kinds()
        columns = np.empty((len(models) + len(kinds), len(valid_ids)))
        for index, model in enumerate(models):
            own = self._own(index, valid_ids)
            columns[index], _ = model._log_probs(own, model._initial_state())
        # Sums are rounded differently in another order: the given order must not change a number.
        order = sorted(range(len(models)), key=lambda k: (models[k].spec, columns[k].tobytes()))
        columns[: len(models)] = columns[order]
        self.models_ = [models[index] for index in order]
        self.numberings_ = [self.numberings_[index] for index in order]
        state = self._first_state(hidden="neural" in kinds)
        self.caches_ = best_caches(
            list(columns[: len(models), :FEW]),
            self._extended(state, valid_ids[:FEW]),
            kinds,
            window=self.window,
            size=len(self.vocabulary_),
            sentence=self.context == "sentence",
        )
        buckets = self._buckets(valid_ids, state)[:-1]
        for start in range(0, len(valid_ids) if kinds else 0, PIECE):
            here = slice(start, start + PIECE)
            columns[len(models) :, here], state = self._cached(valid_ids[here], state)
        found = find_weights(columns.T, buckets=buckets, count=self.buckets)
        self.weights_ = found.weights
        alone = -columns.mean(axis=1) if len(valid_ids) else np.full(len(columns), np.nan)
        self.valid_nats_ = np.append(alone, found.nats)

    # ------------------------------------------------------------------ predicting

    def _in_context(self, context: str) -> Self:
        view = super()._in_context(context)
        if view is not self:
            view.models_ = [model._in_context(context) for model in self.models_]
        return view

    def _first_state(self, *, hidden: bool) -> MixtureState:
        states = tuple(model._initial_state() for model in self.models_)
        empty = Past.empty(0)
        if hidden:
            index = parts.recurrent_part(self.models_)
            model: Any = self.models_[index]
            nothing = model.hidden_states(np.empty(0, np.int32), states[index])[0]
            empty = Past.empty(nothing.shape[1])
        return MixtureState(states, empty)

    def _own(self, index: int, ids: Ids) -> Ids:
        """Return the ids (T,) in the numbering of a model."""
        own = self.numberings_[index]
        return ids if own is None else own[ids]

    @property
    def _looks_inside(self) -> bool:
        return any(cache.kind == "neural" for cache in self.caches_)

    def _expect(self, tokens: int) -> None:
        for model in self.models_:
            model._expect(tokens)

    def _initial_state(self) -> MixtureState:
        return self._first_state(hidden=self._looks_inside)

    def _is_state(self, given: Any) -> bool:
        return isinstance(given, MixtureState) and parts.are_states(self.models_, given.models)

    def _hidden(
        self, ids: Ids, state: MixtureState
    ) -> tuple[NDArray[np.float32], tuple[State, ...]]:
        """Return the recurrent model's hidden states before each id and after the last, (T + 1, H).

        And the models' states, with that model's state after the ids. H is 0 if no cache uses them.
        """
        if not state.past.hidden.shape[1]:
            return np.empty((len(ids) + 1, 0), np.float32), state.models
        index = parts.recurrent_part(self.models_)
        model: Any = self.models_[index]
        hidden, after = model.hidden_states(self._own(index, ids), state.models[index])
        return hidden, (*state.models[:index], after, *state.models[index + 1 :])

    def _extended(self, state: MixtureState, ids: Ids) -> Past:
        return state.past.then(ids, self._hidden(ids, state)[0][:-1])

    def _cached(self, ids: Ids, state: MixtureState) -> tuple[LogProbs, MixtureState]:
        """Return the log-probability of each id under each cache, (C, T), and the state after."""
        hidden, models = self._hidden(ids, state)
        past = state.past.then(ids, hidden[:-1])
        size, sentence = len(self.vocabulary_), self.context == "sentence"
        rows = [
            cache.log_probs(past, len(state.past.ids), size=size, sentence=sentence)
            for cache in self.caches_
        ]
        return np.stack(rows), MixtureState(models, self._remembered(past))

    def _remembered(self, past: Past) -> Past:
        """Return the part of the history that lies in the window of a cache."""
        longest = max((cache.window for cache in self.caches_), default=0)
        return past.last(longest, sentence=self.context == "sentence")

    def _buckets(self, ids: Ids, state: MixtureState) -> NDArray[np.int64]:
        """Return the bucket of each id and of the next one, (T + 1,)."""
        if self.buckets == 1:
            return np.zeros(len(ids) + 1, np.int64)
        index = parts.ngram_part(self.models_)
        model: Any = self.models_[index]  # an NgramModel
        seen = model.continuations(self._own(index, ids), state.models[index])
        return bucket_of(seen, self.buckets)

    def _log_probs(self, ids: Ids, state: MixtureState) -> tuple[LogProbs, MixtureState]:
        if len(ids) <= PIECE:
            return self._piece(ids, state)
        result = np.empty(len(ids))
        for start in range(0, len(ids), PIECE):
            here = slice(start, start + PIECE)
            result[here], state = self._piece(ids[here], state)
        return result, state

    def _piece(self, ids: Ids, state: MixtureState) -> tuple[LogProbs, MixtureState]:
        columns = np.empty((len(self.models_) + len(self.caches_), len(ids)))
        states = []
        for index, (model, before) in enumerate(zip(self.models_, state.models, strict=True)):
            columns[index], after = model._log_probs(self._own(index, ids), before)
            states.append(after)
        past = state.past
        if self.caches_:
            columns[len(self.models_) :], (_, past) = self._cached(ids, state)
        total = mixed(columns, self.weights_[self._buckets(ids, state)[:-1]].T)
        return total, MixtureState(tuple(states), past)

    def _advance(self, state: MixtureState, index: int) -> MixtureState:
        ids = np.array([index], np.int32)
        states = tuple(
            model._advance(before, int(self._own(index, ids)[0]))
            for index, (model, before) in enumerate(zip(self.models_, state.models, strict=True))
        )
        past = state.past
        if self.caches_:
            past = self._remembered(self._extended(state, ids))
        return MixtureState(states, past)

    def _predict(self, state: MixtureState) -> LogProbs:
        nothing = np.empty(0, np.int32)
        rows = [
            model._predict(before) if own is None else model._predict(before)[own]
            for model, own, before in zip(self.models_, self.numberings_, state.models, strict=True)
        ]
        if self.caches_:
            hidden = self._hidden(nothing, state)[0][0]
            size = len(self.vocabulary_)
            rows += [cache.distribution(state.past, hidden, size=size) for cache in self.caches_]
        weights = self.weights_[self._buckets(nothing, state)[0]]
        return mixed(np.stack(rows), weights[:, None])

    def _next_log_probs(self, context: Ids) -> LogProbs:
        return self._predict(self._log_probs(context[1:], self._initial_state())[1])

    # ------------------------------------------------------------------ what it is

    @property
    def adapts(self) -> str:
        """How its models and caches learn from the text that is scored; empty if none does."""
        own = [model.adapts for model in self.models_] + ["cache" if self.caches_ else ""]
        return "+".join(dict.fromkeys(filter(None, own)))

    @property
    def parameters(self) -> int:
        """The number of parameters of all its models, and of weights."""
        return sum(model.parameters for model in self.models_) + self.weights_.size

    @property
    def unk(self) -> str:
        """What the probability of an unknown token is in its models, each kind once."""
        return "+".join(dict.fromkeys(model.unk for model in self.models_))

    def labels(self) -> list[str]:
        """Return the name of each component: the specs of the models, and then the caches."""
        return [model.spec for model in self.models_] + [str(cache) for cache in self.caches_]

    def describe(self) -> dict[str, Any]:
        """Return the ``components``, each with its weight, the mean of its buckets."""
        self._require_fit()
        weights = self.weights_.mean(axis=0).tolist()
        pairs = zip(self.labels(), weights, strict=True)
        return {"components": [f"{weight:.3f}*{label}" for label, weight in pairs]}

    # ------------------------------------------------------------------ files

    def _state_to_save(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        arrays: Any = {"weights": self.weights_, "valid_nats": self.valid_nats_}
        described = []
        for number, model in enumerate(self.models_):
            own, description = parts.part_to_save(model)
            arrays.update(prefixed(f"{number}.", own))
            if (numbers := self.numberings_[number]) is not None:
                arrays[f"numbering.{number}"] = numbers
            described.append(description)
        caches = [list(astuple(cache)) for cache in self.caches_]
        return arrays, {"models": described, "caches": caches}

    def _restore(self, arrays: Mapping[str, NDArray[Any]], values: Mapping[str, Any]) -> None:
        self.models_, self.numberings_ = [], []
        for number, described in enumerate(values["models"]):
            cls = model_class(described["model"])
            if issubclass(cls, Mixture):
                raise FormatError("a mixture within a mixture; mix their models anew")
            self.models_.append(
                parts.restored_part(self, cls, described, under(arrays, f"{number}."))
            )
            numbers = arrays.get(f"numbering.{number}")
            self.numberings_.append(checked_numbering(numbers, len(self.vocabulary_)))
        self.caches_ = [check_cache(Cache(*entry)) for entry in values["caches"]]
        self.weights_ = np.array(arrays["weights"], np.float64)
        self.valid_nats_ = np.array(arrays["valid_nats"], np.float64)
        check_parts(self, self.models_)
        count = len(self.models_) + len(self.caches_)
        fits = self.weights_.shape == (self.buckets, count) and len(self.valid_nats_) == count + 1
        fits = fits and sorted(cache.kind for cache in self.caches_) == sorted(self.kinds())
        if not (fits and (self.weights_ >= 0).all() and np.allclose(self.weights_.sum(axis=1), 1)):
            raise FormatError("its weights, models and caches do not fit; mix the models anew")


def check_parts(mixture: Mixture, models: Sequence[LanguageModel]) -> None:
    """Raise ParameterError for options out of range, and for models that do not suit them."""
    for name in ("window", "buckets"):
        if getattr(mixture, name) < 1:
            raise ParameterError(f"{name}={getattr(mixture, name)}; give 1 or more")
    for model in models:
        if isinstance(model, Mixture):
            raise ParameterError(f"{model.spec} is a mixture itself; mix its models instead")
        if why := improper(model):
            raise ParameterError(f"{why}; a mixture with it would be none either, so leave it out")
    kinds = mixture.kinds()
    for kind in kinds:
        if kind not in KINDS or kinds.count(kind) > 1:
            raise ParameterError(
                f"caches={mixture.caches!r}; choose from {', '.join(KINDS)}, or several with +"
            )
    if "neural" in kinds and not any(hasattr(model, "hidden_states") for model in models):
        raise ParameterError(
            "a neural cache needs the states of a recurrent model; mix one in, or use "
            "caches=unigram"
        )
    if mixture.buckets > 1 and not any(isinstance(model, NgramModel) for model in models):
        raise ParameterError(
            f"buckets={mixture.buckets} are of an n-gram model's contexts; mix one in, or use 1"
        )
