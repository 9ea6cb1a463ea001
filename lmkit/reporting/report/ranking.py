"""The head of the page, and the ranking."""

from __future__ import annotations

import math
from typing import Any

from lmkit.reporting.report.drawing import Scale, around, short
from lmkit.reporting.report.markup import Html, el, joined, numbers, percent, table
from lmkit.reporting.report.material import Contestant, Material, Section, figure
from lmkit.reporting.tables import Column, number, perplexity, seconds, whole


def head(material: Material) -> Html:
    """Return the title, what the text is, and the outcome in a sentence."""
    summary = material.comparison.summary
    counts = (
        ("words", summary.words),
        ("sentence ends", summary.sentence_ends),
        ("characters", summary.characters),
        ("bytes", summary.bytes),
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
    bits = best.ledger.bits_per_byte
    said = joined(
        el("strong", best.name),
        f" needs {bits:.3f} bits for each byte of the text, a perplexity of "
        f"{perplexity(best.ledger.perplexity_per_word)} a word",
    )
    if not others:
        return joined(said, ".")
    second = others[0]
    more = second.ledger.bits_per_byte - bits
    if not math.isfinite(more):
        return joined(said, f". {second.name} is next.")
    return joined(
        said, "; ", el("strong", second.name), f" is next, with {more:.3f} bits a byte more."
    )


def ranking(material: Material) -> Section:
    """Return the section with every model's bits a byte, the fewest first."""
    scale = around([one.ledger.bits_per_byte for one in material.contestants], room=0.12)
    body = joined(
        figure(
            el("ol", *(_row(one, scale) for one in material.contestants), class_="ranking"),
            _axis(scale),
            caption="Bits that each model needs for a byte of the text, sentence ends counted as "
            "one byte: further left is better, and one bit fewer means twice the probability for "
            "every byte.",
        ),
        numbers(_table(material), summary="All numbers of the ranking"),
    )
    return Section("ranking", "The ranking", body, material.comparison.results())


def _row(one: Contestant, scale: Scale) -> Html:
    bits = one.ledger.bits_per_byte
    value = number(4)(bits)
    return el(
        "li",
        el("div", one.label(), class_="who"),
        el(
            "svg",
            *_ruler(scale),
            el("circle", class_=f"dot {one.css}", cx=percent(scale(bits)), cy="50%", r="5.5")
            if math.isfinite(bits)
            else None,
            class_="strip",
            aria_hidden="true",
        ),
        el("div", el("b", value), class_="score"),
    )


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
    columns = [
        Column("name", "model", right=False),
        Column("unit", "unit", right=False),
        Column("context", "context", right=False),
        Column("bits_per_byte", "bits/byte", number(4)),
        Column("bits_per_character", "bits/char", number(4)),
        Column("perplexity_per_word", "ppl/word", perplexity),
        Column("perplexity", "ppl/unit", perplexity),
        Column("perplexity_without_oov", "ppl without OOV", perplexity),
        Column("oov", "OOV", whole),
        Column("impossible", "p = 0", whole),
        Column("parameters", "parameters", whole),
        Column("fit_seconds", "fit s", seconds),
        Column("score_seconds", "score s", seconds),
    ]
    rows: list[dict[str, Any]] = [
        {**one.ledger.to_dict(), "name": one.label()} for one in material.contestants
    ]
    return table(columns, rows, caption="The ranking in numbers")
