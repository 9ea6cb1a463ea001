"""Training by truncated back-propagation through time.

Each batch goes on from the state that the batch before it left, detached from its history, so
that the network learns to use what it read long ago though gradients reach back `length` steps.
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
from lmkit.models.rnn.batches import AFRESH, Batch, Batches
from lmkit.models.rnn.cells import State
from lmkit.models.rnn.losses import stretch_loss
from lmkit.models.rnn.network import Network
from lmkit.models.rnn.optimizers import Average, Rate, copy_of, make_optimizer, put_into
from lmkit.models.rnn.regularisation import activation_penalty, change_penalty
from lmkit.models.rnn.reports import Reporter
from lmkit.models.rnn.settings import Settings
from lmkit.models.rnn.threads import ThreadChooser

CHECKS = 10
"""Training that is not counted in epochs is validated so many times, and after each epoch that is
at least a third of such a part."""
CHECK_SHARE = 0.04
"""The share of a budget that validation may take; where it takes longer it comes more rarely."""


@dataclass(slots=True)
class Place:
    """How far training has come: all that a checkpoint needs besides tensors."""

    epoch: int = 0  # whole epochs behind
    batch: int = 0  # batches of this epoch behind
    steps: int = 0
    tokens: int = 0
    seconds: float = 0.0  # in all, planning and earlier runs included
    planned: float = 0.0  # of them, before the first step
    checked: float = 0.0  # the fraction at the last validation
    window_tokens: int = 0  # trained on since the last validation
    stopped: bool = False  # by patience
    triggered: int = 0  # the point of the curve at which NT-ASGD began to average
    halvings: int = 0
    average_steps: int = 0
    epoch_rng: dict[str, Any] = field(default_factory=dict)  # when this epoch began
    curve_tokens: list[int] = field(default_factory=list)
    curve_train: list[float] = field(default_factory=list)
    curve_valid: list[float] = field(default_factory=list)
    best: int = 0  # which point of the curve


@dataclass(frozen=True, slots=True)
class Curve:
    """The learning curve: at each point the tokens trained on, and mean nats a token.

    The training loss is the mean since the point before, with dropout on and the weights still
    changing, so it may lie above the validation loss, which is that of the weights at the point.
    `best` is the point whose weights were kept.
    """

    tokens: tuple[int, ...]
    train: tuple[float, ...]
    valid: tuple[float, ...]
    best: int


def carried(state: State, continues: NDArray[np.int64], initial: State) -> State:
    """Return the states of a batch's lanes, each that of the lane it continues, or `initial`'s.

    `state` is that after the batch before, perhaps of another number of lanes. The result is
    detached from its history: gradients stop here.
    """
    lanes = torch.from_numpy(continues).to(state[0].device)
    fresh = (lanes == AFRESH)[:, None]  # (B, 1)
    return tuple(
        torch.where(fresh, first, part.detach()[lanes.clamp(min=0)])
        for part, first in zip(state, initial, strict=True)
    )


def half_precision(network: Network, settings: Settings) -> torch.autocast:
    """Return the context in which matrix products have the precision of the settings."""
    wanted = settings.precision == "bfloat16"
    return torch.autocast(network.device.type, torch.bfloat16, enabled=wanted)


def _sent(array: NDArray[np.int64], device: torch.device) -> Tensor:
    """Return an array on a device; to a GPU it goes through pinned memory, beside its work."""
    tensor = torch.from_numpy(array)
    if device.type == "cuda":
        tensor = tensor.pin_memory()
    return tensor.to(device, non_blocking=True)


class Trainer:
    """Trains a network in place; call :meth:`run`.

    `validate` returns mean nats a token on the validation text. With it, the weights that were best
    there are kept, and training by epochs or steps stops after `patience` validations without
    betterment; without it, the last weights are kept. `checkpoint` is called after every step and
    writes a file when it is due. `clock` returns seconds.
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
        checkpoint: Callable[[Trainer], None] | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.network = network
        self.batches = batches
        self.settings = settings
        self.rng = rng
        self.validate = validate
        self.threads = threads
        self.reporter = reporter
        self.checkpoint = checkpoint
        self.place = Place()
        self.optimizer = make_optimizer(network, settings)
        self.rate = Rate(settings.schedule, settings.warmup)
        self.average = Average(network, settings.average)
        self.state: State | None = None  # before the first step there is nothing to go on from
        self.best_weights: dict[str, Tensor] = {}
        precise = torch.float32 if network.device.type == "mps" else torch.float64
        # The sum since the last validation.
        self.nats = torch.zeros((), device=network.device, dtype=precise)
        self._clock = clock
        self._since = clock()
        self._check_seconds = 0.0

    def begin(self, seconds: float) -> None:
        """Take note that so many seconds went into planning: the schedule begins now."""
        self.place.seconds = self.place.planned = seconds
        self._since = self._clock()

    def run(self) -> Curve:
        """Train to the end, leave the best weights in the network, return the learning curve.

        Raises ParameterError when the loss is no longer a number.
        """
        self.network.train()
        place = self.place
        while not self._over:
            self._epoch()
        if place.window_tokens:
            self._check()
        last = len(place.curve_train) - 1
        if self.validate is not None and place.best < last:
            put_into(self.network, self.best_weights)
        elif self.average.begun:
            put_into(self.network, self.average.weights)
        self.network.eval()
        return Curve(
            tuple(place.curve_tokens),
            tuple(place.curve_train),
            tuple(place.curve_valid),
            place.best if self.validate is not None else last,
        )

    def speed(self, seconds: float) -> float:
        """Return tokens a second of training, tried for about so many seconds a thread number."""
        self.network.train()
        best = math.inf  # seconds a token
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

    # ------------------------------------------------------------------ how far

    @property
    def seconds(self) -> float:
        """Seconds since training began, those before an interruption included."""
        return self.place.seconds + self._clock() - self._since

    def done(self, *, ahead: float = 0.0) -> float:
        """Return the fraction of the training that is over, `ahead` tokens more included."""
        settings, place = self.settings, self.place
        if settings.budget is not None:
            last = min(self._check_seconds, settings.budget / 2)  # the validation at the end
            whole = settings.budget - place.planned - last
            passed = self.seconds - place.planned
            return min(1.0, passed / whole) if whole > 0 else 1.0
        if settings.steps is not None:
            return (place.steps + (ahead > 0) / 2) / settings.steps
        assert settings.epochs is not None
        return (place.tokens + ahead) / (self.batches.tokens * settings.epochs)

    @property
    def _over(self) -> bool:
        return self.place.stopped or (self.place.steps > 0 and self.done() >= 1)

    # ------------------------------------------------------------------ steps

    def _epoch(self) -> None:
        """Train on what is left of an epoch."""
        place = self.place
        if place.batch:  # resumed within it: draw again what was drawn
            self.rng.bit_generator.state = place.epoch_rng
        else:
            place.epoch_rng = dict(self.rng.bit_generator.state)
        self.threads.resume()
        for number, batch in enumerate(self.batches.epoch(self.rng)):
            if number < place.batch:
                continue
            self._step(batch)
            place.batch = number + 1
            self.threads.step(batch.tokens)
            self._report()
            if self._check_is_due():
                self._check()
            if self.checkpoint is not None:
                self.checkpoint(self)
                self.threads.resume()  # writing took time, perhaps
            if self._over and self.settings.epochs is None:
                return
        place.epoch, place.batch = place.epoch + 1, 0
        if place.window_tokens and self._check_is_due(epoch_ends=True):
            self._check()

    def _step(self, batch: Batch) -> None:
        network, settings, place = self.network, self.settings, self.place
        targets = _sent(batch.targets, network.device)  # (T, B)
        inputs = _sent(batch.inputs, network.device)  # (T, B)
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
        place.steps += 1
        place.tokens += batch.tokens
        place.window_tokens += batch.tokens

    def _set_rate(self, batch: Batch) -> None:
        factor = self.rate.at(self.done(ahead=batch.tokens / 2))
        if self.settings.random_length:  # a short stretch is a noisier estimate
            factor *= len(batch.targets) / self.settings.length
        for group in self.optimizer.param_groups:
            group["lr"] = self.settings.learning_rate * factor

    # ------------------------------------------------------------------ validation

    def _check_is_due(self, *, epoch_ends: bool = False) -> bool:
        settings = self.settings
        if settings.epochs is not None:
            return epoch_ends
        least = 1 / (3 * CHECKS) if epoch_ends else 1 / CHECKS
        if settings.budget is not None:
            least = max(least, self._check_seconds / CHECK_SHARE / settings.budget)
        return self.done() - self.place.checked >= least

    def _check(self) -> None:
        """Add a point to the learning curve, validate, and see what follows from it."""
        place = self.place
        train = self._finite(float(self.nats) / place.window_tokens)
        place.checked = self.done()
        place.window_tokens = 0
        self.nats.zero_()
        place.curve_tokens.append(place.tokens)
        place.curve_train.append(train)
        if self.validate is not None:
            start = self._clock()
            valid = self._finite(self._validated())
            self._check_seconds = self._clock() - start
            better = valid < min(place.curve_valid, default=math.inf)
            place.curve_valid.append(valid)
            self._judge(better)
        self.reporter.check(self._facts())
        self.threads.resume()

    def _judge(self, better: bool) -> None:
        place, settings = self.place, self.settings
        now = len(place.curve_valid) - 1
        if better:
            place.best = now
            averaged = self.average.weights if self.average.begun else None
            self.best_weights = (
                copy_of(self.network)
                if averaged is None
                else {name: tensor.clone() for name, tensor in averaged.items()}
            )
        elif now - max(place.best, place.triggered) >= settings.patience:
            if settings.optimizer == "nt-asgd" and not self.average.begun:
                self.average.begin()
                place.triggered = now
            elif settings.budget is None:
                place.stopped = True
        self.rate.validated(better=better)

    def _validated(self) -> float:
        """Return the mean nats of the weights that would be kept."""
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
            raise ParameterError(
                f"training diverged in epoch {self.place.epoch + (self.place.batch > 0)}: the loss "
                f"is {nats}; lower learning_rate={self.settings.learning_rate:g} or "
                f"clip={self.settings.clip:g}"
            )
        return nats

    # ------------------------------------------------------------------ telling

    def _report(self) -> None:
        if self.reporter.is_due():
            self.reporter.step(self._facts())

    def _facts(self) -> dict[str, Any]:
        place, settings = self.place, self.settings
        train = float(self.nats) / place.window_tokens if place.window_tokens else None
        if train is None and place.curve_train:
            train = place.curve_train[-1]
        return {
            "epoch": place.tokens / self.batches.tokens,
            "epochs": settings.epochs,
            "step": place.steps,
            "tokens": place.tokens,
            "seconds": self.seconds,
            "done": self.done(),
            "learning_rate": self.optimizer.param_groups[0]["lr"],
            "train_nats": train,
            "valid_nats": min(place.curve_valid, default=None),
            "last_valid_nats": place.curve_valid[-1] if place.curve_valid else None,
        }
