"""The Zipf plot for terminals, in braille characters of 2 by 4 dots."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from lmkit.statistics.zipf import ZipfReport

_BITS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])  # offset by dot
_BLANK = 0x2800


def draw_zipf(report: ZipfReport, *, width: int = 72, height: int = 18) -> str:
    """Return a log-log plot of relative frequency against rank for each n-gram order, as text.

    Ranks are from one random half of the tokens, frequencies from the other. A digit at the start
    of each curve is its n-gram order. ``width`` and ``height`` are in characters, without the axes.
    Returns an empty string for a text too short to rank.
    """
    curves = {o.n: o.halves.binned().curve() for o in report.orders if o.halves is not None}
    if not curves:
        return ""
    ranks = np.concatenate([np.log10(rank) for rank, _ in curves.values()])
    shares = np.concatenate([np.log10(share) for _, share in curves.values()])
    right, top = max(1.0, ranks.max()), np.ceil(shares.max())
    bottom = min(np.floor(shares.min()), top - 1)  # with a single type all shares are 1
    cells = np.zeros((height, width), dtype=np.int64)
    letters: dict[tuple[int, int], str] = {}
    for n, (rank, share) in curves.items():
        x = np.log10(rank) / right * (2 * width - 1)
        y = (top - np.log10(share)) / (top - bottom) * (4 * height - 1)
        _trace(cells, x, y)
        row, column = int(y[0]) // 4, int(x[0]) // 2
        while (row, column) in letters:
            column += 1
        letters[row, column] = str(n)
    lines = []
    for row in range(height):
        text = "".join(
            letters.get((row, column), chr(_BLANK + int(cells[row, column])))
            for column in range(width)
        )
        lines.append(f"{_tick(row, height, top, bottom):>6} ┤{text}")
    lines.append(" " * 7 + "└" + "─" * width)
    lines.append(" " * 8 + _rank_labels(right, width))
    lines.append(" " * 8 + "rank (log) against relative frequency (log), by n-gram order")
    return "\n".join(line.rstrip() for line in lines)


def _trace(cells: NDArray[np.int64], x: NDArray[np.float64], y: NDArray[np.float64]) -> None:
    """Draw the polyline through (x, y), in units of dots from the upper left."""
    dots = 2 * max(cells.shape) * 4
    along = np.linspace(0, len(x) - 1, dots * 2)
    at_x = np.interp(along, np.arange(len(x)), x).round().astype(np.int64)
    at_y = np.interp(along, np.arange(len(y)), y).round().astype(np.int64)
    np.bitwise_or.at(cells, (at_y // 4, at_x // 2), _BITS[at_y % 4, at_x % 2])


def _tick(row: int, height: int, top: float, bottom: float) -> str:
    """Return the label of the power of ten in this row; empty if there is none."""
    for exponent in range(int(bottom), int(top) + 1):
        if int((top - exponent) / (top - bottom) * (4 * height - 1)) // 4 == row:
            return "1" if exponent == 0 else f"1e{exponent}"
    return ""


def _rank_labels(right: float, width: int) -> str:
    line = [" "] * (width + 6)
    for exponent in range(int(right) + 1):
        at = round(exponent / right * (width - 1))
        label = f"{10**exponent:,}" if exponent < 5 else f"1e{exponent}"
        line[at : at + len(label)] = list(label)
    return "".join(line)


def draw_all(reports: Sequence[ZipfReport], *, width: int = 72, height: int = 18) -> str:
    """Return the plots of several reports, one below the other; titled if there are several."""
    drawn = [
        (report.summary.name, draw_zipf(report, width=width, height=height)) for report in reports
    ]
    if len(drawn) == 1:
        return drawn[0][1]
    return "\n\n".join(f"{name}\n{picture}" for name, picture in drawn)
