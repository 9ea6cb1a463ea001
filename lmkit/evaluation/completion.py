"""Closed vocabularies, completed by spelling models: a cost for each unknown token."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from lmkit.errors import NotComparableError
from lmkit.evaluation.leakage import with_training_text
from lmkit.evaluation.spelling import Speller, learn_speller, speller_of, speller_of_text
from lmkit.models.base import LanguageModel
from lmkit.results.ledger import SurprisalLedger
from lmkit.results.scored import Scored
from lmkit.results.tally import Tally
from lmkit.text.corpus import Text
from lmkit.text.encoding import learn_text
from lmkit.text.units import UNITS
from lmkit.text.vocabulary import Vocabulary

Closed = TypeVar("Closed", bound=SurprisalLedger | Tally)
Spans = tuple[NDArray[np.int64], NDArray[np.int32]]  # offset and length of each event, (T,)
SPELLED = "spell"  # what a signature says of unknown tokens


class Spellers:
    """The spelling models of several language models; models with one vocabulary share a speller.

    `train` is the training text of models that do not say what they were trained on.
    """

    def __init__(self, train: Text | None = None):
        self.train = train
        self._made: dict[tuple[str, Vocabulary, Vocabulary | None], Speller] = {}
        self._canonical = ("", "")  # the sha256 of the last text, and that text
        self._spans: dict[tuple[str, str], Spans] = {}  # by that and the unit

    def knows(self, model: LanguageModel) -> bool:
        """Return whether a model's speller can be learned, from its own types or from `train`."""
        return model.unit != "word" or model.dropped_ is not None or self.train is not None

    def of(self, model: LanguageModel) -> Speller:
        """Return the speller of what a model's vocabulary lacks."""
        key = (model.unit, model.vocabulary_, model.dropped_)
        if key not in self._made:
            if model.dropped_ is None and self.train is not None and model.unit == "word":
                text = self.train.under(normalize=model.normalize_, sentences=model.sentences_)
                self._made[key] = speller_of_text(model.unit, text, model.vocabulary_)
            else:
                self._made[key] = speller_of(model)
        return self._made[key]

    def complete(self, scored: Closed, model: LanguageModel) -> Closed:
        """Return a model's scores with the cost of spelling, if it can be known.

        They also say whether the training text holds the test text.
        """
        if self.knows(model):
            scored = complete(self._with_spans(scored), lambda: self.of(model), self._read)
        return with_training_text(scored, self.train)

    def _with_spans(self, scored: Closed) -> Closed:
        """Return a ledger with the spans of its events, which models of one unit share."""
        if isinstance(scored, Tally) or scored.spelling is not None or not scored.oov_count:
            return scored
        key = scored.summary.sha256, scored.unit
        if key not in self._spans:
            self._spans[key] = scored.offsets, scored.lengths
        return replace(scored, places=self._spans[key])

    def _read(self, scored: Scored) -> str:
        """Return the canonical text of scores; that of several models is read once."""
        if self._canonical[0] != scored.summary.sha256:
            self._canonical = scored.summary.sha256, scored.text.canonical()
        return self._canonical[1]

    def complete_foreign(self, ledger: SurprisalLedger) -> SurprisalLedger:
        """Return a ledger that another tool made, as :meth:`complete` does.

        Its vocabulary is taken to be that of the training text. Raises NotComparableError where
        it calls a word of that text unknown.
        """
        return with_training_text(self._spelled(ledger), self.train)

    def _spelled(self, ledger: SurprisalLedger) -> SurprisalLedger:
        if not ledger.oov_count:
            return complete(ledger, _nothing_to_spell)
        if self.train is None or ledger.unit not in UNITS:
            return ledger
        rules = {"normalize": ledger.text.normalize, "sentences": ledger.text.sentences}
        learned = learn_text(self.train.under(**rules), ledger.unit)
        for token in unknown_tokens(ledger, ledger.text.canonical()):
            if token in learned.vocabulary:
                raise NotComparableError(
                    f"{ledger.model} calls {token!r} unknown, which the training text holds: what "
                    "else its vocabulary lacks cannot be known; leave it out, or score with the "
                    "whole vocabulary"
                )
        return complete(
            ledger, lambda: learn_speller(ledger.unit, learned.vocabulary, learned.dropped)
        )


def _nothing_to_spell() -> Speller:
    raise AssertionError("a ledger without unknown tokens needs no speller")


def complete(
    scored: Closed,
    speller: Callable[[], Speller],
    read: Callable[[Scored], str] = lambda scored: scored.text.canonical(),
) -> Closed:
    """Return a ledger or a tally with the cost of spelling each unknown token, as its `spelling`.

    `speller` makes the spelling model, and `read` returns the canonical text of a ledger; they are
    called only if there is something to spell.
    """
    if scored.spelling is not None:
        return scored
    if not scored.oov_count:
        return replace(scored, unk=SPELLED)
    if isinstance(scored, Tally):
        unknown = scored.unknown
        costs = -speller().log_probs(unknown.types)[unknown.numbers]
        return replace(scored, **scored.spelled(costs), unk=SPELLED)
    tokens = unknown_tokens(scored, read(scored))
    numbers = {token: number for number, token in enumerate(dict.fromkeys(tokens))}
    log_probs = speller().log_probs(list(numbers))
    spelling = np.zeros(len(scored))
    spelling[scored.oov] = -log_probs[[numbers[token] for token in tokens]]
    spans = (scored.offsets, scored.lengths)  # so that they are not computed again
    return replace(scored, places=spans, spelling=spelling, unk=SPELLED)


def unknown_tokens(ledger: SurprisalLedger, canonical: str) -> list[str]:
    """Return the string in the canonical text of each event that is not in the vocabulary."""
    offsets, lengths = ledger.offsets[ledger.oov].tolist(), ledger.lengths[ledger.oov].tolist()
    spans = zip(offsets, lengths, strict=True)
    return [canonical[offset : offset + length] for offset, length in spans]
