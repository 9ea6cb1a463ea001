"""The metrics of one text under one model that follow from totals."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmkit.results.metrics import bits_per, cross_entropy, perplexity
from lmkit.results.proper import Impossible, OutcomeSums, no_distribution, token_at
from lmkit.results.signature import signature
from lmkit.text.corpus import Text
from lmkit.text.meter import TextSummary
from lmkit.text.passages import Overlap


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Scored(ABC):
    """The scores of one text under one model: totals, and what identifies both.

    ``model`` is the model's spec, ``vocabulary_size`` its number of outcomes V, ``proper`` whether
    its probabilities sum to one, ``outcome_sums`` the sums of them after contexts of this text
    (None where not measured), ``adapts`` how it learned from the text while scoring it (``cache``;
    empty for a model that did not). ``score_seconds`` is wall time, from text to totals.
    ``seen`` says how many of the text's long sentences the training text holds, ``tuned`` how many
    are in the text that the model was tuned on; None where that text is unknown.

    ``document_sizes`` int64 (D, 3) are the canonical bytes, characters and sentence ends of each
    document of the text, in order; None where documents are unknown.

    Where unknown words are spelled, totals, bits per byte and perplexities per word include their
    spelling; ``perplexity`` and ``cross_entropy``, those of the closed vocabulary, do not.
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
    train_sha256: str | None = None
    fit_seconds: float | None = None
    score_seconds: float | None = None
    adapts: str = ""
    outcome_sums: OutcomeSums | None = None
    document_sizes: NDArray[np.int64] | None = None
    seen: Overlap | None = None
    tuned: Overlap | None = None

    @property
    def document_bytes(self) -> NDArray[np.int64] | None:
        """The UTF-8 bytes of each document, int64 (D,); None where documents are unknown."""
        return None if self.document_sizes is None else self.document_sizes[:, 0]

    @property
    def document_offsets(self) -> NDArray[np.int64] | None:
        """The first character of each document, and the number of characters: int64 (D + 1,).

        None where documents are unknown.
        """
        return _starts(self.document_sizes, 1)

    @property
    def document_starts(self) -> NDArray[np.int64] | None:
        """The first sentence of each document, and the number of sentence ends: int64 (D + 1,).

        Three documents of 2, 1 and 4 sentences have 0, 2, 3, 7. None where documents are unknown,
        or the text has no sentence ends (rule ``none``).
        """
        return None if self.summary.sentences == "none" else _starts(self.document_sizes, 2)

    @property
    @abstractmethod
    def events(self) -> int:
        """The number of events: tokens of the unit and sentence ends."""

    @property
    @abstractmethod
    def closed_nats(self) -> float:
        """The surprisal of the events in nats: an unknown token costs what ``<unk>`` does."""

    @property
    @abstractmethod
    def known_nats(self) -> float:
        """The surprisal of the events that are in the vocabulary, in nats."""

    @property
    @abstractmethod
    def spelling_nats(self) -> float | None:
        """Surprisal of the spelling of unknown tokens, in nats; None if they are not spelled."""

    @property
    @abstractmethod
    def oov_count(self) -> int:
        """The number of events that are out of vocabulary."""

    @property
    @abstractmethod
    def impossible(self) -> int:
        """The number of events that the model gave probability 0."""

    @property
    @abstractmethod
    def first_zero(self) -> tuple[int, int] | None:
        """Sentence and position, from 0, of the first event of probability 0; None for none."""

    @cached_property
    def first_impossible(self) -> Impossible | None:
        """The first event that the model gave probability 0; the text is read again to name it."""
        event = self.first_zero
        return None if event is None else Impossible(self._token_at(*event), *event)

    def _token_at(self, sentence: int, position: int) -> str:
        return token_at(self.text, self.unit, sentence, position)

    @property
    def total_nats(self) -> float:
        """The surprisal of the whole text in nats, spelling included."""
        return self.closed_nats + (self.spelling_nats or 0.0)

    @property
    def is_open(self) -> bool:
        """Whether every token of the text has a probability of its own, unknown ones included."""
        return self.spelling_nats is not None or not self.oov_count

    @property
    def cross_entropy(self) -> float:
        """Nats for each event, those out of vocabulary counted as ``<unk>``."""
        return cross_entropy(self.closed_nats, self.events)

    @property
    def perplexity(self) -> float:
        """exp(nats / events), out-of-vocabulary events among them, each counted as ``<unk>``."""
        return perplexity(self.closed_nats, self.events)

    @property
    def perplexity_without_oov(self) -> float:
        """The same over the events that are in the vocabulary alone."""
        return perplexity(self.known_nats, self.events - self.oov_count)

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
        """The line that identifies what was measured (:mod:`lmkit.results.signature`)."""
        return signature(
            self.summary,
            model=self.model,
            unit=self.unit,
            context=self.context,
            unk=self.unk,
            train_sha256=self.train_sha256,
            adapts=self.adapts,
        )

    @property
    def trained_on_test(self) -> bool | None:
        """Whether the training text is the text, or holds more of it than chance gives.

        None where it is unknown: no training text is, or only a part of it, or no sentence of the
        text is long enough to tell.
        """
        if self.train_sha256 == self.summary.sha256:
            return True
        if self.seen is None or not self.seen.passages:
            return None
        return self.seen.copied or (None if self.seen.partial else False)

    @property
    def tuned_on_test(self) -> bool:
        """Whether a text that the model was tuned on holds more of the text than chance gives.

        Such is the validation text of early stopping, or of a mixture's weights.
        """
        return self.tuned is not None and self.tuned.copied

    def to_dict(self) -> dict[str, Any]:
        """Return the metrics by name, as the JSON output has them; infinities stay floats."""
        sums, first = self.outcome_sums, self.first_impossible
        seen = self.seen
        return {
            "model": self.model,
            "signature": self.signature,
            "unit": self.unit,
            "context": self.context,
            "adapts": self.adapts or None,
            "trained_on_test": self.trained_on_test,
            "seen_in_training": None if seen is None else seen.share,
            "seen_sentences": None if seen is None else seen.seen,
            "long_sentences": None if seen is None else seen.passages,
            "seen_by_chance": None if seen is None else seen.chance,
            "tuned_on_test": self.tuned_on_test,
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
            "first_impossible": None if first is None else vars(first),
            "proper": self.proper,
            "outcome_sum_low": None if sums is None else sums.low,
            "outcome_sum_mean": None if sums is None else sums.mean,
            "outcome_sum_high": None if sums is None else sums.high,
            "outcome_sum_contexts": None if sums is None else sums.contexts,
            "parameters": self.parameters,
            "vocabulary_size": self.vocabulary_size,
            "fit_seconds": self.fit_seconds,
            "score_seconds": self.score_seconds,
        }

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self}>"

    def __str__(self) -> str:
        metrics = (
            f"{self.model}: perplexity {self.perplexity:.2f} a {self.unit}, "
            f"{self.bits_per_byte:.3f} bits a byte, {self.events:,} events, {self.oov_count:,} OOV"
        )
        return (
            metrics if self.proper else f"{metrics} ({no_distribution('this', self.outcome_sums)})"
        )


def _starts(sizes: NDArray[np.int64] | None, column: int) -> NDArray[np.int64] | None:
    """Return the cumulative sums of a column of sizes, 0 first."""
    return None if sizes is None else np.append(0, np.cumsum(sizes[:, column]))


def infinite(total: float, values: np.ndarray[Any, Any]) -> int:
    """Return how many of some surprisals are infinite; `total` is their sum."""
    return 0 if np.isfinite(total) else int(np.count_nonzero(np.isinf(values)))
