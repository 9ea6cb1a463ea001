"""Training curves: how the networks learned, epoch by epoch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from lmkit.reporting.report.drawing import Axis, Series, around, plot
from lmkit.reporting.report.markup import Html, el, joined, numbers, table
from lmkit.reporting.report.material import Contestant, Material, Section, figure
from lmkit.reporting.tables import Column, number, whole


def training(material: Material) -> Section | None:
    """Return the section with the training curve of every model that has one."""
    trained = [(one, history) for one in material.contestants if (history := _history(one))]
    if not trained:
        return None
    body = joined(
        figure(
            el("div", *(_training_plot(one, history) for one, history in trained), class_="grid2"),
            caption="Bits a token by epoch, on the training text (thin) and on the validation "
            "text (thick): where the two part, the network learns its text by heart. Each panel "
            "has its own scale, as tokens differ.",
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
    epochs = [float(place + 1) for place in range(len(train))]
    series = [Series("training", f"{one.css} thin", epochs, train, dots=True)]
    if valid:
        series.append(Series("validation", one.css, epochs[: len(valid)], valid, dots=True))
    x = Axis(around([*epochs, 0.8], room=0.03), "epoch", ticks=min(len(epochs), 6), whole=True)
    y = Axis(around([*train, *valid], room=0.1), f"bits a {one.ledger.unit}")
    return el(
        "div",
        el("h3", one.label()),
        plot(x, y, series, label=f"Training curve of {one.name}"),
    )


def _training_table(one: Contestant, history: dict[str, Any]) -> Html:
    train, valid = _in_bits(history["train"]), _in_bits(history.get("valid") or [])
    columns = [
        Column("epoch", "epoch", whole),
        Column("train", "training", number(4)),
        Column("valid", "validation", number(4)),
    ]
    rows = [
        {"epoch": place + 1, "train": bits, "valid": valid[place] if place < len(valid) else None}
        for place, bits in enumerate(train)
    ]
    best = history.get("best_epoch")
    kept = f"; the weights of epoch {best} were kept" if best else ""
    return table(columns, rows, caption=f"{one.name}: bits a {one.ledger.unit} by epoch{kept}")


def _in_bits(nats: Sequence[float]) -> list[float]:
    return [value / math.log(2) for value in nats]
