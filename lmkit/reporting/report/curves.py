"""Curves: how the networks trained, and how the words of the text are distributed."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmkit.reporting.report.drawing import Axis, Series, around, plot
from lmkit.reporting.report.markup import Html, el, joined, numbers, table
from lmkit.reporting.report.material import Contestant, Material, Section, figure
from lmkit.reporting.tables import Column, number, whole

POINTS = 120  # ranks drawn of a Zipf curve, evenly on the log scale


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
    history = getattr(one.model, "history_", None)
    return history if isinstance(history, dict) and history.get("train") else None


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


def zipf(material: Material) -> Section | None:
    """Return the section with the rank-frequency curve of the text and of the training text."""
    ledger = material.best.ledger
    counts = np.array(sorted(Counter(ledger.text.canonical().split()).values(), reverse=True))
    if len(counts) < 3:
        return None
    curves = {"this text": counts}
    word = next(
        (one for one in material.contestants if one.model and one.ledger.unit == "word"), None
    )
    if word is not None and word.model is not None:
        learned = np.sort(word.model.vocabulary_.counts[2:])[::-1]
        learned = learned[learned > 0]
        if len(learned) > 2:
            curves["training text"] = learned
    thinned = {name: _thinned(values) for name, values in curves.items()}
    series = [
        Series(name, f"z{place}", xs, ys, line=False, dots=True)
        for place, (name, (xs, ys)) in enumerate(thinned.items())
    ]
    every = [value for xs, ys in thinned.values() for value in ys]
    longest = max(len(values) for values in curves.values())
    x = Axis(around([1.0, float(longest)], log=True, room=0.02), "rank of the word")
    y = Axis(around(every, log=True, room=0.04), "share of all words")
    names = [el("span", name, class_=f"key z{place}") for place, name in enumerate(curves)]
    body = joined(
        figure(
            el("p", *names, class_="legend"),
            plot(x, y, series, label="Share of all words against rank, both on log scales"),
            caption=_zipf_caption(counts),
        ),
        numbers(*(_zipf_table(name, values) for name, values in curves.items())),
    )
    data = {name: {"rank": xs, "share": ys} for name, (xs, ys) in thinned.items()}
    return Section("zipf", "Zipf", "Zipf’s law in the text", body, data)


def _zipf_caption(counts: NDArray[np.int64]) -> str:
    tokens, types = int(counts.sum()), len(counts)
    once = int(np.count_nonzero(counts == 1))
    return (
        f"Each dot is a word form: the text has {types:,} of them in {tokens:,} words, and "
        f"{100 * once / types:.0f}% occur once. Both axes are logarithmic; a straight line going "
        "down one decade a decade is Zipf’s law, and the long tail of rare words is what makes "
        "prediction hard."
    )


def _thinned(counts: NDArray[np.int64]) -> tuple[list[float], list[float]]:
    """Return ranks, spread evenly on the log scale, and the share of the word at each."""
    ranks = np.unique(np.geomspace(1, len(counts), POINTS).round().astype(np.int64))
    share = counts[ranks - 1] / counts.sum()
    return [float(rank) for rank in ranks], [float(f"{value:.4g}") for value in share]


def _zipf_table(name: str, counts: NDArray[np.int64]) -> Html:
    columns = [
        Column("rank", "rank", whole),
        Column("count", "count", whole),
        Column("share", "% of words", number(4)),
    ]
    ranks = sorted({min(m * 10**p, len(counts)) for p in range(6) for m in (1, 2, 5)})
    rows = [
        {
            "rank": rank,
            "count": int(counts[rank - 1]),
            "share": 100 * float(counts[rank - 1] / counts.sum()),
        }
        for rank in ranks
    ]
    return table(columns, rows, caption=f"Rank and frequency: {name}")
