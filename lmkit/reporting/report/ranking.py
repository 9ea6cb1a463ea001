"""The head of the page, and the ranking."""

from __future__ import annotations

import math
from collections.abc import Sequence

from lmkit.evaluation.blocks import DOCUMENT, STRETCH
from lmkit.evaluation.columns import View, ranking_columns, ranking_row, tier
from lmkit.evaluation.comparison import Comparison
from lmkit.evaluation.leakage import leakage_mark
from lmkit.reporting.report.drawing import Scale, around, short
from lmkit.reporting.report.markup import Html, el, joined, numbers, percent, table
from lmkit.reporting.report.material import Contestant, Material, Section, figure
from lmkit.tables import number, perplexity, whole


def head(material: Material) -> Html:
    """Return the title, what the text is, and the outcome in a sentence."""
    summary = material.comparison.summary
    documents = [] if summary.documents is None else [("documents", summary.documents)]
    counts = (
        *documents,
        ("words", summary.words),
        ("sentence ends", summary.sentence_ends),
        ("characters", summary.characters),
        ("bytes", summary.bytes),
        ("bytes of the source", summary.raw_bytes),
    )
    return el(
        "header",
        el("p", "lmkit compare", class_="kicker"),
        el("h1", "Which model predicts ", el("span", summary.name, class_="name"), " best?"),
        el("p", _outcome(material), class_="lead"),
        el(
            "dl",
            *(el("div", el("dt", name), el("dd", whole(count))) for name, count in counts),
            class_="counts",
        ),
        el("ul", *(el("li", remark) for remark in material.remarks), class_="remarks")
        if material.remarks
        else None,
    )


def _outcome(material: Material) -> Html:
    best, others = material.contestants[0], material.contestants[1:]
    bits = best.bits.value
    said = joined(
        el("strong", best.name),
        f" needs {bits:.3f} bits for each byte of the text, a perplexity of "
        f"{perplexity(best.ledger.perplexity_per_word)} a word",
    )
    if not others:
        return joined(said, ".")
    pair = material.comparison.pair(0, 1)
    second = el("strong", others[0].name)
    if pair.tied:
        return joined(said, "; this text cannot tell it from ", second, ".")
    if not math.isfinite(pair.difference):
        return joined(said, "; ", second, " is next.")
    share = -100 * pair.difference / others[0].bits.value
    return joined(
        said, f", {share:.1f}% fewer bits than ", second, ", which comes next: a difference that "
        f"the paired test confirms ({_p(pair.p_holm)}).",
    )  # fmt: skip


def _p(value: float) -> str:
    return "p\u00a0<\u00a00.001" if value < 0.001 else f"p\u00a0=\u00a0{value:.3f}"


def ranking(material: Material) -> Section:
    """Return the section with every model's bits a byte and its interval, the fewest first."""
    contestants, comparison = material.contestants, material.comparison
    ends = [
        end
        for one in contestants
        for end in (one.bits.value, one.bits.low, one.bits.high)
        if math.isfinite(end)
    ]
    scale = around(ends, room=0.05)
    brackets = _brackets(comparison)
    rows = [_row(one, scale, brackets, comparison.ranges[one.index]) for one in contestants]
    body = joined(
        figure(
            el("ol", *rows, class_="ranking"),
            _axis(scale),
            caption="Bits that each model needs for a byte of the text, sentence ends counted as "
            "one byte each, spaces too: further left is better. The bar is the "
            f"{100 * comparison.level:g}% interval, from {_blocks(comparison)}; the number in "
            "front is the rank, or the ranks that cannot be ruled out, and brackets join models "
            "that the paired test cannot tell apart.",
        ),
        numbers(_table(material), summary="All numbers of the ranking"),
    )
    data = {"level": comparison.level, "seed": comparison.seed, "results": comparison.results()}
    return Section("ranking", "Ranking", "The ranking", body, data)


