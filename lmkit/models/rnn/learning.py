"""From the ids of a text to a trained network: settings, batches, threads, checkpoint and log."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lmkit.errors import ParameterError
from lmkit.models.base import Ids, Progress
from lmkit.models.rnn.batches import Batches, RandomBatches, SentenceBatches, StreamBatches
from lmkit.models.rnn.checkpoints import EVERY, Checkpoint, restore
from lmkit.models.rnn.memory import kept_memory
from lmkit.models.rnn.network import Drops, Network, RecurrentNetwork, Shape, parameter_count
from lmkit.models.rnn.planning import BATCHES, TRIAL_SECONDS, TRIAL_SHARE, Size, plan
from lmkit.models.rnn.reports import Reporter
from lmkit.models.rnn.scoring import first_state, mean_nats_in_lanes, read_sentences, read_stream
from lmkit.models.rnn.settings import PLAIN, Settings, seconds_of, settle
from lmkit.models.rnn.threads import ThreadChooser, torch_threads
from lmkit.models.rnn.training import Curve, Trainer
from lmkit.models.rnn.window import WindowNetwork

LITTLE_WORK = 1e8
"""Floating-point operations of a step, about 2 ms of one core's, below which none are shared."""
VALID_LANE = 4096
"""Tokens of validation text that a lane reads at least (see `mean_nats_in_lanes`)."""
VALID_LANES = 32
MANY = 1000
"""Outcomes from which characters are planned for as words are."""
LARGE = 500_000
"""Parameters from which half the precision is worth its conversions (`benchmarks.rnn_speed`)."""


@dataclass(frozen=True, slots=True)
class Run:
    """Where a training run leaves its traces."""

    progress: Progress | None = None
    checkpoint: Path | None = None
    every: float = EVERY
    log: Path | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """What is learned from what: `values` are the hyper-parameters, None where left open."""

    values: Mapping[str, Any]
    unit: str
    context: str
    outcomes: int
    ids: Ids
    valid: Ids | None
    device: torch.device
    seed: int
    threads: int | None


@dataclass(frozen=True, slots=True)
class Learned:
    """What a run ends with."""

    network: Network
    settings: Settings
    curve: Curve
    seconds_before: float = 0.0  # in earlier runs that this one went on from


def learn(task: Task, run: Run) -> Learned:
    """Train a network on a text, or go on where a checkpoint was written."""
    started = time.perf_counter()
    checkpoint = None
    resumed = None
    if run.checkpoint is not None:
        checkpoint = Checkpoint(run.checkpoint, _identity(task), seconds=run.every)
        resumed = checkpoint.read()
    reporter = Reporter(run.progress, run.log)
    try:
        with _seeded(task.seed, task.device), torch_threads(), kept_memory():
            settings = resumed[0] if resumed else _settled(task)
            torch.manual_seed(task.seed)
            trainer = _trainer(task, settings, reporter=reporter, checkpoint=checkpoint)
            trainer.begin(time.perf_counter() - started)
            if resumed is not None:
                restore(trainer, resumed[1], resumed[2])
            before = trainer.place.seconds if resumed else 0.0
            curve = trainer.run()
            if checkpoint is not None:
                checkpoint.write(trainer)
    except RuntimeError as error:
        if "memory" not in str(error):
            raise
        raise ParameterError(
            "the network and its batches do not fit into memory; give a smaller hidden, lanes or "
            "length"
        ) from None
    finally:
        reporter.close()
    return Learned(trainer.network, settings, curve, before)


# ---------------------------------------------------------------------- parts


def make_network(settings: Settings, outcomes: int) -> Network:
    """Return the network that the settings describe, its weights not set."""
    shape = Shape(
        outcomes, settings.cell, settings.layers, settings.hidden, settings.embedding, settings.tied
    )
    network = WindowNetwork(shape, settings.order) if settings.order else RecurrentNetwork(shape)
    network.drops = Drops(
        input=settings.input_dropout,
        layer=settings.layer_dropout,
        output=settings.output_dropout,
        word=settings.embedding_dropout,
        weight=settings.weight_drop,
        locked=settings.locked,
    )
    return network


def make_batches(settings: Settings, task: Task) -> Batches:
    """Return the batches of the training text."""
    lanes, length, unk_rate = settings.lanes, settings.length, settings.unk_rate
    if task.context == "sentence":
        return SentenceBatches(
            task.ids, task.outcomes, lanes=lanes, length=length, unk_rate=unk_rate
        )
    if settings.sampling == "random":
        return RandomBatches(task.ids, task.outcomes, lanes=lanes, length=length, unk_rate=unk_rate)
    return StreamBatches(
        task.ids,
        task.outcomes,
        lanes=lanes,
        length=length,
        unk_rate=unk_rate,
        random_length=settings.random_length,
    )


def _trainer(
    task: Task,
    settings: Settings,
    *,
    reporter: Reporter,
    checkpoint: Callable[[Trainer], None] | None = None,
) -> Trainer:
    network = make_network(settings, task.outcomes)
    counts = np.bincount(task.ids, minlength=task.outcomes)
    network.start(counts, forget_bias=settings.forget_bias)
    network.to(task.device)
    return Trainer(
        network,
        make_batches(settings, task),
        settings,
        rng=np.random.default_rng(task.seed),
        validate=_validation(network, task),
        threads=thread_chooser(network, settings, task.threads),
        reporter=reporter,
        checkpoint=checkpoint,
    )


