"""The Zipf figure: rank-frequency curve and frequency spectrum of each n-gram order, with fits.

Left, relative frequency in one random half of the tokens against rank in the other, with the
Zipf-Mandelbrot fit. Right, the share of types with at least a frequency, with the power law fitted
to the tail from x_min on. Below each, the ratio of observed to fitted values. The palette is that
of Okabe & Ito (2008), safe for colour-blind readers; markers differ too.
"""

from __future__ import annotations

import html
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lmkit import __version__
from lmkit.errors import CorpusError, ParameterError
from lmkit.storage import write_atomically
from lmkit.tables import Column, html_table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lmkit.statistics.zipf import OrderReport, ZipfReport

FORMATS = ("png", "svg", "pdf", "html")
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_MARKS = ("o", "^", "s", "D", "v", "P")
_STYLE: Any = {
    "font.size": 8,
    "axes.titlesize": 9,
    "axes.labelsize": 8,
    "legend.fontsize": 7,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.hashsalt": "lmkit",  # makes SVG files reproducible
}
_UNITS = {"word": "words", "char": "characters", "byte": "bytes"}
_EDGES = (0.4, 2.5)  # axis limits of observed / fitted
_WIDTH, _HEIGHT = 6.7, 4.2  # inches, per report; the text width of a page


def write_zipf_plot(reports: Sequence[ZipfReport], path: str | Path) -> None:
    """Write the figure of one or more reports to a file.

    The suffix selects the format: ``.png`` (300 dpi), ``.svg``, ``.pdf``, or ``.html``, a
    self-contained page with the figure and a table of the numbers.

    Raises ParameterError for another suffix, CorpusError if no order has ranks to draw.
    """
    path = Path(path)
    kind = check_format(path)
    if kind == "html":
        write_atomically(path, _page(reports).encode())
    else:
        write_atomically(path, _render(reports, kind))


def check_format(path: Path, formats: Sequence[str] = FORMATS) -> str:
    """Return the format given by the path's suffix; ParameterError if it is not in `formats`."""
    kind = path.suffix.lower().removeprefix(".")
    if kind not in formats:
        raise ParameterError(
            f"{path}: a picture cannot be written as {path.suffix!r}; "
            f"choose from {', '.join('.' + known for known in formats)}"
        )
    return kind


def zipf_figure(reports: Sequence[ZipfReport]) -> Figure:
    """Return a matplotlib figure with 2 by 2 panels for each report, one group below the other.

    Raises CorpusError if no order of any report has ranks to draw.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    if not any(order.halves for report in reports for order in report.orders):
        raise CorpusError("the text is too short to draw; give more text")
    with rc_context(_STYLE):
        figure = Figure(figsize=(_WIDTH, _HEIGHT * len(reports)), layout="constrained")
        parts: Any = figure.subfigures(len(reports), 1, squeeze=False)
        for part, report in zip(parts[:, 0], reports, strict=True):
            tokens = report.orders[0].spectrum.tokens
            part.suptitle(f"{report.summary.name}: {tokens:,} {_UNITS[report.unit]}", fontsize=10)
            axes = part.subplots(2, 2, sharex="col", height_ratios=(3, 1))
            _draw_ranks(axes[0, 0], axes[1, 0], report)
            _draw_spectra(axes[0, 1], axes[1, 1], report)
    return figure


def _draw_ranks(top: Axes, bottom: Axes, report: ZipfReport) -> None:
    for order in report.orders:
        if order.halves is None:
            continue
        rank, share = order.halves.binned().curve()
        top.plot(rank, share, **_marks(order), label=_name(order, report.unit))
        fit = order.zipf_mandelbrot
        if fit is not None:
            ranks = np.geomspace(1, fit.types, 200)
            top.plot(ranks, fit.relative_frequency(ranks), "--", color="black", lw=0.8)
            _draw_ratio(bottom, rank, share / fit.relative_frequency(rank), order)
    top.set(xscale="log", yscale="log", xlim=(0.8, None))
    low, high = top.get_ylim()
    words = report.orders[0]
    if words.least_squares is not None:
        rank = np.array([1.0, words.spectrum.types])
        line = words.least_squares
        share = np.exp(line.intercept) * rank**-line.exponent / words.spectrum.tokens
        top.plot(rank, share, ":", color="0.35", lw=1)
    top.set(ylim=(low, high * 2), title="ranks", ylabel="relative frequency, in the other half")
    bottom.set(xlabel="rank, from one random half of the tokens", ylabel="observed / fitted")
    _legend(top, ("--", "black", "Zipf–Mandelbrot"), (":", "0.35", "least squares (biased)"))
    _finish(top, bottom)


def _draw_spectra(top: Axes, bottom: Axes, report: ZipfReport) -> None:
    for order in report.orders:
        spectrum, fit = order.spectrum, order.power_law
        above = np.cumsum(spectrum.type_counts[::-1])[::-1] / spectrum.types
        x, y = _thinned(spectrum.frequencies, above)
        name = _name(order, report.unit)
        if fit is None:
            top.plot(x, y, **_marks(order), label=name)
            continue
        label = f"{name}: α = {fit.alpha:.3f} ± {fit.alpha_se:.3f}"
        top.plot(x, y, **_marks(order), label=label)
        grid = np.unique(np.rint(np.geomspace(fit.xmin, spectrum.max_frequency, 200)))
        scale = fit.tail_types / spectrum.types
        top.plot(grid, scale * fit.survival(grid), color="black", lw=0.8)
        tail = x >= fit.xmin
        _draw_ratio(bottom, x[tail], y[tail] / (scale * fit.survival(x[tail])), order)
    top.set(xscale="log", yscale="log", xlim=(0.8, None))
    low, high = top.get_ylim()
    top.set(ylim=(low, (high / low) ** 0.3))  # room for the legend above
    decades = 10.0 ** np.arange(np.ceil(np.log10(low)), 1)
    top.set(title="frequency spectrum", ylabel="share of types this frequent or more")
    top.set_yticks(decades)
    top.tick_params(axis="y", which="minor", length=0)
    bottom.set(xlabel="frequency, in the whole text")
    _legend(top, ("-", "black", "power law, from $x_{min}$ on"))
    _finish(top, bottom)


def _draw_ratio(axes: Axes, x: NDArray[Any], ratio: NDArray[Any], order: OrderReport) -> None:
    """Draw observed / fitted; values outside the limits become hollow markers at the limit."""
    low, high = _EDGES
    inside = (ratio > low) & (ratio < high)
    axes.plot(x[inside], ratio[inside], **_marks(order))
    beyond = {**_marks(order), "mew": 0.8, "mfc": "none"}
    axes.plot(x[~inside], np.clip(ratio[~inside], low * 1.08, high / 1.08), **beyond)


def _thinned(x: NDArray[Any], y: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the first point of each of 20 logarithmic bins per decade; more would overlap."""
    _, first = np.unique(np.floor(20 * np.log10(x)), return_index=True)
    return x[first], y[first]


