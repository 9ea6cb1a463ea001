"""One model measured on a text: its ledger, and its metrics with their intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lmkit.evaluation.blocks import Segments, sums_between
from lmkit.evaluation.completion import Spellers, complete
from lmkit.evaluation.intervals import LEVEL, Interval, ratio_interval
from lmkit.evaluation.ledger import SurprisalLedger
from lmkit.models.base import LanguageModel, Progress
from lmkit.text.corpus import Text, TextSummary

SCHEMA = 1


@dataclass(frozen=True, eq=False, repr=False)
class Measured:
    """One model's ledger with its intervals.

    ``label`` is the model's spec, made unique in its comparison. ``bits_per_byte`` is of the whole
    text, unknown words spelled; ``perplexity`` is for each event of the model's own unit, over its
    closed vocabulary.
    """

    label: str
    ledger: SurprisalLedger
    bits_per_byte: Interval
    perplexity: Interval

    def to_dict(self) -> dict[str, Any]:
        """Return the metrics and the ends of their intervals, as the JSON output has them."""
        return {
            **self.ledger.to_dict(),
            "model": self.label,
            "perplexity_low": self.perplexity.low,
            "perplexity_high": self.perplexity.high,
            "bits_per_byte_low": self.bits_per_byte.low,
            "bits_per_byte_high": self.bits_per_byte.high,
            "blocks": self.bits_per_byte.blocks,
            "block_length": self.bits_per_byte.block_length,
        }


def score_all(
    models: Sequence[LanguageModel],
    text: Text,
    *,
    spellers: Spellers,
    explain: bool = False,
    progress: Progress | None = None,
) -> list[SurprisalLedger]:
    """Return the ledger of a text under each model, completed where there is a speller."""
    ledgers = []
    for place, model in enumerate(models):
        if progress is not None:
            progress(f"scoring {model.spec}", place / len(models))
        ledger = model.score(text, explain=explain)
        if spellers.knows(model):
            ledger = complete(ledger, lambda model=model: spellers.of(model))  # type: ignore[misc]
        ledgers.append(ledger)
    return ledgers


def measure(
    ledger: SurprisalLedger,
    pieces: Segments,
    *,
    label: str | None = None,
    seed: int = 0,
    level: float = LEVEL,
) -> Measured:
    """Return a ledger with the intervals of its bits a byte and of its perplexity."""
    options: dict[str, Any] = {"seed": seed, "level": level}
    blocks = pieces.blocks
    first = blocks.first_events(ledger)
    closed = spelled = sums_between(first, ledger.nats)
    if ledger.spelling is not None:
        spelled = sums_between(first, ledger.spelled_nats)
    bits = spelled / np.log(2)
    if ledger.impossible:
        bits = np.full(len(bits), np.inf)
    interval = ratio_interval(bits, blocks.bytes.astype(np.float64), **options)
    # The same blocks, and an interval of nats an event, put through exp.
    events = np.diff(first).astype(np.float64)
    nats = ratio_interval(closed, events, length=interval.block_length, **options)
    interval = replace(interval, block_length=interval.block_length * blocks.length)
    value = ledger.perplexity
    with np.errstate(over="ignore", invalid="ignore"):
        low, high = value * np.exp([nats.low - nats.value, nats.high - nats.value])
    perplexity = Interval(
        value, float(low), float(high), value * nats.standard_error,
        nats.blocks, interval.block_length, level,
    )  # fmt: skip
    return Measured(label or ledger.model, ledger, interval, perplexity)


def tier(best: int, worst: int) -> str:
    """Return the ranks that a model may hold, as they are shown.

    >>> tier(1, 1), tier(2, 4)
    ('1', '2–4')
    """
    return str(best) if best == worst else f"{best}–{worst}"


def report_dict(summary: TextSummary, results: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return what `evaluate` and `compare` print as JSON."""
    return {"schema": SCHEMA, "corpus": summary.to_dict(), "results": list(results)}
