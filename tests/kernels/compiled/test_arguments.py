"""Arguments as plain numbers, and the signature that says what kinds they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lmkit.kernels.compiled.arguments import Packed, flatten, is_float, leaf_kinds


def flat(*values: Any) -> tuple[str, list[Any]]:
    kinds: list[str] = []
    leaves: list[Any] = []
    flatten(values, kinds, leaves)
    return ",".join(kinds), leaves


def test_a_signature_says_how_each_value_is_passed() -> None:
    array = np.zeros((2, 3), np.uint8)
    column = array[:, 1]
    signature, leaves = flat(array, (column, 1.5, ()), None, np.float32(2), True)
    assert signature == "B2,(,B1s,float,(,),),none,.f,bool"
    assert leaf_kinds(signature) == ["B2", "B1s", "float", ".f", "bool"]
    assert leaves == [id(array), id(column), 1.5, 2.0, True]
    assert leaf_kinds("") == []


def test_arrays_are_told_apart_by_what_code_depends_on() -> None:
    array = np.zeros((4, 4), np.int32)
    locked = array.view()
    locked.flags.writeable = False
    for value, kind in (
        (array, "i2"), (array.T, "i2s"), (array[:, ::2], "i2s"), (locked, "i2r"),
        (locked.T, "i2sr"), (array[0], "i1"), (np.array(3.0), "d0"),
    ):  # fmt: skip
        assert flat(value)[0] == kind

    class Mapped(np.ndarray):
        pass

    assert flat(array.view(Mapped))[0] == "i2"


def test_a_packed_tuple_is_as_the_tuple() -> None:
    values = (np.arange(3), 2, (0.5, None))
    packed = Packed(values)
    assert packed == values
    assert flat(packed) == flat(values)
    assert flat(1, packed, 2) == flat(1, values, 2)


def test_numbers_of_64_bits_and_no_more() -> None:
    assert flat(-(1 << 63), (1 << 63) - 1) == ("int,int", [-(1 << 63), (1 << 63) - 1])
    assert flat(np.uint64(1 << 63)) == (".L", [1 << 63])
    for number in (1 << 63, -(1 << 63) - 1):
        with pytest.raises(OverflowError, match=r"does not fit 64 bits; pass it as np\.uint64"):
            flat(number)


def test_other_values_are_refused() -> None:
    for value in ([1], "text", {1: 2}, 1j):
        with pytest.raises(TypeError, match="takes arrays, numbers and tuples, not"):
            flat(value)
    with pytest.raises(TypeError, match="this machine's byte order"):
        flat(np.arange(3).astype(np.dtype(np.int64).newbyteorder()))


@pytest.mark.parametrize(
    ("kind", "floating"),
    [("float", True), (".f", True), (".d", True), ("int", False), (".i", False), (".L", False),
     ("bool", False), ("d1", False)],
)  # fmt: skip
def test_what_is_passed_as_a_floating_point_number(kind: str, floating: bool) -> None:
    assert is_float(kind) is floating
