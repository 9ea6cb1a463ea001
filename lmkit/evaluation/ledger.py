"""The surprisal ledger: one row for each scored event, and totals that everything else views."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lmkit.errors import CorpusError
from lmkit.evaluation.metrics import bits_per, cross_entropy, perplexity
from lmkit.evaluation.signature import signature
from lmkit.text.corpus import Meter, Text, TextSummary
from lmkit.text.encoding import places_of
from lmkit.text.vocabulary import EOS_ID, UNK_ID

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class SurprisalLedger:
    """What one model made of one text: arrays of length T, one entry for each event.

    ``ids`` int32; ``nats`` float64, the surprisal -log p(event | context), infinite where p is 0;
    ``oov`` bool, true for tokens that are not in the vocabulary (a literal ``<unk>`` among them):
    as ``given_oov`` gives them, else those whose id is that of ``<unk>``;
    ``offsets`` int64 and ``lengths`` int32, the place in the canonical text, in characters: as
    ``places`` gives the two, or found in the text when they are asked for.
    ``extra`` holds further columns of the same length that the model knows: ``order`` (the n-gram
    order that matched), ``backoff`` (nats paid for backing off), ``entropy`` (nats).

    ``spelling`` float64, where a spelling model has completed the ledger, is what it cost to spell
    each event that is not in the vocabulary, in nats; 0 for the others. Totals, bits a byte and
    perplexities a word count it; ``perplexity`` and ``cross_entropy``, which are those of the
    closed vocabulary, do not.

    ``sentence_bytes`` int64 (S,) is the size of each sentence in UTF-8 bytes, where it was counted
    when the text was read.

    ``model`` is the model's spec, ``vocabulary_size`` its number of outcomes V, ``proper`` whether
    its probabilities sum to one, ``adapts`` how it learned from the text as it scored it
    (``cache``; empty for one that did not). ``score_seconds`` is wall time, from text to this
    ledger.
    """

    model: str
    unit: str
    context: str
    unk: str
    proper: bool
    vocabulary_size: int
    parameters: int
    text: Text
    summary: TextSummary
    ids: NDArray[np.int32]
    nats: NDArray[np.float64]
    given_oov: NDArray[np.bool_] | None = None
    places: tuple[NDArray[np.int64], NDArray[np.int32]] | None = None
    extra: dict[str, NDArray[Any]] = field(default_factory=dict)
    spelling: NDArray[np.float64] | None = None
    train_sha256: str | None = None
    fit_seconds: float | None = None
    score_seconds: float | None = None
    adapts: str = ""
    sentence_bytes: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def oov(self) -> NDArray[np.bool_]:
        """Which events are out of vocabulary, bool (T,)."""
        return self.ids == UNK_ID if self.given_oov is None else self.given_oov

    @property
    def offsets(self) -> NDArray[np.int64]:
        """Where each event begins in the canonical text, in characters, shape (T,)."""
        return self._found[0]

    @property
    def lengths(self) -> NDArray[np.int32]:
        """The characters of each event; 0 for a byte within a character. Shape (T,)."""
        return self._found[1]

    @cached_property
    def _found(self) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        if self.places is not None:
            return self.places
        meter = Meter()
        found = places_of(self.text, self.unit, meter)
        if meter.summary(self.text).sha256 != self.summary.sha256:
            raise CorpusError(f"{self.text.name}: changed since it was scored; score it again")
        return found

    # ------------------------------------------------------------------ totals

    @property
    def events(self) -> int:
        """The number of events: tokens of the unit and sentence ends."""
        return len(self.ids)

    @property
    def spelled_nats(self) -> NDArray[np.float64]:
        """The surprisal of each event with its spelling, in nats, shape (T,)."""
        return self.nats if self.spelling is None else self.nats + self.spelling

    @cached_property
    def total_nats(self) -> float:
        """The surprisal of the whole text in nats, spelling included."""
        return self.closed_nats + (0.0 if self.spelling is None else float(self.spelling.sum()))

    @cached_property
    def closed_nats(self) -> float:
        """The surprisal of the events in nats: an unknown token costs what ``<unk>`` does."""
        return float(self.nats.sum())

    @property
    def is_open(self) -> bool:
        """Whether every token of the text has a probability of its own, unknown ones included."""
        return self.spelling is not None or not self.oov_count

    @cached_property
    def oov_count(self) -> int:
        """The number of events that are out of vocabulary."""
        if self.given_oov is None:
            return len(self.ids) - int(np.count_nonzero(self.ids))  # <unk> has the id 0
        return int(np.count_nonzero(self.given_oov))

    @cached_property
    def impossible(self) -> int:
        """The number of events that the model gave probability 0."""
        if np.isfinite(self.closed_nats):
            return 0
        return int(np.count_nonzero(np.isinf(self.nats)))

    @property
    def cross_entropy(self) -> float:
        """Nats for each event, those out of vocabulary counted as ``<unk>``."""
        return cross_entropy(self.closed_nats, self.events)

    @property
    def perplexity(self) -> float:
        """exp(nats / events), out-of-vocabulary events among them, each counted as ``<unk>``."""
        return perplexity(self.closed_nats, self.events)

    @cached_property
    def perplexity_without_oov(self) -> float:
        """The same over the events that are in the vocabulary alone."""
        known = self.nats[~self.oov] if self.oov_count else self.nats
        return perplexity(float(known.sum()), len(known))

    @property
    def perplexity_per_word(self) -> float:
        """exp(total nats / (words + sentence ends)): comparable between units."""
        return perplexity(self.total_nats, self.summary.words + self.summary.sentence_ends)

    @property
    def bits_per_character(self) -> float:
        """Bits for each character of the canonical text, one for each sentence end."""
        return bits_per(self.total_nats, self.summary.characters)

    @property
    def bits_per_byte(self) -> float:
        """Bits for each UTF-8 byte of the canonical text, one for each sentence end."""
        return bits_per(self.total_nats, self.summary.bytes)

    @property
    def signature(self) -> str:
        """The line that makes these numbers reproducible."""
        return signature(
            self.summary,
            model=self.model,
            unit=self.unit,
            context=self.context,
            unk=self.unk,
            train_sha256=self.train_sha256,
            adapts=self.adapts,
        )

    # ------------------------------------------------------------------ rows

    @cached_property
    def sentence(self) -> NDArray[np.int64]:
        """The number of each event's sentence, from 0, shape (T,)."""
        ends = self.ids == EOS_ID
        number = np.cumsum(ends, dtype=np.int64)
        number -= ends
        return number

    @cached_property
    def position(self) -> NDArray[np.int64]:
        """The place of each event in its sentence, from 0, shape (T,)."""
        starts = np.flatnonzero(np.concatenate([[True], self.ids[:-1] == EOS_ID]))
        sizes = np.diff(np.append(starts, len(self.ids)))
        return np.arange(len(self.ids), dtype=np.int64) - np.repeat(starts, sizes)

    def tokens(self) -> Iterator[str]:
        """Yield what stands in the text at each event, ``</s>`` for a sentence end.

        Bytes within a character are empty strings. The text is read again.
        """
        canonical = self.text.canonical()
        ends = (self.ids == EOS_ID).tolist()
        places = zip(self.offsets.tolist(), self.lengths.tolist(), ends, strict=True)
        for offset, length, is_end in places:
            yield "</s>" if is_end else canonical[offset : offset + length]

    def to_pandas(self) -> pd.DataFrame:
        """Return a data frame with one row for each event."""
        import pandas as pd

        columns: dict[str, Any] = {
            "sentence": self.sentence,
            "position": self.position,
            "offset": self.offsets,
            "length": self.lengths,
            "token": list(self.tokens()),
            "id": self.ids,
            "nats": self.nats,
            "oov": self.oov,
        }
        if self.spelling is not None:
            columns["spelling"] = self.spelling
        return pd.DataFrame({**columns, **self.extra})

    def to_dict(self) -> dict[str, Any]:
        """Return the metrics by name, as the JSON output has them; infinities stay floats."""
        return {
            "model": self.model,
            "signature": self.signature,
            "unit": self.unit,
            "context": self.context,
            "adapts": self.adapts or None,
            "perplexity": self.perplexity,
            "perplexity_without_oov": self.perplexity_without_oov,
            "perplexity_per_word": self.perplexity_per_word,
            "cross_entropy": self.cross_entropy,
            "bits_per_character": self.bits_per_character,
            "bits_per_byte": self.bits_per_byte,
            "nats": self.total_nats,
            "events": self.events,
            "oov": self.oov_count,
            "impossible": self.impossible,
            "parameters": self.parameters,
            "vocabulary_size": self.vocabulary_size,
            "fit_seconds": self.fit_seconds,
            "score_seconds": self.score_seconds,
        }

    def __repr__(self) -> str:
        return f"<SurprisalLedger {self}>"

    def __str__(self) -> str:
        return (
            f"{self.model}: perplexity {self.perplexity:.2f} a {self.unit}, "
            f"{self.bits_per_byte:.3f} bits a byte, {self.events:,} events, {self.oov_count:,} OOV"
        )
