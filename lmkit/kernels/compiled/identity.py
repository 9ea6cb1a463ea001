"""The identity of a compiled function: a hash of everything its machine code depends on.

Cached code is valid as long as the identity is the same. It covers the function's bytecode, its
constants and defaults, the values of the global names that it reads, arrays included, and the
identities of the compiled functions that it calls. A function that reads anything else, such as a
variable of an enclosing function or an attribute of another module, has no identity, and its code
is not cached.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

_PLAIN = (bool, int, float, complex, str, bytes, type(None))
_MODULES = (np, math)  # numba defines the meaning of their attributes


def globals_of(function: FunctionType) -> dict[str, Any]:
    """Return the global names that a function may read, and their values."""
    module = function.__globals__
    names = {name for code in _codes(function.__code__) for name in code.co_names}
    return {name: module[name] for name in sorted(names) if name in module}


def identity(
    function: FunctionType,
    options: Mapping[str, Any] | None = None,
    called: Mapping[str, str | None] | None = None,
) -> str | None:
    """Return the identity of a function, a sha256; None if it has none.

    `called` are the identities of the compiled functions that it calls, by name.
    """
    called = called or {}
    parts = [repr(sorted((options or {}).items())), *map(_code, _codes(function.__code__))]
    values: dict[str, Any] = {**globals_of(function), **(function.__kwdefaults__ or {})}
    values["__defaults__"] = function.__defaults__
    for name, value in values.items():
        described = called[name] if name in called else _value(value)
        if described is None:
            return None
        parts.append(f"{name}={described}")
    if function.__closure__:
        return None
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _codes(code: CodeType) -> Iterator[CodeType]:
    """Yield a code object, and those of the functions nested in it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _code(code: CodeType) -> str:
    constants = [
        constant.co_name if isinstance(constant, CodeType) else repr(constant)
        for constant in code.co_consts
    ]
    names = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
    return f"{code.co_name} {code.co_argcount} {code.co_code.hex()} {constants} {names}"


def _value(value: Any) -> str | None:
    """Return a description of a global value; None for a value that may change unnoticed."""
    if isinstance(value, (*_PLAIN, np.generic)):
        return f"{type(value).__name__} {value!r}"
    if isinstance(value, tuple):
        described = [_value(each) for each in value]
        return None if None in described else f"({', '.join(map(str, described))})"
    if isinstance(value, np.ndarray):
        content = hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
        return f"{value.dtype.str} {value.shape} {content}"
    if isinstance(value, ModuleType):
        return value.__name__ if value in _MODULES else None
    known = getattr(value, "__module__", None) in ("builtins", "math", "numpy")
    return repr(value) if known and isinstance(value, type | BuiltinFunctionType) else None
