"""The surprisal ledger: one row for each scored event, and totals that everything else views."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lmkit.errors import CorpusError
from lmkit.results.scored import Scored, infinite
from lmkit.text.encoding import event_spans
from lmkit.text.meter import Meter
from lmkit.text.units import UNITS
from lmkit.text.vocabulary import EOS_ID, UNK_ID

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class SurprisalLedger(Scored):
    """The surprisals of one text under one model: arrays of length T, one entry for each event.

    ``ids`` int32; ``nats`` float64, the surprisal -log p(event | context), infinite where p is 0;
    ``oov`` bool, true for tokens that are not in the vocabulary (a literal ``<unk>`` among them):
    as ``given_oov`` gives them, else those whose id is that of ``<unk>``;
    ``offsets`` int64 and ``lengths`` int32, the span in the canonical text, in characters: as
    ``places`` gives the two, else read from the text when they are first used.
    ``extra`` holds further columns of the same length that the model knows: ``order`` (the n-gram
    order that matched), ``backoff`` (nats paid for backing off), ``entropy`` (nats).

    ``spelling`` float64, where a spelling model has completed the ledger, is the surprisal of
    the spelling of each event that is not in the vocabulary, in nats; 0 for the others.

    ``sentence_bytes`` int64 (S,) is the size of each sentence in UTF-8 bytes, where it was counted
    when the text was read.
    """

    ids: NDArray[np.int32]
    nats: NDArray[np.float64]
    given_oov: NDArray[np.bool_] | None = None
    places: tuple[NDArray[np.int64], NDArray[np.int32]] | None = None
    extra: dict[str, NDArray[Any]] = field(default_factory=dict)
    spelling: NDArray[np.float64] | None = None
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
        return self._spans[0]

    @property
    def lengths(self) -> NDArray[np.int32]:
        """The characters of each event; 0 for a byte within a character. Shape (T,)."""
        return self._spans[1]

    @cached_property
    def _spans(self) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        if self.places is not None:
            return self.places
        meter = Meter()
        spans = event_spans(self.text, self.unit, meter)
        if meter.summary(self.text).sha256 != self.summary.sha256:
            raise CorpusError(f"{self.text.name}: changed since it was scored; score it again")
        return spans

    # ------------------------------------------------------------------ totals

    @property
    def events(self) -> int:
        """The number of events: tokens of the unit and sentence ends."""
        return len(self.ids)

    @cached_property
    def closed_nats(self) -> float:
        """The surprisal of the events in nats: an unknown token costs what ``<unk>`` does."""
        return float(self.nats.sum())

    @cached_property
    def known_nats(self) -> float:
        """The surprisal of the events that are in the vocabulary, in nats."""
        return float(self.nats[~self.oov].sum()) if self.oov_count else self.closed_nats

    @cached_property
    def spelling_nats(self) -> float | None:
        """What it costs to spell the unknown tokens, in nats; None where they are not spelled."""
        return None if self.spelling is None else float(self.spelling.sum())

    @property
    def spelled_nats(self) -> NDArray[np.float64]:
        """The surprisal of each event with its spelling, in nats, shape (T,)."""
        return self.nats if self.spelling is None else self.nats + self.spelling

    @cached_property
    def oov_count(self) -> int:
        """The number of events that are out of vocabulary."""
        if self.given_oov is None:
            return len(self.ids) - int(np.count_nonzero(self.ids))  # <unk> has the id 0
        return int(np.count_nonzero(self.given_oov))

    @cached_property
    def impossible(self) -> int:
        """The number of events that the model gave probability 0."""
        return infinite(self.closed_nats, self.nats)

    @property
    def first_zero(self) -> tuple[int, int] | None:
        """Sentence and position, from 0, of the first event of probability 0; None for none."""
        if not self.impossible:
            return None
        event = int(np.argmax(np.isposinf(self.nats)))
        return int(self.sentence[event]), int(self.position[event])

    def _token_at(self, sentence: int, position: int) -> str:
        if self.unit in UNITS:
            return super()._token_at(sentence, position)
        event = np.searchsorted(self.sentence, sentence) + position  # another tool's unit
        return next(islice(self.tokens(), int(event), None))

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
        """The position of each event in its sentence, from 0, shape (T,)."""
        starts = np.flatnonzero(np.concatenate([[True], self.ids[:-1] == EOS_ID]))
        sizes = np.diff(np.append(starts, len(self.ids)))
        return np.arange(len(self.ids), dtype=np.int64) - np.repeat(starts, sizes)

    def tokens(self) -> Iterator[str]:
        """Yield the string of each event in the text, ``</s>`` for a sentence end.

        Bytes within a character are empty strings. The text is read again.
        """
        canonical = self.text.canonical()
        ends = (self.ids == EOS_ID).tolist()
        spans = zip(self.offsets.tolist(), self.lengths.tolist(), ends, strict=True)
        for offset, length, is_end in spans:
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
