"""From the ids of a text to a trained network: settings, trainer, checkpoint and log."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lmkit.errors import ParameterError
from lmkit.models.rnn.batches import make_batches
from lmkit.models.rnn.checkpoints import EVERY, Checkpoint, restore
from lmkit.models.rnn.device import kept_memory, seeded
from lmkit.models.rnn.network import Network, make_network
from lmkit.models.rnn.options import Settings
from lmkit.models.rnn.planning import Task, decide
from lmkit.models.rnn.progress import Reporter
from lmkit.models.rnn.scoring import first_state, mean_nats_in_lanes, read_sentences, read_stream
from lmkit.models.rnn.threads import thread_chooser, torch_threads
from lmkit.models.rnn.training import Curve, Trainer
from lmkit.storage import check_writable
from lmkit.types import Progress

VALID_LANE = 4096
"""Tokens of validation text that a lane has at least (see `mean_nats_in_lanes`)."""
VALID_LANES = 32


@dataclass(slots=True)
class Run:
    """The files of a training run, and the seconds that earlier parts of it took.

    `checkpoint` is written every `every` seconds; :func:`learn` sets `seconds_before`, which is
    more than 0 where the checkpoint was resumed.
    """

    checkpoint: Path | None = None
    every: float = EVERY
    log: Path | None = None
    seconds_before: float = 0.0


def learn(task: Task, run: Run, progress: Progress | None) -> tuple[Network, Settings, Curve]:
    """Train a network on a text, or resume the run of the checkpoint, if its file exists.

    Raises WriteError where the checkpoint or the log cannot be written, and ParameterError where
    the memory does not suffice or training diverges.
    """
    started = time.perf_counter()
    checkpoint = None
    resumed = None
    if run.checkpoint is not None:
        checkpoint = Checkpoint(run.checkpoint, _identity(task), seconds=run.every)
        resumed = checkpoint.read()
        check_writable(run.checkpoint)
    reporter = Reporter(progress, run.log)
    try:
        with seeded(task.seed, task.device), torch_threads(), kept_memory():
            settings = resumed[0] if resumed else decide(task, lambda *size: _speed(task, *size))
            torch.manual_seed(task.seed)  # deciding may have drawn numbers
            trainer = _trainer(task, settings, reporter=reporter, checkpoint=checkpoint)
            trainer.begin(time.perf_counter() - started)
            if resumed is not None:
                restore(trainer, resumed[1], resumed[2])
                run.seconds_before = trainer.position.seconds
            curve = trainer.run()
            if checkpoint is not None:
                checkpoint.try_to_write(trainer)
    except RuntimeError as error:
        if "memory" not in str(error):
            raise
        raise ParameterError(
            "the network and its batches do not fit into memory; give a smaller hidden, lanes or "
            "length"
        ) from None
    finally:
        reporter.close()
    return trainer.network, settings, curve


def _speed(task: Task, settings: Settings, seconds: float) -> float:
    """Return the tokens per second of training, measured for `seconds` (see `Trainer.speed`)."""
    return _trainer(task, settings, reporter=Reporter()).speed(seconds)


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
        make_batches(settings, task.ids, task.outcomes, context=task.context),
        settings,
        rng=np.random.default_rng(task.seed),
        validate=_validation(network, task),
        valid_tokens=0 if task.valid is None else len(task.valid),
        threads=thread_chooser(network, settings, task.threads),
        reporter=reporter,
        checkpoint=checkpoint,
    )


def _validation(network: Network, task: Task) -> Callable[[], float] | None:
    """Return the function that measures mean nats per token of the validation text, if any."""
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


def _identity(task: Task) -> dict[str, Any]:
    """Return what must agree for a checkpoint to be of the same run."""
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
