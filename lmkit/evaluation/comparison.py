"""Several models on one text, on one scale: bits for each byte of the canonical text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lmkit.evaluation.blocks import DOCUMENT, Blocks, blocks_of
from lmkit.evaluation.calibration import Calibration, calibrate
from lmkit.evaluation.comparable import check_comparable
from lmkit.evaluation.completion import Spellers
from lmkit.evaluation.decomposition import Decomposition, decompose, word_frequencies
from lmkit.evaluation.intervals import LEVEL
from lmkit.evaluation.leakage import leakage_mark, with_training_text
from lmkit.evaluation.measuring import Measured, measure, report_dict, score_all, tier
from lmkit.evaluation.pairs import Pair, compare_pairs, rank_ranges
from lmkit.models.base import LanguageModel
from lmkit.results.ledger import SurprisalLedger
from lmkit.text.corpus import Corpus, Text, as_text
from lmkit.text.encoding import learn_text
from lmkit.text.known import joint_vocabulary
from lmkit.text.meter import TextSummary
from lmkit.types import Progress

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """Models measured on one canonical text, the best first: fewest bits for each byte.

    ``models`` are in ranking order; ``pairs`` compares every two of them. ``blocks`` are the pieces
    of the text that uncertainty is measured over. ``frequencies`` int64 is how often training has
    each word of the text, and -1 for a sentence end, in the order of the text; None where no
    training text is known. ``calibrations`` is empty unless it was asked for.
    """

    models: tuple[Measured[SurprisalLedger], ...]
    pairs: tuple[Pair, ...]
    blocks: Blocks
    level: float = LEVEL
    seed: int = 0
    frequencies: NDArray[np.int64] | None = None
    calibrations: tuple[Calibration, ...] = ()

    @property
    def ledgers(self) -> tuple[SurprisalLedger, ...]:
        """The ledgers of the models, in ranking order."""
        return tuple(model.ledger for model in self.models)

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the models, each once, in ranking order."""
        return tuple(model.label for model in self.models)

    @property
    def summary(self) -> TextSummary:
        """The counts of the text that all were scored on."""
        return self.ledgers[0].summary

    def pair(self, a: int, b: int) -> Pair:
        """Return the comparison of the models at two places of the ranking, a < b, from 0."""
        return next(pair for pair in self.pairs if (pair.a, pair.b) == (a, b))

    @cached_property
    def ranges(self) -> tuple[tuple[int, int], ...]:
        """The best and the worst rank that each model may hold, from 1."""
        return tuple(rank_ranges(len(self.models), self.pairs))

    def tied_with(self, place: int) -> list[str]:
        """Return the labels of the models that the test cannot part from the one at a place."""
        others = [
            pair.b if pair.a == place else pair.a
            for pair in self.pairs
            if pair.tied and place in (pair.a, pair.b)
        ]
        return [self.labels[other] for other in sorted(others)]

    def decompose(self, a: int = 0, b: int = 1) -> Decomposition:
        """Return what sets the models at two places of the ranking apart, from 0."""
        return decompose(self.ledgers, a, b, frequencies=self.frequencies)

    def results(self) -> list[dict[str, Any]]:
        """Return the metrics of each model with its rank, the best first."""
        return [
            {
                "rank": place + 1,
                **model.to_dict(),
                "rank_best": self.ranges[place][0],
                "rank_worst": self.ranges[place][1],
                "tied_with": self.tied_with(place),
            }
            for place, model in enumerate(self.models)
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as the JSON output has it."""
        pairs = [
            {**vars(pair), "a": self.labels[pair.a], "b": self.labels[pair.b]}
            for pair in self.pairs
        ]
        return {
            **report_dict(self.summary, self.results()),
            "level": self.level,
            "seed": self.seed,
            "blocks_of": self.blocks.kind,
            "scope": self.models[0].scope,
            "pairs": pairs,
        }

    def to_pandas(self) -> pd.DataFrame:
        """Return a data frame with one row for each model, the best first."""
        import pandas as pd

        return pd.DataFrame(self.results()).set_index("rank")

    def pairs_to_pandas(self) -> pd.DataFrame:
        """Return a data frame with one row for each pair of models."""
        import pandas as pd

        return pd.DataFrame(self.to_dict()["pairs"])

    def __str__(self) -> str:
        lines = [
            f"{self.summary.name}: {self.summary.words:,} words; bits a byte, perplexity a word"
        ]
        for place, model in enumerate(self.models):
            interval = model.bits_per_byte
            leaks = model.ledger.trained_on_test or model.ledger.tuned_on_test
            mark = f"  {leakage_mark(model.ledger.to_dict())}" if leaks else ""
            lines.append(
                f"{tier(*self.ranges[place]):>5}  {model.label:<32} {interval.value:7.4f} "
                f"[{interval.low:.4f}, {interval.high:.4f}] "
                f"{model.ledger.perplexity_per_word:12.2f}{mark}"
            )
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"<Comparison of {len(self.models)} models on {self.summary.name}>"

    def _repr_html_(self) -> str:
        columns = ["model", "unit", "bits_per_byte", "bits_per_byte_low", "bits_per_byte_high",
                   "perplexity", "perplexity_per_word", "oov"]  # fmt: skip
        frame = self.to_pandas()[columns]
        frame.index = [tier(*between) for between in self.ranges]
        return str(frame.to_html(escape=True, float_format=lambda value: f"{value:,.4f}"))


def compare(
    models: Iterable[LanguageModel],
    test: Corpus | Text | str | Path,
    *,
    train: Text | None = None,
    ledgers: Sequence[SurprisalLedger] = (),
    context: str | None = None,
    explain: bool = False,
    calibration_events: int = 0,
    seed: int = 0,
    level: float = LEVEL,
    progress: Progress | None = None,
) -> Comparison:
    """Return the ranking of fitted models on a text, or on the test part of a corpus.

    Unknown words are spelled, so that all units and vocabularies share one scale. `train` is the
    training text of models that do not say what they were trained on, such as ARPA files, and of
    `ledgers` that other tools made. `context` is where the models' states begin anew, by default
    each one's own (see :meth:`LanguageModel.score`). `explain` keeps what models know of each
    event, such as the n-gram order that matched; calibration is measured over `calibration_events`
    events of each model, drawn by `seed`. Intervals and tests are at `level`.

    Raises NotComparableError, with the reason and the remedy, for models whose scores do not
    measure the same thing.
    """
    fitted = list(models)
    text = as_text(test)
    spellers = Spellers(train)
    options: dict[str, Any] = {"context": context, "explain": explain, "progress": progress}
    own = score_all(fitted, text, spellers=spellers, **options)
    foreign = [with_training_text(spellers.completed(ledger), train) for ledger in ledgers]
    ranked = rank([*own, *foreign], seed=seed, level=level)
    calibrations = []
    for place, ledger in enumerate(ranked.ledgers):
        if calibration_events and ledger in own:
            if progress is not None:
                progress(f"calibrating {ledger.model}", place / len(ranked.ledgers))
            model = fitted[own.index(ledger)]
            calibrations.append(
                calibrate(model, ledger, place=place, events=calibration_events, seed=seed)
            )
    return replace(
        ranked,
        frequencies=_frequencies(fitted, ranked.ledgers[0].text, train),
        calibrations=tuple(calibrations),
    )


def _frequencies(
    models: Sequence[LanguageModel], text: Text, train: Text | None
) -> NDArray[np.int64] | None:
    """Return how often training has each word of a text, from a word model or the training text."""
    known = [
        (model.vocabulary_, model.dropped_)
        for model in models
        if model.unit == "word" and model.dropped_ is not None
    ]
    if known:
        return word_frequencies(text, *joint_vocabulary(known))
    if train is None:
        return None
    learned = learn_text(train.under(normalize=text.normalize, sentences=text.sentences), "word")
    return word_frequencies(text, learned.vocabulary, learned.dropped)


def rank(ledgers: Sequence[SurprisalLedger], *, seed: int = 0, level: float = LEVEL) -> Comparison:
    """Return ledgers of one text ranked by bits for each byte.

    Raises NotComparableError where they are not of the same canonical text, where a model's
    probabilities do not sum to one, or where models of one unit know different words of it.
    """
    check_comparable(ledgers)
    # Equal models stand by name: the order in which they are given is no reason.
    ordered = sorted(ledgers, key=lambda each: (each.bits_per_byte, each.model, each.signature))
    blocks = blocks_of(ordered[0].text, ordered[0])
    labels = _unique([ledger.model for ledger in ordered])
    models = tuple(
        measure(ledger, blocks, label=label, level=level)
        for ledger, label in zip(ordered, labels, strict=True)
    )
    nats = [blocks.totals(ledger, ledger.spelled_nats) for ledger in ordered]
    pairs = compare_pairs(nats, blocks.bytes, independent=blocks.kind == DOCUMENT, level=level)
    return Comparison(models, pairs, blocks, level, seed)


def _unique(names: Sequence[str]) -> list[str]:
    """Return names with a number behind those that came before."""
    seen: dict[str, int] = {}
    unique = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        unique.append(name if seen[name] == 1 else f"{name} #{seen[name]}")
    return unique
