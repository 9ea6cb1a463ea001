"""Eight bytes of a text at a time, as one number: what compiled loops do to bytes side by side.

The first byte is the lowest of the number. What is found of each byte is told by its high bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmkit.kernels.compiled import compiled, primitive


def _load(typing_context: Any, array: Any, place: Any) -> Any:
    """Load eight bytes of a uint8 array as one little-endian number, at any alignment."""
    from llvmlite import ir
    from numba import types

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        address = builder.gep(data, [arguments[1]])
        return builder.load(builder.bitcast(address, ir.IntType(64).as_pointer()), align=1)

    return types.uint64(array, types.int64), generate


def _store(typing_context: Any, array: Any, place: Any, value: Any) -> Any:
    """Store one little-endian number as eight bytes of a uint8 array, at any alignment."""
    from llvmlite import ir
    from numba import types

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        address = builder.gep(data, [arguments[1]])
        builder.store(arguments[2], builder.bitcast(address, ir.IntType(64).as_pointer()), align=1)
        return context.get_dummy_value()

    return types.void(array, types.int64, types.uint64), generate


def _count_zeros(typing_context: Any, value: Any) -> Any:
    """Count the zero bits below the lowest one; 64 for 0."""
    from llvmlite import ir
    from numba import types

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.uint64(types.uint64), generate


def _count_ones(typing_context: Any, value: Any) -> Any:
    """Count the bits that are set."""
    from numba import types

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), generate


# Any: called without the typing context, which numba puts in.
eight_bytes: Any = primitive(_load)
put_eight_bytes: Any = primitive(_store)
trailing_zeros: Any = primitive(_count_zeros)
ones: Any = primitive(_count_ones)

EACH = np.uint64(0x0101010101010101)
HIGH = np.uint64(0x8080808080808080)


@compiled
def word_piece(text: NDArray[np.uint8], place: int) -> Any:
    """Return eight bytes of the text from `place` on, newlines standing in behind its end."""
    if place + 8 <= len(text):
        return eight_bytes(text, place)
    piece = np.uint64(0)
    for k in range(8):
        byte = text[place + k] if place + k < len(text) else np.uint8(10)
        piece |= np.uint64(byte) << np.uint64(8 * k)
    return piece


@compiled
def piece_length(piece: int) -> Any:
    """Return how many of eight bytes stand before the first space or newline.

    A byte is zero where (v - 1) & ~v has its high bit set, exactly so for the lowest such byte.
    """
    spaces = piece ^ (np.uint64(32) * EACH)
    newlines = piece ^ (np.uint64(10) * EACH)
    found = ((spaces - EACH) & ~spaces | (newlines - EACH) & ~newlines) & HIGH
    return np.int64(trailing_zeros(found) >> np.uint64(3))


@compiled
def continuation_bytes(piece: int) -> Any:
    """Return how many of eight bytes are UTF-8 continuation bytes, 10xxxxxx."""
    return np.int64(ones(piece & (~piece << np.uint64(1)) & HIGH))


@compiled
def same_bytes(
    one: NDArray[np.uint8], place: int, other: NDArray[np.uint8], other_place: int, length: int
) -> bool:
    """Return whether two runs of the same length, eight bytes or more, are equal."""
    k = 0
    while k + 8 < length:
        if eight_bytes(one, place + k) != eight_bytes(other, other_place + k):
            return False
        k += 8
    k = length - 8  # the last eight, some of them once more
    return bool(eight_bytes(one, place + k) == eight_bytes(other, other_place + k))


@compiled
def zero_bytes(value: Any) -> Any:
    """Return the high bit of each of eight bytes that is zero."""
    return ~(((value & ~HIGH) + ~HIGH) | value) & HIGH
