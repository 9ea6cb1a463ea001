"""Calibration: what the models expected against what came."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from lmkit.evaluation.calibration import Bin, Calibration
from lmkit.reporting.report.drawing import Axis, Scale, Series, around, plot
from lmkit.reporting.report.markup import Html, el, joined, numbers, table
from lmkit.reporting.report.material import Contestant, Material, Section, figure, legend
from lmkit.tables import Column, number, whole


def calibration(material: Material) -> Section | None:
    """Return the section with two reliability diagrams; None where nothing was calibrated."""
    calibrated = [
        (material.contestants[one.model], one) for one in material.comparison.calibrations
    ]
    if not calibrated:
        return None
    guess = _panel(calibrated, lambda one: one.top_guess, Scale(0, 1),
                   "probability of the top guess", "how often it was right")  # fmt: skip
    ends = [end for _, one in calibrated for b in one.entropy for end in (b.expected, b.observed)]
    bits = _panel(calibrated, lambda one: one.entropy, around([0.0, *ends], room=0.03),
                  "entropy of the prediction, bits", "surprisal, bits")  # fmt: skip
    events = max(one.events for _, one in calibrated)
    body = joined(
        figure(
            legend([one for one, _ in calibrated]),
            el("div", guess, bits, class_="grid2"),
            caption="Each dot is a tenth of a model’s predictions, of words or characters as its "
            f"unit is ({events:,} of them, sampled), sorted by how sure it was. On the grey "
            "diagonal a model knows what it knows; left, a dot below it is overconfidence; right, "
            "a dot above it is: the model was more surprised than it expected to be.",
        ),
        numbers(_summary(calibrated), *(_bins(one, of) for one, of in calibrated)),
    )
    data = [{**asdict(of), "model": one.letter} for one, of in calibrated]
    return Section("calibration", "Calibration", "Do they know what they know?", body, data)


def _panel(
    calibrated: Sequence[tuple[Contestant, Calibration]],
    bins: Callable[[Calibration], Sequence[Bin]],
    scale: Scale,
    x_name: str,
    y_name: str,
) -> Html:
    ends = [scale.low, scale.high]
    series = [Series("", "ideal", ends, ends)]
    series += [
        Series(
            one.name,
            one.css,
            [b.expected for b in bins(of)],
            [b.observed for b in bins(of)],
            mark=one.letter,
            dots=True,
        )
        for one, of in calibrated
    ]
    return plot(Axis(scale, x_name), Axis(scale, y_name), series, label=f"{y_name} by {x_name}")


def _summary(calibrated: Sequence[tuple[Contestant, Calibration]]) -> Html:
    columns = [
        Column("label", "model", right=False),
        Column("accuracy", "top guess right", number(4)),
        Column("confidence", "its mean probability", number(4)),
        Column("error", "calibration error", number(4)),
        Column("mean_entropy", "mean entropy, bits", number(3)),
        Column("mean_surprisal", "mean surprisal, bits", number(3)),
        Column("events", "events sampled", whole),
    ]
    rows: list[dict[str, Any]] = [{**vars(of), "label": one.label()} for one, of in calibrated]
    return table(columns, rows, caption="Calibration of each model")


def _bins(one: Contestant, of: Calibration) -> Html:
    columns = [
        Column("kind", "by", right=False),
        Column("expected", "expected", number(4)),
        Column("observed", "observed", number(4)),
        Column("events", "events", whole),
    ]
    rows = [{**vars(b), "kind": "top guess"} for b in of.top_guess]
    rows += [{**vars(b), "kind": "entropy, bits"} for b in of.entropy]
    return table(columns, rows, caption=f"{one.letter}, {one.name}: tenths of the predictions")
