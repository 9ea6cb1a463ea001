"""Several models on one text, on one scale: bits per byte of the canonical text."""

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
from lmkit.evaluation.columns import View, ranking_columns, ranking_row
from lmkit.evaluation.comparable import check_comparable, not_ranked
from lmkit.evaluation.completion import Spellers
from lmkit.evaluation.decomposition import (
    Decomposition,
    Items,
    decompose,
    items_of,
    word_frequencies,
)
from lmkit.evaluation.intervals import LEVEL
from lmkit.evaluation.measuring import Measured, fit_all, measure, report_dict, score_all
from lmkit.evaluation.pairs import Pair, compare_pairs, rank_ranges
from lmkit.models.base import LanguageModel
from lmkit.models.registry import Models, as_models
from lmkit.results.ledger import SurprisalLedger
from lmkit.results.ledger_files import read_ledger
from lmkit.results.proper import improper
from lmkit.tables import TableRenderer, html_table, plain_table
from lmkit.text.corpus import Corpus, Readable, Text, as_corpus
from lmkit.text.encoding import learn_text
from lmkit.text.meter import TextSummary
from lmkit.text.shared_vocabulary import joint_vocabulary
from lmkit.types import Progress

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """Models measured on one canonical text, in ranking order: the fewest bits per byte first.

    ``models`` are the models with their scores and intervals; ``pairs`` holds the paired test of
    every two of them. ``blocks`` are the units of the text that uncertainty is measured over.
    ``train`` is the training text, if it was given. ``calibrations`` is empty unless it was asked
    for. Ranks that are arguments or fields count from 0.
    """

    models: tuple[Measured[SurprisalLedger], ...]
    pairs: tuple[Pair, ...]
    blocks: Blocks
    level: float = LEVEL
    seed: int = 0
    train: Text | None = None
    calibrations: tuple[Calibration, ...] = ()

    @property
    def ledgers(self) -> tuple[SurprisalLedger, ...]:
        """The ledgers of the models, in ranking order."""
        return tuple(model.scored for model in self.models)

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the models, each once, in ranking order."""
        return tuple(model.label for model in self.models)

    @property
    def summary(self) -> TextSummary:
        """The counts of the text that all were scored on."""
        return self.ledgers[0].summary

    @cached_property
    def items(self) -> Items:
        """The words and sentence ends of the text, which is read again when they are first used."""
        return items_of(self.ledgers[0].text)

    @cached_property
    def frequencies(self) -> NDArray[np.int64] | None:
        """The training count of each word of the text, in order, int64 (N,); -1: a sentence end.

        None where no training counts are known.
        """
        models = [one.model for one in self.models if one.model is not None]
        return _training_counts(models, self.items, self.ledgers[0].text, self.train)

    def pair(self, a: int, b: int) -> Pair:
        """Return the paired test of the models of ranks a < b."""
        return next(pair for pair in self.pairs if (pair.a, pair.b) == (a, b))

    @cached_property
    def ranges(self) -> tuple[tuple[int, int], ...]:
        """The best and the worst rank that each model may hold, from 1."""
        return tuple(rank_ranges(len(self.models), self.pairs))

    def tied_with(self, rank: int) -> list[str]:
        """Return the labels of the models that the paired test cannot tell from that of a rank."""
        others = [
            pair.b if pair.a == rank else pair.a
            for pair in self.pairs
            if pair.tied and rank in (pair.a, pair.b)
        ]
        return [self.labels[other] for other in sorted(others)]

    def decompose(self, a: int = 0, b: int = 1) -> Decomposition:
        """Return the difference in bits of the models of two ranks, split by several properties."""
        return decompose(self.ledgers, a, b, items=self.items, frequencies=self.frequencies)

    def results(self) -> list[dict[str, Any]]:
        """Return the metrics of each model with its rank, the best first."""
        return [
            {
                "rank": index + 1,
                **model.to_dict(),
                "rank_best": self.ranges[index][0],
                "rank_worst": self.ranges[index][1],
                "tied_with": self.tied_with(index),
            }
            for index, model in enumerate(self.models)
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

    def _table(self, view: View, render: TableRenderer) -> str:
        results = self.results()
        columns = ranking_columns(view, results, level=self.level)
        return render(columns, [ranking_row(result) for result in results])

    def __str__(self) -> str:
        title = f"{self.summary.name}: {self.summary.words:,} words"
        return f"{title}\n\n{self._table(View.TEXT, plain_table)}"

    def __repr__(self) -> str:
        return f"<Comparison of {len(self.models)} models on {self.summary.name}>"

    def _repr_html_(self) -> str:
        return self._table(View.NOTEBOOK, html_table)


def compare(
    models: Models,
    test: Readable,
    *,
    train: Readable | None = None,
    ledgers: Iterable[SurprisalLedger | str | Path] = (),
    context: str | None = None,
    explain: bool = False,
    calibration_events: int = 0,
    seed: int = 0,
    level: float = LEVEL,
    progress: Progress | None = None,
) -> Comparison:
    """Return the ranking of models on a text, or on the test part of a corpus.

    `models` are fitted models, paths of model files, and models, classes or specs that are still
    to be fitted. The latter learn from `train`, without it from the training part of `test`; if
    that has no test part, it is cut into 80% train, 10% valid and 10% test first.

    Unknown words are spelled, so that all units and vocabularies share one scale. Spellers of
    models that do not know their training text (ARPA files), and of `ledgers`, which other tools
    made, learn from `train` as well. A ledger may be a path: a file of scores, or a folder with a
    causal language model of Hugging Face's transformers. `context` is where the models' states
    are reset, by default as each model says (see :meth:`LanguageModel.score`). `explain` keeps
    what models know of each event, such as the n-gram order that matched. Calibration is measured
    over `calibration_events` events of each model, drawn with `seed`. Intervals and tests are at
    the confidence `level`.

    Raises NotComparableError, with the reason and the remedy, for models whose scores do not
    measure the same thing, and as :func:`lmkit.load` and :meth:`LanguageModel.fit` do.
    """
    prepared = as_models(models)
    for model in prepared:  # before any is fitted
        if reason := improper(model):
            raise not_ranked(reason)
    corpus, source = as_corpus(test), None if train is None else as_corpus(train)
    if not all(model.is_fitted for model in prepared):
        if source is None:
            source = corpus = with_test_part(corpus)
        fit_all(prepared, source, progress=progress)
    text, training_text = corpus.held_out, None if source is None else source.train
    spellers = Spellers(training_text)
    options: dict[str, Any] = {"context": context, "explain": explain, "progress": progress}
    own = score_all(prepared, text, spellers=spellers, **options)
    others = [spellers.complete_foreign(_read_scores(ledger, text)) for ledger in ledgers]
    none: list[LanguageModel | None] = [None] * len(others)
    ranked = rank([*own, *others], models=[*prepared, *none], seed=seed, level=level)
    calibrations = _calibrations(ranked, calibration_events, seed, progress)
    return replace(ranked, train=training_text, calibrations=calibrations)


def with_test_part(corpus: Corpus) -> Corpus:
    """Return a corpus as it is, or cut into train, valid and test if it has no test part."""
    return corpus if corpus.test is not None else corpus.split()


def _read_scores(ledger: SurprisalLedger | str | Path, text: Text) -> SurprisalLedger:
    """Return a ledger, the one in a file, or that of a text under the model in a folder."""
    if isinstance(ledger, SurprisalLedger):
        return ledger
    if Path(ledger).is_dir():
        from lmkit.evaluation.huggingface import score_huggingface

        return score_huggingface(ledger, text)
    return read_ledger(ledger, text)


def _calibrations(
    comparison: Comparison, events: int, seed: int, progress: Progress | None
) -> tuple[Calibration, ...]:
    """Return the calibration of each model over a sample of events; none for no events."""
    calibrations = []
    for index, one in enumerate(comparison.models):
        if events and one.model is not None:
            if progress is not None:
                progress(f"calibrating {one.label}", index / len(comparison.models))
            found = calibrate(one.model, one.scored, index=index, events=events, seed=seed)
            calibrations.append(found)
    return tuple(calibrations)


def _training_counts(
    models: Sequence[LanguageModel], items: Items, text: Text, train: Text | None
) -> NDArray[np.int64] | None:
    """Return the training count of each word of a text, from word models or the training text."""
    known = [
        (model.vocabulary_, model.dropped_)
        for model in models
        if model.unit == "word" and model.dropped_ is not None
    ]
    if known:
        return word_frequencies(items, *joint_vocabulary(known))
    if train is None:
        return None
    learned = learn_text(train.under(normalize=text.normalize, sentences=text.sentences), "word")
    return word_frequencies(items, learned.vocabulary, learned.dropped)


def rank(
    ledgers: Sequence[SurprisalLedger],
    *,
    models: Sequence[LanguageModel | None] | None = None,
    seed: int = 0,
    level: float = LEVEL,
) -> Comparison:
    """Return ledgers of one text ranked by bits per byte, the fewest first.

    `models` are the models that made them, in the same order; None for one of another tool.

    Raises NotComparableError where they are not of the same canonical text, where a model's
    probabilities do not sum to one, or where models of one unit know different words of it.
    """
    check_comparable(ledgers)
    pairs = zip(models or [None] * len(ledgers), ledgers, strict=True)
    # Ties are in alphabetical order, so that the order of the arguments changes nothing.
    ordered = sorted(
        pairs, key=lambda pair: (pair[1].bits_per_byte, pair[1].model, pair[1].signature)
    )
    first = ordered[0][1]
    blocks = blocks_of(first.text, first)
    labels = _unique([ledger.model for _, ledger in ordered])
    measured = tuple(
        measure(ledger, blocks, model=model, label=label, level=level)
        for (model, ledger), label in zip(ordered, labels, strict=True)
    )
    nats = [blocks.totals(ledger, ledger.spelled_nats) for _, ledger in ordered]
    tests = compare_pairs(nats, blocks.bytes, independent=blocks.kind == DOCUMENT, level=level)
    return Comparison(measured, tests, blocks, level, seed)


def _unique(names: Sequence[str]) -> list[str]:
    """Return names, repeated ones numbered: a, a #2, a #3."""
    seen: dict[str, int] = {}
    unique = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        unique.append(name if seen[name] == 1 else f"{name} #{seen[name]}")
    return unique
