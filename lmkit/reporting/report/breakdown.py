"""Why the best model wins: bits by part of the text, and the places where two differ most."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lmkit.evaluation.decomposition import (
    Decomposition,
    SentenceDifference,
    Split,
    TokenDifference,
)
from lmkit.reporting.report.drawing import Scale, short
from lmkit.reporting.report.markup import Html, el, joined, numbers, percent, signed, table
from lmkit.reporting.report.material import Contestant, Material, Section, figure, legend
from lmkit.reporting.tables import Column, number, whole

SPLITS = {
    "frequency": "by how often training has the word",
    "kind": "by kind",
    "position": "by place in the sentence",
    "order": "by the n-gram order that matched in {a}",
}


def breakdown(material: Material) -> Section | None:
    """Return the section that splits bits by part; None without a decomposition."""
    if not material.decompositions:
        return None
    closest = material.decompositions[0]
    a, b = (material.contestants[place] for place in (closest.a, closest.b))
    body = joined(
        _bands(material),
        el("h3", "Where ", a.label(), " gains on ", b.label()),
        figure(
            el("div", *(_split(material, closest, split) for split in closest.splits),
               class_="grid2"),
            caption="The difference in thousandths of a bit a byte, split without remainder: the "
            f"bars of a panel sum to the whole difference. Left (blue) {a.letter} needs fewer "
            f"bits there, right (orange) {b.letter} does.",
        ),
        numbers(*(_split_table(material, closest, split) for split in closest.splits)),
        _extremes(closest, a, b),
    )  # fmt: skip
    data = [_data(material, one) for one in material.decompositions]
    return Section("why", "Why", "Why does it win?", body, data)


def _bands(material: Material) -> Html | None:
    """Return the chart of every model's bits by frequency band."""
    by_model = _bits_by_band(material)
    if by_model is None:
        return None
    split, bits = by_model
    size = material.comparison.summary.bytes
    total = Scale(0, max(value / size for row in bits for value in row) * 1.02)
    each = Scale(
        0,
        max(
            value / part.items
            for row in bits
            for value, part in zip(row, split.parts, strict=True)
            if part.items
        )
        * 1.02,
    )
    rows = [
        el(
            "div",
            el("div", _band_name(part.label), el("small", f"{part.items:,} in the text")),
            _group(material, [row[place] / size for row in bits], total),
            _group(material, [row[place] / max(part.items, 1) for row in bits], each),
            class_="bands",
        )
        for place, part in enumerate(split.parts)
    ]
    axes = el(
        "div",
        el("span"),
        _axis(total, "bits a byte of the whole text"),
        _axis(each, "bits a word of the band"),
        class_="bands axis-row",
        aria_hidden="true",
    )
    return joined(
        figure(
            legend(material.contestants),
            *rows,
            axes,
            caption="Words by how often the training text has them. Left: what each band adds to "
            "the score, so that a model’s bars sum to its bits a byte. Right: what one word of "
            "the band costs. Rare words are hard for all; frequent ones are where a better "
            "context pays.",
        ),
        numbers(_band_table(material, split, bits)),
    )


def _bits_by_band(material: Material) -> tuple[Split, list[list[float]]] | None:
    splits = [
        next((split for split in one.splits if split.by == "frequency"), None)
        for one in material.decompositions
    ]
    found = [split for split in splits if split is not None]
    if len(found) < len(material.contestants) - 1:
        return None
    rows = [[part.bits_a for part in found[0].parts]]
    rows += [[part.bits_b for part in split.parts] for split in found]
    return found[0], rows


def _band_name(label: str) -> str:
    """Return a range of training counts in words; other labels as they are.

    >>> _band_name("0"), _band_name("2-4"), _band_name("sentence ends")
    ('never seen', 'seen 2–4 times', 'sentence ends')
    """
    if not label[:1].isdigit():
        return label
    return {"0": "never seen", "1": "seen once"}.get(label, f"seen {_dashed(label)} times")


def _part_name(split: Split, label: str) -> str:
    return _band_name(label) if split.by == "frequency" else _dashed(label)


def _dashed(label: str) -> str:
    return label.replace("-", "–") if label[:1].isdigit() else label


def _group(material: Material, values: Sequence[float], scale: Scale) -> Html:
    """Return one bar for each model, one under the other."""
    bars = []
    for one, value in zip(material.contestants, values, strict=True):
        bars.append(
            el(
                "rect",
                el("title", f"{one.letter}: {value:.4f}"),
                class_=f"fill {one.css}",
                x="0",
                y=str(9 * one.place),
                height="7",
                width=percent(max(min(scale(value), 100), 0)),
            )
        )
    height = str(9 * len(bars) - 2)
    return el("svg", *bars, class_="group", height=height, role="img",
              aria_label=", ".join(f"{one.letter} {value:.3f}" for one, value in
                                   zip(material.contestants, values, strict=True)))  # fmt: skip


