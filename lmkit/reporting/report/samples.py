"""What each model writes by itself."""

from __future__ import annotations

from lmkit.errors import LmkitError
from lmkit.reporting.report.markup import Html, el
from lmkit.reporting.report.material import Contestant, Material, Section, figure

TOKENS = {"word": 45, "char": 240, "byte": 240}


def samples(material: Material) -> Section | None:
    """Return the section with text drawn from every fitted model."""
    drawn = [(one, _sample(one, material.seed)) for one in material.contestants if one.model]
    if not drawn:
        return None
    body = figure(
        el("div", *(_card(one, text) for one, text in drawn), class_="grid2"),
        caption="Text drawn word by word (or character by character) from each model’s own "
        f"distribution, at temperature 1 with seed {material.seed}: what a model has not learned "
        "shows here. Words outside the vocabulary cannot be drawn.",
    )
    data = {one.letter: text for one, text in drawn}
    return Section("samples", "Samples", "What the models write", body, data)


def _sample(one: Contestant, seed: int) -> str:
    assert one.model is not None
    try:
        return one.model.generate(tokens=TOKENS.get(one.ledger.unit, 45), seed=seed).strip()
    except LmkitError as error:
        return f"({error})"


def _card(one: Contestant, text: str) -> Html:
    return el(
        "article",
        el("h3", one.label()),
        el("blockquote", text or "(nothing)", translate="no", lang="", dir="auto"),
        class_="sample",
    )
