"""Eight bytes of a text at a time, as one number: building blocks of loops over bytes.

The first byte is the lowest of the number, so ``_eight_bytes`` of "abcdefgh" is 0x6867666564636261.
What a function says of each byte is in that byte's high bit: of "a b c d ", the high bits of the
spaces are 0x8000800080008000. All functions are compiled and for this package alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lmkit.kernels.compiled import compiled, primitive

_EACH = np.uint64(0x0101010101010101)
_HIGH = np.uint64(0x8080808080808080)
_NEWLINE, _SPACE = 10, 32


def _load(typing_context: Any, array: Any, index: Any) -> Any:
    """Load eight bytes of a uint8 array as one little-endian number, at any alignment."""
    from llvmlite import ir
    from numba import types

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        address = builder.gep(data, [arguments[1]])
        return builder.load(builder.bitcast(address, ir.IntType(64).as_pointer()), align=1)

    return types.uint64(array, types.int64), generate


def _store(typing_context: Any, array: Any, index: Any, value: Any) -> Any:
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
_eight_bytes: Any = primitive(_load)
_put_eight_bytes: Any = primitive(_store)
_trailing_zeros: Any = primitive(_count_zeros)
_ones: Any = primitive(_count_ones)


@compiled
def _word_piece(text, i):
    """Return eight bytes of the text from index i on, filled up with newlines after its end."""
    if i + 8 <= len(text):
        return _eight_bytes(text, i)
    piece = np.uint64(0)
    for k in range(8):
        byte = text[i + k] if i + k < len(text) else np.uint8(_NEWLINE)
        piece |= np.uint64(byte) << np.uint64(8 * k)
    return piece


@compiled
def _piece_length(piece):
    """Return how many of eight bytes come before the first space or newline.

    A byte is zero where (v - 1) & ~v has its high bit set, exactly so for the lowest such byte.
    """
    spaces = piece ^ (np.uint64(_SPACE) * _EACH)
    newlines = piece ^ (np.uint64(_NEWLINE) * _EACH)
    zeros = ((spaces - _EACH) & ~spaces | (newlines - _EACH) & ~newlines) & _HIGH
    return np.int64(_trailing_zeros(zeros) >> np.uint64(3))


@compiled
def _continuation_bytes(piece):
    """Return how many of eight bytes are UTF-8 continuation bytes, 10xxxxxx."""
    return np.int64(_ones(piece & (~piece << np.uint64(1)) & _HIGH))


@compiled
def _same_bytes(one, i, other, j, length):
    """Return whether `length` bytes, 8 or more, from i on and from j on are equal."""
    k = 0
    while k + 8 < length:
        if _eight_bytes(one, i + k) != _eight_bytes(other, j + k):
            return False
        k += 8
    k = length - 8  # the last eight, some of them once more
    return bool(_eight_bytes(one, i + k) == _eight_bytes(other, j + k))


@compiled
def _zero_bytes(value):
    """Return the high bit of each of eight bytes that is zero."""
    return ~(((value & ~_HIGH) + ~_HIGH) | value) & _HIGH