def _blocks(comparison: Comparison) -> str:
    blocks = comparison.blocks
    if blocks.kind == DOCUMENT:
        return f"Student’s t over {len(blocks):,} documents"
    if blocks.length == 1:
        units = f"{len(blocks):,} sentences"
    else:
        unit = "words" if blocks.kind == STRETCH else "sentences"
        units = f"{len(blocks):,} blocks of {blocks.length:,} {unit}"
    return f"Student’s t over {units}, neighbours allowed to depend on one another"


def _brackets(comparison: Comparison) -> list[tuple[int, int]]:
    """Return the longest runs of neighbours in the ranking of whom every two are tied."""
    size = len(comparison.models)
    runs: list[tuple[int, int]] = []
    for first in range(size):
        last = first
        while last + 1 < size and all(
            comparison.pair(a, last + 1).tied for a in range(first, last + 1)
        ):
            last += 1
        if last > first and (not runs or last > runs[-1][1]):
            runs.append((first, last))
    return runs


def _row(
    one: Contestant, scale: Scale, brackets: Sequence[tuple[int, int]], ranks: tuple[int, int]
) -> Html:
    bits = one.bits
    between = None
    mark = None
    if one.ledger.trained_on_test or one.ledger.tuned_on_test:
        mark = el("small", f"test text: {leakage_mark(one.ledger.to_dict())}", class_="leak")
    if math.isfinite(bits.low):
        between = el("span", f"{bits.low:.4f} to {bits.high:.4f}")
    return el(
        "li",
        el("div", tier(*ranks), class_="tier"),
        _ties(one.index, brackets),
        el("div", one.label(), mark, class_="who"),
        el(
            "svg",
            *_ruler(scale),
            *whisker(one.css, scale, bits.low, bits.value, bits.high),
            class_="strip",
            aria_hidden="true",
        ),
        el("div", el("b", number(4)(bits.value)), " ", between, class_="score"),
    )


def _ties(index: int, brackets: Sequence[tuple[int, int]]) -> Html:
    """Return this row's piece of every bracket, each bracket in a lane of its own."""
    lines = []
    for lane, (first, last) in enumerate(brackets):
        if not first <= index <= last:
            continue
        x = str(3 + 7 * lane)
        top, bottom = ("50%" if index == first else "0"), ("50%" if index == last else "100%")
        lines.append(el("line", x1=x, x2=x, y1=top, y2=bottom))
        if index in (first, last):
            lines.append(el("line", x1=x, x2=str(7 + 7 * lane), y1="50%", y2="50%"))
    return el("div", el("svg", *lines), class_="ties", aria_hidden="true")


def whisker(css: str, scale: Scale, low: float, value: float, high: float) -> list[Html]:
    """Return a point with its interval; an arrow at the edge stands for infinity."""
    if not math.isfinite(value):
        return [el("text", "∞ ▸", class_=f"mark {css}", x="100%", y="50%", dy="0.32em",
                   text_anchor="end")]  # fmt: skip
    parts = []
    if math.isfinite(low) and math.isfinite(high):
        ends = {"x1": percent(scale(low)), "x2": percent(scale(high))}
        parts.append(el("line", class_=f"whisker {css}", y1="50%", y2="50%", **ends))
    at = percent(scale(value))
    return [*parts, el("circle", class_=f"dot {css}", cx=at, cy="50%", r="5")]


def _ruler(scale: Scale) -> list[Html]:
    return [
        el("line", class_="grid", x1=percent(scale(t)), x2=percent(scale(t)), y1="0", y2="100%")
        for t in scale.ticks()
    ]


def _axis(scale: Scale) -> Html:
    ticks = [
        el("text", short(tick), class_="tick x", x=percent(scale(tick)), y="14")
        for tick in scale.ticks()
    ]
    return el(
        "div",
        el("span", "bits a byte", class_="x-name"),
        el("svg", *ticks, class_="strip-axis"),
        class_="strip-box",
        aria_hidden="true",
    )


def _table(material: Material) -> Html:
    results = material.comparison.results()
    rows = [
        {**ranking_row(result), "model": one.label()}
        for one, result in zip(material.contestants, results, strict=True)
    ]
    columns = ranking_columns(View.PAGE, results)
    return table(columns, rows, caption="The ranking in numbers")
