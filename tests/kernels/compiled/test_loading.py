"""Machine code called from Python: what is passed and what comes back."""

from __future__ import annotations

from ctypes import CFUNCTYPE, POINTER, c_double, c_int32, c_int64, c_void_p, cast
from typing import Any

import pytest

from lmkit.kernels.compiled import compiled
from lmkit.kernels.compiled.building import build
from lmkit.kernels.compiled.loading import MachineCode, host, load


def code(leaves: list[str], returns: str, body: Any) -> tuple[MachineCode, Any]:
    """Return code whose function is one of Python; what has to live as long comes with it."""
    passed = [c_double if kind == "float" else c_int64 for kind in leaves]
    function = CFUNCTYPE(c_int32, c_void_p, c_void_p, *passed, c_int64)(body)
    address = cast(function, c_void_p).value
    assert address is not None
    return MachineCode(address, leaves, returns), function


def test_numbers_are_passed_and_come_back_by_their_kinds() -> None:
    def body(_: Any, __: Any, number: int, weight: float, out: int) -> int:
        whole, real = cast(out, POINTER(c_int64)), cast(out, POINTER(c_double))
        whole[0], whole[1], whole[2], real[3] = -number, -1, number, number * weight
        return 0

    call, _function = code(["int", "float"], "(iubf)", body)
    assert call([3, 0.5]) == (-3, (1 << 64) - 1, True, 1.5)
    assert [type(value) for value in call([0, 0.5])] == [int, int, bool, float]


def test_one_number_is_no_tuple_and_nothing_is_none() -> None:
    def body(_: Any, __: Any, number: int, out: int) -> int:
        cast(out, POINTER(c_int64))[0] = number + 1
        return 0

    for returns, value in (("i", 8), ("(i)", (8,)), ("", None)):
        call, _function = code(["int"], returns, body)
        assert call([7]) == value


def test_code_that_fails_is_an_error() -> None:
    call, _function = code([], "i", lambda *_: 1)
    with pytest.raises(RuntimeError, match="a compiled function failed, which it never should"):
        call([])


def test_the_same_code_is_linked_once_and_loaded_as_often_as_asked() -> None:
    @compiled
    def plus(x):  # type: ignore[no-untyped-def]
        return x + 1.5

    made = build(plus, "float")
    assert (made.leaves, made.returns) == (["float"], "f")
    assert [load(made)([number]) for number in (1.0, 2.0)] == [2.5, 3.5]
    assert all(host())
