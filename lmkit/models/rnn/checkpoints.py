"""Checkpoints: all of a training run in one file, so that it can be killed and go on.

A checkpoint holds the weights, the optimiser's moments, averages and best weights, the state of
every lane, the random generators, the place in the data and the learning curve. A run by epochs or
steps that is resumed from it ends, on a CPU, with the weights of a run that was never killed, to
the last bit. A run with a budget goes on with the time that was left.
"""

from __future__ import annotations

import dataclasses
import time
import typing
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lmkit.errors import FormatError, LmkitError
from lmkit.models.hyperparameters import is_of
from lmkit.models.rnn.network import Network
from lmkit.models.rnn.settings import Settings
from lmkit.models.rnn.training import Place, Trainer
from lmkit.storage import read_model_file, write_model_file

KIND = "checkpoint"
EVERY = 60.0
"""Seconds between checkpoints."""
MOST_SHARE = 0.02
"""The share of the time that writing them may take; where it takes longer they come more rarely."""


class Checkpoint:
    """Writes a trainer's whole state to `path`, atomically, every `seconds`; 0 is every step.

    `identity` says what is trained on what; a checkpoint of something else is refused.
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
        """Write a checkpoint if it is due."""
        wait = max(self.seconds, self._cost / MOST_SHARE) if self.seconds else 0.0
        if self._clock() - self._last >= wait:
            self.write(trainer)

    def write(self, trainer: Trainer) -> None:
        """Write a checkpoint now. Raises LmkitError when the file cannot be written."""
        start = self._clock()
        place = dataclasses.replace(
            trainer.place,
            seconds=trainer.seconds,
            halvings=trainer.rate.halvings,
            average_steps=trainer.average.steps,
        )
        header = {
            "kind": KIND,
            "identity": self.identity,
            "settings": trainer.settings.to_json(),
            "place": dataclasses.asdict(place),
        }
        write_model_file(self.path, _arrays_of(trainer), header)
        self._last = self._clock()
        self._cost = self._last - start

    def read(self) -> tuple[Settings, Mapping[str, NDArray[Any]], dict[str, Any]] | None:
        """Return the settings, arrays and place of the file; None where there is no file.

        Raises FormatError for a file that is damaged or no checkpoint, LmkitError for a checkpoint
        of another model or another text.
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
            settings, place = Settings.from_json(header["settings"]), dict(header["place"])
        except (KeyError, TypeError, ValueError):
            raise _does_not_fit(self.path) from None
        for name, value in self.identity.items():
            if written.get(name) != value:
                raise LmkitError(
                    f"{self.path} is the checkpoint of another run: its {name} is "
                    f"{written.get(name)!r}, here it is {value!r}; delete it to start anew, or "
                    "give the same options to go on"
                )
        return settings, arrays, place


def restore(trainer: Trainer, arrays: Mapping[str, NDArray[Any]], place: Mapping[str, Any]) -> None:
    """Put a trainer where the checkpoint was written, torch's generator included.

    Raises FormatError where the arrays do not fit the network.
    """
    tensors = {name: torch.tensor(np.asarray(array)) for name, array in arrays.items()}
    try:
        _put_parameters(trainer.network, _under(tensors, "weights."))
        _put_optimizer(trainer, tensors)
        trainer.place = _place_of(place)
        trainer.best_weights = _like(trainer.network, _under(tensors, "best."))
        trainer.average.weights = _like(trainer.network, _under(tensors, "average."))
        states = _under(tensors, "state.")
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
    trainer.rate.halvings = trainer.place.halvings
    trainer.average.steps = trainer.place.average_steps


def _does_not_fit(path: Path) -> FormatError:
    return FormatError(f"{path}: its content does not fit together; delete it to start anew")


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


def _under(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in tensors.items()
        if name.startswith(prefix)
    }


def _place_of(values: Mapping[str, Any]) -> Place:
    hints = typing.get_type_hints(Place)
    if values.keys() != hints.keys() or not all(
        is_of(values[name], hint) for name, hint in hints.items()
    ):
        raise ValueError
    return Place(**values)


def _like(network: Network, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return weights on the network's device; ValueError unless they are none or all of it."""
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
    kept = _under(tensors, "optimizer.")
    for name, parameter in trainer.network.named_parameters():
        own = {
            key.removeprefix(f"{name}."): value
            for key, value in kept.items()
            if key.startswith(f"{name}.") and "." not in key.removeprefix(f"{name}.")
        }
        moments = (value.shape for key, value in own.items() if key != "step")
        if any(shape != parameter.shape for shape in moments):
            raise ValueError
        if own:
            device = parameter.device
            trainer.optimizer.state[parameter] = {k: value.to(device) for k, value in own.items()}
