"""Training: the schedule, the state that is carried, early stopping, and that it learns."""

from __future__ import annotations

import itertools
import math
import re
from typing import Any

import numpy as np
import pytest
import torch

from lmkit.errors import ParameterError
from lmkit.models.rnn.batches import RESET, SentenceBatches
from lmkit.models.rnn.network import Network
from lmkit.models.rnn.scoring import first_state, read_sentences, read_stream
from lmkit.models.rnn.training import Curve, Trainer, carried
from tests.models.rnn import samples
from tests.models.rnn.samples import IDS, trainer_of

V = 6
PERIODIC = np.array([2, 3, 4, 5, 3, 1] * 300, np.int32)


def network_of(cell: str = "lstm") -> Network:
    network: Network = samples.network_of(V, cell=cell, layers=1, hidden=12, embedding=5)
    return network


def trained(network: Network, ids: np.ndarray, **options: Any) -> Curve:
    return trainer_of(network, ids, **{"epochs": 4, **options}).run()


def test_a_state_is_carried_by_lane_and_cut_from_its_history() -> None:
    h = torch.arange(6.0).reshape(3, 2).requires_grad_()
    (after,) = carried((h * 2,), np.array([RESET, 2, 0, 1]), (torch.full((4, 2), 7.0),))
    assert after.tolist() == [[7, 7], [8, 10], [0, 2], [4, 6]]
    assert not after.requires_grad


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_it_learns_what_depends_on_more_than_the_last_token(cell: str) -> None:
    """After 3 comes 4 or </s>, by what came before the 3: a bigram pays log 2 for each."""
    network = network_of(cell)
    curve = trained(network, PERIODIC, epochs=8)
    assert curve.train[-1] < 0.02 < math.log(2) / 3
    nats, _ = read_stream(network, PERIODIC, first_state(network))
    assert -nats.mean() < 0.02


def test_with_sentences_it_learns_where_they_begin() -> None:
    ids = np.array([2, 3, 4, 1, 3, 2, 5, 1] * 100, np.int32)
    network = network_of()
    trained(network, ids, kind=SentenceBatches, epochs=20)
    nats, _ = read_sentences(network, ids, first_state(network))
    first = nats.reshape(-1, 4)[:, 0]
    assert -first.mean() == pytest.approx(math.log(2), abs=0.02)  # nothing foretells which begins
    assert -nats.reshape(-1, 4)[:, 1:].mean() < 0.02


def test_a_stream_learns_across_sentence_ends() -> None:
    ids = np.array([2, 3, 4, 1, 3, 2, 5, 1] * 100, np.int32)
    network = network_of()
    trained(network, ids, epochs=20)
    nats, _ = read_stream(network, ids, first_state(network))
    assert -nats.mean() < 0.02


def test_the_best_epoch_is_kept_and_patience_ends_training() -> None:
    network = network_of()
    kept: list[dict[str, torch.Tensor]] = []
    results = iter([3.0, 2.0, 2.5, 2.1, 9.9, 0.0])

    def validate() -> float:
        kept.append({name: w.clone() for name, w in network.state_dict().items()})
        return next(results)

    curve = trained(network, PERIODIC[:200], validate=validate, epochs=6, patience=3)
    assert curve.valid == (3.0, 2.0, 2.5, 2.1, 9.9)
    assert len(curve.train) == 5
    assert curve.best == 1
    for name, weights in network.state_dict().items():
        assert torch.equal(weights, kept[1][name])
    assert not torch.equal(kept[1]["bias"], kept[-1]["bias"])


def test_without_validation_the_last_weights_stay() -> None:
    curve = trained(network_of(), PERIODIC[:200], epochs=3)
    assert curve.valid == ()
    assert curve.best + 1 == len(curve.train) == 3


def test_a_loss_that_is_no_number_is_an_error() -> None:
    network = network_of()
    network.bias.data[2] = math.nan
    with pytest.raises(ParameterError, match=r"diverged in epoch 1.*lower learning_rate=0\.02"):
        trained(network, PERIODIC)


def test_gradients_are_clipped_by_their_norm() -> None:
    """With an Adam that has forgotten nothing, a clipped and an unclipped run part."""
    moved = []
    for clip in (1e-12, 1.0):
        network = network_of()
        before = network.output.weight.detach().clone()
        trained(network, PERIODIC[:64], epochs=1, clip=clip)
        moved.append(float((network.output.weight.detach() - before).abs().max()))
    assert moved[0] < 0.01 * moved[1]  # far below Adam's epsilon, nothing moves


def test_progress_rises_to_one() -> None:
    heard: list[tuple[str, float]] = []
    trained(
        network_of(),
        PERIODIC[:300],
        epochs=2,
        validate=lambda: 1.0,
        progress=lambda what, fraction: heard.append((what, fraction)),
    )
    fractions = [fraction for _, fraction in heard]
    assert fractions == sorted(fractions)
    assert 0 < fractions[0] < fractions[-1] == 1
    assert heard[0][0].startswith("epoch 1 of 2, ")
    assert re.fullmatch(
        r"epoch 2 of 2, [\d,]+ tokens/s, perplexity train [\d.]+, valid 2.72, 0:00 left",
        heard[-1][0],
    )


def test_the_rate_reaches_zero_when_the_budget_is_spent() -> None:
    """A clock that advances by a second at each call: planning took 50 of 200 seconds."""
    ticks = itertools.count()
    rates = []

    def watching(trainer: Trainer) -> None:
        rates.append(trainer.optimizer.param_groups[0]["lr"])

    trainer = trainer_of(
        samples.network_of(layers=1), np.tile(IDS, 50), checkpoint=watching,
        clock={"clock": lambda: float(next(ticks))}, budget=200.0, learning_rate=1.0, warmup=0.2,
    )  # fmt: skip
    trainer.begin(50.0)
    trainer.run()
    assert rates[0] < 0.3  # the warm-up begins after the planning
    assert max(rates) > 0.9
    assert rates[-1] < 0.01
    assert trainer.seconds == pytest.approx(200, abs=10)
