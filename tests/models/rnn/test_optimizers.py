"""Optimisers, learning rate schedules, and averages of the weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from lmkit.models.rnn.optimizers import Average, Rate, put_into, rate_at
from tests.models.rnn.samples import CORPUS, VALID, fitted, network_of


def test_schedule() -> None:
    assert rate_at(0.0, 0.1) == 0
    assert rate_at(0.05, 0.1) == pytest.approx(0.5)
    assert rate_at(0.1, 0.1) == 1
    assert rate_at(0.55, 0.1) == pytest.approx(0.5)
    assert rate_at(1.0, 0.1) == 0
    assert rate_at(0.0, 0.0) == 1
    falling = [rate_at(done, 0.1) for done in np.linspace(0.1, 1, 50)]
    assert falling == sorted(falling, reverse=True)


def test_schedules() -> None:
    assert Rate("one-cycle", 0.1).at(0.15) == pytest.approx(0.5)
    assert Rate("one-cycle", 0.1).at(1.0) == pytest.approx(0)
    assert Rate("constant", 0.1).at(0.05) == pytest.approx(0.5)
    assert Rate("constant", 0.0).at(1.0) == 1
    plateau = Rate("plateau", 0.0)
    for better in (True, False, True, False):
        plateau.validated(better=better)
    assert plateau.at(0.5) == 0.25


def test_averages() -> None:
    network = network_of()
    moving, plain = Average(network, 0.5), Average(network, 0.0)
    assert moving.begun
    assert not plain.begun
    plain.begin()
    values = [float(network.bias[0].detach())]
    for value in (1.0, 2.0, 6.0):
        with torch.no_grad():
            network.bias[0] = value
        values.append(value)
        moving.update()
        plain.update()
    assert float(plain.weights["bias"][0]) == pytest.approx(np.mean(values))
    by_hand = values[0]
    for step, value in enumerate(values[1:], start=1):
        keep = min(0.5, (1 + step) / (10 + step))
        by_hand = keep * by_hand + (1 - keep) * value
    assert float(moving.weights["bias"][0]) == pytest.approx(by_hand)
    put_into(network, plain.weights)
    assert float(network.bias[0].detach()) == pytest.approx(np.mean(values))


@pytest.mark.parametrize(
    "options",
    [
        {"optimizer": "sgd", "schedule": "plateau", "learning_rate": 3.0},
        {"optimizer": "nt-asgd", "schedule": "constant", "learning_rate": 3.0},
        {"schedule": "one-cycle", "learning_rate": 0.03},
        {"average": 0.95, "learning_rate": 0.03},
        {"cell": "rnn-relu", "learning_rate": 0.01},
        {"precision": "bfloat16", "learning_rate": 0.03},
    ],
)
def test_every_optimiser_learns(options: dict[str, Any]) -> None:
    model = fitted(epochs=8, **options)
    assert model.score(CORPUS).perplexity < 3.5  # a bigram's is 2.6, a unigram's 8.2


def test_averaging_begins_when_validation_no_longer_improves() -> None:
    """Its last validation is that of the average, which the kept weights are."""
    model = fitted(
        optimizer="nt-asgd", schedule="constant", learning_rate=8.0, patience=1, epochs=12
    )
    valid = model.history_["valid"]
    ledger = model.score(VALID)
    assert ledger.cross_entropy == pytest.approx(valid[model.history_["best"]], rel=1e-5)
