"""Decimal numbers as bytes: read exactly, and written as short as a float32 allows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lmkit.kernels.compiled import compiled

NUMBER_BYTES = 48  # that a written number takes at most, with a separator
_MINUS, _PLUS, _POINT, _ZERO, _E = b"-+.0e"
_LOWEST_EXPONENT = -6
_INFINITY = tuple(b"infinity")
_MAX_DIGITS = 10**17  # digits beyond these change nothing
_FLOAT32_DIGITS, _MOST_DIGITS = 7, 9  # that nearly always are enough, that always are


def parse_number(text: NDArray[np.uint8]) -> float:
    """Return the decimal number that the bytes are; nan if they are none.

    ``inf`` and ``infinity`` are numbers, in any case. Exact to the last bit for at most 15 digits.
    """
    return float(_parse_number(text, 0, len(text)))


def format_number(value: float) -> bytes:
    """Return the shortest decimal number that rounds to the same float32; -99 for -inf.

    >>> format_number(-0.1), format_number(-1.5e-7)
    (b'-0.1', b'-1.5e-7')
    """
    text = np.empty(NUMBER_BYTES, np.uint8)
    return text[: _write_number(value, text, 0)].tobytes()


@compiled
def _infinity(text, begin, end):
    """Return the value of ``inf`` or ``infinity``, in any case, with its sign; otherwise nan."""
    sign, i = _sign(text, begin, end)
    if end - i != 3 and end - i != 8:
        return np.nan
    for k in range(end - i):
        if (text[i + k] | 32) != _INFINITY[k]:
            return np.nan
    return sign * np.inf


@compiled
def _sign(text, i, end):
    """Return 1 or -1, and the index after the sign, if there is one."""
    if i < end and (text[i] == _MINUS or text[i] == _PLUS):
        return (-1 if text[i] == _MINUS else 1), i + 1
    return 1, i


@compiled
def _exponent(text, i, end):
    """Return the exponent at index i, such as e-05, 0 if there is none, and the index after it."""
    if i == end or (text[i] | 32) != _E:
        return 0, i
    sign, digit = _sign(text, i + 1, end)
    power = 0
    while digit < end and 48 <= text[digit] <= 57:
        power = min(power * 10 + (text[digit] - 48), 300)
        digit += 1
        i = digit
    return sign * power, i


@compiled
def _parse_number(text, begin, end):
    sign, i = _sign(text, begin, end)
    digits, seen, power, after_point = np.int64(0), 0, 0, 0
    while i < end:
        if 48 <= text[i] <= 57:
            seen += 1
            if digits < _MAX_DIGITS:
                digits = digits * 10 + (text[i] - 48)
                power -= after_point
            else:
                power += 1 - after_point
        elif text[i] == _POINT and not after_point:
            after_point = 1
        else:
            break
        i += 1
    if seen == 0:
        return _infinity(text, begin, end)
    exponent, i = _exponent(text, i, end)
    if i < end:
        return np.nan
    power += exponent
    value = sign * np.float64(digits)
    return value / 10.0 ** min(-power, 300) if power < 0 else value * 10.0 ** min(power, 300)


@compiled
def _write_exponent(exponent, text, i):
    """Write a negative exponent of one or two digits; return the index after it."""
    text[i], text[i + 1] = _E, _MINUS
    i += 2
    if exponent <= -10:
        text[i] = _ZERO + -exponent // 10
        i += 1
    text[i] = _ZERO + -exponent % 10
    return i + 1


@compiled
def _write_digits(digits, power, text, i):
    """Write digits * 10^power, below 10^-6 with an exponent as lmplz does; return its end."""
    while digits % 10 == 0:
        digits //= 10
        power += 1
    size, rest = 0, digits
    while rest > 0:
        rest //= 10
        size += 1
    point = size + power  # digits before the decimal point
    exponent = point - 1
    if exponent < _LOWEST_EXPONENT:
        point = 1
    elif point <= 0:
        text[i], text[i + 1] = _ZERO, _POINT
        i += 2
        for _ in range(-point):
            text[i] = _ZERO
            i += 1
    end = i + size + (0 < point < size)
    for k in range(end - 1, i - 1, -1):
        if 0 < point < size and k == i + point:
            text[k] = _POINT
        else:
            text[k] = _ZERO + digits % 10
            digits //= 10
    if exponent < _LOWEST_EXPONENT:
        return _write_exponent(exponent, text, end)
    for _ in range(max(power, 0)):
        text[end] = _ZERO
        end += 1
    return end


@compiled
def _rounded(exact, tens, size):
    """Return a number of magnitude 10^tens to `size` digits: these, their power, and its value."""
    power = tens + 1 - size
    if power > 0:
        digits = np.rint(exact / 10.0**power)
        return np.int64(digits), power, digits * 10.0**power
    digits = np.rint(exact * 10.0**-power)
    return np.int64(digits), power, digits / 10.0**-power


@compiled
def _write_number(value, text, i):
    """Write the shortest number at index i; return the index after it."""
    single = np.float32(value)
    if single == 0:
        text[i] = _ZERO
        return i + 1
    if single < 0:
        text[i] = _MINUS
        i += 1
    exact = abs(np.float64(single))
    if np.isinf(exact):
        text[i] = text[i + 1] = _ZERO + 9
        return i + 2
    tens = np.int64(np.floor(np.log10(exact)))
    size = _FLOAT32_DIGITS
    digits, power, back = _rounded(exact, tens, size)
    while np.float32(back) != np.float32(exact) and size < _MOST_DIGITS:
        size += 1
        digits, power, back = _rounded(exact, tens, size)
    while size > 1:
        size -= 1
        fewer, fewer_power, back = _rounded(exact, tens, size)
        if np.float32(back) != np.float32(exact):
            break
        digits, power = fewer, fewer_power
    return _write_digits(digits, power, text, i)
