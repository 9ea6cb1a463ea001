"""One model measured on a text: its ledger, and its metrics with their intervals."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from lmkit.evaluation.blocks import (
    DOCUMENT,
    FEWEST_BLOCKS,
    FEWEST_DOCUMENTS,
    SCOPES,
    SENTENCE,
    STRETCH,
    Blocks,
    blocks_of,
    sentence_blocks,
    sums_between,
)
from lmkit.evaluation.completion import Spellers
from lmkit.evaluation.dependence import INDEPENDENT, Dependence, find_dependence, residuals
from lmkit.evaluation.intervals import LEVEL, Interval, ratio_interval
from lmkit.models.base import LanguageModel
from lmkit.models.fitting import named_progress
from lmkit.results.ledger import SurprisalLedger
from lmkit.results.scored import Scored
from lmkit.results.tally import Tally
from lmkit.text.corpus import Corpus, Text
from lmkit.text.meter import TextSummary
from lmkit.types import Progress

SCHEMA = 1
ROUNDING = 1e-9  # of a total: a standard error below it is that of sums, not of texts
S = TypeVar("S", bound=Scored)


@dataclass(frozen=True, eq=False, repr=False)
class Measured(Generic[S]):
    """A model, its scores of a text (a ledger or a tally), and their confidence intervals.

    ``model`` is the fitted model, None where the scores come from another tool. ``label`` is the
    model's spec, made unique in its comparison. ``bits_per_byte`` is of the whole text, the
    spelling of unknown words included; ``perplexity`` is per event of the model's own unit, over
    its closed vocabulary.

    ``kind`` is what the blocks are (``document``, ``sentence``, ``stretch``), ``block_length`` the
    number of sentences or words in each. ``between_documents`` is the share, 0 to 1, of the
    variance of bits per byte that lies between documents: an interval that took the sentences for
    independent would leave it out. None where there are too few documents or sentences to
    estimate it.
    """

    model: LanguageModel | None
    scored: S
    label: str
    bits_per_byte: Interval
    perplexity: Interval
    kind: str
    block_length: int
    between_documents: float | None = None

    @property
    def scope(self) -> str | None:
        """The population of the intervals: texts like these documents, or this text; None: none."""
        return None if self.bits_per_byte.blocks < FEWEST_BLOCKS else SCOPES[self.kind]

    def to_dict(self) -> dict[str, Any]:
        """Return the metrics and the ends of their intervals, as the JSON output has them."""
        return {
            **self.scored.to_dict(),
            "model": self.label,
            "perplexity_low": self.perplexity.low,
            "perplexity_high": self.perplexity.high,
            "bits_per_byte_low": self.bits_per_byte.low,
            "bits_per_byte_high": self.bits_per_byte.high,
            "scope": self.scope,
            "blocks_of": self.kind,
            "blocks": self.bits_per_byte.blocks,
            "block_length": self.block_length,
            "degrees_of_freedom": self.bits_per_byte.degrees,
            "between_documents": self.between_documents,
        }


def fit_all(
    models: Sequence[LanguageModel], corpus: Corpus, *, progress: Progress | None = None
) -> None:
    """Fit those of some models that are not fitted yet on a corpus."""
    for index, model in enumerate(models):
        if not model.is_fitted:
            show = named_progress(progress, model.spec, index, len(models) + 1)  # the last: scoring
            if show is not None:
                show("fitting", 0.0)
            model.fit(corpus, progress=show)


def score_all(
    models: Sequence[LanguageModel],
    text: Text,
    *,
    spellers: Spellers,
    context: str | None = None,
    explain: bool = False,
    progress: Progress | None = None,
) -> list[SurprisalLedger]:
    """Return the ledger of a text under each model, unknown words spelled if a speller is known.

    `context` is where states are reset (see :meth:`LanguageModel.score`).
    """
    ledgers = []
    for model, show in _scoring(models, progress):
        ledger = model.score(text, context=context, explain=explain, progress=show)
        ledgers.append(spellers.complete(ledger, model))
    return ledgers


def tally_all(
    models: Sequence[LanguageModel],
    text: Text,
    *,
    spellers: Spellers,
    context: str | None = None,
    progress: Progress | None = None,
) -> list[SurprisalLedger | Tally]:
    """Return the tally of a text under each model, unknown words spelled if a speller is known.

    It is a ledger where the text has no sentence ends: then uncertainty is measured over stretches.
    `context` is where states are reset (see :meth:`LanguageModel.score`).
    """
    scored: list[SurprisalLedger | Tally] = []
    for model, show in _scoring(models, progress):
        score = model.score if model.sentences_ == "none" else model.tally
        scored.append(spellers.complete(score(text, context=context, progress=show), model))
    return scored


def _scoring(
    models: Sequence[LanguageModel], progress: Progress | None
) -> Iterator[tuple[LanguageModel, Progress | None]]:
    """Yield each model with the progress function of its share of the scoring."""
    for index, model in enumerate(models):
        show = named_progress(progress, model.spec, index, len(models))
        if show is not None:
            show("scoring", 0.0)
        yield model, show


class _Sums(NamedTuple):
    """The sums of each of B blocks: nats, nats of spelling, events, bytes; each (B,)."""

    nats: NDArray[np.float64]
    spelling: NDArray[np.float64] | None
    events: NDArray[np.int64]
    bytes: NDArray[np.int64]

    @property
    def bits(self) -> NDArray[np.float64]:
        """The bits of each block, spelling included."""
        spelled = self.nats if self.spelling is None else self.nats + self.spelling
        return spelled / math.log(2)

    @property
    def sizes(self) -> NDArray[np.float64]:
        """The bytes of each block as floats."""
        return self.bytes.astype(np.float64)


def measure_all(
    models: Sequence[LanguageModel],
    scored: Sequence[SurprisalLedger | Tally],
    *,
    level: float = LEVEL,
) -> list[Measured[Any]]:
    """Return models with their scores of one text, in the same order, and the intervals of each."""
    ledger = next((each for each in scored if isinstance(each, SurprisalLedger)), None)
    blocks = None if ledger is None else blocks_of(ledger.text, ledger)
    pairs = zip(models, scored, strict=True)
    return [measure(each, blocks, model=model, level=level) for model, each in pairs]


def measure(
    scored: S,
    blocks: Blocks | None = None,
    *,
    model: LanguageModel | None = None,
    label: str | None = None,
    level: float = LEVEL,
) -> Measured[S]:
    """Return the scores of a model with the intervals of bits per byte and of perplexity.

    `blocks` are those of the text (:func:`lmkit.evaluation.blocks.blocks_of`); only a ledger needs
    them.
    """
    documents, sentences = None, None
    if isinstance(scored, Tally):
        documents = _document_sums(scored)
        sentences = _Sums(scored.nats, scored.spelling, scored.sizes, scored.bytes)
        kind, length = (SENTENCE, scored.length) if documents is None else (DOCUMENT, 1)
        sums = documents or sentences
    else:
        assert isinstance(scored, SurprisalLedger)
        blocks = blocks or blocks_of(scored.text, scored)
        kind, length, sums = blocks.kind, blocks.length, _sums(scored, blocks)
        if kind == DOCUMENT and blocks.sentences is not None:
            documents, sentences = sums, _sums(scored, sentence_blocks(scored.text, scored))
    bits = np.full(len(sums.bytes), np.inf) if scored.impossible else sums.bits
    dependence = INDEPENDENT
    if kind != DOCUMENT and len(bits) >= FEWEST_BLOCKS and not scored.impossible:
        dependence = find_dependence(residuals(bits, sums.sizes)[None])
    interval = ratio_interval(bits, sums.sizes, dependence=dependence, level=level)
    between = None
    if documents is not None and sentences is not None and not scored.impossible:
        between = _between_documents(documents, sentences)
    perplexity = _perplexity(scored.perplexity, sums, dependence, level=level)
    return Measured(
        model, scored, label or scored.model, interval, perplexity, kind, length, between
    )


def _document_sums(tally: Tally) -> _Sums | None:
    """Return the sums of the documents, where there are enough of them to measure over."""
    nats, events, sizes = tally.document_nats, tally.document_events, tally.document_bytes
    if nats is None or events is None or sizes is None or len(sizes) < FEWEST_DOCUMENTS:
        return None
    return _Sums(nats, tally.document_spelling, events, sizes)


def _sums(ledger: SurprisalLedger, blocks: Blocks) -> _Sums:
    first = blocks.first_events(ledger)
    spelling = None if ledger.spelling is None else sums_between(first, ledger.spelling)
    return _Sums(sums_between(first, ledger.nats), spelling, np.diff(first), blocks.bytes)


def _perplexity(value: float, sums: _Sums, dependence: Dependence, *, level: float) -> Interval:
    """Return the interval of a perplexity: that of nats an event, put through exp."""
    events = sums.events.astype(np.float64)
    nats = ratio_interval(sums.nats, events, dependence=dependence, level=level)
    with np.errstate(over="ignore", invalid="ignore"):
        low, high = value * np.exp([nats.low - nats.value, nats.high - nats.value])
    return replace(
        nats, value=value, low=float(low), high=float(high),
        standard_error=value * nats.standard_error,
    )  # fmt: skip


def _between_documents(documents: _Sums, sentences: _Sums) -> float | None:
    """Return the share of the variance of bits a byte that lies between documents.

    By moments: blocks of sizes y whose rates vary between documents by t, and within them by w for
    each byte, have residuals with squares of the mean t y^2 + w y. The sums of squares S over
    documents and s over blocks of sentences differ by t (sum Y^2 - sum y^2). None where the blocks
    are not much smaller than documents: there are at most 1,000 of them.
    """
    squares = [
        float((residuals(each.bits, each.sizes) ** 2).sum()) for each in (documents, sentences)
    ]
    sizes = [float((each.sizes**2).sum()) for each in (documents, sentences)]
    if sizes[0] < 2 * sizes[1]:
        return None
    if squares[0] <= (ROUNDING * float(documents.bits.sum())) ** 2:  # nothing varies
        return None
    rate = (squares[0] - squares[1]) / (sizes[0] - sizes[1])
    return min(1.0, max(0.0, rate * sizes[0] / squares[0]))


def scope_remark(measured: Measured[Any]) -> str:
    """Return a sentence on what population the intervals are about, or on why there are none."""
    count, kind = measured.bits_per_byte.blocks, measured.kind
    documents = measured.scored.summary.documents
    if measured.scope is None:
        name = kind if count == 1 else {STRETCH: "stretches"}.get(kind, f"{kind}s")
        return (
            f"No interval: {count:,} {name} cannot tell how sure the numbers are; "
            f"{FEWEST_BLOCKS} are needed."
        )
    if kind == DOCUMENT:
        share = measured.between_documents
        between = "" if share is None else f"; {share:.0%} of the variance lies between documents"
        return f"Intervals and ranks are for texts like these {count:,} documents{between}."
    if documents is None:
        why = "what its documents are is not known (--documents)"
    else:
        few = "one document" if documents == 1 else f"{documents:,} documents"
        why = f"{few} cannot tell ({FEWEST_DOCUMENTS} are needed)"
    return f"Intervals and ranks are for more of this text, not for other texts: {why}."


def report_dict(summary: TextSummary, results: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return what `evaluate` and `compare` print as JSON."""
    return {"schema": SCHEMA, "corpus": summary.to_dict(), "results": list(results)}
