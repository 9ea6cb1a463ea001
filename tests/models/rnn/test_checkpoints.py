"""A training run that is killed and resumed ends as one that never was."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner

import lmkit
from lmkit.cli.main import cli
from lmkit.errors import FormatError, LmkitError
from lmkit.models.rnn import checkpoints
from lmkit.models.rnn.models import RecurrentModel, WordRnn
from lmkit.models.rnn.training import Trainer
from lmkit.storage import read_model_file, write_model_file
from lmkit.text.corpus import Corpus
from tests.models.rnn import samples
from tests.models.rnn.samples import RARE, TEXT, corpus

ROOT = Path(__file__).parents[3]
CORPUS = corpus(TEXT + RARE)
EVERYTHING: dict[str, Any] = {
    "layers": 2, "locked": True, "dropout": 0.3, "embedding_dropout": 0.1, "weight_drop": 0.2,
    "average": 0.9, "random_length": True, "activation_penalty": 1.0, "change_penalty": 1.0,
}  # fmt: skip


class KilledError(Exception):
    """The training run is killed here."""


def fitted(**options: Any) -> RecurrentModel:
    run = {name: options.pop(name) for name in ("checkpoint", "checkpoint_seconds", "log")
           if name in options}  # fmt: skip
    model: RecurrentModel = samples.fitted(**{"text": CORPUS, "run": run, **options})
    return model


def killed_at(step: int, path: Path, monkeypatch: pytest.MonkeyPatch, **options: Any) -> None:
    """Train with a checkpoint after every step and die at one of them, in the midst of it."""
    whole = Trainer._step

    def dying(self: Trainer, batch: Any) -> None:
        if self.position.steps == step:
            torch.rand(7)  # what was drawn after the checkpoint must not matter
            raise KilledError
        whole(self, batch)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_step", dying)
        with pytest.raises(KilledError):
            fitted(checkpoint=path, checkpoint_seconds=0.0, **options)


def assert_equal(one: RecurrentModel, two: RecurrentModel) -> None:
    for name, weights in one.network_.state_dict().items():
        assert torch.equal(weights, two.network_.state_dict()[name]), name
    assert one.history_ == two.history_


@pytest.mark.parametrize("number", range(5))
def test_killed_at_any_step(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    step = random.randrange(1, 30)
    print(f"run {number}: killed at step {step}")  # noqa: T201 - shown where the test fails
    path = tmp_path / "run.ckpt"
    whole = fitted(**EVERYTHING)
    killed_at(step, path, monkeypatch, **EVERYTHING)
    assert_equal(fitted(checkpoint=path, **EVERYTHING), whole)


@pytest.mark.parametrize(
    "options",
    [
        {"context": "sentence"},
        {"sampling": "random"},
        {"optimizer": "sgd", "schedule": "plateau", "learning_rate": 0.5},
        {"optimizer": "nt-asgd", "schedule": "constant", "learning_rate": 0.5, "patience": 1},
        {"epochs": None, "steps": 33},
        {"samples": 8},
        {"cell": "gru"},
    ],
)
def test_every_way_of_training_is_resumed(
    options: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run.ckpt"
    whole = fitted(**options)
    killed_at(14, path, monkeypatch, **options)
    assert_equal(fitted(checkpoint=path, **options), whole)


def test_killed_twice_and_finished_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "run.ckpt"
    whole = fitted()
    killed_at(5, path, monkeypatch)
    killed_at(17, path, monkeypatch)
    assert_equal(fitted(checkpoint=path), whole)
    assert_equal(fitted(checkpoint=path), whole)  # there is nothing left to train


def test_what_patience_ended_stays_ended(tmp_path: Path) -> None:
    path = tmp_path / "run.ckpt"
    options = {"epochs": 30, "patience": 1, "learning_rate": 0.3}
    first = fitted(checkpoint=path, **options)
    assert len(first.history_["valid"]) < 30
    for _ in range(2):
        again = fitted(checkpoint=path, **options)
        assert_equal(again, first)


def test_the_time_of_earlier_runs_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "run.ckpt"
    killed_at(25, path, monkeypatch)
    arrays, header = read_model_file(path)
    header["place"]["seconds"] = 100.0
    write_model_file(path, {name: np.array(array) for name, array in arrays.items()}, header)
    assert fitted(checkpoint=path).fit_seconds_ > 100


def test_a_killed_process(tmp_path: Path) -> None:
    """SIGKILL through the command line, then the same command again."""
    text, model, path = tmp_path / "t.txt", tmp_path / "m.lmkit", tmp_path / "run.ckpt"
    text.write_text(TEXT + RARE, encoding="utf-8")
    spec = "word-rnn:hidden=12,embedding=6,lanes=4,length=16,tied=no"
    options = [str(text), "--normalize", "none", "--steps", "40", "-o", str(model)]
    checkout = f"import lmkit; lmkit.__path__.append({str(ROOT)!r})\n"
    command = ["fit", "--model"]
    program = (
        f"{checkout}from lmkit.models.rnn import checkpoints\n"
        "import os, signal\n"
        "whole = checkpoints.Checkpoint.__call__\n"
        "def dying(self, trainer):\n"
        "    self.write(trainer)\n"
        "    if trainer.position.steps == 15: os.kill(os.getpid(), signal.SIGKILL)\n"
        "checkpoints.Checkpoint.__call__ = dying\n"
        "from lmkit.cli.main import main; main()\n"
    )
    run = [sys.executable, "-c", program, *command, spec, *options, "--checkpoint", str(path)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    killed = subprocess.run(run, capture_output=True, check=False, env=environment)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    assert path.exists()
    assert not model.exists()
    again = CliRunner().invoke(cli, [*command, spec, *options, "--checkpoint", str(path)])
    assert again.exit_code == 0, again.output
    assert not path.exists()  # the model holds all that is left of the run
    whole = WordRnn(hidden=12, embedding=6, lanes=4, length=16, tied=False, steps=40)
    whole.fit(Corpus.open(text, normalize="none"))
    assert_equal(lmkit.load(model), whole)


def test_a_checkpoint_of_another_run_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run.ckpt"
    killed_at(5, path, monkeypatch)
    for options in ({"hidden": 13}, {"seed": 2}, {"min_count": 2}, {"valid": CORPUS}):
        with pytest.raises(LmkitError, match=r"checkpoint of another run.*delete it"):
            fitted(checkpoint=path, **options)
    assert path.exists()


def test_no_checkpoint_and_damaged_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "run.ckpt"
    fitted().save(path)
    with pytest.raises(FormatError, match="is no checkpoint"):
        fitted(checkpoint=path)
    path.unlink()
    killed_at(5, path, monkeypatch)
    arrays, header = read_model_file(path)
    arrays = {name: np.array(array) for name, array in arrays.items()}
    for broken in (
        {**arrays, "weights.bias": arrays["weights.bias"][:-1]},
        {name: array for name, array in arrays.items() if name != "generator"},
        {**arrays, "optimizer.bias.exp_avg": arrays["weights.bias"][:-1]},
    ):
        write_model_file(path, broken, header)
        with pytest.raises(FormatError, match="does not fit"):
            fitted(checkpoint=path)
    for changed in (
        {"place": {"no": 1}},
        {"place": {**header["place"], "tokens": "many"}},
        {"settings": {**header["settings"], "layers": -1}},
        {"settings": {}},
        {"identity": 3},
    ):
        write_model_file(path, arrays, {**header, **changed})
        with pytest.raises(FormatError, match="fit"):
            fitted(checkpoint=path)


def test_the_log_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, log = tmp_path / "run.ckpt", tmp_path / "run.jsonl"
    killed_at(25, path, monkeypatch, log=log)
    before = len(log.read_text(encoding="utf-8").splitlines())
    model = fitted(checkpoint=path, log=log)
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    assert len(lines) > before > 0
    checks = [line for line in lines if line["check"]]
    assert [line["tokens"] for line in checks] == model.history_["tokens"]
    assert [line["last_valid_nats"] for line in checks] == pytest.approx(
        model.history_["valid"], rel=1e-5
    )
    assert checks[-1]["done"] == 1
    seconds = [line["seconds"] for line in lines]
    assert seconds == sorted(seconds)


def test_a_checkpoint_is_written_when_it_is_due(tmp_path: Path) -> None:
    class Clock:
        now = 0.0

        def __call__(self) -> float:
            return self.now

    clock = Clock()
    written: list[float] = []
    checkpoint = checkpoints.Checkpoint(tmp_path / "c", {}, seconds=10, clock=clock)
    checkpoint.write = lambda trainer: written.append(clock.now)  # type: ignore[method-assign]
    for clock.now in (1.0, 9.0, 10.0):
        checkpoint(None)  # type: ignore[arg-type]
    assert written == [10.0]
