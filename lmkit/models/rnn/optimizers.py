"""Optimisers, the schedule of the learning rate, and averages of the weights."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from lmkit.models.rnn.network import Network
from lmkit.models.rnn.options import Settings

BETAS = (0.9, 0.99)
RISE = 0.3
"""The fraction of one-cycle training in which the rate rises (Smith & Topin 2018)."""
HALVED = 0.5
"""The factor on the rate at a plateau of the validation loss."""


def make_optimizer(network: Network, settings: Settings) -> torch.optim.Optimizer:
    """Return the optimiser of a network's parameters.

    ``adamw``: Loshchilov & Hutter (2019). ``sgd`` and ``nt-asgd``: plain stochastic gradient
    descent. There is no weight decay of biases and other vectors.
    """
    groups: list[dict[str, Any]] = [
        {"params": [p for p in network.parameters() if p.ndim > 1]},
        {"params": [p for p in network.parameters() if p.ndim < 2], "weight_decay": 0.0},
    ]
    rate, decay = settings.learning_rate, settings.weight_decay
    if settings.optimizer == "adamw":
        return torch.optim.AdamW(groups, lr=rate, betas=BETAS, weight_decay=decay, fused=True)
    return torch.optim.SGD(groups, lr=rate, weight_decay=decay)


def rate_at(done: float, warmup: float) -> float:
    """Return the factor on the learning rate when the fraction `done` of the training is over.

    It rises linearly over the fraction `warmup` and falls by half a cosine to zero at the end
    (Loshchilov & Hutter 2017).
    """
    if done < warmup:
        return done / warmup
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (done - warmup) / (1 - warmup))))


class Rate:
    """The schedule: a factor on the learning rate over the training.

    ``cosine``: see :func:`rate_at`; ``one-cycle``: the same with a warm-up of 0.3, whatever
    `warmup` is; ``constant``: 1 after the warm-up; ``plateau``: as constant, but halved whenever a
    validation is not better than the best before it.
    """

    def __init__(self, schedule: str, warmup: float) -> None:
        self.schedule = schedule
        self.warmup = RISE if schedule == "one-cycle" else warmup
        self.halvings = 0

    def at(self, done: float) -> float:
        """Return the factor when the fraction `done` of the training is over."""
        if self.schedule in ("cosine", "one-cycle"):
            return rate_at(done, self.warmup)
        rise = min(1.0, done / self.warmup) if self.warmup else 1.0
        return float(rise * HALVED**self.halvings)

    def validated(self, *, better: bool) -> None:
        """Record a validation."""
        if self.schedule == "plateau" and not better:
            self.halvings += 1


class Average:
    """An average of the weights over the steps, which often predicts better than the last weights.

    ``decay`` above 0: an exponential moving average, avg = decay · avg + (1 - decay) · weights; at
    step n the decay is at most (1 + n)/(10 + n), so that the first weights are soon forgotten.
    ``decay`` 0: the mean since :meth:`begin` was called, for non-monotonically triggered averaging
    (NT-ASGD: Merity, Keskar & Socher 2018, algorithm 1).
    """

    def __init__(self, network: Network, decay: float) -> None:
        self.decay = decay
        self.steps = 0
        self.weights: dict[str, Tensor] = {}
        self._network = network
        if decay:
            self.begin()

    @property
    def begun(self) -> bool:
        """Whether there is an average."""
        return bool(self.weights)

    def begin(self) -> None:
        """Begin the average with the current weights."""
        self.steps = 0
        self.weights = copy_of(self._network)

    def update(self) -> None:
        """Include the weights after one more step."""
        if not self.weights:
            return
        self.steps += 1
        keep = min(self.decay, (1 + self.steps) / (10 + self.steps))
        share = 1 - keep if self.decay else 1 / (self.steps + 1)
        current = dict(self._network.named_parameters())
        with torch.no_grad():
            torch._foreach_lerp_(
                list(self.weights.values()),
                [current[name].detach() for name in self.weights],
                share,
            )


def copy_of(network: Network) -> dict[str, Tensor]:
    """Return a copy of the network's parameters by name."""
    return {name: tensor.detach().clone() for name, tensor in network.named_parameters()}


def put_into(network: Network, weights: Mapping[str, Tensor]) -> None:
    """Copy weights by name into the network's parameters."""
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            parameter.copy_(weights[name])
