"""Several models on one text, on one scale: bits for each byte of the canonical text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lmkit.errors import NotComparableError
from lmkit.evaluation.ledger import SurprisalLedger
from lmkit.models.base import LanguageModel, Progress
from lmkit.text.corpus import Corpus, Text, TextSummary, as_text

if TYPE_CHECKING:
    import pandas as pd

SCHEMA = 1


@dataclass(frozen=True)
class Comparison:
    """Ledgers of one canonical text, the best first: fewest bits for each byte."""

    ledgers: tuple[SurprisalLedger, ...]

    @property
    def summary(self) -> TextSummary:
        """The counts of the text that all were scored on."""
        return self.ledgers[0].summary

    @property
    def mixes_closed_and_open(self) -> bool:
        """Whether word models that meet unknown words stand beside models that spell."""
        units = {ledger.unit for ledger in self.ledgers}
        unknown = any(ledger.oov_count for ledger in self.ledgers if ledger.unit == "word")
        return unknown and "word" in units and len(units) > 1

    def results(self) -> list[dict[str, Any]]:
        """Return the metrics of each model with its rank, the best first."""
        return [
            {"rank": rank, **ledger.to_dict()} for rank, ledger in enumerate(self.ledgers, start=1)
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as the JSON output has it."""
        return report_dict(self.summary, self.results())

    def to_pandas(self) -> pd.DataFrame:
        """Return a data frame with one row for each model, the best first."""
        import pandas as pd

        return pd.DataFrame(self.results()).set_index("rank")

    def __str__(self) -> str:
        lines = [
            f"{self.summary.name}: {self.summary.words:,} words, bits a byte, perplexity a word"
        ]
        lines += [
            f"{result['rank']:>2}  {result['model']:<32} {result['bits_per_byte']:7.4f} "
            f"{result['perplexity_per_word']:12.2f}"
            for result in self.results()
        ]
        return "\n".join(lines)


def report_dict(summary: TextSummary, results: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return what `evaluate` and `compare` print as JSON."""
    return {"schema": SCHEMA, "corpus": summary.to_dict(), "results": list(results)}


def compare(
    models: Iterable[LanguageModel],
    test: Corpus | Text | str | Path,
    *,
    progress: Progress | None = None,
) -> Comparison:
    """Return the ranking of fitted models on a text, or on the test part of a corpus.

    Raises NotComparableError, with the reason and the remedy, for models whose scores do not
    measure the same thing.
    """
    text = as_text(test)
    fitted = list(models)
    ledgers = []
    for place, model in enumerate(fitted):
        if progress is not None:
            progress(f"scoring {model.spec}", place / len(fitted))
        ledgers.append(model.score(text))
    return rank(ledgers)


def rank(ledgers: Sequence[SurprisalLedger]) -> Comparison:
    """Return ledgers of one text ranked by bits for each byte.

    Raises NotComparableError where they are not of the same canonical text, where a model's
    probabilities do not sum to one, or where models of one unit know different words of it.
    """
    if not ledgers:
        raise NotComparableError("nothing to compare; name at least one model")
    check_one_text(ledgers)
    for ledger in ledgers:
        if not ledger.proper:
            raise NotComparableError(
                f"{ledger.model} gives scores, not probabilities: they do not sum to one, and so "
                "have no perplexity; leave it out"
            )
    if not ledgers[0].events:
        raise NotComparableError(
            f"{ledgers[0].summary.name}: no events to score; give another text"
        )
    for unit in {ledger.unit for ledger in ledgers}:
        _check_one_vocabulary([ledger for ledger in ledgers if ledger.unit == unit])
    return Comparison(tuple(sorted(ledgers, key=lambda ledger: ledger.bits_per_byte)))


def check_one_text(ledgers: Sequence[SurprisalLedger]) -> None:
    """Raise NotComparableError unless all ledgers are of the same canonical text."""
    first = ledgers[0]
    for other in ledgers[1:]:
        a, b = first.summary, other.summary
        if a.sha256 == b.sha256:
            continue
        if (a.normalize, a.sentences) != (b.normalize, b.sentences):
            how = (
                f"{first.model} reads it as normalize={a.normalize}, sentences={a.sentences}, "
                f"{other.model} as normalize={b.normalize}, sentences={b.sentences}"
            )
            remedy = "fit both with the same --normalize and --sentences"
        else:
            how = f"{first.model} was scored on {a.sha256[:12]}, {other.model} on {b.sha256[:12]}"
            remedy = "score both on the same text"
        raise NotComparableError(f"not the same canonical text: {how}; {remedy}")


def _check_one_vocabulary(ledgers: Sequence[SurprisalLedger]) -> None:
    """Raise NotComparableError where one model may call <unk> what another must predict."""
    first = ledgers[0]
    for other in ledgers[1:]:
        if not np.array_equal(first.oov, other.oov):
            raise NotComparableError(
                f"not the same vocabulary: {first.model} finds {first.oov_count:,} events unknown, "
                f"{other.model} {other.oov_count:,}, and the more a model may call <unk>, the "
                "better it looks; fit both on one text with the same min_count and max_size"
            )
