"""What the hooks of a model are given, and what its state and its name are."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import lmkit
from lmkit.errors import FormatError, LmkitError, NotFittedError, ParameterError
from lmkit.models import registry
from tests.models.samples import Recorder, corpus


@pytest.mark.parametrize(
    ("context", "asked"),
    [
        ("sentence", [[6], [6, 2], [6, 2, 4], [6], [6], [6, 5]]),
        ("stream", [[6], [6, 2], [6, 2, 4], [6, 2, 4, 1], [6, 2, 4, 1, 1], [6, 2, 4, 1, 1, 5]]),
    ],
)
def test_the_hook_is_given_the_context_that_counts(context: str, asked: list[list[int]]) -> None:
    model = Recorder(context=context).fit(corpus())
    model.log_probs([2, 4, 1, 1, 5, 3])
    assert model.asked == asked
    model.asked.clear()
    model.next_log_probs([2, 4, 1, 1, 5])
    assert model.asked == asked[-1:]


def test_a_state_is_a_value() -> None:
    model = Recorder().fit(corpus())
    start = model.initial_state()
    _, after = model.step(start, 2)
    assert start == (6,)
    assert after == (6, 2)
    assert model.step(after, 1)[1] == start


def test_probabilities_may_come_in_another_dtype() -> None:
    class Short(Recorder):
        def _next_log_probs(self, context: np.ndarray) -> Any:
            return super()._next_log_probs(context).astype(np.float32).tolist()

    model = Short().fit(corpus())
    assert model.next_log_probs([]).dtype == np.float64
    assert model.log_probs([2]).dtype == np.float64
    assert model.generate(tokens=3, seed=1)


def test_a_name_is_not_inherited() -> None:
    class Mine(type(registry.create("bigram"))):  # type: ignore[misc]
        pass

    assert Mine.name == ""
    assert Mine().spec == "Mine"
    assert repr(Mine(alpha=0.5)) == "<Mine(alpha=0.5)>"
    assert repr(Mine().fit(corpus())) == "<Mine(), fitted, V=6>"


def test_probabilities_go_on_from_a_state() -> None:
    model = lmkit.fit("bigram", corpus())
    ids = [2, 4, 3, 1, 2]  # the cat sat </s> the
    whole = model.log_probs(ids)
    state = model.advance(ids[:2])
    np.testing.assert_array_equal(model.log_probs(ids[2:], state=state), whole[2:])
    np.testing.assert_array_equal(model.next_log_probs(state=state), model.next_log_probs([2, 4]))
    # Laplace: "the" is followed by cat and dog, one each, V = 6: (1 + 1) / (2 + 6).
    assert model.next_log_probs([2])[4] == pytest.approx(math.log(2 / 8), rel=1e-15)
    nats, _ = model.step(model.advance([2]), 4)
    assert nats == whole[1]


@pytest.mark.parametrize("ids", [[6], [-1], [0.5], ["the"], [[1]]], ids=repr)
def test_ids_are_those_of_outcomes(ids: Any) -> None:
    model = Recorder().fit(corpus())
    for asked in (model.log_probs, model.next_log_probs, model.advance):
        with pytest.raises(LmkitError):
            asked(ids)


@pytest.mark.parametrize(
    "ask",
    [
        lambda model: model.log_probs([1]),
        lambda model: model.next_log_probs(),
        lambda model: model.initial_state(),
        lambda model: model.advance([1]),
        lambda model: model.step((), 1),
        lambda model: model.describe(),
    ],
)
def test_a_model_must_have_learned(ask: Any) -> None:
    with pytest.raises(NotFittedError, match=r"this Recorder has not learned yet; call fit"):
        ask(Recorder())


def test_what_is_returned_is_the_caller_s_own() -> None:
    model = lmkit.fit("unigram", corpus())
    before = model.next_log_probs().copy()
    model.next_log_probs()[:] = 0
    np.testing.assert_array_equal(model.next_log_probs(), before)


def test_a_context_is_another_view_of_what_was_learned() -> None:
    model = Recorder().fit(corpus())
    assert model._in_context("sentence") is model
    stream = model._in_context("stream")
    assert (model.context, stream.context) == ("sentence", "stream")
    assert stream.vocabulary_ is model.vocabulary_
    with pytest.raises(ParameterError, match="fit it with context=stream"):
        lmkit.fit("bigram", corpus())._in_context("stream")


def test_the_state_begins_anew_at_each_start() -> None:
    class Counting(Recorder):
        def _explain(self, ids: Any, state: Any) -> dict[str, Any]:
            return {"before": np.full(len(ids), len(state))}

    model = Counting(context="stream").fit(corpus())
    model.asked.clear()
    # A start at 0 leaves nothing of the state given, two at one place are as one.
    ids, starts = np.array([2, 4, 3, 5], np.int32), np.array([2, 2, 3])
    nats, state = model._log_probs_apart(ids, starts, (6, 1))
    assert model.asked == [[6, 1], [6, 1, 2], [6], [6]]
    assert state == (6, 5)
    assert nats == pytest.approx([-math.log(6)] * 4)
    assert model._explain_apart(ids, starts, (6, 1))["before"].tolist() == [2, 2, 1, 1]


def test_what_is_restored_are_learned_names() -> None:
    model = Recorder()
    model._restore({"array_": np.arange(2)}, {"value_": 3})  # type: ignore[dict-item]
    assert (model.value_, model.array_.tolist()) == (3, [0, 1])  # type: ignore[attr-defined]
    for name in ("fit", "a b_", "_learn"):
        with pytest.raises(FormatError, match="is no learned name; the file is damaged"):
            model._restore({}, {name: 1})
