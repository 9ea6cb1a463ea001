"""From a budget of time to a network: how large, how strongly regularised, how fast a rate.

The sizes of a ladder are tried from the smallest up, a few training steps each, and the largest is
taken that still reads the text often enough within the budget and is not out of proportion to it.
`reports/rnn.md` has what was measured for the numbers here; the others are usual values.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

TRIAL_SECONDS, TRIAL_SHARE = 1.0, 0.01
"""A size is tried until so much time, or share of the budget, has gone, the first step aside."""
MOST_PLANNING = 0.1
"""The share of a budget after which no larger size is tried."""


@dataclass(frozen=True, slots=True)
class Size:
    """A rung of the ladder."""

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
"""A size is not taken if the budget lets it read the text fewer times."""
MOST_EPOCHS: Mapping[str, float] = MappingProxyType({"word": 60.0, "char": 80.0})
"""Beyond so many readings a text has nothing more to teach: the rest of the budget is left."""
WARMUP_READINGS = 0.5
"""How often the text is read until the learning rate is at its highest; at most a tenth of all."""
DROPOUT: Mapping[str, float] = MappingProxyType({"word": 0.11, "char": 0.12})
"""How strong dropout is (see :func:`dropout_for`)."""
BATCHES: Mapping[str, Mapping[str, int]] = MappingProxyType(
    {
        "word": MappingProxyType({"lanes": 64, "length": 32}),
        "char": MappingProxyType({"lanes": 16, "length": 64}),
    }
)
"""The tokens of a step. Characters learn far more from many small steps than from few large ones,
though these read more a second."""
PARAMETERS_A_TOKEN = 16.0
"""Most parameters a token of the training text."""


def dropout_for(parameters: int, tokens: int, epochs: float, *, strength: float) -> float:
    """Return the dropout for a network of so many parameters that reads the text so often.

    It grows, by `strength`, with the logarithm of what the network could learn by heart:
    parameters a token, times the root of how often each is seen.
    """
    weight = parameters / tokens * math.sqrt(max(epochs, 1.0))
    return round(min(0.5, strength * math.log2(1 + weight / 2)), 2)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a budget allows."""

    size: Size
    epochs: float
    tokens_per_second: float
    dropout: float
    ends_early: bool

    def settings(self, kind: str) -> dict[str, Any]:
        """Return the hyper-parameters that follow; `kind` is a key of the ladders."""
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
            "warmup": round(min(0.1, WARMUP_READINGS / max(self.epochs, WARMUP_READINGS)), 4),
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

    `kind` is ``word`` or ``char``, a key of the ladders.
    `fixed` are the hyper-parameters that the user gave: rungs take their `layers`, `hidden` and
    `embedding` from it. `parameters_of` returns a size's number of parameters, `speed_of` trains a
    little and returns tokens a second.
    """
    own = {name: fixed[name] for name in ("layers", "hidden", "embedding")
           if fixed.get(name) is not None}  # fmt: skip
    start = clock()
    chosen: tuple[Size, float] | None = None
    tried: set[Size] = set()
    for rung in LADDER[kind]:
        size = Size(**{"layers": rung.layers, "hidden": rung.hidden,
                       "embedding": rung.embedding, **own})  # fmt: skip
        if size in tried:
            continue
        tried.add(size)
        if chosen is not None and parameters_of(size) > PARAMETERS_A_TOKEN * tokens:
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
