"""How models are told apart in the report."""

from __future__ import annotations

from lmkit.reporting.report.material import Contestant
from tests.reporting import report_samples as samples


def test_letters_go_on_after_z() -> None:
    measured = samples.comparison().models[0]
    letters = [Contestant(place, measured).letter for place in (0, 25, 26, 27, 701, 702)]
    assert letters == ["A", "Z", "AA", "AB", "ZZ", "AAA"]
