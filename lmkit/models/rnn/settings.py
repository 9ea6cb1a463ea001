"""Every choice of a neural model, with what stands where the user chose nothing.

A hyper-parameter that is None is decided when training begins: by :data:`PLAIN` without a budget,
by :mod:`lmkit.models.rnn.planning` with one. What was decided is kept with the model.
"""

from __future__ import annotations

import math
import operator
import re
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from functools import partial
from types import MappingProxyType
from typing import Any

from lmkit.errors import FormatError, ParameterError
from lmkit.models.hyperparameters import is_of


@dataclass(frozen=True, slots=True)
class Settings:
    """The network and its training, nothing left open.

    Names and meanings are those of the hyper-parameters of
    :class:`~lmkit.models.rnn.model.NeuralModel` and its subclasses. `budget` is in seconds.
    """

    # the network
    cell: str = "lstm"
    layers: int = 1
    order: int = 0
    hidden: int = 128
    embedding: int = 64
    tied: bool = False
    forget_bias: float = 1.0
    # regularisation
    input_dropout: float = 0.0
    layer_dropout: float = 0.0
    output_dropout: float = 0.0
    embedding_dropout: float = 0.0
    weight_drop: float = 0.0
    locked: bool = False
    activation_penalty: float = 0.0
    change_penalty: float = 0.0
    unk_rate: float = 0.5
    # the text
    sampling: str = "sequential"
    lanes: int = 16
    length: int = 32
    random_length: bool = False
    # the optimiser
    optimizer: str = "adamw"
    learning_rate: float = 0.01
    schedule: str = "cosine"
    warmup: float = 0.1
    weight_decay: float = 0.1
    clip: float = 1.0
    average: float = 0.0
    samples: int = 0
    precision: str = "float32"
    # how long
    epochs: int | None = None
    steps: int | None = None
    budget: float | None = None
    patience: int = 2

    def to_json(self) -> dict[str, Any]:
        """Return the settings by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Settings:
        """Return the settings of a file. Raises FormatError for what no settings can be."""
        hints = typing.get_type_hints(cls)
        if values.keys() != hints.keys() or not all(
            is_of(values[name], hint) for name, hint in hints.items()
        ):
            raise FormatError("the settings of the network are damaged; fit the model again")
        extents = dict.fromkeys(_EXTENTS)
        check_ranges({**values, **extents, "order": values["order"] or None})
        return cls(**values)

    def changed(self, **values: Any) -> Settings:
        """Return the settings with some of them changed."""
        return replace(self, **values)


PLAIN: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "char": MappingProxyType(
            {"layers": 1, "hidden": 192, "embedding": 32, "tied": False, "dropout": 0.0}
            | {"lanes": 16, "length": 32, "epochs": 3, "learning_rate": 0.012}
            | {"weight_decay": 0.1, "clip": 1.0, "average": 0.0, "locked": False}
            | {"unk_rate": 0.5, "weight_drop": 0.0, "embedding_dropout": 0.0}
        ),
        "word": MappingProxyType(
            {"layers": 1, "hidden": 128, "embedding": 64, "tied": True, "dropout": 0.2}
            | {"lanes": 16, "length": 32, "epochs": 4, "learning_rate": 0.03}
            | {"weight_decay": 0.2, "clip": 1.0, "average": 0.0, "locked": False}
            | {"unk_rate": 0.5, "weight_drop": 0.0, "embedding_dropout": 0.0}
        ),
    }
)
"""What is chosen where neither the user nor a budget decides: a minute's training of the embedded
corpus (chosen with `benchmarks.rnn_defaults`). Bytes are taken as characters are."""

DESCENT: Mapping[str, Any] = MappingProxyType(
    {"learning_rate": 10.0, "weight_decay": 1.2e-6, "clip": 0.25, "average": 0.0}
)
"""What plain gradient descent has in place of the numbers that suit Adam: the orders of magnitude
of Merity, Keskar & Socher (2018)."""

_LEAST: Mapping[str, int] = MappingProxyType(
    {"layers": 1, "order": 2, "hidden": 1, "embedding": 0, "lanes": 1, "length": 1, "epochs": 1}
    | {"steps": 1, "samples": 0, "patience": 1, "seed": 0, "threads": 1}
)
_MOST_THREADS = 1024
_LEAST_VARIED = 10  # steps: the least length is half of it
_SHARES = (
    "dropout", "input_dropout", "layer_dropout", "output_dropout", "embedding_dropout",
    "weight_drop", "unk_rate", "warmup", "average",
)  # fmt: skip
_POSITIVE = ("learning_rate", "clip")
_NOT_NEGATIVE = ("weight_decay", "activation_penalty", "change_penalty")
_EXTENTS = ("epochs", "steps", "budget")

_PARTS = (
    "input_dropout", "layer_dropout", "output_dropout", "embedding_dropout", "weight_drop",
)  # fmt: skip

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|h|)", re.ASCII)
_SECONDS = {"s": 1.0, "": 1.0, "m": 60.0, "h": 3600.0}


def seconds_of(text: str) -> float:
    """Return a duration such as ``90s``, ``10m`` or ``1.5h`` in seconds; a bare number is seconds.

    >>> seconds_of("10m")
    600.0
    """
    found = _DURATION.fullmatch(text.strip())
    seconds = float(found[1]) * _SECONDS[found[2]] if found else 0.0
    if not 0 < seconds < math.inf:
        raise ParameterError(f"budget={text!r}; give a duration such as 90s, 10m or 1.5h")
    return seconds


def check_ranges(values: Mapping[str, Any]) -> None:
    """Raise ParameterError for a hyper-parameter outside its range; None is always inside."""
    given = {name: value for name, value in values.items() if value is not None}
    wanted: dict[str, tuple[str, Callable[[float], bool]]] = {
        **{
            n: (f"a whole number, {least} or more", partial(operator.le, least))
            for n, least in _LEAST.items()
        },
        **dict.fromkeys(_SHARES, ("a number from 0 to below 1", lambda v: 0 <= v < 1)),
        **dict.fromkeys(_POSITIVE, ("a number above 0", lambda v: 0 < v < math.inf)),
        **dict.fromkeys(_NOT_NEGATIVE, ("a number, 0 or more", lambda v: 0 <= v < math.inf)),
    }
    for name, (what, holds) in wanted.items():
        if name in given and not holds(given[name]):  # so that nan is refused too
            raise ParameterError(f"{name}={given[name]}; give {what}")
    if given.get("seed", 0) >= 2**63:
        raise ParameterError(f"seed={given['seed']}; give a whole number below 2**63")
    if given.get("threads", 1) > _MOST_THREADS:
        raise ParameterError(f"threads={given['threads']}; give {_MOST_THREADS} at most")
    extents = [name for name in _EXTENTS if name in given]
    if len(extents) > 1:
        raise ParameterError(f"{' and '.join(extents)} both say how long to train; give one")
    if "budget" in given:
        seconds_of(given["budget"])
    if given.get("tied") and given.get("embedding") == 0:
        raise ParameterError("tied=True shares the embedding, and embedding=0 has none; give both")
    if given.get("order") and given.get("embedding") == 0:
        raise ParameterError("embedding=0; a window of words needs one, give 1 or more")
    if given.get("optimizer") == "nt-asgd" and given.get("average"):
        raise ParameterError("nt-asgd averages the weights its own way; leave average out")
    _check_sampling(given)


def _check_sampling(given: Mapping[str, Any]) -> None:
    """Raise ParameterError where one way of reading the text excludes another."""
    sentence = given.get("context") == "sentence"
    if given.get("sampling") == "random" and sentence:
        raise ParameterError(
            "sampling=random cuts one stream; with context=sentence, sentences are in random order "
            "anyway: leave it out"
        )
    if given.get("random_length") and (sentence or given.get("sampling") == "random"):
        raise ParameterError(
            "random_length varies the stretches of sequential sampling of one stream; leave it out "
            "with sampling=random or context=sentence"
        )
    if given.get("random_length") and given.get("length", _LEAST_VARIED) < _LEAST_VARIED:
        raise ParameterError(
            f"length={given['length']} is too short to vary; give {_LEAST_VARIED} or more"
        )


def settle(values: Mapping[str, Any], planned: Mapping[str, Any]) -> Settings:
    """Return the settings that the hyper-parameters `values` name, `planned` where they are None.

    A given `dropout` stands for those of input, layers and output that are not given, and no other
    part is planned beside it.
    """
    if values.get("dropout") is not None:  # then nothing is dropped but what is given
        planned = {name: value for name, value in planned.items() if name not in _PARTS}
    if values.get("optimizer", "adamw") != "adamw":
        planned = {**planned, **DESCENT}
    merged = {**planned, **{name: value for name, value in values.items() if value is not None}}
    if values.get("steps") is not None or values.get("budget") is not None:
        merged.pop("epochs", None)
    if merged.get("budget") is not None:
        merged["budget"] = seconds_of(merged["budget"])
    if merged.get("embedding") == 0:
        merged["tied"] = False
    for name in ("input_dropout", "layer_dropout", "output_dropout"):
        merged.setdefault(name, merged.get("dropout", 0.0))
    known = {field.name for field in fields(Settings)}
    return Settings(**{name: value for name, value in merged.items() if name in known})
