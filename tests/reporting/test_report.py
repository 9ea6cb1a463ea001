"""The report: whole, safe, small, and the same each time."""

from __future__ import annotations

import json
import re
from collections import Counter
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

import lmkit
from lmkit.evaluation.comparison import compare
from lmkit.reporting.report import render_report, write_report
from tests.reporting import report_samples as samples

VOID = {"meta", "link", "br", "wbr", "input"}
SECTIONS = [
    "ranking", "differences", "why", "text", "learning", "training", "calibration", "zipf",
    "samples", "origin",
]  # fmt: skip


class Outline(HTMLParser):
    """Reads a document and complains of what does not nest."""

    def __init__(self, document: str):
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.ids: list[str] = []
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str]] = []
        self.headings: list[int] = []
        self.content: dict[str, list[str]] = {}
        self.feed(document)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        if tag not in VOID:
            self.open.append(tag)
        assert len({name for name, _ in attrs}) == len(attrs), (tag, attrs)
        for name, value in attrs:
            self.attributes.append((tag, name, value or ""))
            if name == "id":
                self.ids.append(value or "")
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, tag
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.content.setdefault(self.open[-1] if self.open else "", []).append(data)


@pytest.fixture(scope="module")
def document() -> str:
    return samples.report()


@pytest.fixture(scope="module")
def outline(document: str) -> Outline:
    return Outline(document)


def data_of(document: str) -> dict[str, object]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', document)
    assert found
    value: dict[str, object] = json.loads(found[1])
    return value


# ---------------------------------------------------------------------- the document


def test_elements_nest_and_ids_are_unique(outline: Outline) -> None:
    assert len(set(outline.ids)) == len(outline.ids)
    assert outline.tags["html"] == outline.tags["main"] == outline.tags["h1"] == 1


def test_every_part_is_there_and_in_the_contents(outline: Outline) -> None:
    assert [id_ for id_ in outline.ids if id_ in SECTIONS] == SECTIONS
    links = [value for tag, name, value in outline.attributes if (tag, name) == ("a", "href")]
    assert {f"#{section}" for section in SECTIONS} <= set(links)
    for link in links:
        assert link.removeprefix("#") in outline.ids


def test_headings_leave_out_no_level(outline: Outline) -> None:
    assert outline.headings[0] == 1
    steps = np.diff(outline.headings)
    assert steps.max() <= 1


def test_tables_have_captions_and_drawings_a_name_or_none(outline: Outline) -> None:
    assert outline.tags["caption"] == outline.tags["table"]
    assert outline.tags["figcaption"] == outline.tags["figure"]
    labels = [value for _, name, value in outline.attributes if name == "aria-labelledby"]
    assert labels
    assert set(labels) <= set(outline.ids)


def test_nothing_leads_outside(document: str, outline: Outline) -> None:
    for _, name, value in outline.attributes:
        if name in ("href", "src", "srcset", "action", "xlink:href", "poster", "data"):
            assert value.startswith("#") or value == "data:,"
        assert not name.startswith("on")
        assert name != "style"  # the policy would refuse it
    assert not re.search(r"https?://|//[a-z]+\.|@import|url\(", document)


def test_same_input_gives_same_bytes(document: str) -> None:
    samples.report.cache_clear()
    assert samples.report() == document


def test_size_of_an_ordinary_report(shared_corpora: Path, tmp_path: Path) -> None:
    corpus = lmkit.Corpus.open(shared_corpora / "ptb", normalize="none")
    models = [lmkit.fit(spec, corpus) for spec in ("unigram", "bigram", "trigram", "kneser-ney")]
    path = tmp_path / "ptb.html"
    write_report(compare(models, corpus), path)
    assert path.stat().st_size < 500_000


# ---------------------------------------------------------------------- hostile text


def test_hostile_tokens_stay_text(document: str, outline: Outline) -> None:
    assert "<img" not in document
    assert outline.tags["img"] == 0
    assert outline.tags["script"] == 2
    shown = set(outline.content["i"])
    assert {samples.BREAKOUT, samples.ENTITIES, samples.COMMENT} <= shown
    assert "⟨U+202E⟩right⟨U+2066⟩⟨U+200F⟩lm" in shown
    assert "line⟨U+2028⟩⟨U+2029⟩end" in shown


def test_nothing_unseen_is_in_the_document(document: str) -> None:
    assert not re.search("[\u2028\u2029\u202a-\u202e\u2066-\u2069\u200e\u200f\x00-\x08]", document)


def test_data_hold_the_text_unchanged(document: str) -> None:
    data = data_of(document)
    assert data["command"] == samples.COMMAND
    passage = data["text"]
    assert isinstance(passage, dict)
    assert set(samples.HOSTILE) <= set(passage["tokens"])


# ---------------------------------------------------------------------- what it says


@pytest.mark.parametrize("sentences", ["line", "none"])
def test_one_model_on_few_words_makes_a_report(sentences: str) -> None:
    corpus = lmkit.Corpus.from_string("a b a c a b", normalize="none", sentences=sentences)
    model = lmkit.fit("bigram", corpus)
    outline = Outline(render_report(compare([model], corpus)))
    assert "ranking" in outline.ids
    assert "differences" not in outline.ids


def test_impossible_events_are_shown_as_infinite() -> None:
    train = lmkit.Corpus.from_string("a b a c a b\n" * 30, normalize="none")
    test = lmkit.Corpus.from_string("b a c\na a b\n" * 30, normalize="none")
    models = [lmkit.fit(spec, train) for spec in ("bigram", "unigram", "bigram:alpha=0")]
    document = render_report(compare(models, test))
    assert "∞" in document
    Outline(document)
    passage = data_of(document)["text"]
    assert isinstance(passage, dict)
    assert None in passage["bits"]["C"]


# ---------------------------------------------------------------------- colours


def luminance(colour: str) -> float:
    if len(colour) == 4:
        colour = "#" + "".join(2 * digit for digit in colour[1:])
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(a: str, b: str) -> float:
    dark, light = sorted((luminance(a), luminance(b)))
    return (light + 0.05) / (dark + 0.05)


def pairs(name: str) -> dict[str, tuple[str, str]]:
    """Return what the style sets under a name, by selector or variable: light and dark."""
    style = (files("lmkit.reporting.report") / "assets" / "report.css").read_text()
    found = {}
    for rule in re.finditer(r"^\.([sd]\d) \{([^}]*)\}", style, re.MULTILINE):
        for prop, light, dark in re.findall(r"([\w-]+): light-dark\((#\w+), (#\w+)\)", rule[2]):
            if prop == name:
                found[rule[1]] = (light, dark)
    for variable, light, dark in re.findall(r"--(\w+): light-dark\((#\w+), (#\w+)\)", style):
        found[variable] = (light, dark)
    return found


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_text_can_be_read_on_every_shade(theme: int) -> None:
    backgrounds, inks = pairs("background"), pairs("color")
    shades = [f"{kind}{place}" for kind in "sd" for place in range(9)]
    for shade in shades:
        ink = inks.get(shade, inks["ink"])[theme]
        assert contrast(ink, backgrounds[shade][theme]) >= 4.5, shade
    for colour in ("ink", "soft", "accent", *(f"m{place}" for place in range(8))):
        assert contrast(inks[colour][theme], inks["paper"][theme]) >= 4.5, colour


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_shades_of_surprisal_go_one_way_in_lightness(theme: int) -> None:
    backgrounds = pairs("background")
    steps = np.diff([luminance(backgrounds[f"s{place}"][theme]) for place in range(9)])
    assert (steps < 0).all() if theme == 0 else (steps > 0).all()
