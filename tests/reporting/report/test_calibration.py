"""The section with the reliability diagrams."""

from __future__ import annotations

from dataclasses import asdict, replace

from lmkit.reporting.report.calibration import calibration
from lmkit.reporting.report.material import Material
from tests.reporting import report_samples as samples


def test_numbers_are_those_of_the_calibrations() -> None:
    material = samples.material()
    section = calibration(material)
    assert section is not None
    of = material.comparison.calibrations
    letters = ["A", "B", "C", "D"]
    assert section.data == [
        {**asdict(one), "model": letter} for one, letter in zip(of, letters, strict=True)
    ]
    rows = samples.rows_of(section.body, "Calibration of each model")
    assert [row[1:] for row in rows] == 4 * [
        ["0.3000", "0.3100", "0.0200", "3.000", "3.100", "400"]
    ]
    bins = samples.rows_of(section.body, "B, bigram")
    assert bins[0] == ["top guess", "0.1000", "0.0900", "40"]
    assert [row[0] for row in bins] == 9 * ["top guess"] + 9 * ["entropy, bits"]


def test_models_without_a_calibration_are_left_out() -> None:
    whole = samples.comparison()
    some = replace(whole, calibrations=whole.calibrations[1:2])
    section = calibration(Material(some))
    assert section is not None
    assert [one["model"] for one in section.data] == ["B"]
    assert ">unigram<" not in section.body


def test_no_section_where_nothing_was_calibrated() -> None:
    assert calibration(samples.single()) is None
