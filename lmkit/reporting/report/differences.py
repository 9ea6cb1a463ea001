"""The matrix of paired differences."""

from __future__ import annotations

import math
from typing import Any

from lmkit.evaluation.pairs import Pair
from lmkit.reporting.report.markup import Html, el, joined, numbers, signed, table
from lmkit.reporting.report.material import Contestant, Material, Section, figure
from lmkit.tables import Column, number, whole

# Shares of the better model's bits from which a difference gets the next darker shade.
_SHADES = (0.0, 0.01, 0.05, 0.2)


def differences(material: Material) -> Section | None:
    """Return the section with every model's difference to every other; None for a single model."""
    comparison, contestants = material.comparison, material.contestants
    if not comparison.pairs:
        return None
    head = [el("th", one.chip(), scope="col", aria_label=one.name) for one in contestants]
    rows = [
        el(
            "tr",
            el("th", one.label(), scope="row"),
            *(_cell(material, one.index, other.index) for other in contestants),
        )
        for one in contestants
    ]
    grid = el(
        "table",
        el("caption", "Bits a byte of the row’s model less those of the column’s", class_="unseen"),
        el("thead", el("tr", el("td"), *head)),
        el("tbody", *rows),
        class_="matrix",
    )
    box = el("div", grid, class_="scroll", tabindex="0", role="region",
             aria_label="Matrix of differences")  # fmt: skip
    body = joined(
        figure(
            box,
            caption="Bits a byte that the row’s model needs less (−, blue) or more (+, orange) "
            "than the column’s, on the same blocks of text, with the "
            f"{100 * comparison.level:g}% interval. Grey cells are ties: the paired t test, with "
            "Holm’s correction for the number of pairs, leaves them undecided.",
        ),
        _plans(material),
        numbers(_table(material), summary="All paired tests"),
    )
    pairs = comparison.to_dict()["pairs"]
    return Section("differences", "Differences", "Who is really better?", body, pairs)


def _cell(material: Material, row: int, column: int) -> Html:
    if row == column:
        return el("td", class_="cell self")
    pair = material.comparison.pair(min(row, column), max(row, column))
    sign = 1 if row < column else -1
    ends = sorted((sign * pair.low, sign * pair.high))
    between = None
    if math.isfinite(ends[0]):
        between = el("small", f"{signed(ends[0], 3)} to {signed(ends[1], 3)}")
    css = "tied" if pair.tied else _shade(material, pair, sign)
    return el("td", el("b", signed(sign * pair.difference, 4)), between, class_=f"cell {css}")


def _shade(material: Material, pair: Pair, sign: int) -> str:
    bits = material.contestants[pair.a].bits.value
    share = abs(pair.difference) / bits if math.isfinite(bits) else math.inf
    step = sum(share >= edge for edge in _SHADES)
    return f"d{4 + step}" if sign * pair.difference > 0 else f"d{4 - step}"


def _plans(material: Material) -> Html | None:
    """Return how much text would decide each pair that is tied."""
    tied = [pair for pair in material.comparison.pairs if pair.tied]
    if not tied:
        return None
    of = material.contestants
    said = [el("li", of[pair.a].chip(), " and ", of[pair.b].chip(), _plan(pair)) for pair in tied]
    return el("ul", *said, class_="plans")


def _plan(pair: Pair) -> str:
    if not math.isfinite(pair.more_text):
        return " cannot be told apart: on this text they are equal."
    return (
        f" cannot be told apart. If the difference is what it seems, about {pair.more_text:,.1f} "
        "times this much text would decide it."
    )


def _table(material: Material) -> Html:
    columns = [
        Column("pair", "pair", right=False),
        Column("difference", "bits/byte", lambda value: signed(value, 5)),
        Column("low", "from", lambda value: signed(value, 5)),
        Column("high", "to", lambda value: signed(value, 5)),
        Column("standard_error", "s.e.", number(5)),
        Column("p_value", "p", number(4)),
        Column("p_holm", "p (Holm)", number(4)),
        Column("verdict", "verdict", right=False),
        Column("more_text", "× text needed", number(1)),
        Column("blocks", "blocks", whole),
        Column("degrees", "d.f.", number(1)),
    ]
    of = material.contestants
    rows: list[dict[str, Any]] = [
        {
            **vars(pair),
            "pair": joined(of[pair.a].chip(), " − ", of[pair.b].chip()),
            "verdict": _verdict(pair, of[pair.a], of[pair.b]),
        }
        for pair in material.comparison.pairs
    ]
    return table(columns, rows, caption="Every two models, block by block")


def _verdict(pair: Pair, a: Contestant, b: Contestant) -> str:
    if pair.tied:
        return "tied"
    return f"{a.letter if pair.difference < 0 else b.letter} is better"
