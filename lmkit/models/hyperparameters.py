r"""Hyper-parameters: found in the constructors of a model, checked by type, spelled in specs.

The annotations of ``__init__`` are the one place where their types stand; an option without an
annotation is what its spelling looks like. A comma or a backslash in a value is spelled with a
backslash before it.
"""

from __future__ import annotations

import inspect
import re
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any

from lmkit.errors import ParameterError

_PLAIN = int | float | bool | None | str
_SWITCH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_OPTION = re.compile(r"(?:[^,\\]|\\[,\\]?)+")


def constructors(cls: type) -> list[Callable[..., None]]:
    """Return the ``__init__`` of a model class and those it passes its further options on to."""
    found: list[Callable[..., None]] = []
    for base in cls.__mro__:
        if "__init__" in vars(base) and base is not object:
            found.append(vars(base)["__init__"])
            options = inspect.signature(found[-1]).parameters.values()
            if not any(option.kind is option.VAR_KEYWORD for option in options):
                break
    return found


def defaults_of(cls: type) -> dict[str, Any]:
    """Return the hyper-parameters of a class and their defaults, its own before the common."""
    defaults: dict[str, Any] = {}
    for constructor in constructors(cls):
        for option in inspect.signature(constructor).parameters.values():
            if option.name != "self" and option.kind is not option.VAR_KEYWORD:
                defaults.setdefault(option.name, option.default)
    return defaults


def types_of(cls: type) -> dict[str, Any]:
    """Return the type of each hyper-parameter; ``Any`` where none is annotated."""
    found: dict[str, Any] = {}
    for constructor in constructors(cls):
        for name, hint in typing.get_type_hints(constructor).items():
            found.setdefault(name, hint)
    return {name: found.get(name, Any) for name in defaults_of(cls)}


def check_types(cls: type, values: Mapping[str, Any]) -> None:
    """Raise ParameterError for a value that is not of its hyper-parameter's type."""
    for name, hint in types_of(cls).items():
        if not is_of(values[name], hint):
            raise ParameterError(f"{name}={values[name]!r}; give {_described(hint)}")


def is_of(value: Any, hint: Any) -> bool:
    """Return whether a value is of an annotated type; a bool is no number."""
    return hint is Any or any(_is_a(value, kind) for kind in _kinds(hint))


def options_of(text: str) -> list[str]:
    """Return the options of a spec, what stands behind its colon, one by one."""
    return _OPTION.findall(text)


def names_given(spec: str) -> set[str]:
    """Return the names of the options that a spec names.

    >>> sorted(names_given("kneser-ney:order=5,min-count=2"))
    ['min_count', 'order']
    """
    options = options_of(spec.partition(":")[2])
    return {option.partition("=")[0].strip().replace("-", "_") for option in options}


def spelled(name: str, value: Any) -> str:
    r"""Return an option as a spec has it.

    >>> print(spelled("names", "a,b"), spelled("order", 3))
    names=a\,b order=3
    """
    return f"{name}=" + re.sub(r"([,\\])", r"\\\1", str(value))


def parsed(name: str, text: str, hint: Any) -> Any:
    """Return the value that a spec spells; ParameterError where it is not of the type."""
    kinds = _kinds(_PLAIN if hint is Any else hint)
    if types.NoneType in kinds and text.lower() == "none":
        return None
    for kind in kinds:
        if kind is bool and text.lower() in _SWITCH:
            return _SWITCH[text.lower()]
        if kind in (int, float):
            try:
                return kind(text)
            except ValueError:
                continue
        plain = re.sub(r"\\([,\\])", r"\1", text)
        if kind is not types.NoneType and _is_a(plain, kind):
            return plain
    raise ParameterError(f"{name}={text!r}; give {_described(hint)}")


def _kinds(hint: Any) -> tuple[Any, ...]:
    union = typing.get_origin(hint) in (typing.Union, types.UnionType)
    return typing.get_args(hint) if union else (hint,)


def _is_a(value: Any, kind: Any) -> bool:
    if typing.get_origin(kind) is typing.Literal:
        return value in typing.get_args(kind)
    if kind in (int, float) and isinstance(value, bool):
        return False
    if kind is float:
        return isinstance(value, (int, float))
    return isinstance(value, typing.get_origin(kind) or kind)


def _described(hint: Any) -> str:
    words = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}
    words[types.NoneType] = "none"
    named = []
    for kind in _kinds(hint):
        choices = typing.get_args(kind) if typing.get_origin(kind) is typing.Literal else ()
        named += [repr(choice) for choice in choices] or [words.get(kind, str(kind))]
    return " or ".join(named)
