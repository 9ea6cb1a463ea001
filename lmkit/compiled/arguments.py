"""The arguments of a compiled function as plain numbers, and what kinds they are.

A signature is the kinds of all arguments, parted by commas: ``i1`` is an array of int32 with one
axis (numpy's letter for the dtype, the number of axes, ``s`` behind them for one with gaps, ``r``
for one that may only be read),
``int``, ``float``, ``bool``, ``none`` and ``.L`` (a numpy number) are single values, and brackets
hold a tuple.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

OPEN, CLOSE = "(", ")"
INT, FLOAT, BOOL, NONE = "int", "float", "bool", "none"
NUMPY = "."
GAPS, READ_ONLY = "s", "r"
_WORD = 1 << 63


def flatten(values: Iterable[Any], kinds: list[str], leaves: list[float]) -> None:
    """Append the kind of each value, and what is passed for it: arrays go by their address."""
    for value in values:
        if isinstance(value, np.ndarray):
            kinds.append(_array_kind(value))
            leaves.append(id(value))
        elif isinstance(value, tuple):
            kinds.append(OPEN)
            flatten(value, kinds, leaves)
            kinds.append(CLOSE)
        elif isinstance(value, np.generic):
            kinds.append(NUMPY + value.dtype.char)
            leaves.append(value.item())
        elif isinstance(value, bool):
            kinds.append(BOOL)
            leaves.append(value)
        elif isinstance(value, int):
            if not -_WORD <= value < _WORD:
                raise OverflowError(f"{value} does not fit 64 bits; pass it as np.uint64")
            kinds.append(INT)
            leaves.append(value)
        elif isinstance(value, float):
            kinds.append(FLOAT)
            leaves.append(value)
        elif value is None:
            kinds.append(NONE)
        else:
            raise TypeError(f"a compiled function takes arrays, numbers and tuples, not {value!r}")


def _array_kind(array: NDArray[Any]) -> str:
    dtype, flags = array.dtype, array.flags
    if not dtype.isnative:
        raise TypeError(f"an array of {dtype}: a compiled function takes this machine's byte order")
    gaps, read_only = "" if flags.c_contiguous else GAPS, "" if flags.writeable else READ_ONLY
    return f"{dtype.char}{array.ndim}{gaps}{read_only}"


def leaf_kinds(signature: str) -> list[str]:
    """Return the kinds of the values that are passed, in order.

    >>> leaf_kinds("i1,(,L2s,float,),none,int")
    ['i1', 'L2s', 'float', 'int']
    """
    kinds = signature.split(",") if signature else []
    return [kind for kind in kinds if kind not in (OPEN, CLOSE, NONE)]


def is_float(kind: str) -> bool:
    """Return whether a value of a kind is passed as a floating-point number."""
    return kind == FLOAT or (kind[0] == NUMPY and np.dtype(kind[1:]).kind == "f")
