"""The head of the page, and the ranking."""

from __future__ import annotations

from dataclasses import replace

from lmkit.reporting.report.drawing import Scale
from lmkit.reporting.report.markup import text
from lmkit.reporting.report.material import Material
from lmkit.reporting.report.ranking import head, ranking, whisker
from tests.reporting import report_samples as samples


def test_numbers_are_those_of_the_comparison() -> None:
    section = ranking(samples.material())
    results = samples.comparison().results()
    assert section.data["results"] == results
    for result in results:
        assert f"<b>{result['bits_per_byte']:.4f}</b>" in section.body


def test_head_states_counts_and_outcome_and_escapes_name_and_remarks() -> None:
    material = samples.material()
    shown = head(material)
    summary, best = material.comparison.summary, material.contestants[0]
    for count in (summary.words, summary.sentence_ends, summary.bytes):
        assert f"<dd>{count:,}</dd>" in shown
    assert f"<strong>unigram</strong> needs {best.bits.value:.3f} bits for each byte" in shown
    assert text(f"A remark with {samples.BREAKOUT}.") in shown
    assert text(summary.name) in shown
    assert "<img" not in shown


def test_tied_models_share_a_bracket_and_the_head_says_so() -> None:
    comparison = samples.comparison()
    assert "<line x1=" not in ranking(Material(comparison)).body  # no pair is tied
    tie = replace(comparison.pairs[0], tied=True)
    material = Material(replace(comparison, pairs=(tie, *comparison.pairs[1:])))
    body = ranking(material).body
    # A's lane goes from its middle down, B's from the top to its middle, each with a hook.
    assert '<line x1="3" x2="3" y1="50%" y2="100%"></line><line x1="3" x2="7"' in body
    assert '<line x1="3" x2="3" y1="0" y2="50%"></line><line x1="3" x2="7"' in body
    assert "this text cannot tell it from <strong>bigram</strong>." in head(material)


def test_infinite_bits_are_an_arrow_at_the_edge_and_a_value_without_interval_a_dot() -> None:
    nan, inf = float("nan"), float("inf")
    (arrow,) = whisker("m0", Scale(0, 4), nan, inf, nan)
    assert arrow.startswith("<text")
    assert "∞" in arrow
    (dot,) = whisker("m0", Scale(0, 4), nan, 1.0, nan)
    assert 'class="dot m0" cx="25%"' in dot
    assert len(whisker("m0", Scale(0, 4), 0.5, 1.0, 1.5)) == 2
    assert "∞ ▸" in ranking(samples.impossible()).body
