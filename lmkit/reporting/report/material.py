"""What a report shows, and how it tells models apart: by letter, colour and name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from lmkit.evaluation.comparison import Comparison
from lmkit.evaluation.curve import LearningCurve
from lmkit.evaluation.intervals import Interval
from lmkit.evaluation.measuring import Measured
from lmkit.models.base import LanguageModel
from lmkit.reporting.report.markup import Html, el, joined
from lmkit.results.ledger import SurprisalLedger

COLOURS = 8


@dataclass(frozen=True)
class Section:
    """One chapter of the page; `link` names it in the table of contents."""

    id: str
    link: str
    title: str
    body: Html
    data: Any = None


@dataclass(frozen=True)
class Contestant:
    """A model of the report with its rank, counted from 0."""

    index: int
    measured: Measured[SurprisalLedger]

    @property
    def model(self) -> LanguageModel | None:
        """The fitted model, None for the ledger of another tool."""
        return self.measured.model

    @property
    def ledger(self) -> SurprisalLedger:
        """The model's ledger."""
        return self.measured.scored

    @property
    def bits(self) -> Interval:
        """The model's bits a byte, with their interval."""
        return self.measured.bits_per_byte

    @property
    def letter(self) -> str:
        """A, B, C ... by rank; after Z come AA, AB ..."""
        index, letters = self.index, ""
        while index >= 0:
            letters = chr(65 + index % 26) + letters
            index = index // 26 - 1
        return letters

    @property
    def css(self) -> str:
        """The class that carries the model's colour; the ninth has that of the first again."""
        return f"m{self.index % COLOURS}"

    @property
    def name(self) -> str:
        """The model's spec, made unique in the comparison."""
        return self.measured.label

    def chip(self) -> Html:
        """Return the letter on the model's colour."""
        return el("b", self.letter, class_=f"chip {self.css}")

    def label(self) -> Html:
        """Return chip and name, the options after the name in small print."""
        name, colon, options = self.name.partition(":")
        small = None
        if options:
            parts = [joined(part, ",", el("wbr")) for part in options.split(",")[:-1]]
            last = options.split(",")[-1]
            small = el("small", colon, el("wbr"), *parts, last)
        return el("span", self.chip(), " ", el("span", name, small, class_="spec"), class_="model")


@dataclass(frozen=True)
class Material:
    """All that a report shows."""

    comparison: Comparison
    command: str = ""
    remarks: tuple[str, ...] = ()
    seed: int = 0
    curve: LearningCurve | None = None

    @cached_property
    def contestants(self) -> tuple[Contestant, ...]:
        """The models with their letters and colours, in ranking order."""
        return tuple(Contestant(index, one) for index, one in enumerate(self.comparison.models))


def legend(contestants: Sequence[Contestant]) -> Html:
    """Return the models of a chart in one line."""
    return el("p", *(one.label() for one in contestants), class_="legend")


def figure(*content: object, caption: str, class_: str = "") -> Html:
    """Return a figure with the sentence that says what it shows and how to read it."""
    return el("figure", *content, el("figcaption", caption), class_=class_ or None)
