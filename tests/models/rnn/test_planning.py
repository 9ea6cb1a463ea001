"""Planning: from a budget and a speed to a network, and what is decided without one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from lmkit.errors import ParameterError
from lmkit.models.rnn import planning
from lmkit.models.rnn.models import WordRnn
from lmkit.models.rnn.options import OPTIONS, PLAIN, Settings
from lmkit.models.rnn.planning import (
    EPOCHS,
    LADDER,
    MOST_EPOCHS,
    Plan,
    Size,
    Task,
    decide,
    dropout_for,
    plan,
    settle,
)
from tests.models.rnn.samples import IDS, SMALL, V, corpus


def planned(seconds: float, speed: float, tokens: int = 1_000_000, **fixed: Any) -> Plan:
    """Plan with a network of `speed` tokens a second for 256 units, less for more."""

    def parameters_of(size: Size) -> int:
        return size.layers * size.hidden**2 * 8

    def speed_of(size: Size) -> float:
        return speed * 256**2 / (size.layers * size.hidden**2)

    return plan("word", tokens=tokens, seconds=seconds, fixed=fixed,
                parameters_of=parameters_of, speed_of=speed_of)  # fmt: skip


def test_more_time_makes_a_larger_network_and_a_slower_machine_a_smaller() -> None:
    sizes = [planned(seconds, 20_000).size for seconds in (1, 600, 3000, 20_000)]
    parameters = [size.layers * size.hidden**2 for size in sizes]
    assert parameters == sorted(parameters)
    assert sizes[0] == LADDER["word"][0]
    assert parameters[-1] > parameters[1]
    slow = planned(20_000, 2_000).size
    assert slow.layers * slow.hidden**2 < parameters[-1]
    for seconds in (3000, 20_000):
        made = planned(seconds, 20_000)
        assert EPOCHS["word"] <= made.epochs <= MOST_EPOCHS["word"]


def test_a_small_text_gets_a_small_network_and_ends_early() -> None:
    made = planned(20_000, 20_000, tokens=20_000)
    assert made.size.hidden <= 256
    assert made.ends_early
    assert made.epochs == MOST_EPOCHS["word"]


def test_what_the_user_fixed_is_kept() -> None:
    assert planned(3000, 20_000, hidden=300).size.hidden == 300
    assert planned(3000, 20_000, hidden=300, layers=3, embedding=7).size == Size(3, 300, 7)


@pytest.mark.parametrize(("epochs", "warmup"), [(0.0, 0.1), (1.0, 0.1), (20.0, 0.025)])
def test_the_warm_up_is_half_an_epoch_at_most(epochs: float, warmup: float) -> None:
    made = Plan(Size(2, 64, 32), epochs, 1.0, 0.4, ends_early=False)
    for kind in ("word", "char"):
        assert settle({}, made.settings(kind)).warmup == warmup
        assert settle({"warmup": 0.2}, made.settings(kind)).warmup == 0.2


def test_dropout_grows_with_what_could_be_learned_by_heart() -> None:
    rates = [
        dropout_for(parameters, 10**6, 10, strength=0.11)
        for parameters in (10**4, 10**6, 10**7, 10**9)
    ]
    assert rates == sorted(rates)
    assert rates[0] < 0.05
    assert rates[-1] == 0.5


def test_each_part_of_dropout_can_be_set_alone() -> None:
    settings = settle({"dropout": 0.4, "layer_dropout": 0.1}, {})
    assert (settings.input_dropout, settings.layer_dropout) == (0.4, 0.1)
    assert settings.output_dropout == 0.4


def test_a_given_dropout_is_all_that_is_dropped() -> None:
    plan = Plan(Size(2, 64, 32), 10.0, 1.0, 0.4, ends_early=False).settings("word")
    settings = settle({"dropout": 0.0}, plan)
    drops = (settings.input_dropout, settings.layer_dropout, settings.output_dropout)
    assert (*drops, settings.embedding_dropout, settings.weight_drop) == (0,) * 5
    assert settle({}, plan).input_dropout > 0


def task_of(**values: Any) -> Task:
    """Return a task of learning 103 words, as the models make it of their options."""
    model = WordRnn(**{**SMALL, "epochs": None, **values})
    options = {name: value for name, value in model.get_parameters().items() if name in OPTIONS}
    return Task(options, "word", "stream", V, IDS, IDS, torch.device("cpu"), 1, 1)


def decided(speed: float = 1000.0, **values: Any) -> Settings:
    return decide(task_of(**values), lambda settings, seconds: speed)


def test_with_a_budget_what_is_open_is_planned() -> None:
    settings = decided(budget="1s")
    assert (settings.hidden, settings.embedding) == (12, 6)  # as was asked for
    assert settings.locked  # as was planned
    assert settings.budget == 1
    assert not decided(epochs=2).locked


def test_a_text_that_is_read_often_enough_ends_before_the_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = decided(budget="1h")
    assert (settings.budget, settings.epochs) == (None, MOST_EPOCHS["word"])
    monkeypatch.setattr(planning, "MOST_EPOCHS", {"word": 3.0})
    monkeypatch.setattr(planning, "TRIAL_SECONDS", 0.01)
    model = WordRnn(**{**SMALL, "epochs": None}, budget="1h").fit(corpus("a b c\n" * 99))
    assert (model.settings_.budget, model.settings_.epochs) == (None, 3)
    assert len(model.history_["train"]) <= 3


def test_what_decides_without_a_budget() -> None:
    assert decided(epochs=2, hidden=None).hidden == PLAIN["word"]["hidden"]
    assert decided(epochs=2, optimizer="sgd").clip == OPTIONS["clip"].descent
    assert decided(epochs=2, optimizer="sgd", clip=2.0).clip == 2.0
    assert decided(epochs=2).precision == "float32"
    assert decided(steps=2).epochs is None
    assert decided(epochs=2, embedding=0, tied=None).tied is False
    with pytest.raises(ParameterError, match="begins to average by the validation text"):
        decide(replace(task_of(epochs=2, optimizer="nt-asgd"), valid=None), lambda *size: 1.0)
