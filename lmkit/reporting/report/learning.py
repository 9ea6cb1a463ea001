"""Learning curves: bits a byte against the size of the training text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lmkit.evaluation.curve import CurvePoint, LearningCurve
from lmkit.reporting.report.drawing import Axis, Series, around, plot
from lmkit.reporting.report.markup import Html, el, joined, numbers, table
from lmkit.reporting.report.material import COLOURS, Material, Section, figure
from lmkit.results.proper import marks
from lmkit.tables import Column, number, perplexity, seconds, whole


def learning(material: Material) -> Section | None:
    """Return the section with learning curves; None where there are none."""
    curve = material.curve
    if curve is None or not curve.points:
        return None
    styles = _styles(material, curve)
    series = [_series(curve.of(name), *styles[name]) for name in curve.models]
    words = [float(point.words) for point in curve.points]
    ends = [
        end
        for point in curve.points
        for end in (point.bits_per_byte.low, point.bits_per_byte.high, point.bits_per_byte.value)
    ]
    x = Axis(around(words, log=True), "words of training text")
    y = Axis(around(ends), "bits a byte of the test text")
    names = [
        el("span", el("b", mark, class_=f"chip {css}"), " ", name, class_="model")
        for name, (mark, css) in styles.items()
    ]
    body = joined(
        figure(
            el("p", *names, class_="legend"),
            plot(x, y, series, label="Bits a byte against words of training text"),
            caption="Each model fitted to nested parts of the training text, with its interval on "
            "the test text: a curve that still falls at its right end would gain from more text, "
            "and where two cross, the size of the text decides which model to take.",
        ),
        *(el("p", remark) for remark in curve.remarks),
        numbers(_table(curve)),
    )
    data = [
        {**point.to_dict(), "bits_per_byte": vars(point.bits_per_byte)} for point in curve.points
    ]
    return Section("learning", "Learning", "What more text would bring", body, data)


def _styles(material: Material, curve: LearningCurve) -> dict[str, tuple[str, str]]:
    """Return mark and colour of each curve: those of the ranking where the model is in it."""
    ranked = {one.name: (one.letter, one.css) for one in material.contestants}
    styles: dict[str, tuple[str, str]] = {}
    for name in curve.models:
        others = len(styles.keys() - ranked.keys())
        unranked = str(others + 1), f"m{(len(ranked) + others) % COLOURS}"
        styles[name] = ranked.get(name, unranked)
    return styles


def _series(points: Sequence[CurvePoint], mark: str, css: str) -> Series:
    bits = [point.bits_per_byte for point in points]
    return Series(
        points[0].model,
        css,
        [float(point.words) for point in points],
        [one.value for one in bits],
        mark=mark,
        dots=True,
        low=[one.low for one in bits],
        high=[one.high for one in bits],
    )


def _table(curve: LearningCurve) -> Html:
    bits = {"bits_per_byte": "bits/byte", "bits_per_byte_low": "from", "bits_per_byte_high": "to"}
    columns = [
        Column("model", "model", right=False),
        Column("percent", "% of the text", number(1)),
        Column("words", "words", whole),
        *(Column(key, name, number(4)) for key, name in bits.items()),
        Column("perplexity", "ppl/unit", perplexity),
        Column("oov", "OOV", whole),
        Column("fit_seconds", "fit s", seconds),
    ]
    rows: list[dict[str, Any]] = [
        {
            **point.to_dict(),
            "percent": 100 * point.fraction,
            "marks": marks(point.measured.scored.proper, (*bits, "perplexity")),
        }
        for point in curve.points
    ]
    return table(columns, rows, caption="The learning curves in numbers")