def _marks(order: OrderReport) -> Any:
    k = (order.n - 1) % len(COLOURS)
    return {
        "ls": "none", "marker": _MARKS[k], "ms": 3.2, "mew": 0, "color": COLOURS[k], "alpha": 0.8,
    }  # fmt: skip


def _name(order: OrderReport, unit: str) -> str:
    return _UNITS[unit] if order.n == 1 else f"{order.n}-grams"


def _legend(axes: Axes, *lines: tuple[str, str, str]) -> None:
    from matplotlib.lines import Line2D

    handles, labels = axes.get_legend_handles_labels()
    for style, colour, label in lines:
        handles.append(Line2D([], [], ls=style, color=colour, lw=0.9))
        labels.append(label)
    axes.legend(handles, labels, loc="upper right", frameon=True, framealpha=0.85, edgecolor="none")


def _finish(top: Axes, bottom: Axes) -> None:
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    bottom.set(yscale="log", ylim=_EDGES)
    bottom.axhline(1, color="black", lw=0.8)
    bottom.yaxis.set_major_locator(FixedLocator([0.5, 1, 2]))
    bottom.yaxis.set_minor_locator(NullLocator())
    bottom.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"×{y:g}"))
    for axes in (top, bottom):
        axes.grid(True, which="major", color="0.9", lw=0.6)
        axes.set_axisbelow(True)


def _render(reports: Sequence[ZipfReport], kind: str) -> bytes:
    from matplotlib import rc_context

    out = io.BytesIO()
    figure = zipf_figure(reports)
    undated = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind)
    with rc_context(_STYLE):
        figure.savefig(out, format=kind, dpi=300, metadata=undated)
    return out.getvalue()


def _page(reports: Sequence[ZipfReport]) -> str:
    drawing = _render(reports, "svg").decode("utf-8")
    drawing = drawing[drawing.index("<svg") :]
    names = html.escape(", ".join(report.summary.name for report in reports))
    columns = [Column(name, name) for name, _ in _CELLS]
    rows = [
        {name: show(report, order) for name, show in _CELLS}
        for report in reports
        for order in report.orders
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta name="generator" content="lmkit {__version__}">\n'
        f"<title>Zipf's law: {names}</title>\n<style>{_CSS}</style></head>\n<body>\n"
        f"<h1>Zipf's law: {names}</h1>\n<figure>{drawing}\n<figcaption>{_CAPTION}</figcaption>"
        f"</figure>\n{html_table(columns, rows)}\n</body></html>\n"
    )


_CAPTION = (
    "Left: rank from one random half of the tokens, frequency from the other, with the "
    "Zipf–Mandelbrot law. Right: the share of types with at least a frequency, with the power law "
    "over the tail that it fits best. Below: observed over fitted; hollow marks lie farther out."
)
_CSS = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;"
    "color:#222;background:#fff}figure{margin:0}svg{max-width:100%;height:auto}"
    "figcaption{color:#555}table{border-collapse:collapse;margin-top:1.5rem;"
    "font-variant-numeric:tabular-nums}td,th{padding:.25rem .7rem;text-align:right;"
    "border-bottom:1px solid #ddd}td:first-child,th:first-child{text-align:left}"
)
_CELLS: tuple[tuple[str, Any], ...] = (
    ("corpus", lambda report, order: report.summary.name),
    ("n", lambda report, order: str(order.n)),
    ("tokens", lambda report, order: f"{order.spectrum.tokens:,}"),
    ("types", lambda report, order: f"{order.spectrum.types:,}"),
    ("hapaxes", lambda report, order: f"{order.spectrum.hapaxes:,}"),
    ("x_min", lambda report, order: f"{order.power_law.xmin:,}" if order.power_law else "-"),
    ("α", lambda report, order: _alpha(order)),
    ("KS", lambda report, order: f"{order.power_law.ks:.4f}" if order.power_law else "-"),
    ("Heaps", lambda report, order: f"{order.heaps.exponent:z.3f}" if order.heaps else "-"),
)


def _alpha(order: OrderReport) -> str:
    fit = order.power_law
    return f"{fit.alpha:.3f} ± {fit.alpha_se:.3f}" if fit else "-"
