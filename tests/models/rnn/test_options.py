"""The table of options: constructors, help and settings follow from it; what is refused."""

from __future__ import annotations

import inspect
import math
import typing
from dataclasses import fields
from typing import Any

import pytest

from lmkit.cli.fit import command
from lmkit.errors import FormatError, ParameterError
from lmkit.models.registry import create
from lmkit.models.rnn.cells import CELLS
from lmkit.models.rnn.models import CharRnn, Mlp, WordRnn
from lmkit.models.rnn.options import OPTIONS, PLAIN, RUN_OPTIONS, Settings, seconds_of
from lmkit.models.rnn.planning import Plan, Size, settle
from tests.models.rnn.samples import CORPUS, corpus, fitted


def test_the_constructors_take_the_options_of_their_network() -> None:
    for kind, networks in ((WordRnn, {"all", "recurrent"}), (Mlp, {"all", "window"})):
        own = {name for name, row in OPTIONS.items() if networks & set(row.of)}
        defaults = kind.parameter_defaults()
        assert own | {"unit", "min_count", "max_size", "context"} == defaults.keys()
        changed = {} if kind is WordRnn else {"order": 5, "tied": False}
        assert {name: defaults[name] for name in own} == {
            **{name: OPTIONS[name].default for name in own}, **changed
        }  # fmt: skip
    with pytest.raises(TypeError, match="unexpected keyword argument 'layers'"):
        Mlp(layers=2)


def test_signatures_and_docstrings_have_the_table() -> None:
    signature = inspect.signature(Mlp.__init__)
    assert list(signature.parameters) == ["self", "order", "tied", "context", "options"]
    assert signature.parameters["order"].default == 5
    assert "``order`` = 5\n        Predict from the last order - 1 tokens." in str(Mlp.__doc__)
    assert "``hidden`` = None (planned with a budget; 192 for characters, 128 for words)" in str(
        WordRnn.__mro__[2].__doc__
    )


def test_the_command_line_has_the_help_of_the_table() -> None:
    options = {option.name: option for option in command.params}
    for name in ("budget", "epochs", "steps", "device", "threads"):
        assert OPTIONS[name].help in str(options[name].help)  # type: ignore[attr-defined]
    assert options["epochs"].type.min == 1  # type: ignore[attr-defined]
    assert options["device"].type.choices == typing.get_args(OPTIONS["device"].type)  # type: ignore[attr-defined]


def test_settings_are_the_options_that_are_decided() -> None:
    names = {item.name for item in fields(Settings)}
    assert names == OPTIONS.keys() - {"dropout", *RUN_OPTIONS}
    assert typing.get_args(OPTIONS["cell"].type) == tuple(CELLS)


def test_a_budget_plans_what_the_table_says() -> None:
    planned = {name for name, row in OPTIONS.items() if row.planned}
    assert all(OPTIONS[name].default is None for name in planned)  # nothing that has a default
    for kind in ("word", "char"):
        plan = Plan(Size(2, 64, 32), 10.0, 1.0, 0.4, ends_early=False)
        assert plan.settings(kind).keys() == planned


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("10m", 600), ("1.5h", 5400), ("30", 30), (" 2 m ", 120)]
)
def test_durations(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "m", "-3m", "10 minutes", "0s", "nan", "1e3", "9" * 400])
def test_no_durations(text: str) -> None:
    with pytest.raises(ParameterError, match=r"give a duration such as 90s, 10m or 1.5h"):
        seconds_of(text)


def test_epochs_steps_and_budget_exclude_one_another() -> None:
    with pytest.raises(ParameterError, match="epochs and steps both say how long to train"):
        fitted(steps=3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cell": "lstmm"}, "cell='lstmm'; give 'rnn' or 'rnn-relu' or 'gru' or 'lstm'"),
        ({"hidden": 0}, "hidden=0; give a whole number, 1 or more"),
        ({"embedding": -1}, "embedding=-1; give a whole number, 0 or more"),
        ({"threads": 0}, "threads=0; give a whole number, 1 or more"),
        ({"dropout": 1.0}, "dropout=1.0; give a number from 0 to below 1"),
        ({"unk_rate": -0.1}, "unk_rate=-0.1; give a number from 0 to below 1"),
        ({"learning_rate": math.nan}, "learning_rate=nan; give a number above 0"),
        ({"clip": 0.0}, r"clip=0.0; give a number above 0"),
        ({"weight_decay": -1.0}, "weight_decay=-1.0; give a number, 0 or more"),
        (
            {"tied": True, "embedding": 0},
            "tied=True shares the embedding, and embedding=0 has none",
        ),
    ],
)
def test_options_out_of_range(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        CharRnn(**options).fit(CORPUS)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"random_length": True, "context": "sentence"}, "random_length varies the stretches"),
        ({"random_length": True, "sampling": "random"}, "random_length varies the stretches"),
        ({"random_length": True, "length": 5}, "length=5 is too short to vary; give 10 or more"),
        ({"sampling": "random", "context": "sentence"}, "leave it out"),
        ({"optimizer": "nt-asgd", "average": 0.9}, "leave average out"),
        ({"threads": 10**9}, "threads=1000000000; give 1024 at most"),
    ],
)
def test_options_that_exclude_each_other(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        fitted(**options)


def test_a_window_needs_an_embedding_and_averaging_a_validation_text() -> None:
    with pytest.raises(ParameterError, match="a window of words needs one"):
        Mlp(embedding=0).fit(CORPUS)
    empty = corpus("")
    with pytest.raises(ParameterError, match="begins to average by the validation text"):
        fitted(valid=empty, optimizer="nt-asgd")


def test_settings_of_a_file_are_checked() -> None:
    settings = settle({}, PLAIN["word"])
    values = settings.to_json()
    assert Settings.from_json(values) == settings
    for damage in ({"hidden": "12"}, {"cell": "lstmm"}, {"further": 1}):
        with pytest.raises(FormatError, match="settings of the network are damaged"):
            Settings.from_json({**values, **damage})
    with pytest.raises(ParameterError, match="hidden=0; give a whole number, 1 or more"):
        Settings.from_json({**values, "hidden": 0})


def test_specs() -> None:
    model = create("word-rnn:budget=10m,optimizer=nt-asgd,average=0.99,sampling=random")
    assert (model.budget, model.average) == ("10m", 0.99)  # type: ignore[attr-defined]
    assert create("word-rnn:warmup=0.1").warmup == 0.1  # type: ignore[attr-defined]
