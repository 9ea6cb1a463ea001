"""Training by truncated back-propagation through time.

Each batch goes on from the state that the batch before it left, detached from its history, so
that the network learns to use what it read long ago though gradients reach back `length` steps.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy, dropout

from lmkit.errors import ParameterError
from lmkit.models.rnn.batches import AFRESH, IGNORED, Batch, Batches
from lmkit.models.rnn.cells import State
from lmkit.models.rnn.network import Network
from lmkit.models.rnn.threads import ThreadChooser

BETAS = (0.9, 0.99)


@dataclass(frozen=True, slots=True)
class Training:
    """How a network is trained; the names are those of the model's hyper-parameters."""

    epochs: int
    learning_rate: float
    warmup: float
    weight_decay: float
    clip: float
    dropout: float
    patience: int


@dataclass(frozen=True, slots=True)
class Curve:
    """The learning curve: mean nats a token in each epoch, and the epoch whose weights were kept.

    The training loss is the mean over an epoch, with dropout on and the weights still changing,
    so it may lie above the validation loss, which is that of the weights at the epoch's end.
    """

    train: tuple[float, ...]
    valid: tuple[float, ...]
    best_epoch: int


def rate_at(done: float, warmup: float) -> float:
    """Return the factor on the learning rate when the fraction `done` of the training is over.

    It rises linearly over the fraction `warmup` and falls by half a cosine to zero at the end
    (Loshchilov & Hutter 2017).
    """
    if done < warmup:
        return done / warmup
    return 0.5 * (1 + math.cos(math.pi * (done - warmup) / (1 - warmup)))


def carried(state: State, continues: NDArray[np.int64]) -> State:
    """Return the states (B, H) of a batch's lanes, each that of the lane it continues, or zero.

    `state` is that after the batch before, perhaps of another number of lanes. The result is
    detached from its history: gradients stop here.
    """
    lanes = torch.from_numpy(continues).to(state[0].device)
    fresh = (lanes == AFRESH)[:, None]  # (B, 1)
    return tuple(part.detach()[lanes.clamp(min=0)].masked_fill(fresh, 0.0) for part in state)


def train(
    network: Network,
    batches: Batches,
    training: Training,
    *,
    rng: np.random.Generator,
    validate: Callable[[], float] | None,
    threads: ThreadChooser,
    progress: Callable[[str, float], None],
) -> Curve:
    """Train `network` in place, leave the best weights in it, and return the learning curve.

    `validate` returns mean nats a token on the validation text. With it, training stops after
    `patience` epochs without betterment and the weights of the best epoch are kept; without it,
    those of the last.

    Raises ParameterError when the loss is no longer a number.
    """
    trainer = _Trainer(network, training, batches.tokens * training.epochs, threads, progress)
    train_nats: list[float] = []
    valid_nats: list[float] = []
    best, weights = 0, _copy(network)
    for epoch in range(training.epochs):
        what = f"epoch {epoch + 1} of {training.epochs}"
        if valid_nats:
            what += f", validation perplexity {math.exp(min(valid_nats[best], 700)):.2f}"
        train_nats.append(trainer.epoch(batches, rng, what))
        if not math.isfinite(train_nats[-1]):
            raise ParameterError(
                f"training diverged in epoch {epoch + 1}: the loss is {train_nats[-1]}; lower "
                f"learning_rate={training.learning_rate:g} or clip={training.clip:g}"
            )
        if validate is None:
            best = epoch
            continue
        valid_nats.append(validate())
        if epoch == 0 or valid_nats[-1] < valid_nats[best]:
            best, weights = epoch, _copy(network)
        elif epoch - best >= training.patience:
            break
    if best < len(train_nats) - 1:
        network.load_state_dict(weights)
    return Curve(tuple(train_nats), tuple(valid_nats), best + 1)


def _copy(network: Network) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


class _Trainer:
    """What lives from one step to the next: the optimiser, the state, and how far it has come."""

    def __init__(
        self,
        network: Network,
        training: Training,
        total: int,
        threads: ThreadChooser,
        progress: Callable[[str, float], None],
    ) -> None:
        self.network = network
        self.training = training
        self.total = total
        self.threads = threads
        self.progress = progress
        self.done = 0  # tokens
        self.state: State | None = None  # before the first step there is nothing to go on from
        # Biases and the like are left out of the decay: there is nothing in them to regularise.
        groups: list[dict[str, Any]] = [
            {"params": [p for p in network.parameters() if p.ndim > 1]},
            {"params": [p for p in network.parameters() if p.ndim < 2], "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.AdamW(
            groups,
            lr=training.learning_rate,
            betas=BETAS,
            weight_decay=training.weight_decay,
            fused=True,
        )

    def epoch(self, batches: Batches, rng: np.random.Generator, what: str) -> float:
        """Train on every batch of one epoch and return the mean nats a token."""
        total = torch.zeros((), dtype=torch.float32, device=self.network.device)
        tokens = 0
        self.threads.resume()
        for batch in batches.epoch(rng):
            total += self._step(batch) * batch.tokens
            tokens += batch.tokens
            self.threads.step(batch.tokens)
            self.progress(what, self.done / self.total)
        return float(total) / tokens

    def _step(self, batch: Batch) -> Tensor:
        network, training = self.network, self.training
        targets = torch.from_numpy(batch.targets).to(network.device)  # (T, B)
        inputs = torch.from_numpy(batch.inputs).to(network.device)  # (T, B)
        state = (
            network.initial_state(len(batch.continues))
            if self.state is None
            else carried(self.state, batch.continues)
        )
        outputs, self.state = network(inputs, state, drop=training.dropout)  # (T, B, H)
        outputs = dropout(outputs, training.dropout, training=training.dropout > 0)
        scores = network.scores(outputs).flatten(0, 1)  # (T·B, V)
        loss = cross_entropy(scores, targets.flatten(), ignore_index=IGNORED)
        self._set_rate((self.done + batch.tokens / 2) / self.total)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), training.clip)
        self.optimizer.step()
        self.done += batch.tokens
        return loss.detach()

    def _set_rate(self, done: float) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = self.training.learning_rate * rate_at(done, self.training.warmup)
