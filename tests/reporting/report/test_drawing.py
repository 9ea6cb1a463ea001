"""Scales, ticks and marks of the report's plots."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmkit.reporting.report.drawing import Scale, _apart, around


@given(
    st.lists(st.floats(-1e9, 1e9), min_size=1), st.booleans(), st.integers(min_value=2, max_value=9)
)
def test_ticks_are_few_and_lie_within(values: list[float], log: bool, wanted: int) -> None:
    scale = around(values, log=log)
    ticks = scale.ticks(wanted)
    assert len(ticks) <= 3 * wanted + 4
    for tick in ticks:
        assert -0.1 <= scale(tick) <= 100.1
    assert ticks == sorted(ticks)


def test_marks_near_each_other_are_moved_apart_and_stay_within() -> None:
    assert _apart([100, 100, 50], [20, 22, 23]) == [20, 26, 23]
    assert _apart([100, 100], [99, 99.5]) == [94, 100]


def test_scale_runs_from_0_to_100_and_stays_near() -> None:
    scale = Scale(1, 1000, log=True)
    assert [scale(value) for value in (1, 10, 1000)] == pytest.approx([0, 100 / 3, 100])
    assert Scale(0, 1)(50) < 103
