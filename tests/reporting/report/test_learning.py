"""The section with the learning curves."""

from __future__ import annotations

import re
from dataclasses import replace

from lmkit.evaluation.curve import CurvePoint, LearningCurve
from lmkit.evaluation.intervals import Interval
from lmkit.reporting.report.learning import learning
from lmkit.reporting.report.markup import text
from tests.reporting import report_samples as samples


def test_numbers_are_those_of_the_points() -> None:
    material = samples.material()
    section = learning(material)
    assert section is not None
    bits = material.comparison.models[0].bits_per_byte
    assert [point["words"] for point in section.data] == 2 * [250, 500, 1000]
    assert all(point["bits_per_byte"] == vars(bits) for point in section.data)
    rows = samples.rows_of(section.body, "The learning curves in numbers")
    assert [row[1:3] for row in rows] == 2 * [["25.0", "250"], ["50.0", "500"], ["100.0", "1,000"]]
    assert {row[3] for row in rows} == {f"{bits.value:.4f}"}


def test_ranked_models_keep_their_letter_and_names_are_escaped() -> None:
    section = learning(samples.material())
    assert section is not None
    assert '<b class="chip m0">A</b> unigram' in section.body
    other = text(f"another:{samples.BREAKOUT}")
    assert f'<b class="chip m4">1</b> {other}' in section.body
    assert "<img" not in section.body


def test_curve_of_an_impossible_model_is_left_out_of_the_plot() -> None:
    measured = samples.comparison().models[0]
    nowhere = Interval(float("inf"), float("nan"), float("nan"), float("nan"), 30, 1)
    broken = replace(measured, bits_per_byte=nowhere)
    points = [CurvePoint("mle", share, 100, broken) for share in (0.5, 1.0)]
    section = learning(replace(samples.material(), curve=LearningCurve(tuple(points))))
    assert section is not None
    assert "nan" not in section.body.lower()
    assert not re.findall("<circle", section.body)


def test_no_section_without_a_curve_or_points() -> None:
    assert learning(samples.single()) is None
    assert learning(replace(samples.single(), curve=LearningCurve(()))) is None
