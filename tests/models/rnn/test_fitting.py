"""Fitting: how long, from which seed, with which validation text, and what is left behind."""

from __future__ import annotations

import pytest
import torch

from lmkit.errors import ParameterError
from lmkit.models.rnn.models import WordRnn
from tests.models.rnn.samples import CORPUS, SMALL, TEXT, corpus, fitted


def test_random_sampling_learns() -> None:
    model = fitted(sampling="random", epochs=8, learning_rate=0.02)
    assert model.score(CORPUS).perplexity < 3


def test_steps() -> None:
    model = fitted(epochs=None, steps=15)
    assert model.settings_.epochs is None
    assert model.history_["tokens"][-1] == pytest.approx(15 * 4 * 16, abs=4 * 16)


def test_a_few_steps_do_not_validate_many_times_on_a_long_text() -> None:
    """20 steps of 4 * 16 tokens are 1,280: 500 are passed twice, 5,000 never, 10 at each step."""
    line = "a b a b\n"  # 5 events
    for events, validations in ((10, range(9, 12)), (500, range(2, 4)), (5_000, range(1, 2))):
        model = WordRnn(**{**SMALL, "epochs": None, "steps": 20, "patience": 99})
        model.fit(corpus(line * 300).train, valid=corpus(line * (events // 5)).train)
        assert len(model.history_["valid"]) in validations, events


def test_the_least_budget_takes_a_step() -> None:
    model = fitted(epochs=None, budget="0.001s")
    assert len(model.history_["valid"]) == 1
    assert model.history_["tokens"][0] > 0


def test_a_network_beyond_all_memory() -> None:
    with pytest.raises(ParameterError, match="do not fit into memory; give a smaller hidden"):
        fitted(hidden=2_000_000)


def test_same_seed_same_weights_other_seed_others() -> None:
    one, two, other = fitted(seed=5), fitted(seed=5), fitted(seed=6)
    for name, weights in one.network_.state_dict().items():
        assert torch.equal(weights, two.network_.state_dict()[name])
    assert not torch.equal(one.network_.bias, other.network_.bias)


def test_fitting_leaves_torch_as_it_was() -> None:
    generator, threads = torch.random.get_rng_state(), torch.get_num_threads()
    for options in ({}, {"threads": threads + 1}):  # few steps: threads may wait for one another
        fitted(text=corpus("a b\n" * 8), dropout=0.3, epochs=1, **options)
        assert torch.equal(torch.random.get_rng_state(), generator)
        assert torch.get_num_threads() == threads


def test_without_a_validation_text_the_tail_of_the_training_text_serves() -> None:
    model = WordRnn(**SMALL).fit(corpus(TEXT).train)
    assert len(model.history_["valid"]) == 3


def test_an_empty_validation_text_means_none() -> None:
    model = WordRnn(**SMALL).fit(corpus(TEXT), valid=corpus(""))
    assert model.history_["valid"] == []
