"""Checkpoints: the whole state of a training run in one file, from which it can be resumed.

A checkpoint holds the weights, the optimiser's moments, averages and best weights, the state of
every lane, the random generators, the position in the data and the learning curve. A run by epochs
or steps that is resumed from it ends, on a CPU, with the same weights to the last bit as a run that
was not interrupted. A run with a budget continues with the time that was left.
"""

from __future__ import annotations

import dataclasses
import time
import typing
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lmkit.errors import FormatError, LmkitError, WriteError
from lmkit.models.hyperparameters import is_of
from lmkit.models.rnn.network import Network
from lmkit.models.rnn.options import Settings
from lmkit.models.rnn.training import Position, Trainer
from lmkit.storage import read_model_file, under, write_model_file

KIND = "checkpoint"
EVERY = 60.0
"""Seconds between checkpoints."""
MOST_SHARE = 0.02
"""The fraction of the time that writing may take; checkpoints are rarer where it would be more."""


class Checkpoint:
    """Writes a trainer's whole state to `path`, atomically, every `seconds`; 0 for every step.

    `identity` holds the options and the hashes of the texts; a checkpoint of others is refused.
    """

    def __init__(
        self,
        path: str | Path,
        identity: Mapping[str, Any],
        *,
        seconds: float = EVERY,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.path = Path(path)
        self.identity = dict(identity)
        self.seconds = seconds
        self._clock = clock
        self._last = clock()
        self._cost = 0.0

    def __call__(self, trainer: Trainer) -> None:
        """Write a checkpoint if one is due."""
        wait = max(self.seconds, self._cost / MOST_SHARE) if self.seconds else 0.0
        if self._clock() - self._last >= wait:
            self.try_to_write(trainer)

    def try_to_write(self, trainer: Trainer) -> None:
        """Write a checkpoint now; where that fails, warn: it is no reason to lose the training."""
        try:
            self.write(trainer)
        except WriteError as error:
            self._last = self._clock()
            warnings.warn(f"{error}; training goes on without a new checkpoint", stacklevel=2)

    def write(self, trainer: Trainer) -> None:
        """Write a checkpoint now. Raises WriteError when the file cannot be written."""
        start = self._clock()
        position = dataclasses.replace(
            trainer.position,
            seconds=trainer.seconds,
            halvings=trainer.rate.halvings,
            average_steps=trainer.average.steps,
        )
        header = {
            "kind": KIND,
            "identity": self.identity,
            "settings": trainer.settings.to_json(),
            "place": dataclasses.asdict(position),  # the key of format version 1
        }
        write_model_file(self.path, _arrays_of(trainer), header)
        self._last = self._clock()
        self._cost = self._last - start

    def read(self) -> tuple[Settings, Mapping[str, NDArray[Any]], dict[str, Any]] | None:
        """Return the settings, arrays and position in the file; None if there is no file.

        Raises FormatError for a file that is damaged or not a checkpoint, LmkitError for a
        checkpoint of other options or another text.
        """
        if not self.path.exists():
            return None
        try:
            arrays, header = read_model_file(self.path, check_all=True)
        except FormatError as error:
            raise FormatError(f"{error}; or delete the checkpoint to start anew") from None
        if header.get("kind") != KIND:
            raise FormatError(f"{self.path} is no checkpoint; give --checkpoint another name")
        try:
            written = dict(header["identity"])
            settings, position = Settings.from_json(header["settings"]), dict(header["place"])
        except (KeyError, TypeError, ValueError):
            raise FormatError(
                f"{self.path}: its content does not fit together; delete it to start anew"
            ) from None
        for name, value in self.identity.items():
            if written.get(name) != value:
                raise LmkitError(
                    f"{self.path} is the checkpoint of another run: its {name} is "
                    f"{written.get(name)!r}, here it is {value!r}; delete it to start anew, or "
                    "give the same options to go on"
                )
        return settings, arrays, position


def restore(
    trainer: Trainer, arrays: Mapping[str, NDArray[Any]], position: Mapping[str, Any]
) -> None:
    """Give a trainer, and torch's generator, the state in a checkpoint.

    Raises FormatError if the arrays do not fit the network.
    """
    tensors = {name: torch.tensor(np.asarray(array)) for name, array in arrays.items()}
    try:
        _put_parameters(trainer.network, under(tensors, "weights."))
        _put_optimizer(trainer, tensors)
        trainer.position = _position_of(position)
        trainer.best_weights = _like(trainer.network, under(tensors, "best."))
        trainer.average.weights = _like(trainer.network, under(tensors, "average."))
        states = under(tensors, "state.")
        device = trainer.network.device
        trainer.state = tuple(states[str(i)].to(device) for i in range(len(states))) or None
        trainer.nats = tensors["nats"].to(device)
        torch.random.set_rng_state(tensors["generator"])
        if device.type == "cuda":
            torch.cuda.set_rng_state(tensors["generator.cuda"], device)
    except (KeyError, TypeError, ValueError, RuntimeError):
        raise FormatError(
            "the checkpoint does not fit the network; delete it to start anew"
        ) from None
    trainer.rate.halvings = trainer.position.halvings
    trainer.average.steps = trainer.position.average_steps


def _arrays_of(trainer: Trainer) -> dict[str, NDArray[Any]]:
    parts: dict[str, Tensor] = {"generator": torch.random.get_rng_state(), "nats": trainer.nats}
    if trainer.network.device.type == "cuda":
        parts["generator.cuda"] = torch.cuda.get_rng_state(trainer.network.device)
    names: dict[Tensor, str] = {p: name for name, p in trainer.network.named_parameters()}
    parts |= {f"weights.{name}": p.detach() for p, name in names.items()}
    for parameter, kept in trainer.optimizer.state.items():
        parts |= {f"optimizer.{names[parameter]}.{key}": value for key, value in kept.items()
                  if isinstance(value, Tensor)}  # fmt: skip
    parts |= {f"best.{name}": tensor for name, tensor in trainer.best_weights.items()}
    parts |= {f"average.{name}": tensor for name, tensor in trainer.average.weights.items()}
    parts |= {f"state.{i}": part.detach() for i, part in enumerate(trainer.state or ())}
    return {name: tensor.cpu().contiguous().numpy() for name, tensor in parts.items()}


def _position_of(values: Mapping[str, Any]) -> Position:
    hints = typing.get_type_hints(Position)
    if values.keys() != hints.keys() or not all(
        is_of(values[name], hint) for name, hint in hints.items()
    ):
        raise ValueError
    return Position(**values)


def _like(network: Network, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return weights on the network's device; ValueError unless they are empty or complete."""
    own = {name: parameter.shape for name, parameter in network.named_parameters()}
    if weights and own != {name: tensor.shape for name, tensor in weights.items()}:
        raise ValueError
    return {name: weights[name].to(network.device) for name in own if weights}


def _put_parameters(network: Network, weights: Mapping[str, Tensor]) -> None:
    own = dict(network.named_parameters())
    if own.keys() != weights.keys():
        raise ValueError
    with torch.no_grad():
        for name, parameter in own.items():
            if parameter.shape != weights[name].shape:
                raise ValueError
            parameter.copy_(weights[name])


def _put_optimizer(trainer: Trainer, tensors: Mapping[str, Tensor]) -> None:
    moments = under(tensors, "optimizer.")
    for name, parameter in trainer.network.named_parameters():
        own = {key: value for key, value in under(moments, f"{name}.").items() if "." not in key}
        if any(key != "step" and own[key].shape != parameter.shape for key in own):
            raise ValueError
        if own:
            device = parameter.device
            trainer.optimizer.state[parameter] = {k: value.to(device) for k, value in own.items()}
