"""Options that commands share."""

from __future__ import annotations

from pathlib import Path

import pytest

import lmkit
from lmkit.cli import options as o
from lmkit.errors import LmkitError, ParameterError
from tests.cli.commands import error_line, run


def test_reading_options_are_taken_out() -> None:
    options = dict.fromkeys(("normalize", "sentences", "documents", "encoding", "errors"))
    options |= {"field": "body", "seed": 3}
    assert o.reading(options)["field"] == "body"
    assert options == {"seed": 3}


def test_training_options_are_for_models_trained_in_steps() -> None:
    given = dict.fromkeys(("budget", "epochs", "steps", "device", "threads"))
    assert o.training("bigram", dict(given)) == given
    with pytest.raises(ParameterError, match="--steps is for models trained in steps; bigram is"):
        o.training("bigram", {**given, "steps": 3})
    with pytest.raises(ParameterError, match="with `lmkit mix`"):
        o.training("mixture:a+b", {**given, "epochs": 3})


def test_a_value_with_a_comma_is_one_value(text: Path) -> None:
    options = ("--model", "word-rnn", "--budget", "1,5h", text)
    result = run("fit", *options)
    assert result.exit_code == 1
    last = result.stderr.strip().splitlines()[-1]
    assert last == "Error: budget='1,5h'; give a duration such as 90s, 10m or 1.5h"


def test_the_spec_wins_over_options(text: Path) -> None:
    run("fit", "--model", "bigram:unit=char", "--unit", "byte", text, "-o", "m.lmkit")
    assert lmkit.load("m.lmkit").unit == "char"


def test_a_file_that_cannot_be_written_is_refused_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(LmkitError, match="it is a folder"):
        o.check_output(tmp_path)
    with pytest.raises(LmkitError, match="make it first"):
        o.check_output(tmp_path / "none" / "m.lmkit")


def test_model_files_have_a_default_name(text: Path) -> None:
    assert "dynamic.lmkit" in run("adapt", "--help").stdout
    assert "mixture.lmkit" in run("mix", "--help").stdout
    assert "folder" in error_line("mix", "x.lmkit", "--valid", text, "-o", text.parent)
