"""Models that break the contract, each in one way, and the property that must notice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import lmkit
from lmkit.models import registry
from tests.contract import model_contract as contract
from tests.contract.model_contract import Subject


class Sound(lmkit.LanguageModel):
    """Frequencies, and half of the probability on the token before: it keeps the contract."""

    name = "sound"

    def __init__(self, *, share: float = 0.5, **common: Any):
        super().__init__(**common)
        self.share = share

    def _learn(self, ids: np.ndarray, valid_ids: Any, progress: Any) -> None:
        self.frequency_ = (self.vocabulary_.counts + 1) / (self.vocabulary_.counts + 1).sum()

    def _next_log_probs(self, context: np.ndarray) -> np.ndarray:
        result = (1 - self.share) * self.frequency_
        result[context[-1] if context[-1] < len(result) else 0] += self.share
        return np.log(result)


class SumsToTwo(Sound):
    def _next_log_probs(self, context: np.ndarray) -> np.ndarray:
        return super()._next_log_probs(context) + np.log(2)


class PredictsBegin(Sound):
    def _next_log_probs(self, context: np.ndarray) -> np.ndarray:
        size = len(self.vocabulary_) + 1
        return np.full(size, -np.log(size))


class SeesTheFuture(Sound):
    def _log_probs(self, ids: np.ndarray, state: Any) -> Any:
        log_probs, after = super()._log_probs(ids, state)
        return log_probs - 0.001 * (ids[-1:] == 2).sum(), after


class ForgetsBetweenPieces(Sound):
    def _log_probs(self, ids: np.ndarray, state: Any) -> Any:
        return super()._log_probs(ids, self._initial_state())


class FastPathDiffers(Sound):
    def _log_probs(self, ids: np.ndarray, state: Any) -> Any:
        log_probs, after = super()._log_probs(ids, state)
        return log_probs - 1e-6, after


class NeverResets(Sound):
    def _advance(self, state: Any, index: int) -> Any:
        return (*state, index)


class AlwaysResets(Sound):
    def _advance(self, state: Any, index: int) -> Any:
        return self._initial_state() if index == 1 else (*state, index)


class GrowsWhenItScores(Sound):
    def _log_probs(self, ids: np.ndarray, state: Any) -> Any:
        self.frequency_ = self.frequency_ + np.bincount(ids, minlength=len(self.frequency_))
        self.frequency_ /= self.frequency_.sum()
        return super()._log_probs(ids, state)


class KeepsAHiddenCache(Sound):
    def _next_log_probs(self, context: np.ndarray) -> np.ndarray:
        self.last_ = int(context[-1])
        return super()._next_log_probs(context)


class ChangesTheState(Sound):
    def _initial_state(self) -> Any:
        return [self.vocabulary_.bos_id]

    def _advance(self, state: Any, index: int) -> Any:
        if self.context == "sentence" and index == 1:
            return self._initial_state()
        state.append(index)
        return state


class RemembersTheOldText(Sound):
    def _learn(self, ids: np.ndarray, valid_ids: Any, progress: Any) -> None:
        super()._learn(ids, valid_ids, progress)
        self.fits = getattr(self, "fits", 0) + 1
        self.frequency_[1] *= self.fits
        self.frequency_ /= self.frequency_.sum()


class SharesWhatItLearned(Sound):
    counts: list[int] = []  # noqa: RUF012 - the fault

    def _learn(self, ids: np.ndarray, valid_ids: Any, progress: Any) -> None:
        self.counts.append(1)
        super()._learn(ids, valid_ids, progress)
        self.total_ = len(self.counts)


class DrawsFromTheGlobalGenerator(Sound):
    def _learn(self, ids: np.ndarray, valid_ids: Any, progress: Any) -> None:
        super()._learn(ids, valid_ids, progress)
        self.noise_ = np.random.rand(3)  # noqa: NPY002 - the fault


class LosesWhatItLearned(Sound):
    def _learn(self, ids: np.ndarray, valid_ids: Any, progress: Any) -> None:
        super()._learn(ids, valid_ids, progress)
        self.bonus = float(self.frequency_[1])

    def _next_log_probs(self, context: np.ndarray) -> np.ndarray:
        mixed = 0.5 * np.exp(super()._next_log_probs(context))
        mixed[1] += 0.5 * getattr(self, "bonus", 0.0)
        return np.log(mixed / mixed.sum())


class ComputesInTheConstructor(Sound):
    def __init__(self, *, share: float = 0.5, **common: Any):
        super().__init__(share=share, **common)
        self.rest = share


class ChangesItsOptions(Sound):
    def _learn(self, ids: np.ndarray, valid_ids: Any, progress: Any) -> None:
        super()._learn(ids, valid_ids, progress)
        self.share = 0.25


class TakesAnyOption(Sound):
    def _check(self) -> None:
        return


class CountsWithoutTheEnd(Sound):
    def _explain(self, ids: np.ndarray, state: Any) -> Any:
        return {"order": np.ones(len(ids) - 1, np.int8)}


class IsImpossible(Sound):
    def _next_log_probs(self, context: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore"):
            return np.log(np.exp(super()._next_log_probs(context)) * (context[-1] != 0))


BREACHES = {
    SumsToTwo: contract.sums_to_one_after_every_context,
    PredictsBegin: contract.sums_to_one_after_every_context,
    SeesTheFuture: contract.the_future_leaves_the_past_alone,
    ForgetsBetweenPieces: contract.a_text_in_pieces_scores_as_the_whole,
    FastPathDiffers: contract.every_way_to_ask_gives_the_same_numbers,
    NeverResets: contract.a_sentence_end_empties_the_context_or_does_not,
    AlwaysResets: contract.a_sentence_end_empties_the_context_or_does_not,
    GrowsWhenItScores: contract.asking_changes_nothing,
    KeepsAHiddenCache: contract.asking_changes_nothing,
    ChangesTheState: contract.asking_changes_nothing,
    RemembersTheOldText: contract.fitting_again_forgets,
    SharesWhatItLearned: contract.fitting_again_forgets,
    DrawsFromTheGlobalGenerator: contract.chance_comes_from_the_seed_alone,
    LosesWhatItLearned: contract.a_saved_model_is_the_same_model,
    ComputesInTheConstructor: contract.the_constructor_only_stores,
    ChangesItsOptions: contract.fit_keeps_options_and_returns_the_model,
    TakesAnyOption: contract.bad_options_are_refused_by_fit,
    CountsWithoutTheEnd: contract.what_is_explained_fits_what_is_scored,
    IsImpossible: contract.odd_texts_are_scored,
}
BAD = ({"share": 2.0},)


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(registry, "_REGISTERED", {"sound": Sound})
    return None


@pytest.mark.parametrize("breach", BREACHES, ids=lambda cls: cls.__name__)
def test_the_contract_notices(breach: type[Sound]) -> None:
    breach.name = "broken"
    lmkit.register(breach)
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        BREACHES[breach](Subject("broken", bad=BAD, units=("word",)))


@pytest.mark.parametrize("holds", dict.fromkeys(BREACHES.values()), ids=lambda f: f.__name__)
def test_a_sound_model_passes(holds: Any) -> None:
    bad = () if holds is contract.bad_options_are_refused_by_fit else BAD
    holds(Subject("sound", bad=bad, units=("word",)))
