"""Learning curves: how a model gets better as it reads more."""

from __future__ import annotations

from dataclasses import dataclass

from lmkit.evaluation.intervals import Interval


@dataclass(frozen=True)
class CurvePoint:
    """A model after a part of the training text.

    ``fraction`` is the share of the training text's sentences, ``words`` how many words that is;
    ``bits_per_byte`` the interval on the test text, ``perplexity`` that for each event of the unit,
    ``oov`` the number of unknown events.
    """

    model: str
    fraction: float
    words: int
    bits_per_byte: Interval
    perplexity: float
    oov: int
    fit_seconds: float


@dataclass(frozen=True)
class LearningCurve:
    """The points of several models, by model and then by growing fraction."""

    points: tuple[CurvePoint, ...]

    @property
    def models(self) -> tuple[str, ...]:
        """The models, in the order in which they were asked for."""
        return tuple(dict.fromkeys(point.model for point in self.points))

    def of(self, model: str) -> tuple[CurvePoint, ...]:
        """Return the points of one model, the smallest part of the text first."""
        return tuple(point for point in self.points if point.model == model)