def _axis(scale: Scale, name: str) -> Html:
    ticks = [
        el("text", short(tick), class_="tick x", x=percent(scale(tick)), y="14")
        for tick in scale.ticks(4)
    ]
    return el("div", el("svg", *ticks, class_="strip-axis"), el("div", name, class_="x-name"))


def _band_table(material: Material, split: Split, bits: Sequence[Sequence[float]]) -> Html:
    columns = [
        Column("label", "words", _band_name, right=False),
        Column("items", "in the text", whole),
    ]
    for one in material.contestants:
        columns.append(Column(f"{one.letter}a", f"{one.letter}, bits/byte", number(4)))
        columns.append(Column(f"{one.letter}w", f"{one.letter}, bits/word", number(3)))
    size = material.comparison.summary.bytes
    rows: list[dict[str, Any]] = []
    for place, part in enumerate(split.parts):
        row: dict[str, Any] = {"label": part.label, "items": part.items}
        for one, of in zip(material.contestants, bits, strict=True):
            row[f"{one.letter}a"] = of[place] / size
            row[f"{one.letter}w"] = of[place] / part.items if part.items else None
        rows.append(row)
    return table(columns, rows, caption="Bits by frequency in training")


def _split(material: Material, of: Decomposition, split: Split) -> Html:
    """Return one panel of bars to the left and right of zero."""
    size = material.comparison.summary.bytes
    values = [1000 * part.difference / size for part in split.parts]
    reach = max(abs(value) for value in values) or 1.0
    rows = [
        el(
            "tr",
            el("th", _part_name(split, part.label), scope="row"),
            el("td", _diverging(value, reach), class_="diverging"),
            el("td", signed(value, 2), class_="n"),
        )
        for part, value in zip(split.parts, values, strict=True)
    ]
    title = SPLITS.get(split.by, split.by).format(a=material.contestants[of.a].letter)
    return el("table", el("caption", title), el("tbody", *rows), class_="panel")


def _diverging(value: float, reach: float) -> Html:
    width = 50 * abs(value) / reach
    x = 50 - width if value < 0 else 50.0
    return el(
        "svg",
        el("rect", class_="better" if value < 0 else "worse", x=percent(x), y="3",
           width=percent(width), height="11"),
        el("line", class_="axis", x1="50%", x2="50%", y1="0", y2="100%"),
        height="17",
        width="100%",
        aria_hidden="true",
    )  # fmt: skip


def _split_table(material: Material, of: Decomposition, split: Split) -> Html:
    a, b = material.contestants[of.a].letter, material.contestants[of.b].letter
    columns = [
        Column("label", "part", right=False),
        Column("items", "words and ends", whole),
        Column("bits_a", f"{a}, bits", number(1)),
        Column("bits_b", f"{b}, bits", number(1)),
        Column("difference", f"{a} − {b}, bits", lambda value: signed(value, 1)),
    ]
    rows = [{**vars(part), "difference": part.difference} for part in split.parts]
    title = SPLITS.get(split.by, split.by).format(a=a)
    return table(columns, rows, caption=f"Bits {title}")


def _extremes(of: Decomposition, a: Contestant, b: Contestant) -> Html | None:
    """Return the words and sentences with the largest gains of either model."""
    lists = [
        (a, b, of.tokens_a, of.sentences_a),
        (b, a, of.tokens_b, of.sentences_b),
    ]
    cards = [
        el(
            "article",
            el("h4", one.chip(), " gains most on ", other.chip()),
            _words(tokens),
            _sentences(sentences),
            class_="sample",
        )
        for one, other, tokens, sentences in lists
        if tokens or sentences
    ]
    if not cards:
        return None
    return figure(
        el("div", *cards, class_="grid2"),
        caption="The words, summed over all places where they occur, and the sentences on which "
        "the two models differ most; the number is how many bits fewer the model needs.",
    )


def _words(tokens: Sequence[TokenDifference]) -> Html | None:
    if not tokens:
        return None
    items = [
        el(
            "li",
            el("span", one.token, class_="token", translate="no", lang="", dir="auto"),
            el("small", f" {one.count:,}×, {abs(one.difference):,.0f} bits"),
        )
        for one in tokens
    ]
    return el("ul", *items, class_="tokens")


def _sentences(sentences: Sequence[SentenceDifference]) -> Html | None:
    if not sentences:
        return None
    items = [
        el(
            "li",
            el("b", f"{abs(one.difference):,.1f} ", class_="n"),
            el("span", one.text, translate="no", lang="", dir="auto"),
        )
        for one in sentences
    ]
    return el("ol", *items, class_="sentences")


def _data(material: Material, of: Decomposition) -> dict[str, Any]:
    letters = material.contestants[of.a].letter, material.contestants[of.b].letter
    return {
        "a": letters[0],
        "b": letters[1],
        "bits_a": of.bits_a,
        "bits_b": of.bits_b,
        "splits": {split.by: [vars(part) for part in split.parts] for split in of.splits},
    }
