"""The picture of a training run: perplexity in training and validation against readings."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lmkit.reporting.zipf.plot import COLOURS, check_format
from lmkit.storage import write_atomically

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FORMATS = ("png", "svg", "pdf")


def write_curve_plot(
    history: Mapping[str, Any], path: str | Path, *, tokens: int, title: str = ""
) -> None:
    """Write the learning curve of a neural model to a file.

    `history` is its ``history_``: lists ``tokens``, ``train`` and ``valid`` (nats a token) and the
    index ``best``. `tokens` is how many the training text has. Perplexity is drawn on a logarithmic
    scale, and a ring marks the weights that were kept.

    Raises ParameterError where the file's name does not end in ``.png``, ``.svg`` or ``.pdf``.
    """
    path = Path(path)
    kind = check_format(path, FORMATS)
    import matplotlib as mpl
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    with mpl.rc_context({"font.size": 8, "svg.hashsalt": "lmkit"}):
        figure = Figure(figsize=(5.2, 3.4), layout="constrained")
        axes = figure.subplots()
        _draw_curves(axes, history, tokens)
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(10, subs=(1, 1.5, 2, 3, 5, 7)))
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.set_xlabel("readings of the training text")
        axes.set_ylabel("perplexity")
        axes.set_xlim(left=0)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", alpha=0.25, lw=0.5)
        axes.legend(frameon=False)
        if title:
            axes.set_title(title, fontsize=9)
        metadata = {"Date": None} if kind == "svg" else {}
        out = io.BytesIO()
        figure.savefig(out, format=kind, dpi=200, metadata=metadata or None)
    write_atomically(path, out.getvalue())


def _draw_curves(axes: Axes, history: Mapping[str, Any], tokens: int) -> None:
    """Draw what was measured in training and validation, and the weights that were kept."""
    readings = np.asarray(history["tokens"], np.float64) / tokens
    for name, label, colour, mark in (
        ("train", "training", COLOURS[0], "o"),
        ("valid", "validation", COLOURS[1], "s"),
    ):
        if history[name]:
            values = np.exp(np.minimum(history[name], 700))
            style: dict[str, Any] = {"color": colour, "marker": mark, "markersize": 3, "lw": 1.2}
            axes.plot(readings, values, label=label, **style)
    if history["valid"]:
        best = history["best"]
        value = math.exp(min(history["valid"][best], 700))
        ring: dict[str, Any] = {"mfc": "none", "mec": "black", "markersize": 8, "zorder": 3}
        axes.plot(readings[best], value, "o", label=f"kept: {value:,.2f}", **ring)
