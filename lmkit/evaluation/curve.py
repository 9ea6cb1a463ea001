"""Learning curves: how a model gets better as it reads more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lmkit.errors import CorpusError, ParameterError
from lmkit.evaluation.completion import Spellers
from lmkit.evaluation.intervals import LEVEL, Interval
from lmkit.evaluation.measuring import measure_all, tally_all
from lmkit.models.registry import create
from lmkit.results.proper import MARK, Impossible, OutcomeSums, no_events, remarks
from lmkit.text.corpus import Corpus, Text
from lmkit.types import Progress

if TYPE_CHECKING:
    import pandas as pd

FRACTIONS = (0.125, 0.25, 0.5, 1.0)


@dataclass(frozen=True)
class CurvePoint:
    """A model after a part of the training text.

    ``fraction`` is the share of the training text's sentences, ``words`` how many words that is;
    ``bits_per_byte`` the interval on the test text, ``perplexity`` that for each event of the unit,
    ``oov`` the number of unknown events of all ``events``, ``impossible`` that of events of
    probability 0, ``first_impossible`` the first of these; ``proper`` and ``outcome_sums`` are as
    in :class:`~lmkit.results.scored.Scored`.
    """

    model: str
    fraction: float
    words: int
    bits_per_byte: Interval
    perplexity: float
    oov: int
    fit_seconds: float | None
    events: int = 0
    impossible: int = 0
    first_impossible: Impossible | None = None
    proper: bool = True
    outcome_sums: OutcomeSums | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the point as the JSON output has it."""
        return {
            "model": self.model,
            "fraction": self.fraction,
            "words": self.words,
            "bits_per_byte": self.bits_per_byte.value,
            "bits_per_byte_low": self.bits_per_byte.low,
            "bits_per_byte_high": self.bits_per_byte.high,
            "perplexity": self.perplexity,
            "oov": self.oov,
            "fit_seconds": self.fit_seconds,
            "impossible": self.impossible,
            "proper": self.proper,
            "outcome_sum_low": None if self.outcome_sums is None else self.outcome_sums.low,
            "outcome_sum_mean": None if self.outcome_sums is None else self.outcome_sums.mean,
            "outcome_sum_high": None if self.outcome_sums is None else self.outcome_sums.high,
        }


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
        """What is to be said of the models after the largest part: `proper.remarks`."""
        return remarks((self.of(model)[-1] for model in self.models), mark=MARK)

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
    for place, (spec, fraction) in enumerate(steps):
        if progress is not None:
            progress(f"{spec} on {fraction:g}", place / len(steps))
        model = create(spec)
        part = beginning(corpus.train, fraction)
        model.fit(replace(corpus, train=part))
        tallies = tally_all([model], corpus.test, spellers=Spellers())
        (measured,) = measure_all([model], tallies, level=level)
        points.append(
            CurvePoint(
                model=spec,
                fraction=fraction,
                words=part.summary.words,
                bits_per_byte=measured.bits_per_byte,
                perplexity=measured.scored.perplexity,
                oov=measured.scored.oov_count,
                fit_seconds=model.fit_seconds_,
                events=measured.scored.events,
                impossible=measured.scored.impossible,
                first_impossible=measured.scored.first_impossible,
                proper=measured.scored.proper,
                outcome_sums=measured.scored.outcome_sums,
            )
        )
    return LearningCurve(tuple(points))


def beginning(text: Text, fraction: float) -> Text:
    """Return the beginning of a text that holds a fraction of its sentences."""
    return text if fraction == 1 else text.cut((fraction, 1 - fraction))[0]
