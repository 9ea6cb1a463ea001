"""Decimal numbers against Python's own reading and numpy's shortest writing."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmkit.kernels.decimals import NUMBER_BYTES, format_number, parse_number


@given(st.floats(-10, -1), st.integers(1, 15), st.integers(-6, 2))
def test_numbers_are_read_to_the_last_bit(value: float, digits: int, power: int) -> None:
    value *= 10.0**power
    for text in (f"{value:.{digits}g}", f"{value:.{digits}f}"[:16], f"{value:.{digits - 1}E}"):
        raw = np.frombuffer(text.encode(), np.uint8)
        assert parse_number(raw) == pytest.approx(float(text), rel=3e-16, abs=0)


@pytest.mark.parametrize(
    "text", ["", "-", "+", ".", "e5", "1e", "1e+", "1.2.3", "0x1", "nan", "in"]
)
def test_what_is_no_number(text: str) -> None:
    raw = np.frombuffer(text.encode(), np.uint8)
    assert math.isnan(parse_number(raw))


@pytest.mark.parametrize("text", ["inf", "-inf", "+Infinity", "-INF"])
def test_infinities(text: str) -> None:
    assert parse_number(np.frombuffer(text.encode(), np.uint8)) == float(text)


@given(st.floats(width=32, allow_nan=False, allow_infinity=False, min_value=-1e9, max_value=1e9))
def test_numbers_are_the_shortest_that_are_one_float32(value: float) -> None:
    text = format_number(value).decode()
    assert np.float32(text) == np.float32(value)
    digits = np.format_float_scientific(np.float32(value), unique=True, trim="-")
    shortest = digits.split("e")[0].replace(".", "").strip("-0")
    mantissa, _, exponent = text.partition("e")
    assert mantissa.replace(".", "").strip("-0") == shortest
    assert bool(exponent) == (0 < abs(np.float32(value)) < 1e-6)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (-0.0, "0"), (-1.0, "-1"), (-0.1, "-0.1"), (-12.5, "-12.5"), (-1e-6, "-0.000001"),
     (-1.5e-7, "-1.5e-7"), (-2e-12, "-2e-12"), (-1e-46, "0"), (-math.inf, "-99"), (0.25, "0.25"),
     (-1200.0, "-1200"), (-2.0**-20, "-9.536743e-7")],
)  # fmt: skip
def test_numbers_by_hand(value: float, text: str) -> None:
    assert format_number(value).decode() == text


@given(st.floats(width=32, allow_nan=False))
def test_no_number_takes_more_bytes_than_are_provided(value: float) -> None:
    assert len(format_number(value)) < NUMBER_BYTES