def _validation(network: Network, task: Task) -> Callable[[], float] | None:
    ids = task.valid
    if ids is None or not len(ids):
        return None
    lanes = min(VALID_LANES, len(ids) // VALID_LANE)

    def mean_nats() -> float:
        if task.context == "stream" and lanes > 1:
            return mean_nats_in_lanes(network, ids, lanes)
        read = read_stream if task.context == "stream" else read_sentences
        log_probs, _ = read(network, ids, first_state(network))
        return -float(log_probs.mean())

    return mean_nats


def thread_chooser(network: Network, settings: Settings, threads: int | None) -> ThreadChooser:
    """Return what decides with how many threads a network trains."""
    many = torch.get_num_threads()
    work = 6 * parameter_count(network) * settings.lanes * settings.length
    if threads is not None:
        return ThreadChooser([threads])
    if network.device.type != "cpu" or work < LITTLE_WORK or many == 1:
        return ThreadChooser([1])
    return ThreadChooser([1, many])


def _identity(task: Task) -> dict[str, Any]:
    text = hashlib.sha256(task.ids.tobytes()).hexdigest()
    valid = b"" if task.valid is None else task.valid.tobytes()
    return {
        "options": dict(task.values),
        "seed": task.seed,
        "unit": task.unit,
        "context": task.context,
        "outcomes": task.outcomes,
        "training text": text,
        "validation text": hashlib.sha256(valid).hexdigest(),
    }


# ---------------------------------------------------------------------- settings


def _settled(task: Task) -> Settings:
    """Return the settings: the given ones, and for the rest those of a plan or the plain ones."""
    planned: Mapping[str, Any] = PLAIN["word" if task.unit == "word" else "char"]
    values = task.values
    if values.get("budget") is not None and not values.get("order"):
        planned = {**planned, **_planned(task)}
        if planned["epochs"] is not None:  # it ends before the time is over
            values = {**values, "budget": None}
    settings = settle(values, planned)
    if settings.optimizer == "nt-asgd" and (task.valid is None or not len(task.valid)):
        raise ParameterError("nt-asgd begins to average by the validation text; give one")
    if settings.precision == "auto":
        settings = settings.changed(precision=precision_of(settings, task.outcomes, task.device))
    return settings


def _planned(task: Task) -> dict[str, Any]:
    # Thousands of characters, as Han script has, are like words to a network.
    kind = "word" if task.unit == "word" or task.outcomes > MANY else "char"
    seconds = seconds_of(task.values["budget"])

    def settings_of(size: Size) -> Settings:
        values = {**task.values, "budget": None, "epochs": 1}
        sized = {"layers": size.layers, "hidden": size.hidden, "embedding": size.embedding}
        rest = {"tied": kind == "word", "dropout": 0.3, "locked": kind == "word", **BATCHES[kind]}
        settings = settle(values, {**PLAIN["word"], **rest, **sized})
        return settings.changed(precision=precision_of(settings, task.outcomes, task.device))

    def parameters_of(size: Size) -> int:
        return _parameters(settings_of(size), task.outcomes)

    def speed_of(size: Size) -> float:
        trainer = _trainer(task, settings_of(size), reporter=Reporter())
        return trainer.speed(min(TRIAL_SECONDS, TRIAL_SHARE * seconds))

    made = plan(
        kind,
        tokens=len(task.ids),
        seconds=seconds,
        fixed=task.values,
        parameters_of=parameters_of,
        speed_of=speed_of,
    )
    settings = made.settings(kind)
    # Where the text has no more to teach, training ends by epochs, before the time is over.
    return {**settings, "epochs": round(made.epochs) if made.ends_early else None}


def _parameters(settings: Settings, outcomes: int) -> int:
    with torch.device("meta"):
        return parameter_count(make_network(settings, outcomes))


def precision_of(settings: Settings, outcomes: int, device: torch.device) -> str:
    """Return what the matrix products of training are computed in; scores are always float32."""
    if settings.precision != "auto":
        return settings.precision
    if _parameters(settings, outcomes) < LARGE:
        return "float32"
    if device.type == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
    if device.type == "cpu" and _cpu_has_bfloat16():
        return "bfloat16"
    return "float32"


def _cpu_has_bfloat16() -> bool:
    """Return whether the processor multiplies bfloat16 itself; emulation is slower than float32."""
    asked = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, name, lambda: False)() for name in asked)


@contextmanager
def _seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Let torch draw from `seed` inside the block, and go on as if nothing was drawn after it."""
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield


def find_device(name: str) -> torch.device:
    """Return the device of a name; ``auto`` is ``cuda`` where there is one, else ``cpu``.

    Raises ParameterError for a device that is not there.
    """
    if not available(name):
        raise ParameterError(f"device={name!r} is not there; device='auto' finds one")
    if name != "auto":
        return torch.device(name)
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def available(name: str) -> bool:
    """Return whether a device of that name is there."""
    if name == "cuda":
        return torch.cuda.is_available()
    return name != "mps" or torch.backends.mps.is_available()
