"""Training by truncated back-propagation through time.

Each batch continues from the final state of the batch before, detached from its history: the
network learns to use long contexts although gradients are propagated through `length` steps only.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lmkit.errors import ParameterError
from lmkit.models.rnn.batches import RESET, Batch, Batches
from lmkit.models.rnn.cells import State
from lmkit.models.rnn.losses import activation_penalty, change_penalty, stretch_loss
from lmkit.models.rnn.network import Network
from lmkit.models.rnn.optimizers import Average, Rate, copy_of, make_optimizer, put_into
from lmkit.models.rnn.options import Settings
from lmkit.models.rnn.progress import Reporter
from lmkit.models.rnn.threads import ThreadChooser

CHECKS = 10
"""Number of validations of a training that is not counted in epochs. It is also validated after an
epoch, if a third of the interval has passed since the last time. A training of so many steps is
validated after as many tokens as the validation text has, at the earliest: a few steps are not
worth many validations."""
CHECK_SHARE = 0.04
"""The fraction of a budget that validation may take; it is less frequent where it takes longer."""


@dataclass(slots=True)
class Position:
    """How far training has come: all that a checkpoint needs besides tensors."""

    epoch: int = 0  # completed epochs
    batch: int = 0  # completed batches of this epoch
    steps: int = 0
    tokens: int = 0
    seconds: float = 0.0  # in total, with planning and earlier runs
    planned: float = 0.0  # of these, before the first step
    checked: float = 0.0  # the fraction of the training that was over at the last validation
    window_tokens: int = 0  # trained on since the last validation
    stopped: bool = False  # by patience
    triggered: int = 0  # the point of the curve at which NT-ASGD began to average
    halvings: int = 0  # of the learning rate
    average_steps: int = 0  # in the average of the weights
    epoch_rng: dict[str, Any] = field(default_factory=dict)  # the generator before this epoch
    curve_tokens: list[int] = field(default_factory=list)
    curve_train: list[float] = field(default_factory=list)
    curve_valid: list[float] = field(default_factory=list)
    best: int = 0  # index of the best point of the curve


@dataclass(frozen=True, slots=True)
class Curve:
    """The learning curve: at each point the tokens trained on, and mean nats per token.

    The training loss is the mean since the previous point, with dropout and changing weights, so
    it may be above the validation loss, which is that of the weights at the point. `best` is the
    index of the point whose weights were kept.
    """

    tokens: tuple[int, ...]
    train: tuple[float, ...]
    valid: tuple[float, ...]
    best: int


def carried(state: State, continues: NDArray[np.int64], initial: State) -> State:
    """Return the state of a batch: for each lane (B,) that of the lane it continues, or `initial`.

    `state` is that after the previous batch, whose number of lanes may differ. The result is
    detached from its history: gradients stop here.
    """
    lanes = torch.from_numpy(continues).to(state[0].device)
    fresh = (lanes == RESET)[:, None]  # (B, 1)
    return tuple(
        torch.where(fresh, first, part.detach()[lanes.clamp(min=0)])
        for part, first in zip(state, initial, strict=True)
    )


def half_precision(network: Network, settings: Settings) -> torch.autocast:
    """Return the context in which matrix products are computed in the settings' precision."""
    wanted = settings.precision == "bfloat16"
    return torch.autocast(network.device.type, torch.bfloat16, enabled=wanted)


def _on_device(array: NDArray[np.int64], device: torch.device) -> Tensor:
    """Return an array on a device; pinned memory lets a GPU compute during the transfer."""
    tensor = torch.from_numpy(array)
    if device.type == "cuda":
        tensor = tensor.pin_memory()
    return tensor.to(device, non_blocking=True)


