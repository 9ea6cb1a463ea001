"""Dynamic evaluation: a trained network that continues to learn from the text it scores.

After a stretch of the text has been scored, the weights take a gradient step on its loss and decay
towards the trained weights (Krause, Kahembwe, Murray & Renals 2018). Words that recur in a text
become more probable; the fitted model itself is not changed.
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
from lmkit.models.base import LanguageModel
from lmkit.models.combined import parts
from lmkit.models.fitting import named_progress, validation_ids
from lmkit.models.registry import as_model, model_class
from lmkit.models.rnn.cells import State
from lmkit.models.rnn.models import NeuralModel
from lmkit.models.rnn.network import Network
from lmkit.models.rnn.optimizers import copy_of, put_into
from lmkit.models.rnn.scoring import distribution
from lmkit.results.proper import improper
from lmkit.storage import prefixed, under
from lmkit.text.corpus import Readable
from lmkit.types import Ids, LogProbs, Progress

RATES = (3e-5, 1e-4, 3e-4, 1e-3)
"""The rates that are tried if none is given: about the change of a weight in a step."""
TRIED = 5000
"""Tokens of the validation text on which a rate is tried."""
_SHARED = (*parts.VOCABULARY_OPTIONS, "context")

Weights = dict[str, Tensor]
_CHANGED: Weights = {}  # placeholder for changed weights that are not yet copied


class DynamicState(NamedTuple):
    """The state of dynamic evaluation; immutable.

    `weights` are the current ones, None for the trained ones; `hidden` is the network's state;
    `begun` its state before `pending`, the tokens of the stretch that is not yet complete.
    """

    weights: Weights | None
    hidden: State
    begun: State
    pending: tuple[int, ...]


class Dynamic(LanguageModel):
    r"""A neural model whose weights adapt to the text that is scored.

    Hyper-parameters, beside those of every model:

    ``model``
        The spec of the neural model: ``dynamic:model=word-rnn``. A comma within it is spelled
        ``\,``.
    ``stretch``
        Tokens after which the weights take a step. With context ``sentence`` the weights are also
        reset after each ``</s>``: little is learned then.
    ``rate, decay``
        The learning rate, relative to the size of the gradients, by default what suits the
        validation text best; and the decay towards the trained weights.
    ``seed``
        The seed of the neural model, unless its own spec names one.

    A step is w -= rate · g / (rms + mean rms), and then
    w += min(1, decay · rms / mean rms) · (w_trained - w), g being the gradient of the mean loss of
    a stretch and rms the root mean square of such gradients on the validation text.

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
        """Return the unfitted model that the spec makes, with the shared options."""
        if not issubclass(model_class(self.model.partition(":")[0]), NeuralModel):
            raise ParameterError(
                f"model={self.model!r} does not learn by gradients; choose char-rnn, word-rnn or "
                "mlp"
            )
        model = parts.make_part(self, self.model, _SHARED, _is_changed)
        assert isinstance(model, NeuralModel)
        return model

    # ------------------------------------------------------------------ learning

    def _learn(self, ids: Ids, valid_ids: Ids | None, progress: Progress | None) -> None:
        model = self._component()
        self._share_with(model)
        model._learn(ids, valid_ids, named_progress(progress, model.name))
        self.adapt(model, ids if valid_ids is None else valid_ids, progress)

    def adapt(self, model: NeuralModel, valid_ids: Ids, progress: Progress | None) -> None:
        """Learn the sizes of the gradients, and the rate if none is given."""
        if not len(valid_ids):
            raise ParameterError("the validation text of dynamic evaluation is empty; give one")
        self.model_ = model
        ids = valid_ids[:TRIED]
        self.rms_ = self._gradient_sizes(ids)
        self.rate_ = self.rate or 0.0
        losses: dict[float, float] = {}
        for number, rate in enumerate(RATES if self.rate is None else ()):
            if progress is not None:
                progress("dynamic evaluation: trying rates", number / len(RATES))
            self.rate_ = rate
            nats = -float(self._log_probs(ids, self._initial_state())[0].mean())
            if losses and nats > min(losses.values()):
                break  # larger rates are worse still
            losses[rate] = nats
        if losses:
            self.rate_ = min(losses, key=lambda rate: losses[rate])

    def _gradient_sizes(self, ids: Ids) -> Weights:
        """Return the root mean square of the gradients of stretches, by name of the weights."""
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

    def _is_state(self, given: Any) -> bool:
        return isinstance(given, DynamicState) and self.model_._is_state(given.hidden)

    def _network(self, state: DynamicState) -> Network:
        """Return a copy of the network with the weights of a state."""
        network = copy.deepcopy(self.model_.network_)
        if state.weights is not None:
            put_into(network, state.weights)
        return network

    def _stretches(self, ids: Ids, pending: int) -> list[Ids]:
        """Return `ids` split into stretches; the first continues one that has `pending` tokens."""
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
        position = 0
        weights, hidden, begun, pending = state
        for piece in self._stretches(ids, len(pending)):
            here = slice(position, position + len(piece))
            whole = len(pending) + len(piece) == self.stretch or self._ends(piece)
            alone = whole and not pending
            result[here], hidden = self._read(network, piece, hidden, learn=alone)
            position += len(piece)
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
        """Return the log-probability of each id and the state after; `learn` computes gradients."""
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
        """Return the name, step size, decay and trained value of each weight."""
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
        """Change the weights by their gradients and decay them towards the trained values."""
        parameters = dict(network.named_parameters())
        with torch.no_grad():
            for name, size, decay, trained in steps:
                parameter = parameters[name]
                if parameter.grad is not None:
                    parameter.addcmul_(parameter.grad, size, value=-1)
                parameter.lerp_(trained, decay)

    def _advance(self, state: DynamicState, index: int) -> DynamicState:
        return self._advance_through(np.array([index], np.int32), state)

    def _advance_through(self, ids: Ids, state: DynamicState) -> DynamicState:
        return self._log_probs(ids, state)[1]  # one copy of the network, not one a token

    def _predict(self, state: DynamicState) -> LogProbs:
        network = self.model_.network_ if state.weights is None else self._network(state)
        return distribution(network, state.hidden)

    def _next_log_probs(self, context: Ids) -> LogProbs:
        return self._predict(self._advance_through(context[1:], self._initial_state()))

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
        """What the probability of an unknown token is in its network."""
        return self.model_.unk

    def describe(self) -> dict[str, Any]:
        """Return the ``component``, the rate, and the facts of the network."""
        self._require_fit()
        return {"component": self.model_.spec, "rate": self.rate_, **self.model_.describe()}

    # ------------------------------------------------------------------ files

    def _state_to_save(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        own, described = parts.part_to_save(self.model_)
        rms = {name: sizes.cpu().numpy() for name, sizes in self.rms_.items()}
        arrays = {**prefixed("model.", own), **prefixed("rms.", rms)}
        return arrays, {"model": described, "rate": self.rate_}

    def _restore(self, arrays: Mapping[str, NDArray[Any]], values: Mapping[str, Any]) -> None:
        described = values["model"]
        cls = model_class(described["model"])
        if not issubclass(cls, NeuralModel):
            raise FormatError("its model is no neural model; fit it again")
        model = parts.restored_part(self, cls, described, under(arrays, "model."))
        check_options(self)
        weights = dict(model.network_.named_parameters())
        rms = under(arrays, "rms.")
        rate = values["rate"]
        fits = rms.keys() == weights.keys() and isinstance(rate, float) and rate >= 0
        if not fits or any(rms[name].shape != weight.shape for name, weight in weights.items()):
            raise FormatError("its weights and their gradients do not fit; fit it again")
        self.model_, self.rate_ = model, rate
        device = model.network_.device
        self.rms_ = {
            name: torch.tensor(np.asarray(rms[name], np.float32), device=device) for name in weights
        }


def _is_changed(model: LanguageModel, name: str) -> bool:
    return bool(getattr(model, name) != model.parameter_defaults()[name])


def check_options(dynamic: Dynamic) -> None:
    """Raise ParameterError for an option outside its range."""
    if dynamic.stretch < 1:
        raise ParameterError(f"stretch={dynamic.stretch}; give 1 or more")
    if dynamic.rate is not None and not 0 < dynamic.rate < np.inf:
        raise ParameterError(f"rate={dynamic.rate}; give a number above 0")
    if not 0 <= dynamic.decay < np.inf:
        raise ParameterError(f"decay={dynamic.decay}; give a number, 0 or more")


def adapt(
    model: LanguageModel | str | Path,
    valid: Readable,
    *,
    stretch: int = 20,
    rate: float | None = None,
    decay: float = 0.002,
    progress: Progress | None = None,
) -> Dynamic:
    """Return a fitted neural model as one that continues to learn from the text it scores.

    `valid` is a Text, or a corpus whose validation part is used (its test part, or the whole, if it
    has none); the sizes of gradients, and the rate, are learned from its first 5,000 tokens. The
    options are those of :class:`Dynamic`; `progress(what, fraction)` is called now and then. The
    model is not changed.

    Raises ParameterError for a model without gradients or an option outside its range.
    """
    model = as_model(model)
    model._require_fit()
    if not isinstance(model, NeuralModel):
        raise ParameterError(
            f"{model.spec} does not learn by gradients; dynamic evaluation is for char-rnn, "
            "word-rnn and mlp"
        )
    if why := improper(model):
        raise ParameterError(f"{why}; adapt a model that is one")
    common = {name: getattr(model, name) for name in _SHARED}
    dynamic = Dynamic(model=model.spec, stretch=stretch, rate=rate, decay=decay, **common)
    dynamic._check_common()
    check_options(dynamic)
    start = time.perf_counter()
    model._share_with(dynamic)
    valid_ids = validation_ids(dynamic, valid)
    dynamic.adapt(parts.adopted(dynamic, model), valid_ids, progress)
    dynamic.fit_seconds_ = (model.fit_seconds_ or 0.0) + time.perf_counter() - start
    return dynamic
