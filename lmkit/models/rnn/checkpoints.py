"""Checkpoints: all of a training run in one file, so that it can be killed and go on.

A checkpoint holds the weights, the optimiser's moments, averages and best weights, the state of
every lane, the random generators, the place in the data and the learning curve. A run by epochs or
steps that is resumed from it ends, on a CPU, with the weights of a run that was never killed, to
the last bit. A run with a budget goes on with the time that was left.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lmkit.errors import FormatError, LmkitError
from lmkit.models.rnn.network import Network
from lmkit.models.rnn.settings import Settings
from lmkit.models.rnn.training import Place, Trainer
from lmkit.storage import read_model_file, write_model_file

KIND = "checkpoint"
EVERY = 60.0
"""Seconds between checkpoints."""


class Checkpoint:
    """Writes a trainer's whole state to `path`, atomically, every `seconds` of training.

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

    def __call__(self, trainer: Trainer) -> None:
        """Write a checkpoint if it is due."""
        if self._clock() - self._last >= self.seconds:
            self.write(trainer)

    def write(self, trainer: Trainer) -> None:
        """Write a checkpoint now. Raises LmkitError when the file cannot be written."""
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

    def read(self) -> tuple[Settings, Mapping[str, NDArray[Any]], dict[str, Any]] | None:
        """Return the settings, arrays and place of the file; None where there is no file.

        Raises FormatError for a file that is damaged or no checkpoint, LmkitError for a checkpoint
        of another model or another text.
        """
        if not self.path.exists():
            return None
        arrays, header = read_model_file(self.path)
        if header.get("kind") != KIND:
            raise FormatError(f"{self.path} is no checkpoint; give --checkpoint another name")
        for name, value in self.identity.items():
            if header["identity"].get(name) != value:
                raise LmkitError(
                    f"{self.path} is the checkpoint of another run: its {name} is "
                    f"{header['identity'].get(name)!r}, here it is {value!r}; delete it to start "
                    "anew, or give the same options to go on"
                )
        try:
            return Settings(**header["settings"]), arrays, header["place"]
        except (TypeError, KeyError):
            raise _does_not_fit(self.path) from None


def restore(trainer: Trainer, arrays: Mapping[str, NDArray[Any]], place: Mapping[str, Any]) -> None:
    """Put a trainer where the checkpoint was written, torch's generator included.

    Raises FormatError where the arrays do not fit the network.
    """
    tensors = {name: torch.tensor(np.asarray(array)) for name, array in arrays.items()}
    try:
        _put_parameters(trainer.network, _under(tensors, "weights."))
        _put_optimizer(trainer, tensors)
        trainer.place = Place(**place)
        trainer.best_weights = _under(tensors, "best.")
        trainer.average.weights = _under(tensors, "average.")
        states = _under(tensors, "state.")
        device = trainer.network.device
        trainer.state = tuple(states[str(i)].to(device) for i in range(len(states))) or None
        trainer.nats = tensors["nats"].to(device)
        torch.random.set_rng_state(tensors["generator"])
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
            trainer.optimizer.state[parameter] = {
                key: value.to(device) if key != "step" else value for key, value in own.items()
            }
