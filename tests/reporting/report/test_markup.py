"""Markup of any text: it reads back as that text, and nothing breaks out of it."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmkit.reporting.report.markup import el, island, signed, text


@given(st.text())
def test_markup_of_any_text_reads_back_as_that_text(string: str) -> None:
    class Reader(HTMLParser):
        def __init__(self) -> None:
            super().__init__(convert_charrefs=True)
            self.read: list[str] = []

        def handle_data(self, data: str) -> None:
            self.read.append(data)

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            assert tag == "p"

    reader = Reader()
    reader.feed(el("p", string))
    reader.close()
    as_shown = re.sub(r"⟨U\+([0-9A-F]+)⟩", lambda m: chr(int(m[1], 16)), "".join(reader.read))
    unseen = re.sub(r"⟨U\+([0-9A-F]+)⟩", lambda m: chr(int(m[1], 16)), string)
    assert as_shown == unseen


@given(st.recursive(st.text() | st.integers() | st.none(), st.lists))
def test_island_reads_back_and_cannot_be_left(value: object) -> None:
    script = island(value, id_="x")
    inner = script.removeprefix('<script type="application/json" id="x">')
    inner = inner.removesuffix("</script>")
    assert not set(inner) & set("<>&\u2028\u2029\u202e")
    assert json.loads(inner) == value


def test_text_keeps_markup_and_escapes_the_rest() -> None:
    assert text(el("b", "<")) == "<b>&lt;</b>"
    assert el("p", "x", title='"><script>') == '<p title="&quot;&gt;&lt;script&gt;">x</p>'
    assert el("p", hidden=True, class_=None) == "<p hidden></p>"
    assert text("\ud800") == "⟨U+D800⟩"


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.0132, "+0.0132"), (-0.5, "−0.5000"), (-0.00001, "0.0000"), (float("-inf"), "−∞")],
)
def test_signed_numbers(value: float, shown: str) -> None:
    assert signed(value, 4) == shown
