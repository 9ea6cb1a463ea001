"""Rows to text: tables for a terminal, Markdown, HTML, CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

FORMATS = ("table", "json", "csv", "markdown")


@dataclass(frozen=True)
class Column:
    """One column of a table: the key in a row, the heading, and how a value is shown."""

    key: str
    heading: str
    show: Callable[[Any], str] = str
    right: bool = True


TableRenderer = Callable[[Sequence[Column], Sequence[Mapping[str, Any]]], str]


def number(digits: int) -> Callable[[Any], str]:
    """Return the function that shows a number with so many decimals, ``-`` for none.

    >>> [number(2)(value) for value in (1234.5, -0.001, None)]
    ['1,234.50', '0.00', '-']
    """

    def show(value: float | None) -> str:
        if value is None or math.isnan(value):
            return "-"
        return "∞" if math.isinf(value) else f"{value:z,.{digits}f}"

    return show


def whole(value: int | None) -> str:
    """Return a whole number with thousands parted, ``-`` for none."""
    return "-" if value is None else f"{value:,}"


def perplexity(value: float | None) -> str:
    """Return a perplexity with the digits that a reader can use.

    >>> [perplexity(v) for v in (2.71828, 141.186, 3307.92, 1.6e18, math.inf)]
    ['2.7183', '141.19', '3,307.9', '1.60e+18', '∞']
    """
    if value is not None and 1e7 <= value < math.inf:
        return f"{value:.2e}"
    digits = (
        4 if value is not None and value < 10 else 2 if value is not None and value < 1000 else 1
    )
    return number(digits)(value)


def seconds(value: float | None) -> str:
    """Return a time, with more digits the shorter it is."""
    return number(1 if value is not None and value >= 10 else 2)(value)


def plain_table(columns: Sequence[Column], rows: Sequence[Mapping[str, Any]]) -> str:
    """Return an aligned table in plain text, with a rule under the headings.

    >>> columns = [Column("m", "model", right=False), Column("p", "perplexity", number(1))]
    >>> print(plain_table(columns, [{"m": "bigram", "p": 12.34}]))
    model   perplexity
    ──────  ──────────
    bigram        12.3
    """
    cells = [[column.heading for column in columns], *_shown(columns, rows)]
    widths = [max(display_width(row[i]) for row in cells) for i in range(len(columns))]
    lines = [_line(columns, row, widths) for row in cells]
    lines.insert(1, "  ".join("─" * width for width in widths))
    return "\n".join(lines)


def markdown_table(columns: Sequence[Column], rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the table in Markdown."""
    rule = "|".join(" ---: " if column.right else " --- " for column in columns)
    lines = [_markdown([column.heading for column in columns]), f"|{rule}|"]
    return "\n".join([*lines, *(_markdown(row) for row in _shown(columns, rows))])


def html_table(columns: Sequence[Column], rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the table as an HTML element without style, for notebooks; cells are escaped."""
    head = "".join(f"<th>{escape(column.heading)}</th>" for column in columns)
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(shown)}</td>' for shown in row)}</tr>"
        for row in _shown(columns, rows)
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def text_table(columns: Sequence[Column], rows: Sequence[Mapping[str, Any]], output: str) -> str:
    """Return the table in a format of `FORMATS` but JSON; CSV has all keys of the rows.

    Where there are no rows, the header of CSV has the keys of the columns.
    """
    if output == "csv":
        return csv_table(rows, header=[column.key for column in columns])
    return (markdown_table if output == "markdown" else plain_table)(columns, rows)


def csv_table(rows: Sequence[Mapping[str, Any]], header: Sequence[str] = ()) -> str:
    """Return rows as CSV with a header of all keys; numbers at full precision.

    `header` are the keys of a table that may have no rows.
    """
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]) if rows else header, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().rstrip("\n")


def to_json(value: Any, *, ascii_only: bool = False) -> str:
    """Return strict JSON: infinities and NaN, which it lacks, become null.

    With `ascii_only` other characters are escaped, as ``\\u00e9``, which loses nothing.
    """
    return json.dumps(finite(value), ensure_ascii=ascii_only, indent=2, allow_nan=False)


def display_width(text: str) -> int:
    """Return the terminal columns that a text takes; East Asian wide characters take two."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(
        0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1 for char in text
    )


def _shown(columns: Sequence[Column], rows: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    return [[cell(column, row) for column in columns] for row in rows]


def cell(column: Column, row: Mapping[str, Any]) -> str:
    """Return what a table shows of a row in a column.

    With the mark that the row's ``marks``, by key, has for it, if there is one.
    """
    marks: Mapping[str, str] = row.get("marks", {})
    return column.show(row.get(column.key)) + marks.get(column.key, "")


def _line(columns: Sequence[Column], cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = []
    for column, cell, width in zip(columns, cells, widths, strict=True):
        gap = " " * (width - display_width(cell))
        padded.append(gap + cell if column.right else cell + gap)
    return "  ".join(padded).rstrip()


def _markdown(cells: Sequence[str]) -> str:
    escaped = (cell.replace("\\", "\\\\").replace("|", "\\|") for cell in cells)
    return "| " + " | ".join(escaped) + " |"


def finite(value: Any) -> Any:
    """Return a value of plain JSON types: infinities and NaN are None, numpy's numbers plain."""
    if isinstance(value, Mapping):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if hasattr(value, "item") and not isinstance(value, (str, bytes)):
        return finite(value.item())
    return value
