"""Training curves: how the networks learned as they read their text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from lmkit.reporting.report.drawing import Axis, Series, around, plot
from lmkit.reporting.report.markup import Html, el, joined, numbers, table
from lmkit.reporting.report.material import Contestant, Material, Section, figure
from lmkit.tables import Column, number


def training(material: Material) -> Section | None:
    """Return the section with the training curve of every model that has one."""
    trained = [(one, history) for one in material.contestants if (history := _history(one))]
    if not trained:
        return None
    body = joined(
        figure(
            el("div", *(_training_plot(one, history) for one, history in trained), class_="grid2"),
            caption="Bits a token by readings of the training text, on that text (thin) and on the "
            "validation text (thick): where the two part, the network learns its text by heart. "
            "Each panel has its own scale, as tokens differ.",
        ),
        numbers(*(_training_table(one, history) for one, history in trained)),
    )
    data = {one.letter: history for one, history in trained}
    return Section("training", "Training", "How the networks trained", body, data)


def _history(one: Contestant) -> dict[str, Any] | None:
    described = one.model.describe() if one.model is not None else {}
    history: dict[str, Any] = described.get("learning_curve", {})
    return history if history.get("train") else None


def _training_plot(one: Contestant, history: dict[str, Any]) -> Html:
    train, valid = _in_bits(history["train"]), _in_bits(history.get("valid") or [])
    read = _readings(one, history)
    series = [Series("training", f"{one.css} thin", read, train, dots=True)]
    if valid:
        series.append(Series("validation", one.css, read, valid, dots=True))
    x = Axis(around([0.0, *read], room=0.03), "readings")
    y = Axis(around([*train, *valid], room=0.1), f"bits a {one.ledger.unit}")
    return el(
        "div",
        el("h3", one.label()),
        plot(x, y, series, label=f"Training curve of {one.name}"),
    )


def _readings(one: Contestant, history: dict[str, Any]) -> list[float]:
    """Return how often the training text had been read at each point of the curve."""
    assert one.model is not None
    size = int(one.model.vocabulary_.counts.sum())
    return [tokens / size for tokens in history["tokens"]]


def _training_table(one: Contestant, history: dict[str, Any]) -> Html:
    train, valid = _in_bits(history["train"]), _in_bits(history.get("valid") or [])
    columns = [
        Column("readings", "readings", number(2)),
        Column("train", "training", number(4)),
        Column("valid", "validation", number(4)),
    ]
    read = _readings(one, history)
    rows = [
        {"readings": times, "train": bits, "valid": valid[index] if valid else None}
        for index, (times, bits) in enumerate(zip(read, train, strict=True))
    ]
    kept = f"; the weights of {read[history['best']]:.2f} readings were kept" if valid else ""
    caption = f"{one.name}: bits a {one.ledger.unit} by readings of the training text{kept}"
    return table(columns, rows, caption=caption)


def _in_bits(nats: Sequence[float]) -> list[float]:
    return [value / math.log(2) for value in nats]
