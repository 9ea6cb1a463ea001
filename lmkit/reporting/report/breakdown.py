"""Report section on why the best model wins: bits by part of the text, words that differ most."""

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
from lmkit.tables import Column, number, whole
from lmkit.text.vocabulary import EOS

SPLITS = {
    "frequency": "by how often training has the word",
    "kind": "by who knows the word",
    "position": "by position in the sentence",
    "order": "by the n-gram order that matched in {a}",
}


def breakdown(material: Material) -> Section | None:
    """Return the section; None unless two models give all events a positive probability."""
    decompositions = _decompositions(material)
    if not decompositions:
        return None
    closest = decompositions[0]
    a, b = (material.contestants[index] for index in (closest.a, closest.b))
    parts = [part for split in closest.splits for part in split.parts]
    reach = max(abs(part.difference) for part in parts) or 1.0  # one scale for all panels
    panels = [_split(material, closest, split, reach) for split in closest.splits]
    body = joined(
        _bands(material, decompositions),
        el("h3", "Where ", a.label(), " gains on ", b.label()),
        figure(
            el("div", *panels, class_="grid2"),
            caption="The difference in thousandths of a bit a byte, split without remainder: the "
            f"bars of a panel sum to the whole difference. Left (blue) {a.letter} needs fewer "
            f"bits there, right (orange) {b.letter} does.",
        ),
        numbers(*(_split_table(material, closest, split) for split in closest.splits)),
        _extremes(closest, a, b),
    )
    data = [_data(material, one) for one in decompositions]
    return Section("why", "Why", "Why does it win?", body, data)


def _decompositions(material: Material) -> list[Decomposition]:
    """Decompose the difference of the best finite model from each other finite model.

    A model is finite if it gives no event probability 0.
    """
    finite = [one.index for one in material.contestants if not one.ledger.impossible]
    return [material.comparison.decompose(finite[0], other) for other in finite[1:]]


def _bands(material: Material, decompositions: Sequence[Decomposition]) -> Html | None:
    """Return the chart of each model's bits by frequency band; None without such a split."""
    splits = [split for one in decompositions for split in one.splits if split.by == "frequency"]
    if not splits:
        return None
    parts = splits[0].parts
    ranks = [decompositions[0].a, *(one.b for one in decompositions)]
    contestants = [material.contestants[index] for index in ranks]
    bits = [[part.bits_a for part in parts]]  # (models, bands)
    bits += [[part.bits_b for part in split.parts] for split in splits]
    size = material.comparison.summary.bytes
    each = [[value / part.items for value, part in zip(row, parts, strict=True)] for row in bits]
    shares = [[value / size for value in row] for row in bits]
    left, right = (Scale(0, 1.02 * max(map(max, rows))) for rows in (shares, each))
    rows = [
        el(
            "div",
            el("div", _band_name(part.label), el("small", f"{part.items:,} in the text")),
            _group(contestants, [row[index] for row in shares], left),
            _group(contestants, [row[index] for row in each], right),
            class_="bands",
        )
        for index, part in enumerate(parts)
    ]
    return joined(
        figure(
            legend(contestants),
            *rows,
            _axes(left, right),
            caption="Words by how often the training text has them. Left: what each band adds to "
            "the score, so that a model’s bars sum to its bits a byte. Right: what one word of "
            "the band costs. A band matters where its bars are long on the left.",
        ),
        numbers(_band_table(contestants, splits[0], shares, each)),
    )


def _band_name(label: str) -> str:
    """Return the name of a band of training counts.

    >>> _band_name("0"), _band_name("2–4"), _band_name("</s>")
    ('never seen', 'seen 2–4 times', 'sentence ends')
    """
    names = {"0": "never seen", "1": "seen once", EOS: "sentence ends"}
    return names.get(label, f"seen {label} times")


def _part_name(material: Material, of: Decomposition, split: Split, label: str) -> str:
    if split.by == "frequency":
        return _band_name(label)
    a, b = material.contestants[of.a].letter, material.contestants[of.b].letter
    return {"unknown to a": f"unknown to {a}", "unknown to b": f"unknown to {b}"}.get(label, label)


def _group(contestants: Sequence[Contestant], values: Sequence[float], scale: Scale) -> Html:
    """Return an SVG with one horizontal bar for each model."""
    bars = [
        el(
            "rect",
            el("title", f"{one.letter}: {value:.4f}"),
            class_=f"fill {one.css}",
            x="0",
            y=str(9 * row),
            height="7",
            width=percent(scale(value)),
        )
        for row, (one, value) in enumerate(zip(contestants, values, strict=True))
    ]
    height = str(9 * len(bars) - 2)
    return el("svg", *bars, class_="group", height=height, role="img",
              aria_label=", ".join(f"{one.letter} {value:.3f}" for one, value in
                                   zip(contestants, values, strict=True)))  # fmt: skip


def _axes(left: Scale, right: Scale) -> Html:
    return el(
        "div",
        el("span"),
        _axis(left, "bits a byte of the whole text"),
        _axis(right, "bits a word of the band"),
        class_="bands axis-row",
        aria_hidden="true",
    )


def _axis(scale: Scale, name: str) -> Html:
    ticks = [
        el("text", short(tick), class_="tick x", x=percent(scale(tick)), y="14")
        for tick in scale.ticks(4)
    ]
    return el("div", el("svg", *ticks, class_="strip-axis"), el("div", name, class_="x-name"))


def _band_table(
    contestants: Sequence[Contestant],
    split: Split,
    shares: Sequence[Sequence[float]],
    each: Sequence[Sequence[float]],
) -> Html:
    columns = [
        Column("label", "words", _band_name, right=False),
        Column("items", "in the text", whole),
    ]
    for one in contestants:
        columns.append(Column(f"{one.letter} share", f"{one.letter}, bits/byte", number(4)))
        columns.append(Column(f"{one.letter} each", f"{one.letter}, bits/word", number(3)))
    rows: list[dict[str, Any]] = []
    for index, part in enumerate(split.parts):
        row: dict[str, Any] = {"label": part.label, "items": part.items}
        for one, share, of in zip(contestants, shares, each, strict=True):
            row[f"{one.letter} share"], row[f"{one.letter} each"] = share[index], of[index]
        rows.append(row)
    return table(columns, rows, caption="Bits by frequency in training")


def _split(material: Material, of: Decomposition, split: Split, reach: float) -> Html:
    """Return a panel of diverging bars, one for each part of the split."""
    size = material.comparison.summary.bytes
    rows = [
        el(
            "tr",
            el("th", _part_name(material, of, split, part.label), scope="row"),
            el("td", _diverging(part.difference, reach)),
            el("td", signed(1000 * part.difference / size, 2), class_="n"),
        )
        for part in split.parts
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
    rows = [
        {
            **vars(part),
            "label": _part_name(material, of, split, part.label),
            "difference": part.difference,
        }
        for part in split.parts
    ]
    title = SPLITS.get(split.by, split.by).format(a=a)
    return table(columns, rows, caption=f"Bits {title}")


def _extremes(of: Decomposition, a: Contestant, b: Contestant) -> Html | None:
    """Return the words and sentences on which each model gains most; None if there are none."""
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
        caption="The words, summed over all their occurrences, and the sentences on which "
        "the two models differ most; the number is how many bits fewer the model needs.",
    )


def _words(tokens: Sequence[TokenDifference]) -> Html | None:
    if not tokens:
        return None
    items = [
        el(
            "li",
            el(
                "span",
                "↵" if one.token == EOS else one.token,
                class_="token",
                translate="no",
                lang="",
                dir="auto",
            ),
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
