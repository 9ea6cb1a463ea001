"""The loss of a stretch against torch's cross-entropy and arithmetic by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from lmkit.models.rnn.batches import IGNORED
from lmkit.models.rnn.losses import (
    activation_penalty,
    change_penalty,
    sampled_loss,
    stretch_loss,
)
from tests.models.rnn.samples import CORPUS, V, fitted, network_of


def test_penalties() -> None:
    h = torch.tensor([[[1.0, 2.0]], [[3.0, 0.0]]])  # (2, 1, 2)
    assert float(activation_penalty(h, 2.0)) == pytest.approx(2 * (1 + 4 + 9 + 0) / 4)
    assert float(change_penalty(h, 2.0)) == pytest.approx(2 * (4 + 4) / 2)
    assert float(change_penalty(h[:1], 2.0)) == 0


def test_padding_is_left_out_of_the_loss() -> None:
    network = network_of()
    outputs = torch.randn(5, 3, 8)
    targets = torch.randint(0, V, (5, 3))
    targets[3:, 1] = IGNORED
    kept = targets != IGNORED
    with torch.no_grad():
        expected = float(cross_entropy(network.scores(outputs[kept]), targets[kept]))
        loss = float(stretch_loss(network, outputs, targets, samples=0))
    assert loss == pytest.approx(expected)


@pytest.mark.parametrize("tied", [True, False])
def test_a_sample_of_everything_is_the_whole_softmax(tied: bool) -> None:
    """With so many draws that every outcome is in the sample, no score is corrected."""
    network = network_of(tied=tied)
    outputs, targets = torch.randn(30, 8), torch.randint(0, V, (30,))
    with torch.no_grad():
        whole = float(cross_entropy(network.scores(outputs), targets))
        sampled = float(sampled_loss(network, outputs, targets, samples=5000))
    assert sampled == pytest.approx(whole, rel=1e-5)


def test_sampled_training_is_scored_exactly() -> None:
    model = fitted(samples=6, epochs=8, learning_rate=0.03)
    assert model.score(CORPUS).perplexity < 3.5
    assert np.exp(model.next_log_probs([2, 3])).sum() == pytest.approx(1)
