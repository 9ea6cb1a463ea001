"""What each model writes by itself."""

from __future__ import annotations

from dataclasses import replace

from lmkit.reporting.report.markup import text
from lmkit.reporting.report.material import Material
from lmkit.reporting.report.samples import TOKENS, samples
from tests.reporting import report_samples


def test_texts_are_drawn_from_each_model_with_the_seed_of_the_report() -> None:
    material = report_samples.material()
    section = samples(material)
    assert section is not None
    for one in material.contestants:
        assert one.model is not None
        drawn = one.model.generate(tokens=TOKENS[one.ledger.unit], seed=7).strip()
        assert section.data[one.letter] == drawn
    assert "with seed 7" in section.body


def test_texts_are_escaped() -> None:
    section = samples(report_samples.material())
    assert section is not None
    assert report_samples.BREAKOUT in section.data["B"]
    assert text(report_samples.BREAKOUT) in section.body
    assert "<img" not in section.body


def test_results_without_a_model_have_no_sample() -> None:
    comparison = report_samples.comparison()
    first, *others = comparison.models
    some = replace(comparison, models=(replace(first, model=None), *others))
    section = samples(Material(some))
    assert section is not None
    assert sorted(section.data) == ["B", "C", "D"]
    none = replace(comparison, models=tuple(replace(one, model=None) for one in some.models))
    assert samples(Material(none)) is None
