"""Ledgers of closed vocabularies, completed: what is unknown is spelled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from lmkit.evaluation.ledger import SurprisalLedger
from lmkit.models.base import LanguageModel
from lmkit.models.spelling import Speller, speller_of_text
from lmkit.text.corpus import Text
from lmkit.text.vocabulary import Vocabulary

SPELLED = "spell"  # what a signature says of unknown tokens


class Spellers:
    """The spelling models of several language models; those of one vocabulary share one.

    `train` is the training text of models that do not say what they were trained on.
    """

    def __init__(self, train: Text | None = None):
        self.train = train
        self._made: dict[tuple[str, Vocabulary, Vocabulary | None], Speller] = {}

    def knows(self, model: LanguageModel) -> bool:
        """Return whether there is anything to learn a model's speller from."""
        return model.unit != "word" or model.dropped_ is not None or self.train is not None

    def of(self, model: LanguageModel) -> Speller:
        """Return the speller of what a model's vocabulary lacks."""
        key = (model.unit, model.vocabulary_, model.dropped_)
        if key not in self._made:
            if model.dropped_ is None and self.train is not None and model.unit == "word":
                text = self.train.under(normalize=model.normalize_, sentences=model.sentences_)
                self._made[key] = speller_of_text(model.unit, text, model.vocabulary_)
            else:
                self._made[key] = model.speller()
        return self._made[key]


def complete(ledger: SurprisalLedger, speller: Callable[[], Speller]) -> SurprisalLedger:
    """Return the ledger with the cost of spelling each unknown token, in its column `spelling`.

    `speller` makes the spelling model; it is asked only where there is something to spell.
    """
    if ledger.spelling is not None:
        return ledger
    if not ledger.oov_count:
        return replace(ledger, unk=SPELLED)
    canonical = ledger.text.canonical()
    places = np.flatnonzero(ledger.oov)
    offsets, lengths = ledger.offsets[places].tolist(), ledger.lengths[places].tolist()
    tokens = [
        canonical[offset : offset + length] for offset, length in zip(offsets, lengths, strict=True)
    ]
    numbers = {token: number for number, token in enumerate(dict.fromkeys(tokens))}
    log_probs = speller().log_probs(list(numbers))
    spelling = np.zeros(len(ledger))
    spelling[places] = -log_probs[[numbers[token] for token in tokens]]
    return replace(ledger, spelling=spelling, unk=SPELLED)
