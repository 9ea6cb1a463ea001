"""Surprisal text: a passage coloured by how surprised a model was, word by word."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmkit.reporting.report.markup import Html, el, joined, numbers, table, text
from lmkit.reporting.report.material import Contestant, Material, Section, figure
from lmkit.reporting.report.passages import Cells, cells_of, typical
from lmkit.tables import Column, number, whole
from lmkit.text.unspaced import space_between
from lmkit.text.vocabulary import EOS

WORDS = 450
STEP = 2  # bits for each shade: four times less probable
SHADES = 9
# Differences in bits that part the shades of the two-model view; it is symmetrical.
CUTS = (0.25, 1.0, 2.0, 4.0)


def surprisal_text(material: Material) -> Section:
    """Return the section of a passage with every word's bits under every model."""
    cells = cells_of(material.comparison.ledgers, material.comparison.items)
    first, last = typical(cells, words=WORDS)
    tokens = cells.items.tokens[first:last]
    bits, oov = cells.bits[:, first:last], cells.oov[:, first:last]
    body = joined(
        _controls(material.contestants),
        el(
            "div",
            figure(
                _legends(),
                _passage(tokens, bits[0], oov[0], cells.normalize),
                caption=_caption(cells, first, last),
            ),
            _readout(material.contestants),
            class_="reading",
        ),
        numbers(_table(material.contestants, tokens, bits), summary="Every word's bits"),
    )
    data: dict[str, Any] = {
        "first_word": first,
        "tokens": tokens,
        "bits": {
            one.letter: [round(value, 2) for value in row.tolist()]
            for one, row in zip(material.contestants, bits, strict=True)
        },
        "oov": {
            one.letter: np.flatnonzero(row).tolist()
            for one, row in zip(material.contestants, oov, strict=True)
        },
        "step": STEP,
        "cuts": CUTS,
    }
    return Section("text", "Text", "The text, word by word", body, data)


def shade(bits: float) -> str:
    """Return the class of a surprisal: one shade darker for each two bits."""
    if not math.isfinite(bits):
        return f"s{SHADES - 1}"
    return f"s{min(int(bits // STEP), SHADES - 1)}"


def _caption(cells: Cells, first: int, last: int) -> str:
    shown, all_of = last - first, len(cells.items)
    what = (
        "The whole text."
        if shown == all_of
        else f"A sample: {shown:,} of {all_of:,} words and sentence ends, the run of sentences "
        "whose bits a word come closest to those of the whole text."
    )
    return (
        f"{what} The stronger a word’s colour, the more it surprised the model; a dotted line "
        "marks words it does not know. A word is charged with the space before it, ↵ is the "
        "sentence end. Point at a word, or move with the arrow keys, to read the numbers."
    )


def _controls(contestants: Sequence[Contestant]) -> Html:
    names = [(one.letter, f"{one.letter}  {one.name}") for one in contestants]
    shown = [el("option", name, value=value) for value, name in names]
    against = [el("option", "nothing", value=""), *shown]
    return el(
        "form",
        el("label", "Colour by ", el("select", *shown, id="show")),
        el("label", "compared with ", el("select", *against, id="against")),
        class_="controls needs-script",
        autocomplete="off",
    )


def _legends() -> Html:
    one = [
        el("span", f"{index * STEP}" + ("+" if index == SHADES - 1 else ""), class_=f"s{index}")
        for index in range(SHADES)
    ]
    edges = [f"−{cut:g}" for cut in reversed(CUTS)] + ["0"] + [f"+{cut:g}" for cut in CUTS]
    two = [el("span", edge, class_=f"d{index}") for index, edge in enumerate(edges)]
    return joined(
        el("p", "bits ", el("span", *one, class_="ramp"), class_="scale", id="one-scale"),
        el(
            "p",
            el("span", "fewer bits", id="fewer"),
            el("span", *two, class_="ramp"),
            el("span", "more bits", id="more"),
            class_="scale",
            id="two-scale",
            hidden=True,
        ),
    )


def _passage(
    tokens: Sequence[str], bits: NDArray[np.float64], oov: NDArray[np.bool_], normalize: str
) -> Html:
    pieces: list[str] = []
    cells = zip(tokens, [*tokens[1:], EOS], bits.tolist(), oov.tolist(), strict=True)
    for token, after, value, unknown in cells:
        css = shade(value) + (" o" if unknown else "")
        if token == EOS:
            pieces.append(f'<i class="{css}">↵</i>\n')
        else:
            gap = " " if after == EOS else space_between(token, after, normalize)
            pieces.append(f'<i class="{css}">{text(token)}</i>{gap}')
    return el(
        "div",
        Html("".join(pieces)),
        class_="passage",
        id="passage",
        tabindex="0",
        role="group",
        aria_label="Passage coloured by surprisal; arrow keys move from word to word",
        translate="no",
        lang="",
    )


def _readout(contestants: Sequence[Contestant]) -> Html:
    rows = [
        el(
            "tr",
            el("th", one.chip(), scope="row"),
            el("td", el("span", class_=f"bar {one.css}"), class_="gauge"),
            el("td", class_="n bits"),
            el("td", class_="n odds"),
        )
        for one in contestants
    ]
    head = el(
        "tr",
        el("th", "model", scope="col"),
        el("th", el("span", "surprisal", class_="unseen"), scope="col"),
        el("th", "bits", scope="col", class_="n"),
        el("th", "one in", scope="col", class_="n"),
    )
    return el(
        "aside",
        el("p", "Choose a word", id="word", translate="no", lang="", dir="auto"),
        el("table", el("caption", "Surprisal of the chosen word", class_="unseen"),
           el("thead", head), el("tbody", *rows, id="readings")),
        class_="readout needs-script",
        aria_live="polite",
        aria_label="The chosen word",
    )  # fmt: skip


def _table(
    contestants: Sequence[Contestant], tokens: Sequence[str], bits: NDArray[np.float64]
) -> Html:
    columns = [Column("index", "", whole), Column("token", "word", right=False)]
    columns += [Column(one.letter, one.letter, number(2)) for one in contestants]
    rows = (
        {"index": index + 1, "token": token}
        | {one.letter: row[index] for one, row in zip(contestants, bits, strict=True)}
        for index, token in enumerate(tokens)
    )
    return table(columns, rows, caption="Bits for each word of the passage", class_="long")
