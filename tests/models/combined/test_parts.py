"""Parts of models: which options they share, how they are saved, and which of them is used."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import lmkit
from lmkit.errors import ParameterError
from lmkit.models.combined import parts
from lmkit.models.combined.mixture import Mixture
from lmkit.models.registry import create
from tests.models.combined.samples import TEST, TRAIN


def test_a_part_has_the_options_of_the_whole() -> None:
    whole = Mixture(min_count=3, unit="char", seed=7)

    def never(part: Any, name: str) -> bool:
        return False

    part: Any = parts.make_part(whole, "word-rnn:hidden=8", parts.VOCABULARY_OPTIONS, never)
    assert (part.unit, part.min_count, part.hidden, part.seed) == ("char", 3, 8, 7)
    assert part.context == create("word-rnn").context  # is not shared
    part = parts.make_part(whole, "word-rnn:seed=2", (), never)
    assert (part.unit, part.seed) == ("word", 2)


def test_an_option_that_must_not_be_replaced() -> None:
    whole = Mixture(min_count=3)
    message = r"bigram:min_count=2 has min_count=2 in a mixture model with min_count=3; write"
    with pytest.raises(ParameterError, match=message):
        parts.make_part(whole, "bigram:min_count=2", ("min_count",), lambda part, name: True)


def test_a_part_is_saved_and_restored() -> None:
    part = lmkit.fit("bigram:alpha=0.5", TRAIN)
    arrays, described = parts.part_to_save(part)
    again = parts.restored_part(part, type(part), described, arrays)
    assert again.spec == part.spec
    assert again.fit_seconds_ is None  # the time of the whole includes it
    np.testing.assert_array_equal(again.score(TEST).nats, part.score(TEST).nats)


def test_an_adopted_model_is_not_changed(ngram: Any) -> None:
    whole, seconds = Mixture(), ngram.fit_seconds_
    for name in ("vocabulary_", "dropped_", "normalize_", "sentences_", "train_sha256_"):
        setattr(whole, name, getattr(ngram, name))
    part = parts.adopted(whole, ngram)
    assert part is not ngram
    assert (part.fit_seconds_, ngram.fit_seconds_) == (None, seconds)


def test_the_largest_model_of_a_kind_is_used(ngram: Any, rnn: Any) -> None:
    small = lmkit.fit("bigram", TRAIN)
    assert parts.ngram_part([rnn, small, ngram]) == 2
    assert parts.ngram_part([ngram, small, ngram]) == 0  # the first of equal ones
    assert parts.recurrent_part([ngram, small, rnn]) == 2
