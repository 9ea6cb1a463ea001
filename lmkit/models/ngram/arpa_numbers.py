"""Decimal numbers in the bytes of ARPA files: read exactly, and written as short as can be."""

from __future__ import annotations

import numpy as np

from lmkit.compiled import compiled

NUMBER_BYTES = 48  # what a written number needs at most, and its separator
_MINUS, _PLUS, _POINT, _NULL, _E = 45, 43, 46, 48, 101
_LOWEST_EXPONENT = -6
_INFINITY = tuple(b"infinity")
_ENOUGH = 10**17  # digits beyond these change nothing


@compiled
def _infinity(text, begin, end):  # type: ignore[no-untyped-def]
    """Return the value of ``inf`` or ``infinity`` in any case, with its sign; nan for all else."""
    sign, place = _sign(text, begin, end)
    if end - place != 3 and end - place != 8:
        return np.nan
    for k in range(end - place):
        if (text[place + k] | 32) != _INFINITY[k]:
            return np.nan
    return sign * np.inf


@compiled
def _sign(text, place, end):  # type: ignore[no-untyped-def]
    """Return 1 or -1 and the place behind the sign, if there is one."""
    if place < end and (text[place] == _MINUS or text[place] == _PLUS):
        return (-1 if text[place] == _MINUS else 1), place + 1
    return 1, place


@compiled
def _exponent(text, place, end):  # type: ignore[no-untyped-def]
    """Return the exponent text[place:end], such as e-05, and the place behind it."""
    if place == end or (text[place] | 32) != _E:
        return 0, place
    sign, digit = _sign(text, place + 1, end)
    power = 0
    while digit < end and 48 <= text[digit] <= 57:
        power = min(power * 10 + (text[digit] - 48), 300)
        digit += 1
        place = digit
    return sign * power, place


@compiled
def number(text, begin, end):  # type: ignore[no-untyped-def]
    """Return the decimal number that is text[begin:end]; nan for what is none.

    Exact to the last bit where it has at most 15 digits, as all that programs write.
    """
    sign, place = _sign(text, begin, end)
    digits, seen, power, behind_point = np.int64(0), 0, 0, 0
    while place < end:
        if 48 <= text[place] <= 57:
            seen += 1
            if digits < _ENOUGH:
                digits = digits * 10 + (text[place] - 48)
                power -= behind_point
            else:
                power += 1 - behind_point
        elif text[place] == _POINT and not behind_point:
            behind_point = 1
        else:
            break
        place += 1
    if seen == 0:
        return _infinity(text, begin, end)
    exponent, place = _exponent(text, place, end)
    if place < end:
        return np.nan
    power += exponent
    value = sign * np.float64(digits)
    return value / 10.0 ** min(-power, 300) if power < 0 else value * 10.0 ** min(power, 300)


@compiled
def _put_exponent(exponent, text, place):  # type: ignore[no-untyped-def]
    """Write a negative exponent of one or two digits; return where it ends."""
    text[place], text[place + 1] = _E, _MINUS
    place += 2
    if exponent <= -10:
        text[place] = _NULL + -exponent // 10
        place += 1
    text[place] = _NULL + -exponent % 10
    return place + 1


@compiled
def _put_digits(digits, power, text, place):  # type: ignore[no-untyped-def]
    """Write digits * 10^power, below 10^-6 with an exponent as lmplz does; return where it ends."""
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
        text[place], text[place + 1] = _NULL, _POINT
        place += 2
        for _ in range(-point):
            text[place] = _NULL
            place += 1
    end = place + size + (0 < point < size)
    for k in range(end - 1, place - 1, -1):
        if 0 < point < size and k == place + point:
            text[k] = _POINT
        else:
            text[k] = _NULL + digits % 10
            digits //= 10
    if exponent < _LOWEST_EXPONENT:
        return _put_exponent(exponent, text, end)
    for _ in range(max(power, 0)):
        text[end] = _NULL
        end += 1
    return end


@compiled
def _rounded(exact, tens, size):  # type: ignore[no-untyped-def]
    """Return a number of magnitude 10^tens to so many digits: these, their power, and its value."""
    power = tens + 1 - size
    if power > 0:
        digits = np.rint(exact / 10.0**power)
        return np.int64(digits), power, digits * 10.0**power
    digits = np.rint(exact * 10.0**-power)
    return np.int64(digits), power, digits / 10.0**-power


@compiled
def put_number(value, text, place):  # type: ignore[no-untyped-def]
    """Write the shortest decimal number that is this float32 and no other; return where it ends.

    -inf is written as -99. Fewer than 48 bytes are written.
    """
    single = np.float32(value)
    if single == 0:
        text[place] = _NULL
        return place + 1
    if single < 0:
        text[place] = _MINUS
        place += 1
    exact = abs(np.float64(single))
    if np.isinf(exact):
        text[place] = text[place + 1] = _NULL + 9
        return place + 2
    tens = np.int64(np.floor(np.log10(exact)))
    size = 7  # digits that nearly always do, or nearly so
    digits, power, back = _rounded(exact, tens, size)
    while np.float32(back) != np.float32(exact) and size < 9:
        size += 1
        digits, power, back = _rounded(exact, tens, size)
    while size > 1:
        size -= 1
        fewer, its_power, back = _rounded(exact, tens, size)
        if np.float32(back) != np.float32(exact):
            break
        digits, power = fewer, its_power
    return _put_digits(digits, power, text, place)
