"""One model measured on a text: its ledger, and its metrics with their intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from lmkit.evaluation.blocks import FEWEST_SEGMENTS, Segments, segments, sums_between
from lmkit.evaluation.completion import Spellers, complete
from lmkit.evaluation.intervals import LEVEL, Interval, ratio_interval
from lmkit.evaluation.leakage import with_training_text
from lmkit.evaluation.ledger import SurprisalLedger
from lmkit.evaluation.scored import Scored
from lmkit.evaluation.tally import Tally
from lmkit.models.base import LanguageModel, Progress
from lmkit.text.corpus import Text
from lmkit.text.meter import TextSummary

SCHEMA = 1
S = TypeVar("S", bound=Scored)


@dataclass(frozen=True, eq=False, repr=False)
class Measured(Generic[S]):
    """One model's ledger, or its tally, with its intervals.

    ``label`` is the model's spec, made unique in its comparison. ``bits_per_byte`` is of the whole
    text, unknown words spelled; ``perplexity`` is for each event of the model's own unit, over its
    closed vocabulary.
    """

    label: str
    ledger: S
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
        show = _share(progress, model, place, len(models))
        ledger = model.score(text, explain=explain, progress=show)
        if spellers.knows(model):
            ledger = complete(ledger, lambda model=model: spellers.of(model))  # type: ignore[misc]
        ledgers.append(with_training_text(ledger, spellers.train))
    return ledgers


def tally_all(
    models: Sequence[LanguageModel],
    text: Text,
    *,
    spellers: Spellers,
    progress: Progress | None = None,
) -> list[SurprisalLedger | Tally]:
    """Return the tally of a text under each model, completed where there is a speller.

    It is a ledger where the text has too few sentences and documents: then uncertainty is measured
    from words.
    """
    found: list[SurprisalLedger | Tally] = []
    for place, model in enumerate(models):
        scored: SurprisalLedger | Tally | None = None
        show = _share(progress, model, place, len(models))
        if model.sentences_ != "none":
            tally = model.tally(text, progress=show)
            scored = tally if tally.sentences >= FEWEST_SEGMENTS else None
        scored = scored or model.score(text, progress=show)
        if spellers.knows(model):
            scored = complete(scored, lambda model=model: spellers.of(model))  # type: ignore[misc]
        found.append(with_training_text(scored, spellers.train))
    return found


def _share(
    progress: Progress | None, model: LanguageModel, place: int, models: int
) -> Progress | None:
    """Return where the progress of one of several models goes, a share of the whole; begin it."""
    if progress is None:
        return None
    label = f"scoring {model.spec}"
    progress(label, place / models)
    return lambda _, done: progress(label, (place + done) / models)


def measure(
    ledger: SurprisalLedger,
    pieces: Segments,
    *,
    label: str | None = None,
    seed: int = 0,
    level: float = LEVEL,
) -> Measured[SurprisalLedger]:
    """Return a ledger with the intervals of its bits a byte and of its perplexity."""
    blocks = pieces.blocks
    first = blocks.first_events(ledger)
    closed = sums_between(first, ledger.nats)
    spelling = None if ledger.spelling is None else sums_between(first, ledger.spelling)
    parts = _Parts(closed, spelling, np.diff(first), blocks.bytes, blocks.length)
    return _measured(ledger, parts, label=label, seed=seed, level=level)


def measure_tally(
    tally: Tally, *, label: str | None = None, seed: int = 0, level: float = LEVEL
) -> Measured[Tally]:
    """Return a tally with the intervals of its bits a byte and of its perplexity.

    They are measured over documents where there are many.
    """
    nats, events, sizes = tally.document_nats, tally.document_events, tally.document_bytes
    if nats is not None and events is not None and sizes is not None:
        parts = _Parts(nats, tally.document_spelling, events, sizes, 1)
    if nats is None or len(parts.bytes) < FEWEST_SEGMENTS:
        parts = _Parts(tally.nats, tally.spelling, tally.sizes, tally.bytes, tally.length)
    return _measured(tally, parts, label=label, seed=seed, level=level)


def measure_all(
    scored: Sequence[SurprisalLedger | Tally], *, seed: int = 0, level: float = LEVEL
) -> list[Measured[Any]]:
    """Return ledgers and tallies of one text with the intervals of each."""
    ledger = next((each for each in scored if isinstance(each, SurprisalLedger)), None)
    pieces = None if ledger is None else segments(ledger.text, ledger)
    found: list[Measured[Any]] = []
    for each in scored:
        if isinstance(each, Tally):
            found.append(measure_tally(each, seed=seed, level=level))
        elif pieces is not None:
            found.append(measure(each, pieces, seed=seed, level=level))
    return found


class _Parts(NamedTuple):
    """The parts that a text is drawn from again, B of them: runs of `length` segments."""

    nats: NDArray[np.float64]
    spelling: NDArray[np.float64] | None
    events: NDArray[np.int64]
    bytes: NDArray[np.int64]
    length: int


def _measured(
    scored: S, parts: _Parts, *, label: str | None, seed: int, level: float
) -> Measured[S]:
    options: dict[str, Any] = {"seed": seed, "level": level}
    spelled = parts.nats if parts.spelling is None else parts.nats + parts.spelling
    bits = spelled / np.log(2)
    if scored.impossible:
        bits = np.full(len(bits), np.inf)
    interval = ratio_interval(bits, parts.bytes.astype(np.float64), **options)
    # The same blocks, and an interval of nats an event, put through exp.
    events = parts.events.astype(np.float64)
    nats = ratio_interval(parts.nats, events, length=interval.block_length, **options)
    interval = replace(interval, block_length=interval.block_length * parts.length)
    value = scored.perplexity
    with np.errstate(over="ignore", invalid="ignore"):
        low, high = value * np.exp([nats.low - nats.value, nats.high - nats.value])
    perplexity = Interval(
        value, float(low), float(high), value * nats.standard_error,
        nats.blocks, interval.block_length, level,
    )  # fmt: skip
    return Measured(label or scored.model, scored, interval, perplexity)


def tier(best: int, worst: int) -> str:
    """Return the ranks that a model may hold, as they are shown.

    >>> tier(1, 1), tier(2, 4)
    ('1', '2–4')
    """
    return str(best) if best == worst else f"{best}–{worst}"


def report_dict(summary: TextSummary, results: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return what `evaluate` and `compare` print as JSON."""
    return {"schema": SCHEMA, "corpus": summary.to_dict(), "results": list(results)}
