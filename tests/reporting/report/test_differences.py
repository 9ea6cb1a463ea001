"""The matrix of paired differences."""

from __future__ import annotations

import re
from dataclasses import replace

from lmkit.reporting.report.differences import differences
from lmkit.reporting.report.markup import signed
from lmkit.reporting.report.material import Material
from tests.reporting import report_samples as samples


def test_matrix_is_antisymmetric_and_holds_the_pairs() -> None:
    material = samples.material()
    section = differences(material)
    assert section is not None
    assert section.data == material.comparison.to_dict()["pairs"]
    rows = samples.rows_of(section.body, "Bits a byte of the row")
    for pair in material.comparison.pairs:
        assert rows[pair.a][1 + pair.b].startswith(signed(pair.difference, 4))
        assert rows[pair.b][1 + pair.a].startswith(signed(-pair.difference, 4))
    assert [rows[index][1 + index] for index in range(4)] == 4 * [""]


def test_tied_pairs_are_grey_and_have_a_plan() -> None:
    comparison = samples.comparison()
    tie = replace(comparison.pairs[0], tied=True, more_text=12.34)
    section = differences(Material(replace(comparison, pairs=(tie, *comparison.pairs[1:]))))
    assert section is not None
    assert len(re.findall('class="cell tied"', section.body)) == 2
    assert "about 12.3 times this much text would decide it" in section.body
    verdicts = [row[7] for row in samples.rows_of(section.body, "Every two models")]
    assert verdicts == ["tied", *2 * ["A is better"], *2 * ["B is better"], "C is better"]


def test_infinite_differences_have_no_interval() -> None:
    section = differences(samples.impossible())
    assert section is not None
    rows = samples.rows_of(section.body, "Bits a byte of the row")
    assert (rows[0][3], rows[2][1]) == ("−∞", "+∞")


def test_no_section_for_a_single_model() -> None:
    assert differences(samples.single()) is None
