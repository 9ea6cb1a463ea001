"""Deciding what the user left open: plain values, or the plan of a budget of time.

With a budget, the sizes of a ladder are tried from the smallest up, a few training steps each, and
the largest is taken that still reads the text often enough within the budget and is not out of
proportion to it. `reports/rnn.md` has the measurements behind the numbers here; the others are
usual values.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from types import MappingProxyType
from typing import Any

import torch

from lmkit.errors import ParameterError
from lmkit.models.rnn.device import precision_of
from lmkit.models.rnn.network import size_of_network
from lmkit.models.rnn.options import OPTIONS, PLAIN, Settings, seconds_of
from lmkit.types import Ids

TRIAL_SECONDS, TRIAL_SHARE = 1.0, 0.01
"""A size is tried for so many seconds, or that share of the budget where it is less."""
MOST_PLANNING = 0.1
"""The share of a budget after which no larger size is tried."""
MANY_CHARACTERS = 1000
"""Outcomes from which characters are planned for as words are."""


@dataclass(frozen=True, slots=True)
class Size:
    """One size of network on the ladder."""

    layers: int
    hidden: int
    embedding: int


# Widths are multiples of 64: kernels were measured to be half as fast on 650 units as on 640.
LADDER: Mapping[str, Sequence[Size]] = MappingProxyType(
    {
        "word": (
            Size(1, 128, 64), Size(1, 256, 128), Size(1, 512, 256), Size(2, 512, 256),
            Size(2, 640, 384), Size(2, 1024, 512), Size(3, 1152, 512),
        ),
        "char": (
            Size(1, 192, 32), Size(1, 384, 64), Size(2, 384, 64), Size(2, 512, 64),
            Size(2, 768, 64), Size(3, 1024, 128),
        ),
    }
)  # fmt: skip
EPOCHS: Mapping[str, float] = MappingProxyType({"word": 12.0, "char": 16.0})
"""A size is not taken if the budget allows fewer epochs."""
MOST_EPOCHS: Mapping[str, float] = MappingProxyType({"word": 60.0, "char": 80.0})
"""After so many epochs nothing more is learned from a text: the rest of the budget is not used."""
WARMUP_EPOCHS = 0.5
"""Epochs in which the learning rate rises, at most a tenth of the training."""
DROPOUT: Mapping[str, float] = MappingProxyType({"word": 0.11, "char": 0.12})
"""The `strength` of :func:`dropout_for`."""
BATCHES: Mapping[str, Mapping[str, int]] = MappingProxyType(
    {
        "word": MappingProxyType({"lanes": 64, "length": 32}),
        "char": MappingProxyType({"lanes": 16, "length": 64}),
    }
)
"""The batches. Over characters, many small steps reach a far lower loss in a given time than few
large ones, although large ones process more tokens per second."""
PARAMETERS_PER_TOKEN = 16.0
"""A larger size is not tried if it has more parameters per token of the training text."""
DESCENT = {name: row.descent for name, row in OPTIONS.items() if row.descent is not None}
"""The planned and plain values for plain gradient descent, of the orders of magnitude in Merity,
Keskar & Socher (2018)."""
_DROPOUTS = ("input_dropout", "layer_dropout", "output_dropout")  # those that `dropout` sets


def dropout_for(parameters: int, tokens: int, epochs: float, *, strength: float) -> float:
    """Return the dropout for a network of so many parameters, trained for so many epochs.

    min(0.5, strength · log2(1 + w/2)) with w = parameters / tokens · sqrt(epochs), a measure of
    how much of the text the network could memorise: 10^7 parameters on 10^6 tokens for 16 epochs
    have w = 40, and at a strength of 0.11 a dropout of 0.11 · log2(21) = 0.48.

    >>> dropout_for(10**7, 10**6, 16, strength=0.11)
    0.48
    """
    weight = parameters / tokens * math.sqrt(max(epochs, 1.0))
    return round(min(0.5, strength * math.log2(1 + weight / 2)), 2)


@dataclass(frozen=True, slots=True)
class Plan:
    """The size that fits a budget, and how it is to be trained."""

    size: Size
    epochs: float
    tokens_per_second: float
    dropout: float
    ends_early: bool

    def settings(self, kind: str) -> dict[str, Any]:
        """Return the values of the options that a budget decides; `kind` is a key of `LADDER`."""
        words = kind == "word"
        width = math.sqrt(640 / self.size.hidden)
        return {
            "layers": self.size.layers,
            "hidden": self.size.hidden,
            "embedding": self.size.embedding,
            "tied": words,
            "forget_bias": 1.0 if words else 0.0,
            "dropout": self.dropout,
            "input_dropout": round(self.dropout * (0.75 if words else 0.25), 3),
            "layer_dropout": round(self.dropout * 0.75, 3),
            "embedding_dropout": round(self.dropout * 0.125, 3) if words else 0.0,
            "weight_drop": 0.0,
            "locked": words,
            "unk_rate": 0.1,
            **BATCHES[kind],
            "learning_rate": round((0.003 if words else 0.004) * width, 5),
            "warmup": round(min(0.1, WARMUP_EPOCHS / max(self.epochs, WARMUP_EPOCHS)), 4),
            "weight_decay": 0.05,
            "clip": 0.5,
            "average": 0.998,
        }


def plan(
    kind: str,
    *,
    tokens: int,
    seconds: float,
    fixed: Mapping[str, Any],
    parameters_of: Callable[[Size], int],
    speed_of: Callable[[Size], float],
    clock: Callable[[], float] = time.perf_counter,
) -> Plan:
    """Return the plan for a training text of `tokens` and a budget of `seconds`.

    `kind` is ``word`` or ``char``, a key of `LADDER`. `fixed` are the options that the user gave:
    `layers`, `hidden` and `embedding` among them hold for every size. `parameters_of` returns a
    size's number of parameters, `speed_of` trains a few steps and returns tokens per second.
    """
    own = {name: fixed[name] for name in ("layers", "hidden", "embedding")
           if fixed.get(name) is not None}  # fmt: skip
    start = clock()
    chosen: tuple[Size, float] | None = None
    tried: set[Size] = set()
    for step in LADDER[kind]:
        size = replace(step, **own)
        if size in tried:
            continue
        tried.add(size)
        if chosen is not None and parameters_of(size) > PARAMETERS_PER_TOKEN * tokens:
            break
        speed = speed_of(size)
        left = seconds - (clock() - start)
        if chosen is not None and speed * left < EPOCHS[kind] * tokens:
            break
        chosen = (size, speed)
        if clock() - start > MOST_PLANNING * seconds:
            break
    assert chosen is not None
    size, speed = chosen
    left = max(0.0, seconds - (clock() - start))
    possible = speed * left / tokens
    epochs = min(possible, MOST_EPOCHS[kind])
    dropout = dropout_for(parameters_of(size), tokens, epochs, strength=DROPOUT[kind])
    return Plan(size, epochs, speed, dropout, ends_early=epochs < possible)


# ---------------------------------------------------------------------- deciding


@dataclass(frozen=True, slots=True)
class Task:
    """What is learned from what.

    `values` are the options by name, None where open; `ids` and `valid` the texts, `outcomes` the
    size V of their vocabulary.
    """

    values: Mapping[str, Any]
    unit: str
    context: str
    outcomes: int
    ids: Ids
    valid: Ids | None
    device: torch.device
    seed: int
    threads: int | None


def decide(task: Task, speed_of: Callable[[Settings, float], float]) -> Settings:
    """Return the settings of a task: the given options, and for open ones planned or plain values.

    `speed_of(settings, seconds)` trains for about so many seconds and returns tokens per second.
    Raises ParameterError for nt-asgd without a validation text.
    """
    planned: Mapping[str, Any] = PLAIN["word" if task.unit == "word" else "char"]
    values = task.values
    if values.get("budget") is not None and not values.get("order"):
        planned = {**planned, **_planned(task, speed_of)}
        if planned["epochs"] is not None:  # training ends before the time is over
            values = {**values, "budget": None}
    settings = settle(values, planned)
    if settings.optimizer == "nt-asgd" and (task.valid is None or not len(task.valid)):
        raise ParameterError("nt-asgd begins to average by the validation text; give one")
    return _with_precision(settings, task)


def _planned(task: Task, speed_of: Callable[[Settings, float], float]) -> dict[str, Any]:
    """Return the values of the options that the task's budget decides, and ``epochs``."""
    # Thousands of characters, as Han script has, are like words to a network.
    kind = "word" if task.unit == "word" or task.outcomes > MANY_CHARACTERS else "char"
    seconds = seconds_of(task.values["budget"])

    def settings_of(size: Size) -> Settings:
        values = {**task.values, "budget": None, "epochs": 1}
        rest = {"tied": kind == "word", "dropout": 0.3, "locked": kind == "word", **BATCHES[kind]}
        return _with_precision(settle(values, {**PLAIN["word"], **rest, **asdict(size)}), task)

    made = plan(
        kind,
        tokens=len(task.ids),
        seconds=seconds,
        fixed=task.values,
        parameters_of=lambda size: size_of_network(settings_of(size), task.outcomes),
        speed_of=lambda size: speed_of(
            settings_of(size), min(TRIAL_SECONDS, TRIAL_SHARE * seconds)
        ),
    )
    # Where nothing more would be learned, training ends by epochs, before the time is over.
    return {**made.settings(kind), "epochs": round(made.epochs) if made.ends_early else None}


