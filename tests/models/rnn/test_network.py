"""The network: its parameters, its initial weights, dropout, and the window by its equation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from lmkit.models.rnn.network import (
    Drops,
    RecurrentNetwork,
    Shape,
    WindowNetwork,
    drop_features,
    drop_weights,
    drop_words,
    make_network,
    parameter_count,
    size_of_network,
)
from lmkit.models.rnn.options import Settings
from lmkit.models.rnn.scoring import distribution, first_state
from tests.models.rnn.samples import V, network_of

PLAIN = Shape(V, "lstm", layers=2, hidden=8, embedding=6, tied=False)


def test_the_number_of_parameters() -> None:
    lstm = 4 * 8 * (6 + 8 + 2) + 4 * 8 * (8 + 8 + 2)
    assert parameter_count(RecurrentNetwork(PLAIN)) == (V + 1) * 6 + lstm + 8 * V + V
    gru = 3 * 8 * (6 + 8 + 2) + 3 * 8 * (8 + 8 + 2)
    tied = replace(PLAIN, cell="gru", tied=True)
    # The tied matrix counts once.
    assert parameter_count(RecurrentNetwork(tied)) == (V + 1) * 6 + gru + 8 * 6 + V
    one_hot = replace(PLAIN, cell="rnn", layers=1, embedding=0)
    assert parameter_count(RecurrentNetwork(one_hot)) == 8 * (V + 1 + 8 + 2) + 8 * V + V


def test_a_network_begins_as_the_unigram_model() -> None:
    network = RecurrentNetwork(replace(PLAIN, tied=True))
    counts = np.array([0, 50, 40, 30, 20, 10, 5, 4, 3, 2, 1])
    network.start(counts)
    log_probs = distribution(network, first_state(network))
    np.testing.assert_allclose(np.exp(log_probs), (counts + 1) / (counts + 1).sum(), atol=0.02)


def test_locked_dropout_drops_the_same_features_at_every_step() -> None:
    torch.manual_seed(0)
    x = torch.ones(50, 3, 40)
    locked = drop_features(x, 0.25, locked=True)
    assert (locked == locked[0]).all()
    assert locked.unique().tolist() == pytest.approx([0, 4 / 3])
    free = drop_features(x, 0.25, locked=False)
    assert not (free == free[0]).all()
    assert float(free.mean()) == pytest.approx(1, abs=0.05)
    assert drop_features(x, 0.0, locked=True) is x


def test_whole_types_and_single_weights_are_dropped() -> None:
    torch.manual_seed(0)
    words = drop_words(torch.ones(200, 5), 0.5)
    assert ((words == 0).all(1) | (words == 2).all(1)).all()
    assert 0 < int((words[:, 0] == 0).sum()) < 200
    weights = drop_weights(torch.ones(40, 40), 0.5)
    assert 0.4 < float((weights == 0).float().mean()) < 0.6


def test_nothing_is_dropped_when_the_network_scores() -> None:
    network = network_of()
    plain = network(torch.tensor([[1], [2]]), network.initial_state(1))[0]
    network.drops = Drops(0.5, 0.5, 0.5, 0.5, 0.5, locked=True)
    network.eval()
    assert torch.equal(network(torch.tensor([[1], [2]]), network.initial_state(1))[0], plain)
    assert torch.equal(network.drop_outputs(plain), plain)
    network.train()
    assert not torch.equal(network(torch.tensor([[1], [2]]), network.initial_state(1))[0], plain)


def test_the_window_network_by_its_equation() -> None:
    torch.manual_seed(0)
    network = WindowNetwork(Shape(V, "", 0, hidden=8, embedding=3, tied=False), order=4)
    network.start(np.ones(V, np.int64))
    ids = [4, 5, 6, 7, 8]
    before = [V, V, V, *ids]
    outputs, state = network(torch.tensor(ids)[:, None], first_state(network))
    table = network.embedding.weight  # type: ignore[union-attr]
    for place in range(len(ids)):
        window = before[place + 1 : place + 4]
        x = torch.cat([table[index] for index in window])
        expected = torch.tanh(network.layer.weight @ x + network.layer.bias)
        torch.testing.assert_close(outputs[place, 0], expected)
    assert state[0].tolist() == [[6, 7, 8]]
    torch.testing.assert_close(network.top(state)[0], outputs[-1, 0])


def test_the_settings_describe_the_network() -> None:
    settings = Settings(cell="gru", layers=2, hidden=8, embedding=6, input_dropout=0.1, locked=True)
    network = make_network(settings, V)
    assert isinstance(network, RecurrentNetwork)
    assert (network.shape.cell, network.shape.layers) == ("gru", 2)
    assert network.drops == Drops(input_dropout=0.1, locked=True)
    assert size_of_network(settings, V) == parameter_count(network)
    window = make_network(settings.changed(order=4), V)
    assert isinstance(window, WindowNetwork)
    assert window.window == 3
