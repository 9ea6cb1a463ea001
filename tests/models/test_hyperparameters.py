"""Hyper-parameters: found in constructors, checked by type, spelled and read."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from lmkit.errors import ParameterError
from lmkit.models.hyperparameters import (
    check_types,
    constructors,
    defaults_of,
    is_of,
    names_given,
    options_of,
    parsed,
    spelled,
    types_of,
)


class Base:
    def __init__(self, *, unit: str = "word", limit: int | None = None):
        self.unit, self.limit = unit, limit


class Child(Base):
    def __init__(
        self, *, rate: float = 0.5, kind: Literal["gru", "lstm"] = "gru", plain=7, **common: Any
    ):
        super().__init__(**common)


class Closed(Child):
    def __init__(self, *, order: int = 3):
        super().__init__(rate=order / 2)


def test_options_are_those_of_all_constructors_that_are_passed_them() -> None:
    assert constructors(Child) == [Child.__init__, Base.__init__]
    assert list(defaults_of(Child).items()) == [
        ("rate", 0.5), ("kind", "gru"), ("plain", 7), ("unit", "word"), ("limit", None),
    ]  # fmt: skip
    assert types_of(Child)["plain"] is Any
    assert types_of(Child)["limit"] == int | None
    # One that passes nothing on hides those of its parents.
    assert defaults_of(Closed) == {"order": 3}


@pytest.mark.parametrize(
    ("value", "hint", "fits"),
    [
        (3, int, True), (True, int, False), (3.0, int, False), ("3", int, False),
        (3, float, True), (0.5, float, True), (False, float, False),
        (True, bool, True), (1, bool, False),
        (None, int | None, True), (None, int, False), ("x", int | None, False),
        ("gru", Literal["gru", "lstm"], True), ("rnn", Literal["gru", "lstm"], False),
        ([1], list[int], True), ((1,), list[int], False), (object(), Any, True),
    ],
)  # fmt: skip
def test_a_value_is_of_a_type_or_not(value: Any, hint: Any, fits: bool) -> None:
    assert is_of(value, hint) is fits


def test_what_does_not_fit_is_told_with_what_does() -> None:
    given = defaults_of(Child)
    check_types(Child, given)
    for name, value, told in (
        ("rate", "fast", "rate='fast'; give a number"),
        ("limit", 1.5, r"limit=1.5; give a whole number or none"),
        ("kind", "rnn", "kind='rnn'; give 'gru' or 'lstm'"),
    ):
        with pytest.raises(ParameterError, match=told):
            check_types(Child, {**given, name: value})


@pytest.mark.parametrize(
    ("text", "hint", "value"),
    [
        ("3", int, 3), ("-1", int | None, -1), ("none", int | None, None),
        ("None", str | None, None), ("none", str, "none"), ("1e-3", float, 0.001),
        ("yes", bool, True), ("0", bool, False),
        ("lstm", Literal["gru", "lstm"], "lstm"), (r"a\,b\\c", str, r"a,b\c"),
        ("3", Any, 3), ("0.5", Any, 0.5), ("true", Any, True), ("x", Any, "x"),
        ("auto", float | str, "auto"), ("2", float | str, 2.0),
    ],
)  # fmt: skip
def test_a_spelling_is_read_by_its_type(text: str, hint: Any, value: Any) -> None:
    found = parsed("x", text, hint)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(("text", "hint"), [("1.5", int), ("maybe", bool), ("rnn", Literal["gru"])])
def test_a_spelling_of_another_type_is_refused(text: str, hint: Any) -> None:
    with pytest.raises(ParameterError, match=f"x='{text}'; give"):
        parsed("x", text, hint)


@pytest.mark.parametrize("value", ["a,b", "\\", "a\\,b", ",", "\\,\\", "a=b:c"])
def test_what_is_spelled_is_read_again_among_others(value: str) -> None:
    options = options_of(",".join([spelled("note", value), spelled("order", 3)]))
    assert len(options) == 2
    assert parsed("note", options[0].partition("=")[2], str) == value
    assert options[1] == "order=3"


def test_names_given_are_those_of_the_options_alone() -> None:
    assert names_given("ngram") == set()
    assert names_given(r"dynamic:model=word-rnn:hidden=8\,seed=7,rate=1") == {"model", "rate"}
