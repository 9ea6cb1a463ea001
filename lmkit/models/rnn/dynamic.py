"""Dynamic evaluation: a trained network that goes on learning from the text it scores.

After each stretch of the text, scored first, the weights take a step down the gradient of its loss
and a little way back towards those that were trained (Krause, Kahembwe, Murray & Renals 2018). What
recurs in a text becomes likelier; the fitted model itself is left as it is.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import log_softmax

from lmkit.errors import FormatError, ParameterError
from lmkit.evaluation.proper import improper
from lmkit.models.base import Ids, LanguageModel, LogProbs, Progress
from lmkit.models.fitting import named_progress, validation_ids
from lmkit.models.hyperparameters import names_given
from lmkit.models.registry import create, model_class
from lmkit.models.rnn.cells import State
from lmkit.models.rnn.models import NeuralModel
from lmkit.models.rnn.network import Network
from lmkit.models.rnn.optimizers import copy_of, put_into
from lmkit.models.rnn.scoring import distribution
from lmkit.text.corpus import Corpus, Text

RATES = (3e-5, 1e-4, 3e-4, 1e-3)
"""The rates that are tried where none is given; a weight moves about so far in a step."""
TRIED = 5000
"""Tokens of the validation text that a rate is tried on."""
_OWN = ("unit", "min_count", "max_size", "context")

Weights = dict[str, Tensor]
_CHANGED: Weights = {}  # stands for the weights of a network that are still to be copied


class DynamicState(NamedTuple):
    """Where dynamic evaluation stands; a value, never changed.

    `weights` are those of now, None for the trained ones; `hidden` is the network's state;
    `begun` that before the tokens of the stretch that is not yet whole, `pending`.
    """

    weights: Weights | None
    hidden: State
    begun: State
    pending: tuple[int, ...]


class Dynamic(LanguageModel):
    r"""A neural model whose weights follow the text that is scored.

    Hyper-parameters, beside those of every model:

    ``model``
        The spec of the neural model: ``dynamic:model=word-rnn``. A comma within it is spelled
        ``\,``.
    ``stretch``
        Tokens after which the weights take a step. With context ``sentence`` the weights, too, are
        the trained ones again after each ``</s>``: little is learned then.
    ``rate, decay``
        How far a weight moves in a step, relative to the size of its gradients, by default what
        suits the validation text best; how far it is drawn back.
    ``seed``
        That of the neural model's chance, where its own spec does not name one.

    A step is ``w -= rate · g / (rms + mean rms)`` and then ``w += min(1, decay · rms / mean rms) ·
    (w_trained - w)``, g being the gradient of a stretch's mean loss and rms the root of the mean
    square of such gradients on the validation text.

    Learned: `model_`, `rms_` by the name of the weights, and `rate_`.
    """

    name: ClassVar[str] = "dynamic"
    needs_validation: ClassVar[bool] = True

    model_: NeuralModel
    rms_: Weights
    rate_: float

    def __init__(
        self,
        *,
        model: str = "word-rnn",
        stretch: int = 20,
        rate: float | None = None,
        decay: float = 0.002,
        seed: int | None = None,
        context: str = "stream",
        **common: Any,
    ):
        super().__init__(context=context, **common)
        self.model = model
        self.stretch = stretch
        self.rate = rate
        self.decay = decay
        self.seed = seed

    def _check(self) -> None:
        check_options(self)
        model = self._component()
        model._check_common()
        model._check()

    def _component(self) -> NeuralModel:
        """Return the unfitted model that the spec makes, with the options that are shared."""
        model = create(self.model)
        if not isinstance(model, NeuralModel):
            raise ParameterError(
                f"model={self.model!r} does not learn by gradients; choose char-rnn, word-rnn or "
                "mlp"
            )
        for name in _OWN:
            mine, own = getattr(self, name), getattr(model, name)
            if own != mine and own != model.parameter_defaults()[name]:
                raise ParameterError(
                    f"{self.model} has {name}={own!r} where {name}={mine!r} is asked of dynamic; "
                    f"write {name} for dynamic alone"
                )
            setattr(model, name, mine)
        if self.seed is not None and "seed" not in names_given(self.model):
            model.seed = self.seed
        return model

    # ------------------------------------------------------------------ learning

    def _learn(self, ids: Ids, valid_ids: Ids | None, progress: Progress | None) -> None:
        model = self._component()
        self._share_with(model)
        model._learn(ids, valid_ids, named_progress(progress, model.name))
        self.adapt(model, ids if valid_ids is None else valid_ids, progress)

    def adapt(self, model: NeuralModel, valid_ids: Ids, progress: Progress | None) -> None:
        """Learn the size of the gradients, and the rate where none is given."""
        if not len(valid_ids):
            raise ParameterError("the validation text of dynamic evaluation is empty; give one")
        self.model_ = model
        ids = valid_ids[:TRIED]
        self.rms_ = self._gradient_sizes(ids)
        self.rate_ = self.rate or 0.0
        found: dict[float, float] = {}
        for number, rate in enumerate(RATES if self.rate is None else ()):
            if progress is not None:
                progress("dynamic evaluation: trying rates", number / len(RATES))
            self.rate_ = rate
            nats = -float(self._log_probs(ids, self._initial_state())[0].mean())
            if found and nats > min(found.values()):
                break  # beyond the best it only becomes worse
            found[rate] = nats
        if found:
            self.rate_ = min(found, key=lambda rate: found[rate])

    def _gradient_sizes(self, ids: Ids) -> Weights:
        network = copy.deepcopy(self.model_.network_)
        squares = {name: torch.zeros_like(p) for name, p in network.named_parameters()}
        hidden = self.model_._initial_state()
        count = 0
        for piece in self._stretches(ids, 0):
            if len(piece) < min(self.stretch, len(ids)) and self.context == "stream":
                break
            _, hidden = self._read(network, piece, hidden, learn=True)
            if self._ends(piece):
                hidden = self.model_._initial_state()
            for name, parameter in network.named_parameters():
                if parameter.grad is not None:
                    squares[name] += parameter.grad.square()
            count += 1
        return {name: (square / count).sqrt() for name, square in squares.items()}

    # ------------------------------------------------------------------ predicting

    def _in_context(self, context: str) -> Self:
        view = super()._in_context(context)
        if view is not self:
            view.model_ = self.model_._in_context(context)
        return view

    def _initial_state(self) -> DynamicState:
        hidden = self.model_._initial_state()
        return DynamicState(None, hidden, hidden, ())

    def _network(self, state: DynamicState) -> Network:
        """Return a network of its own with the weights of now."""
        network = copy.deepcopy(self.model_.network_)
        if state.weights is not None:
            put_into(network, state.weights)
        return network

    def _stretches(self, ids: Ids, pending: int) -> list[Ids]:
        """Return `ids` cut where stretches end, `pending` tokens of the first having gone by."""
        pieces = []
        start = 0
        ends = np.flatnonzero(ids == self.vocabulary_.eos_id) + 1
        while start < len(ids):
            stop = min(start + self.stretch - pending, len(ids))
            if self.context == "sentence":
                after = ends[ends > start]
                stop = min(stop, int(after[0])) if len(after) else stop
            pieces.append(ids[start:stop])
            start, pending = stop, 0
        return pieces

    def _ends(self, piece: Ids) -> bool:
        return self.context == "sentence" and int(piece[-1]) == self.vocabulary_.eos_id

    def _log_probs(self, ids: Ids, state: DynamicState) -> tuple[LogProbs, DynamicState]:
        result = np.empty(len(ids))
        if not len(ids):
            return result, state
        network, steps = self._network(state), self._steps()
        trained = dict(self.model_.network_.named_parameters())
        place = 0
        weights, hidden, begun, pending = state
        for piece in self._stretches(ids, len(pending)):
            here = slice(place, place + len(piece))
            whole = len(pending) + len(piece) == self.stretch or self._ends(piece)
            alone = whole and not pending
            result[here], hidden = self._read(network, piece, hidden, learn=alone)
            place += len(piece)
            pending = (*pending, *piece.tolist())
            if whole:
                if not alone:
                    self._read(network, np.array(pending, np.int32), begun, learn=True)
                if self._ends(piece):
                    put_into(network, trained)
                    weights, hidden = None, self.model_._initial_state()
                else:
                    self._step(network, steps)
                    weights = _CHANGED
                begun, pending = hidden, ()
        if weights is _CHANGED:
            weights = copy_of(network)
        return result, DynamicState(weights, hidden, begun, pending)

    def _read(
        self, network: Network, ids: Ids, hidden: State, *, learn: bool
    ) -> tuple[LogProbs, State]:
        """Return the log-probability of each id and the state after; `learn` leaves gradients."""
        targets = torch.from_numpy(np.asarray(ids, np.int64)).to(network.device)
        with torch.set_grad_enabled(learn):
            before = network.top(hidden)  # (1, H)
            outputs, after = network(targets[:, None], hidden)  # (T, 1, H)
            scores = network.scores(torch.cat([before, outputs[:-1, 0]]))  # (T, V)
            chosen = log_softmax(scores, dim=-1).gather(1, targets[:, None])[:, 0]
        if learn:
            network.zero_grad()
            (-chosen.mean()).backward()  # type: ignore[no-untyped-call]
        values = chosen.detach().cpu().numpy().astype(np.float64)
        return np.minimum(values, 0.0), tuple(part.detach() for part in after)

    def _steps(self) -> list[tuple[str, Tensor, Tensor, Tensor]]:
        """Return of each weight its name, step size, pull and trained value."""
        total = sum(float(rms.sum()) for rms in self.rms_.values())
        mean = total / sum(rms.numel() for rms in self.rms_.values()) or 1.0
        return [
            (
                name,
                self.rate_ / (self.rms_[name] + mean),
                (self.decay / mean * self.rms_[name]).clamp_(max=1.0),
                parameter.detach(),
            )
            for name, parameter in self.model_.network_.named_parameters()
        ]

    def _step(self, network: Network, steps: list[tuple[str, Tensor, Tensor, Tensor]]) -> None:
        parameters = dict(network.named_parameters())
        with torch.no_grad():
            for name, size, pull, trained in steps:
                parameter = parameters[name]
                if parameter.grad is not None:
                    parameter.addcmul_(parameter.grad, size, value=-1)
                parameter.lerp_(trained, pull)

    def _advance(self, state: DynamicState, index: int) -> DynamicState:
        return self._log_probs(np.array([index], np.int32), state)[1]

    def _predict(self, state: DynamicState) -> LogProbs:
        network = self.model_.network_ if state.weights is None else self._network(state)
        return distribution(network, state.hidden)

    def _next_log_probs(self, context: Ids) -> LogProbs:
        return self._predict(self._log_probs(context[1:], self._initial_state())[1])

    # ------------------------------------------------------------------ what it is

    @property
    def adapts(self) -> str:
        """How it learns from the text that is scored."""
        return "dynamic"

    @property
    def parameters(self) -> int:
        """The number of weights of the network."""
        return self.model_.parameters

    @property
    def unk(self) -> str:
        """What unknown tokens are to its network."""
        return self.model_.unk

    def describe(self) -> dict[str, Any]:
        """Return the ``component``, the rate, and what is to be said of the network."""
        self._require_fit()
        return {"component": self.model_.spec, "rate": self.rate_, **self.model_.describe()}

    # ------------------------------------------------------------------ files

    def _state_to_save(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        own, learned = self.model_._state_to_save()
        arrays = {f"model.{name}": array for name, array in own.items()}
        arrays |= {f"rms.{name}": rms.cpu().numpy() for name, rms in self.rms_.items()}
        described = {
            "model": self.model_.name,
            "parameters": self.model_.get_parameters(),
            "learned": learned,
        }
        return arrays, {"model": described, "rate": self.rate_}

    def _restore(self, arrays: Mapping[str, NDArray[Any]], values: Mapping[str, Any]) -> None:
        described = values["model"]
        cls = model_class(described["model"])
        if not issubclass(cls, NeuralModel):
            raise FormatError("its model is no neural model; fit it again")
        model = cls(**described["parameters"])
        model._check_common()
        self._share_with(model)

        def under(prefix: str) -> dict[str, NDArray[Any]]:
            return {
                name.removeprefix(prefix): array
                for name, array in arrays.items()
                if name.startswith(prefix)
            }

        model._restore(under("model."), described["learned"])
        check_options(self)
        weights = dict(model.network_.named_parameters())
        rms = under("rms.")
        rate = values["rate"]
        fits = rms.keys() == weights.keys() and isinstance(rate, float) and rate >= 0
        if not fits or any(rms[name].shape != weight.shape for name, weight in weights.items()):
            raise FormatError("its weights and their gradients do not fit; fit it again")
        self.model_, self.rate_ = model, rate
        device = model.network_.device
        self.rms_ = {
            name: torch.tensor(np.asarray(rms[name], np.float32), device=device) for name in weights
        }


def check_options(dynamic: Dynamic) -> None:
    """Raise ParameterError for an option outside its range."""
    if dynamic.stretch < 1:
        raise ParameterError(f"stretch={dynamic.stretch}; give 1 or more")
    if dynamic.rate is not None and not 0 < dynamic.rate < np.inf:
        raise ParameterError(f"rate={dynamic.rate}; give a number above 0")
    if not 0 <= dynamic.decay < np.inf:
        raise ParameterError(f"decay={dynamic.decay}; give a number, 0 or more")


def adapt(
    model: LanguageModel,
    valid: Corpus | Text | str | Path,
    *,
    stretch: int = 20,
    rate: float | None = None,
    decay: float = 0.002,
    progress: Progress | None = None,
) -> Dynamic:
    """Return a fitted neural model as one that goes on learning from the text it scores.

    `valid` is a Text, or a corpus whose validation part is meant (its test part, or the whole,
    where it has none); the sizes of gradients, and the rate, are learned from its first 5,000
    tokens. The options are those of :class:`Dynamic`; `progress(what, fraction)` is called now and
    then. The model is left as it is.

    Raises ParameterError for a model without gradients or an option outside its range.
    """
    model._require_fit()
    if not isinstance(model, NeuralModel):
        raise ParameterError(
            f"{model.spec} does not learn by gradients; dynamic evaluation is for char-rnn, "
            "word-rnn and mlp"
        )
    if why := improper(model):
        raise ParameterError(f"{why}; adapt a model that is one")
    common = {name: getattr(model, name) for name in _OWN}
    dynamic = Dynamic(model=model.spec, stretch=stretch, rate=rate, decay=decay, **common)
    dynamic._check_common()
    check_options(dynamic)
    start = time.perf_counter()
    model._share_with(dynamic)
    valid_ids = validation_ids(dynamic, valid)
    part = copy.copy(model)
    dynamic._share_with(part)
    dynamic.adapt(part, valid_ids, progress)
    dynamic.fit_seconds_ = (model.fit_seconds_ or 0.0) + time.perf_counter() - start
    return dynamic