def _with_precision(settings: Settings, task: Task) -> Settings:
    return settings.changed(precision=precision_of(settings, task.outcomes, task.device))


def settle(values: Mapping[str, Any], planned: Mapping[str, Any]) -> Settings:
    """Return the settings: the options `values`, and those of `planned` where they are None.

    A given `dropout` stands for the dropout of input, layers and output where these are None, and
    no other kind of dropout is taken from `planned`.

    >>> settings = settle({"hidden": 64, "dropout": 0.3, "output_dropout": 0.1}, PLAIN["word"])
    >>> settings.hidden, settings.embedding, settings.input_dropout, settings.output_dropout
    (64, 64, 0.3, 0.1)
    """
    if values.get("dropout") is not None:
        kinds = (*_DROPOUTS, "embedding_dropout", "weight_drop")
        planned = {name: value for name, value in planned.items() if name not in kinds}
    if values.get("optimizer", "adamw") != "adamw":
        planned = {**planned, **DESCENT}
    merged = {**planned, **{name: value for name, value in values.items() if value is not None}}
    if values.get("steps") is not None or values.get("budget") is not None:
        merged.pop("epochs", None)
    if merged.get("budget") is not None:
        merged["budget"] = seconds_of(merged["budget"])
    if merged.get("embedding") == 0:
        merged["tied"] = False
    for name in _DROPOUTS:
        merged.setdefault(name, merged.get("dropout", 0.0))
    known = {item.name for item in fields(Settings)}
    return Settings(**{name: value for name, value in merged.items() if name in known})
