"""Learning curves: how a model gets better as it reads more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lmkit.errors import CorpusError, ParameterError
from lmkit.evaluation.completion import Spellers
from lmkit.evaluation.intervals import LEVEL, Interval
from lmkit.evaluation.measuring import Measured, measure_all, tally_all
from lmkit.models.registry import create
from lmkit.results.proper import MARK, no_events, remarks
from lmkit.text.corpus import Corpus, Text
from lmkit.types import Progress

if TYPE_CHECKING:
    import pandas as pd

FRACTIONS = (0.125, 0.25, 0.5, 1.0)


_METRICS = (
    "bits_per_byte", "bits_per_byte_low", "bits_per_byte_high", "perplexity", "oov", "fit_seconds",
    "impossible", "proper", "outcome_sum_low", "outcome_sum_mean", "outcome_sum_high",
)  # fmt: skip


@dataclass(frozen=True)
class CurvePoint:
    """A model after a part of the training text.

    ``fraction`` is the share of the training text's sentences, ``words`` their number of words;
    ``measured`` holds the scores of the test text and their intervals.
    """

    model: str
    fraction: float
    words: int
    measured: Measured[Any]

    @property
    def bits_per_byte(self) -> Interval:
        """Bits per byte of the test text, unknown words spelled, with the confidence interval."""
        return self.measured.bits_per_byte

    def to_dict(self) -> dict[str, Any]:
        """Return the point as the JSON output has it."""
        metrics = self.measured.to_dict()
        own = {"model": self.model, "fraction": self.fraction, "words": self.words}
        return {**own, **{name: metrics[name] for name in _METRICS}}


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

    @property
    def remarks(self) -> list[str]:
        """Sentences about the models after the largest part: `proper.remarks`."""
        last = [self.of(model)[-1].measured.scored for model in self.models]
        return remarks(last, mark=MARK)

    def to_pandas(self) -> pd.DataFrame:
        """Return a data frame with one row for each point."""
        import pandas as pd

        return pd.DataFrame([point.to_dict() for point in self.points])


def learning_curve(
    specs: Sequence[str],
    corpus: Corpus,
    *,
    fractions: Sequence[float] = FRACTIONS,
    level: float = LEVEL,
    progress: Progress | None = None,
) -> LearningCurve:
    """Return how models of these specs do on a corpus's test part after parts of its training part.

    Each part is the beginning of the training text that holds a fraction of its sentences, so that
    a smaller part lies within every larger one. Each has its own vocabulary; unknown words are
    spelled.

    Raises ParameterError for a fraction outside 0 to 1 (1 included), or a corpus without a test
    part; CorpusError for a test part that holds no event.
    """
    if not fractions or any(not 0 < fraction <= 1 for fraction in fractions):
        raise ParameterError(
            f"fractions {list(fractions)}: give shares of the text, above 0 up to 1"
        )
    if corpus.test is None:
        raise ParameterError(f"{corpus.name} has no test part; split it, or give one")
    if not corpus.test.summary.characters:
        raise CorpusError(no_events(corpus.test.name))
    points = []
    steps = [(spec, fraction) for spec in specs for fraction in sorted(fractions)]
    for index, (spec, fraction) in enumerate(steps):
        if progress is not None:
            progress(f"{spec} on {fraction:g}", index / len(steps))
        model = create(spec)
        part = beginning(corpus.train, fraction)
        model.fit(replace(corpus, train=part))
        tallies = tally_all([model], corpus.test, spellers=Spellers())
        (measured,) = measure_all([model], tallies, level=level)
        scored = replace(measured.scored, model=spec)  # as it was named
        kept = replace(measured, model=None, scored=scored)  # the model's memory is freed
        points.append(CurvePoint(spec, fraction, part.summary.words, kept))
    return LearningCurve(tuple(points))


def beginning(text: Text, fraction: float) -> Text:
    """Return the beginning of a text that holds a fraction of its sentences."""
    return text if fraction == 1 else text.cut((fraction, 1 - fraction))[0]
