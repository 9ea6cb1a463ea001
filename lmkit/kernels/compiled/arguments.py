"""Flattening the arguments of a compiled function to plain numbers, and naming their kinds.

A signature is a comma-separated list of the kinds of all arguments:

    i1                          an array of int32 with one axis: numpy's letter for the dtype and
                                the number of axes, then ``s`` if not contiguous, ``r`` if read-only
    int, float, bool, none, .L  single values; .L is a numpy scalar of dtype L
    (,i1,int,)                  a tuple
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

OPEN, CLOSE = "(", ")"
INT, FLOAT, BOOL, NONE = "int", "float", "bool", "none"
NUMPY = "."
STRIDED, READ_ONLY = "s", "r"
_CONTIGUOUS, _WRITEABLE = 0x1, 0x400  # bits of numpy's array flags
_INT_LIMIT = 1 << 63


class Packed(tuple[Any, ...]):
    """A tuple of arrays and numbers that is flattened once and can be passed many times."""

    kinds: str
    leaves: list[float]

    def __new__(cls, values: Iterable[Any]) -> Packed:
        """Return the tuple of the values."""
        packed = super().__new__(cls, values)
        kinds: list[str] = []
        packed.leaves = []
        flatten((tuple(packed),), kinds, packed.leaves)
        packed.kinds = ",".join(kinds)
        return packed


def flatten(values: Iterable[Any], kinds: list[str], leaves: list[float]) -> None:
    """Append the kind of each value to `kinds`, and its number to `leaves`: an array's address."""
    for value in values:
        kind = type(value)
        if kind is np.ndarray:
            kinds.append(_array_kind(value))
            leaves.append(id(value))
        elif kind is Packed:
            kinds.append(value.kinds)
            leaves += value.leaves
        elif kind is int:
            if not -_INT_LIMIT <= value < _INT_LIMIT:
                raise OverflowError(f"{value} does not fit 64 bits; pass it as np.uint64")
            kinds.append(INT)
            leaves.append(value)
        elif kind is bool or kind is float:
            kinds.append(BOOL if kind is bool else FLOAT)
            leaves.append(value)
        elif value is None:
            kinds.append(NONE)
        elif isinstance(value, tuple):
            kinds.append(OPEN)
            flatten(value, kinds, leaves)
            kinds.append(CLOSE)
        elif isinstance(value, np.ndarray):
            kinds.append(_array_kind(value))
            leaves.append(id(value))
        else:
            kinds.append(_number_kind(value))
            leaves.append(value.item())


def _number_kind(value: Any) -> str:
    if isinstance(value, np.generic):
        return NUMPY + value.dtype.char
    raise TypeError(f"a compiled function takes arrays, numbers and tuples, not {value!r}")


def _array_kind(array: NDArray[Any]) -> str:
    dtype = array.dtype
    if not dtype.isnative:
        raise TypeError(f"an array of {dtype}: a compiled function takes this machine's byte order")
    return _kind_of(dtype.char, array.ndim, array.flags.num & (_CONTIGUOUS | _WRITEABLE))


@cache
def _kind_of(letter: str, axes: int, flags: int) -> str:
    strided = "" if flags & _CONTIGUOUS else STRIDED
    return f"{letter}{axes}{strided}{'' if flags & _WRITEABLE else READ_ONLY}"


def leaf_kinds(signature: str) -> list[str]:
    """Return the kinds of the flattened values, in order.

    >>> leaf_kinds("i1,(,L2s,float,),none,int")
    ['i1', 'L2s', 'float', 'int']
    """
    kinds = signature.split(",") if signature else []
    return [kind for kind in kinds if kind not in (OPEN, CLOSE, NONE)]


def is_float(kind: str) -> bool:
    """Return whether a value of a kind is passed as a floating-point number."""
    return kind == FLOAT or (kind[0] == NUMPY and np.dtype(kind[1:]).kind == "f")
