"""Scores are exact: each token once, the same however a text is cut, and right in float64."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from lmkit.models.rnn import scoring
from lmkit.models.rnn.cells import CELLS, State, Weights
from lmkit.models.rnn.network import Network, RecurrentNetwork, Shape
from lmkit.models.rnn.scoring import (
    distribution,
    entropy,
    first_state,
    log_prob,
    mean_nats_in_lanes,
    next_state,
    read_hidden,
    read_sentences,
    read_stream,
)
from tests.models.rnn import samples
from tests.models.rnn.samples import IDS

V = 11
PLAIN = Shape(V, "lstm", layers=2, hidden=8, embedding=6, tied=False)
SHAPES = [
    PLAIN,
    replace(PLAIN, cell="gru", tied=True),
    replace(PLAIN, cell="rnn", tied=True, embedding=8),
    replace(PLAIN, cell="lstm", layers=1, embedding=0),
]


def network_of(shape: Shape) -> Network:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = RecurrentNetwork(shape)
        network.start(np.arange(V))
        for parameter in network.parameters():  # far from the initial weights
            parameter.data.add_(0.3 * torch.randn(parameter.shape))
    return network


@pytest.fixture(params=SHAPES, ids=lambda s: f"{s.cell}{s.layers}e{s.embedding}t{s.tied:d}")
def network(request: pytest.FixtureRequest) -> Network:
    return network_of(request.param)


def text(n: int, seed: int = 0, ends: float = 0.1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    ids = rng.integers(2, V, n)
    ids[rng.random(n) < 0.1] = 0
    ids[rng.random(n) < ends] = 1
    return ids.astype(np.int32)


def by_hand(network: Network, ids: np.ndarray, *, sentences: bool) -> np.ndarray:
    """Return the log-probabilities, one token at a time, in float64, by the definition alone."""
    cell = CELLS[network.shape.cell]
    weights = {name: tensor.double() for name, tensor in network.state_dict().items()}

    def vector(index: int) -> Tensor:
        if "embedding.weight" in weights:
            return weights["embedding.weight"][index]
        return torch.eye(V + 1, dtype=torch.double)[index]

    def read(index: int, layers: list[State]) -> list[State]:
        x, after = vector(index)[None], []
        for number, state in enumerate(layers):
            names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            own = [weights[f"layers.{number}.{name}_l0"] for name in names]
            after.append(cell.step(x, state, Weights(*own)))
            x = after[-1][0]
        return after

    zeros = torch.zeros(1, network.shape.hidden, dtype=torch.double)
    nothing = [(zeros,) * cell.states for _ in range(network.shape.layers)]
    layers = read(V, nothing)
    result = []
    for index in ids.tolist():
        output = layers[-1][0]
        if "projection.weight" in weights:
            output = output @ weights["projection.weight"].T
        matrix = weights.get("output.weight", weights.get("embedding.weight"))
        assert matrix is not None
        scores = output @ matrix[:V].T + weights["bias"]
        result.append(float(scores[0].log_softmax(0)[index]))
        layers = read(V, nothing) if sentences and index == 1 else read(index, layers)
    return np.array(result)


def test_every_token_by_the_definition(network: Network) -> None:
    ids = text(60)
    for read, sentences in ((read_stream, False), (read_sentences, True)):
        nats, _ = read(network, ids, first_state(network))
        np.testing.assert_allclose(nats, by_hand(network, ids, sentences=sentences), atol=2e-6)


@pytest.mark.parametrize("read", [read_stream, read_sentences])
def test_however_the_text_is_cut(
    network: Network, read: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = text(500)
    whole, last = read(network, ids, first_state(network))
    for chunk, lanes, length, scores in ((7, 1, 3, 40), (512, 5, 1000, 2**20), (1, 64, 1, 11)):
        monkeypatch.setattr(scoring, "CHUNK", chunk)
        monkeypatch.setattr(scoring, "LANES", lanes)
        monkeypatch.setattr(scoring, "LENGTH", length)
        monkeypatch.setattr(scoring, "SCORES", scores)
        nats, after = read(network, ids, first_state(network))
        np.testing.assert_allclose(nats, whole, atol=2e-5)
        assert nats.sum() == pytest.approx(whole.sum(), rel=1e-6)
        for a, b in zip(after, last, strict=True):
            torch.testing.assert_close(a, b, rtol=0, atol=1e-5)


def test_sentences_do_not_know_of_each_other(network: Network) -> None:
    ids = text(400)
    stops = (np.flatnonzero(ids == 1) + 1).tolist()
    together, _ = read_sentences(network, ids, first_state(network))
    for start, stop in zip([0, *stops], [*stops, len(ids)], strict=True):
        alone, _ = read_stream(network, ids[start:stop], first_state(network))
        np.testing.assert_allclose(together[start:stop], alone, atol=2e-6)


@pytest.mark.parametrize("ids", [[], [1], [2], [1, 1], [2, 1], [1, 2], [2, 1, 3, 1, 4]])
def test_short_texts(network: Network, ids: list[int]) -> None:
    array = np.array(ids, np.int32)
    for read, sentences in ((read_stream, False), (read_sentences, True)):
        nats, state = read(network, array, first_state(network))
        np.testing.assert_allclose(nats, by_hand(network, array, sentences=sentences), atol=2e-6)
        if sentences and ids and ids[-1] == 1:
            assert all(torch.equal(a, b) for a, b in zip(state, first_state(network), strict=True))


def test_reading_leaves_the_state_it_was_given(network: Network) -> None:
    state = first_state(network)
    before = [part.clone() for part in state]
    read_stream(network, text(50), state)
    read_sentences(network, text(50), state)
    next_state(network, 3, state)
    assert all(torch.equal(a, b) for a, b in zip(state, before, strict=True))


def test_steps_and_streams_agree(network: Network) -> None:
    ids = text(40)
    nats, last = read_stream(network, ids, first_state(network))
    state = first_state(network)
    for index, expected in zip(ids.tolist(), nats, strict=True):
        log_probs = distribution(network, state)
        assert math.fsum(np.exp(log_probs)) == pytest.approx(1, abs=1e-12)
        assert log_probs[index] == pytest.approx(expected, abs=2e-6)
        state = next_state(network, index, state)
    for a, b in zip(state, last, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-5)


@pytest.mark.parametrize("sentences", [False, True])
def test_hidden_states_are_those_that_tokens_are_predicted_from(
    network: Network, sentences: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = text(60)
    monkeypatch.setattr(scoring, "CHUNK", 7)
    hidden, last = read_hidden(network, ids, first_state(network), sentences=sentences)
    assert hidden.shape == (61, network.shape.hidden)
    assert hidden.dtype == np.float32
    state = first_state(network)
    for place, index in enumerate(ids.tolist()):
        np.testing.assert_allclose(hidden[place], network.top(state)[0], atol=1e-5)
        whole = sentences and index == 1
        state = first_state(network) if whole else next_state(network, index, state)
    np.testing.assert_allclose(hidden[-1], network.top(state)[0], atol=1e-5)
    for a, b in zip(state, last, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-5)
    nothing, same = read_hidden(network, ids[:0], state, sentences=sentences)
    np.testing.assert_array_equal(nothing, network.top(state))
    assert same is state


def test_entropy_is_that_of_the_distribution(network: Network) -> None:
    ids = text(20)
    values, _ = read_stream(network, ids, first_state(network), entropy)
    for place in range(len(ids)):
        _, state = read_stream(network, ids[:place], first_state(network), log_prob)
        log_probs = distribution(network, state)
        assert values[place] == pytest.approx(-(np.exp(log_probs) * log_probs).sum(), abs=1e-5)


def test_lanes_estimate_the_stream() -> None:
    """Every token counts once, and a long lane comes near the one stream."""
    network = samples.network_of()
    ids = np.tile(IDS, 20)
    one = -read_stream(network, ids, first_state(network))[0].mean()
    state = network.initial_state(1)
    assert mean_nats_in_lanes(network, ids, 1) == pytest.approx(one, rel=1e-4)
    assert mean_nats_in_lanes(network, ids, 7) == pytest.approx(one, rel=5e-3)
    halves = len(ids) // 2
    by_hand = 0.0
    for part, before in ((ids[:halves], V), (ids[halves:], ids[halves - 1])):
        after = network.step(torch.tensor([before]), state)
        by_hand -= read_stream(network, part, after)[0].sum()
    assert mean_nats_in_lanes(network, ids, 2) == pytest.approx(by_hand / len(ids), rel=1e-5)
