"""Drawn SVG that fits any width: positions are percentages, sizes are pixels.

A plot has no view box, so its letters keep their size on a telephone and on paper. Only lines and
areas, which know no percentages, lie in an inner drawing that stretches.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lmkit.reporting.report.markup import Html, el, joined, percent

_LINE = 6  # percent of a plot's height that a line of letters takes


@dataclass(frozen=True)
class Scale:
    """A map from values to 0 .. 100, linear or logarithmic."""

    low: float
    high: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """Return the position of a value, 0 to 100; values outside the scale lie just beyond it."""
        low, high = self._at(self.low), self._at(self.high)
        share = (self._at(value) - low) / (high - low) if high > low else 0.5
        return 100 * min(max(share, -0.02), 1.02)

    def _at(self, value: float) -> float:
        return math.log10(value) if self.log else value

    def ticks(self, wanted: int = 5) -> list[float]:
        """Return round values within the scale: powers of ten, or steps of 1, 2 or 5."""
        if self.log:
            return self._powers(wanted)
        span = self.high - self.low
        if span <= 0:
            return [self.low]
        power = 10.0 ** math.floor(math.log10(span / wanted))
        step = min((m * power for m in (1, 2, 5, 10)), key=lambda m: abs(span / m - wanted))
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [float(f"{i * step:.12g}") for i in range(first, last + 1)]

    def _powers(self, wanted: int) -> list[float]:
        first = math.ceil(math.log10(self.low) - 1e-9)
        last = math.floor(math.log10(self.high) + 1e-9)
        if last - first < 2:  # too few powers to read from: 1, 2 and 5 of each
            marks = (m * 10.0**p for p in range(first - 1, last + 1) for m in (1, 2, 5))
            return [m for m in marks if self.low <= m * 1.0001 and m <= self.high * 1.0001]
        step = max(1, math.ceil((last - first) / wanted))
        return [10.0**p for p in range(first, last + 1, step)]


def around(values: Sequence[float], *, log: bool = False, room: float = 0.06) -> Scale:
    """Return a scale that holds all finite values, with some room at either end."""
    held = [value for value in values if math.isfinite(value) and (value > 0 or not log)]
    low, high = (min(held), max(held)) if held else (0.0, 1.0)
    if log:
        low, high = (low or 1.0), (high or 1.0)
        ratio = max((high / low) ** room, 1.02)
        return Scale(low / ratio, high * ratio, log=True)
    margin = room * (high - low) or abs(high) * room or 1.0
    return Scale(low - margin, high + margin)


def short(value: float) -> str:
    """Return a tick's value in few characters: ``20k``, ``0.05``, ``1M``.

    >>> [short(v) for v in (0.0, 0.25, 1500.0, 20000.0, 3e6, 1e-5)]
    ['0', '0.25', '1,500', '20k', '3M', '10⁻⁵']
    """
    size = abs(value)
    if size == 0:
        return "0"
    if size >= 1e6:
        return f"{value / 1e6:g}M"
    if size >= 1e4:
        return f"{value / 1e3:g}k"
    if size < 1e-3 and math.isclose(math.log10(size), round(math.log10(size))):
        return "10" + str(round(math.log10(size))).translate(
            str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
        )
    return (f"{value:,.0f}" if size >= 1000 else f"{value:g}").replace("-", "−")


@dataclass(frozen=True)
class Series:
    """A line or a cloud of points: `css` names its colour, `mark` stands at its end."""

    name: str
    css: str
    xs: Sequence[float]
    ys: Sequence[float]
    mark: str = ""
    line: bool = True
    dots: bool = False
    low: Sequence[float] | None = None
    high: Sequence[float] | None = None


@dataclass(frozen=True)
class Axis:
    """An axis: its scale, its name, and how many ticks are written, and in what way."""

    scale: Scale
    name: str
    show: Callable[[float], str] = short
    ticks: int = 5

    def marks(self) -> list[float]:
        """Return the values that are written at the axis."""
        return self.scale.ticks(self.ticks)


def plot(x: Axis, y: Axis, series: Sequence[Series], *, label: str) -> Html:
    """Return a plot of lines and points on two axes; `label` says what it is to who cannot see."""
    drawn = el(
        "svg",
        _grid(x, y),
        _paths(x.scale, y.scale, series),
        *(_dots(x, y, one) for one in series if one.dots),
        _end_marks(x.scale, y.scale, series),
        class_="plot",
        role="img",
        aria_label=label,
    )
    return el(
        "div",
        el("div", y.name, class_="y-name", aria_hidden="true"),
        drawn,
        el("div", x.name, class_="x-name", aria_hidden="true"),
        class_="chart",
    )


def _grid(x: Axis, y: Axis) -> Html:
    lines = []
    for tick in y.marks():
        at = percent(100 - y.scale(tick))
        lines.append(el("line", class_="grid", x1="0", x2="100%", y1=at, y2=at))
        lines.append(el("text", y.show(tick), class_="tick y", x="-8", y=at, dy="0.32em"))
    for index, tick in enumerate(x.marks()):
        at = percent(x.scale(tick))
        lines.append(el("line", class_="tick", x1=at, x2=at, y1="100%", y2="100%"))
        css = "tick x sparse" if index % 2 else "tick x"
        lines.append(el("text", x.show(tick), class_=css, x=at, y="100%", dy="1.5em"))
    lines.append(el("line", class_="axis", x1="0", x2="100%", y1="100%", y2="100%"))
    return joined(*lines)


def _paths(x: Scale, y: Scale, series: Sequence[Series]) -> Html:
    drawn: list[Html] = []
    for one in series:
        if one.low is not None and one.high is not None:
            there = list(zip(one.xs, one.high, strict=True))
            back = list(zip(one.xs, one.low, strict=True))[::-1]
            drawn.append(
                el("path", class_=f"band {one.css}", d=_path(x, y, there + back, closed=True))
            )
        if one.line:
            points = list(zip(one.xs, one.ys, strict=True))
            drawn.append(el("path", class_=f"line {one.css}", d=_path(x, y, points)))
    return el("svg", *drawn, viewBox="0 0 100 100", preserveAspectRatio="none", class_="stretched")


def _path(
    x: Scale, y: Scale, points: Sequence[tuple[float, float]], *, closed: bool = False
) -> str:
    at = [
        f"{x(a):.2f},{100 - y(b):.2f}" for a, b in points if math.isfinite(a) and math.isfinite(b)
    ]
    return ("M" + "L".join(at) + ("Z" if closed else "")) if at else ""


def _dots(x: Axis, y: Axis, one: Series) -> Html:
    return joined(
        *(
            el(
                "circle",
                el("title", f"{one.name}: {x.show(a)}, {b:.4g}"),
                class_=f"dot {one.css}",
                cx=percent(x.scale(a)),
                cy=percent(100 - y.scale(b)),
                r="3.5" if one.line else "2.2",
            )
            for a, b in zip(one.xs, one.ys, strict=True)
            if math.isfinite(a) and math.isfinite(b)
        )
    )


def _end_marks(x: Scale, y: Scale, series: Sequence[Series]) -> Html:
    """Return each line's mark right of its end, moved apart where they would overlap."""
    marked = [one for one in series if one.mark and len(one.xs) and math.isfinite(one.ys[-1])]
    marked.sort(key=lambda one: -one.ys[-1])
    across = [x(one.xs[-1]) for one in marked]
    down = _apart(across, [100 - y(one.ys[-1]) for one in marked])
    apart = zip(down, marked, strict=True)
    return joined(
        *(
            el(
                "text",
                one.mark,
                class_=f"mark {one.css}",
                x=percent(x(one.xs[-1])),
                y=percent(at),
                dx="8",
                dy="0.32em",
            )
            for at, one in apart
        )
    )


def _apart(across: Sequence[float], down: Sequence[float]) -> list[float]:
    """Return rising heights moved so that letters near each other are a line apart, within 100."""
    moved = list(down)
    near = [
        [other for other in range(index) if abs(across[other] - across[index]) < _LINE]
        for index in range(len(moved))
    ]
    for index, above in enumerate(near):
        moved[index] = max([moved[index], *(moved[other] + _LINE for other in above)])
    for index, above in reversed(list(enumerate(near))):
        moved[index] = min(moved[index], 100.0)
        for other in above:
            moved[other] = min(moved[other], moved[index] - _LINE)
    return moved
