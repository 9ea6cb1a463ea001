"""The uniform model: 1/V, and a perplexity of V on every text."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lmkit.models.uniform import Uniform
from tests.models.samples import TRAIN, corpus


@pytest.mark.parametrize("context", ["sentence", "stream"])
def test_every_outcome_is_as_probable_after_every_context(context: str) -> None:
    model = Uniform(context=context).fit(corpus())
    # <unk>, </s>, the, sat, cat, dog: V = 6.
    for before in ([], [2], [2, 4, 1, 0]):
        np.testing.assert_allclose(np.exp(model.next_log_probs(before)), [1 / 6] * 6, rtol=1e-15)
    assert model.log_probs([2, 0, 1]).tolist() == [-math.log(6)] * 3
    assert model.parameters == 0


def test_its_perplexity_is_the_number_of_outcomes() -> None:
    model = Uniform().fit(corpus())
    ledger = model.score(corpus("the zebra\n\nsat dog\n"), explain=True)
    assert ledger.perplexity == pytest.approx(6, rel=1e-15)
    assert ledger.extra["entropy"].tolist() == [math.log(6)] * 7
    assert Uniform(unit="char").fit(corpus()).score(corpus()).perplexity == pytest.approx(
        len(set(TRAIN) - {"\n"}) + 2, rel=1e-14
    )


def test_all_tokens_are_drawn_alike() -> None:
    model = Uniform().fit(corpus())
    drawn = model.generate(tokens=4000, seed=1).split()
    counts = [drawn.count(token) for token in ("the", "cat", "sat", "dog")]
    # Of five outcomes, <unk> left out: 800 each, with a standard deviation of 25.3.
    assert all(abs(count - 800) < 100 for count in counts)