class Trainer:
    """Trains a network in place; call :meth:`run`.

    `validate` returns mean nats per token of the validation text. With it, the weights with the
    lowest are kept, and training by epochs or steps stops after `patience` validations without
    improvement; without it, the last weights are kept. It reads `valid_tokens` tokens.
    `checkpoint` is called after every step and writes a file when that is due. `clock` returns
    seconds.
    """

    def __init__(
        self,
        network: Network,
        batches: Batches,
        settings: Settings,
        *,
        rng: np.random.Generator,
        validate: Callable[[], float] | None,
        threads: ThreadChooser,
        reporter: Reporter,
        valid_tokens: int = 0,
        checkpoint: Callable[[Trainer], None] | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.network = network
        self.batches = batches
        self.settings = settings
        self.rng = rng
        self.validate = validate
        self.valid_tokens = valid_tokens
        self.threads = threads
        self.reporter = reporter
        self.checkpoint = checkpoint
        self.position = Position()
        self.optimizer = make_optimizer(network, settings)
        self.rate = Rate(settings.schedule, settings.warmup)
        self.average = Average(network, settings.average)
        self.state: State | None = None  # after the last step; None before the first
        self.best_weights: dict[str, Tensor] = {}
        precise = torch.float32 if network.device.type == "mps" else torch.float64
        self.nats = torch.zeros((), device=network.device, dtype=precise)  # since last validation
        self._clock = clock
        self._since = clock()
        self._check_seconds = 0.0

    def begin(self, seconds: float) -> None:
        """Begin the schedule, `seconds` of the run having been spent on planning."""
        self.position.seconds = self.position.planned = seconds
        self._since = self._clock()

    def run(self) -> Curve:
        """Train to the end, leave the best weights in the network, return the learning curve.

        Raises ParameterError when the loss is infinite or NaN.
        """
        self.network.train()
        position = self.position
        while not self._over:
            self._epoch()
        if position.window_tokens:
            self._check()
        last = len(position.curve_train) - 1
        if self.validate is not None and position.best < last:
            put_into(self.network, self.best_weights)
        elif self.average.begun:
            put_into(self.network, self.average.weights)
        self.network.eval()
        return Curve(
            tuple(position.curve_tokens),
            tuple(position.curve_train),
            tuple(position.curve_valid),
            position.best if self.validate is not None else last,
        )

    def speed(self, seconds: float) -> float:
        """Return the tokens per second of training, tried for `seconds` with each thread number."""
        self.network.train()
        best = math.inf  # seconds per token
        batches = self._forever()
        for count in self.threads.candidates:
            self.threads.use(count)
            self._step(next(batches))
            start, tokens = self._clock(), 0
            while (passed := self._clock() - start) < seconds:
                batch = next(batches)
                self._step(batch)
                tokens += batch.tokens
            best = min(best, passed / tokens)
        return 1 / best

    def _forever(self) -> Iterator[Batch]:
        while True:
            yield from self.batches.epoch(self.rng)

    # ------------------------------------------------------------------ extent

    @property
    def seconds(self) -> float:
        """Seconds since training began, with those before an interruption."""
        return self.position.seconds + self._clock() - self._since

    def done(self, *, ahead: float = 0.0) -> float:
        """Return the fraction of the training that is over after `ahead` more tokens."""
        settings, position = self.settings, self.position
        if settings.budget is not None:
            last = min(self._check_seconds, settings.budget / 2)  # the validation at the end
            whole = settings.budget - position.planned - last
            passed = self.seconds - position.planned
            return min(1.0, passed / whole) if whole > 0 else 1.0
        if settings.steps is not None:
            return (position.steps + (ahead > 0) / 2) / settings.steps
        assert settings.epochs is not None
        return (position.tokens + ahead) / (self.batches.tokens * settings.epochs)

    @property
    def _over(self) -> bool:
        return self.position.stopped or (self.position.steps > 0 and self.done() >= 1)

    # ------------------------------------------------------------------ steps

    def _epoch(self) -> None:
        """Train on the rest of an epoch."""
        position = self.position
        if position.batch:  # resumed within the epoch: draw the same batches again
            self.rng.bit_generator.state = position.epoch_rng
        else:
            position.epoch_rng = dict(self.rng.bit_generator.state)
        self.threads.resume()
        for number, batch in enumerate(self.batches.epoch(self.rng)):
            if number < position.batch:
                continue
            self._step(batch)
            position.batch = number + 1
            self.threads.step(batch.tokens)
            self._report()
            if self._check_is_due():
                self._check()
            if self.checkpoint is not None:
                self.checkpoint(self)
                self.threads.resume()  # the time of writing is not that of a step
            if self._over and self.settings.epochs is None:
                return
        position.epoch, position.batch = position.epoch + 1, 0
        if position.window_tokens and self._check_is_due(epoch_ends=True):
            self._check()

    def _step(self, batch: Batch) -> None:
        """Update the weights by the gradient of a batch's loss."""
        network, settings, position = self.network, self.settings, self.position
        targets = _on_device(batch.targets, network.device)  # (T, B)
        inputs = _on_device(batch.inputs, network.device)  # (T, B)
        initial = network.initial_state(len(batch.continues))
        state = initial
        if self.state is not None:
            state = carried(self.state, batch.continues, initial)
        with half_precision(network, settings):
            raw, after = network(inputs, state)  # (T, B, H)
            outputs = network.drop_outputs(raw)
            loss = stretch_loss(network, outputs, targets, samples=settings.samples)
        self.state = tuple(part.to(old.dtype) for part, old in zip(after, initial, strict=True))
        total = loss
        if settings.activation_penalty:
            total = total + activation_penalty(outputs, settings.activation_penalty)
        if settings.change_penalty:
            total = total + change_penalty(raw, settings.change_penalty)
        self._set_rate(batch)
        self.optimizer.zero_grad()
        total.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), settings.clip)
        self.optimizer.step()
        self.average.update()
        self.nats += loss.detach() * batch.tokens
        position.steps += 1
        position.tokens += batch.tokens
        position.window_tokens += batch.tokens

    def _set_rate(self, batch: Batch) -> None:
        factor = self.rate.at(self.done(ahead=batch.tokens / 2))
        if self.settings.random_length:  # the gradient of a short stretch has a higher variance
            factor *= len(batch.targets) / self.settings.length
        for group in self.optimizer.param_groups:
            group["lr"] = self.settings.learning_rate * factor

    # ------------------------------------------------------------------ validation

    def _check_is_due(self, *, epoch_ends: bool = False) -> bool:
        settings = self.settings
        if settings.epochs is not None:
            return epoch_ends
        if settings.steps is not None and self.position.window_tokens < self.valid_tokens:
            return False  # counted in tokens, so that a resumed run validates at the same steps
        least = 1 / (3 * CHECKS) if epoch_ends else 1 / CHECKS
        if settings.budget is not None:
            least = max(least, self._check_seconds / CHECK_SHARE / settings.budget)
        return self.done() - self.position.checked >= least

    def _check(self) -> None:
        """Add a point to the learning curve and validate."""
        position = self.position
        train = self._finite(float(self.nats) / position.window_tokens)
        position.checked = self.done()
        position.window_tokens = 0
        self.nats.zero_()
        position.curve_tokens.append(position.tokens)
        position.curve_train.append(train)
        if self.validate is not None:
            start = self._clock()
            valid = self._finite(self._validated())
            self._check_seconds = self._clock() - start
            better = valid < min(position.curve_valid, default=math.inf)
            position.curve_valid.append(valid)
            self._judge(better)
        self.reporter.step(self._facts(), check=True)
        self.threads.resume()

    def _judge(self, better: bool) -> None:
        """Keep the weights if they are the best so far; otherwise apply patience."""
        position, settings = self.position, self.settings
        now = len(position.curve_valid) - 1
        if better:
            position.best = now
            averaged = self.average.weights if self.average.begun else None
            self.best_weights = (
                copy_of(self.network)
                if averaged is None
                else {name: tensor.clone() for name, tensor in averaged.items()}
            )
        elif now - max(position.best, position.triggered) >= settings.patience:
            if settings.optimizer == "nt-asgd" and not self.average.begun:
                self.average.begin()
                position.triggered = now
            elif settings.budget is None:
                position.stopped = True
        self.rate.validated(better=better)

    def _validated(self) -> float:
        """Return the validation loss of the weights that would be kept: the average, if any."""
        assert self.validate is not None
        network = self.network
        current = copy_of(network) if self.average.begun else {}
        if current:
            put_into(network, self.average.weights)
        network.eval()
        try:
            with half_precision(network, self.settings):
                return self.validate()
        finally:
            network.train()
            if current:
                put_into(network, current)

    def _finite(self, nats: float) -> float:
        if not math.isfinite(nats):
            epoch = self.position.epoch + (self.position.batch > 0)
            raise ParameterError(
                f"training diverged in epoch {epoch}: the loss is {nats}; lower "
                f"learning_rate={self.settings.learning_rate:g} or clip={self.settings.clip:g}"
            )
        return nats

    # ------------------------------------------------------------------ reporting

    def _report(self) -> None:
        if self.reporter.is_due():
            self.reporter.step(self._facts())

    def _facts(self) -> dict[str, Any]:
        position, settings = self.position, self.settings
        train = float(self.nats) / position.window_tokens if position.window_tokens else None
        if train is None and position.curve_train:
            train = position.curve_train[-1]
        return {
            "epoch": position.tokens / self.batches.tokens,
            "epochs": settings.epochs,
            "step": position.steps,
            "tokens": position.tokens,
            "seconds": self.seconds,
            "done": self.done(),
            "learning_rate": self.optimizer.param_groups[0]["lr"],
            "train_nats": train,
            "valid_nats": min(position.curve_valid, default=None),
            "last_valid_nats": position.curve_valid[-1] if position.curve_valid else None,
        }
