"""Markup that is safe by default: every string is text, unless it says that it is markup.

A text under study may hold anything, ``</script>`` and bidirectional controls included; a model's
name comes from a command line. Both go through :func:`el` and :func:`island` and stay text.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from lmkit.tables import Column, cell, finite

_VOID = frozenset({"meta", "link", "br", "wbr", "input"})
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"}
_UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")  # controls, formats, surrogates, line separators


class Html(str):
    """Markup: what :func:`el` and its like return, and what they do not escape again."""

    __slots__ = ()


def text(value: object) -> Html:
    """Return a value as markup: itself where it is markup, else its string, escaped.

    Characters that cannot be seen, among them those that turn the direction of what follows, are
    shown by their code points.

    >>> text('a<b> & "c"'), text("\\u202eabc")
    ('a&lt;b&gt; &amp; &quot;c&quot;', '⟨U+202E⟩abc')
    """
    if isinstance(value, Html):
        return value
    string = str(value)
    if string.isalnum() and string.isascii():
        return Html(string)
    return Html("".join(map(_shown, string)))


@lru_cache(maxsize=4096)
def _shown(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    if char not in "\n\t" and unicodedata.category(char) in _UNSEEN:
        return f"⟨U+{ord(char):04X}⟩"
    return char


def el(tag: str, *children: object, **attributes: object) -> Html:
    """Return an element. Children are texts or markup, None is nothing; attributes are escaped.

    A trailing underscore of an attribute's name is dropped, other underscores become hyphens;
    True gives an attribute without a value, None and False none.

    >>> el("p", "1 < 2", class_="note", aria_hidden="true")
    '<p class="note" aria-hidden="true">1 &lt; 2</p>'
    """
    named = "".join(
        f" {_attribute(name)}" + ("" if value is True else f'="{text(_plain(value))}"')
        for name, value in attributes.items()
        if value is not None and value is not False
    )
    if tag in _VOID:
        return Html(f"<{tag}{named}>")
    return Html(f"<{tag}{named}>{joined(*children)}</{tag}>")


def joined(*children: object) -> Html:
    """Return children one after the other; None is nothing."""
    return Html("".join(text(child) for child in children if child is not None))


def _attribute(name: str) -> str:
    return name.rstrip("_").replace("_", "-")


def _plain(value: object) -> object:
    """Return a coordinate with the two decimals that a screen can show."""
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else value


def percent(value: float) -> str:
    """Return a share of the drawing's width or height, as SVG has it."""
    return f"{value:.2f}".rstrip("0").rstrip(".") + "%"


def island(value: Any, *, id_: str) -> Html:
    """Return a value as JSON in a script element that holds data and runs nothing.

    What could end the element or hide in it is written by code point; infinities become null.
    """
    written = json.dumps(finite(value), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Html(
        f'<script type="application/json" id="{id_}">{"".join(map(_coded, written))}</script>'
    )


@lru_cache(maxsize=4096)
def _coded(char: str) -> str:
    if char in "<>&" or unicodedata.category(char) in _UNSEEN:
        units = char.encode("utf-16-be", "surrogatepass")
        return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))
    return char


def digest(content: str) -> str:
    """Return the source expression that lets a security policy allow exactly this content."""
    return "'sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode() + "'"


def table(
    columns: Sequence[Column], rows: Iterable[Mapping[str, Any]], *, caption: str, class_: str = ""
) -> Html:
    """Return a table in a box that scrolls by itself where it is too wide.

    The first column names the row. Values may be markup.
    """
    head = (
        el("th", column.heading, scope="col", class_="n" if column.right else None)
        for column in columns
    )
    body = (
        el("tr", *(_cell(column, row, first=not index) for index, column in enumerate(columns)))
        for row in rows
    )
    return el(
        "div",
        el(
            "table",
            el("caption", caption),
            el("thead", el("tr", *head)),
            el("tbody", *body),
            class_=class_ or None,
        ),
        class_="scroll",
        tabindex="0",
        role="region",
        aria_label=caption,
    )


def _cell(column: Column, row: Mapping[str, Any], *, first: bool) -> Html:
    value = row.get(column.key)
    shown = value if isinstance(value, Html) else cell(column, row)
    right = "n" if column.right else None
    if first:
        return el("th", shown, scope="row", class_=right)
    return el("td", shown, class_=right)


def numbers(*tables: Html, summary: str = "The numbers") -> Html:
    """Return tables folded away under a chart."""
    return el("details", el("summary", summary), *tables)


def signed(value: float | None, digits: int) -> str:
    """Return a number with its sign, a true minus, and ``-`` for none."""
    if value is None or math.isnan(value):
        return "-"
    if math.isinf(value):
        return "+∞" if value > 0 else "−∞"
    shown = f"{value:+,.{digits}f}"
    if not shown.strip("+-0.,"):
        return shown[1:]
    return shown.replace("-", "−")
