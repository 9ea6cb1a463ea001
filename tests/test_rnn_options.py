"""Ways of training: sampling, regularisation, optimisers, sampled softmax, window, budget."""

from __future__ import annotations

import itertools
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from lmkit.errors import ParameterError
from lmkit.models.registry import create
from lmkit.models.rnn import planning
from lmkit.models.rnn.batches import AFRESH, IGNORED, RandomBatches, StreamBatches
from lmkit.models.rnn.losses import sampled_loss, stretch_loss
from lmkit.models.rnn.memory import kept_memory
from lmkit.models.rnn.model import Mlp, WordRnn
from lmkit.models.rnn.network import Drops, RecurrentNetwork, Shape
from lmkit.models.rnn.optimizers import Average, Rate, put_into
from lmkit.models.rnn.planning import EPOCHS, LADDER, MOST_EPOCHS, Plan, Size, dropout_for, plan
from lmkit.models.rnn.regularisation import (
    activation_penalty,
    change_penalty,
    drop_features,
    drop_weights,
    drop_words,
)
from lmkit.models.rnn.reports import Reporter
from lmkit.models.rnn.scoring import first_state, mean_nats_in_lanes, read_stream
from lmkit.models.rnn.settings import PLAIN, Settings, seconds_of, settle
from lmkit.models.rnn.threads import ThreadChooser
from lmkit.models.rnn.training import Trainer
from lmkit.models.rnn.window import WindowNetwork
from lmkit.text.corpus import Corpus

V = 11
TEXT = "the cat sat on the mat\nthe dog sat on the log\na cat saw the dog\n\n" * 60
CORPUS = Corpus.from_string(TEXT, normalize="none")
VALID = Corpus.from_string(TEXT[:400], normalize="none")
SMALL = {"hidden": 12, "embedding": 6, "epochs": 3, "lanes": 4, "length": 16, "tied": False}
IDS = np.random.default_rng(0).integers(0, V, 103).astype(np.int32)


def fitted(**options: Any) -> WordRnn:
    return WordRnn(**{**SMALL, **options}).fit(CORPUS, valid=VALID)


def network_of(**options: Any) -> RecurrentNetwork:
    shape = {"cell": "lstm", "layers": 2, "hidden": 8, "embedding": 6, "tied": False, **options}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = RecurrentNetwork(Shape(V, **shape))
        network.start(np.ones(V, np.int64))
    return network


# ---------------------------------------------------------------------- the text


@pytest.mark.parametrize("length", [1, 7, 8, 103, 500])
def test_random_sampling_takes_every_token_once(length: int) -> None:
    batches = RandomBatches(IDS, V, lanes=4, length=length)
    before = np.append(V, IDS[:-1])
    cuts = set()
    for seed in range(5):
        seen = []
        for batch in batches.epoch(np.random.default_rng(seed)):
            assert (batch.continues == AFRESH).all()
            assert batch.inputs.shape == batch.targets.shape
            assert len(batch.inputs) == length
            for lane in range(batch.inputs.shape[1]):
                real = batch.targets[:, lane] != IGNORED
                seen.append(
                    tuple(zip(batch.inputs[real, lane], batch.targets[real, lane], strict=True))
                )
        pairs = sorted(pair for stretch in seen for pair in stretch)
        assert pairs == sorted(zip(before.tolist(), IDS.tolist(), strict=True))
        cuts.add(min(len(stretch) for stretch in seen))
    if 1 < length < 100:
        assert len(cuts) > 1  # cut elsewhere each time


def test_random_lengths() -> None:
    batches = StreamBatches(np.zeros(40_000, np.int32), V, lanes=1, length=64, random_length=True)
    lengths = [len(batch.inputs) for batch in batches.epoch(np.random.default_rng(0))][1:-1]
    assert sum(lengths) <= 40_000
    assert min(lengths) >= 5
    long = [length for length in lengths if length > 48]
    assert np.mean(long) == pytest.approx(64, abs=1)
    assert 0.9 < len(long) / len(lengths) < 1


def test_random_sampling_learns() -> None:
    model = fitted(sampling="random", epochs=8, learning_rate=0.02)
    assert model.score(CORPUS).perplexity < 3


# ---------------------------------------------------------------------- regularisation


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


def test_penalties() -> None:
    h = torch.tensor([[[1.0, 2.0]], [[3.0, 0.0]]])  # (2, 1, 2)
    assert float(activation_penalty(h, 2.0)) == pytest.approx(2 * (1 + 4 + 9 + 0) / 4)
    assert float(change_penalty(h, 2.0)) == pytest.approx(2 * (4 + 4) / 2)
    assert float(change_penalty(h[:1], 2.0)) == 0


def test_nothing_is_dropped_when_the_network_scores() -> None:
    network = network_of()
    plain = network(torch.tensor([[1], [2]]), network.initial_state(1))[0]
    network.drops = Drops(0.5, 0.5, 0.5, 0.5, 0.5, locked=True)
    network.eval()
    assert torch.equal(network(torch.tensor([[1], [2]]), network.initial_state(1))[0], plain)
    assert torch.equal(network.drop_outputs(plain), plain)
    network.train()
    assert not torch.equal(network(torch.tensor([[1], [2]]), network.initial_state(1))[0], plain)


def test_each_part_of_dropout_can_be_set_alone() -> None:
    settings = settle({"dropout": 0.4, "layer_dropout": 0.1}, {})
    assert (settings.input_dropout, settings.layer_dropout) == (0.4, 0.1)
    assert settings.output_dropout == 0.4


# ---------------------------------------------------------------------- optimisers


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


# ---------------------------------------------------------------------- the loss


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
    """With so many draws that every outcome is in the sample, no score is lessened."""
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


# ---------------------------------------------------------------------- validation


def test_lanes_estimate_the_stream() -> None:
    """Every token counts once, and a long lane comes near the one stream."""
    network = network_of()
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


# ---------------------------------------------------------------------- the window


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


def test_the_window_sees_its_order_and_no_more() -> None:
    model = Mlp(order=3, hidden=12, embedding=6, epochs=2).fit(CORPUS, valid=VALID)
    far, near = model.next_log_probs([2, 4, 5]), model.next_log_probs([3, 4, 5])
    np.testing.assert_allclose(far, near, atol=1e-6)
    assert not np.allclose(far, model.next_log_probs([3, 2, 5]))
    with pytest.raises(ParameterError, match="order=1; give a whole number, 2 or more"):
        Mlp(order=1).fit(CORPUS)


def test_the_window_learns_what_a_trigram_would() -> None:
    text = Corpus.from_string("a b c d\nb b a d\nc b b d\n" * 60, normalize="none")
    model = Mlp(order=4, hidden=24, embedding=8, epochs=12, lanes=4, learning_rate=0.02)
    assert model.fit(text, valid=text).score(text).perplexity < 1.3  # three lines: 3 ** (1/5)


# ---------------------------------------------------------------------- how long


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("10m", 600), ("1.5h", 5400), ("30", 30), (" 2 m ", 120)]
)
def test_durations(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "m", "-3m", "10 minutes", "0s", "nan", "1e3", "9" * 400])
def test_no_durations(text: str) -> None:
    with pytest.raises(ParameterError, match=r"give a duration such as 90s, 10m or 1.5h"):
        seconds_of(text)


def test_epochs_steps_and_budget_exclude_one_another() -> None:
    with pytest.raises(ParameterError, match="epochs and steps both say how long to train"):
        fitted(steps=3)


def test_steps() -> None:
    model = fitted(epochs=None, steps=15)
    assert model.settings_.epochs is None
    assert model.history_["tokens"][-1] == pytest.approx(15 * 4 * 16, abs=4 * 16)


def test_with_a_budget_what_is_open_is_planned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "MOST_EPOCHS", {"word": 1e9})
    model = fitted(epochs=None, budget="1s")
    assert (model.settings_.hidden, model.settings_.embedding) == (12, 6)  # as was asked for
    assert model.settings_.locked  # as was planned
    assert model.settings_.budget == 1


def test_a_text_that_is_read_often_enough_ends_before_the_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(planning, "MOST_EPOCHS", {"word": 3.0})
    model = fitted(epochs=None, budget="1h")
    assert (model.settings_.budget, model.settings_.epochs) == (None, 3)
    assert len(model.history_["train"]) <= 3


def test_the_least_budget_takes_a_step() -> None:
    model = fitted(epochs=None, budget="0.001s")
    assert len(model.history_["valid"]) == 1
    assert model.history_["tokens"][0] > 0


def test_the_rate_reaches_zero_when_the_budget_is_spent() -> None:
    """A clock that moves a second at each look: planning took 50 of 200 seconds."""
    ticks = itertools.count()
    rates = []

    def watching(trainer: Trainer) -> None:
        rates.append(trainer.optimizer.param_groups[0]["lr"])

    settings = Settings(budget=200.0, learning_rate=1.0, lanes=4, length=8, warmup=0.2)
    trainer = Trainer(
        network_of(layers=1),
        StreamBatches(np.tile(IDS, 50), V, lanes=4, length=8),
        settings,
        rng=np.random.default_rng(0),
        validate=None,
        threads=ThreadChooser([1], use=lambda count: None),
        reporter=Reporter(),
        checkpoint=watching,
        clock=lambda: float(next(ticks)),
    )
    trainer.begin(50.0)
    trainer.run()
    assert rates[0] < 0.3  # the warm-up begins after the planning
    assert max(rates) > 0.9
    assert rates[-1] < 0.01
    assert trainer.seconds == pytest.approx(200, abs=10)


def test_a_given_dropout_is_all_that_is_dropped() -> None:
    plan = Plan(Size(2, 64, 32), 10.0, 1.0, 0.4, ends_early=False).settings("word")
    settings = settle({"dropout": 0.0}, plan)
    drops = (settings.input_dropout, settings.layer_dropout, settings.output_dropout)
    assert (*drops, settings.embedding_dropout, settings.weight_drop) == (0,) * 5
    assert settle({}, plan).input_dropout > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"random_length": True, "context": "sentence"}, "random_length varies the stretches"),
        ({"random_length": True, "sampling": "random"}, "random_length varies the stretches"),
        ({"random_length": True, "length": 5}, "length=5 is too short to vary; give 10 or more"),
        ({"sampling": "random", "context": "sentence"}, "leave it out"),
        ({"optimizer": "nt-asgd", "average": 0.9}, "leave average out"),
        ({"threads": 10**9}, "threads=1000000000; give 1024 at most"),
    ],
)
def test_options_that_exclude_each_other(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        fitted(**options)


def test_a_window_needs_an_embedding_and_averaging_a_validation_text() -> None:
    with pytest.raises(ParameterError, match="a window of words needs one"):
        Mlp(embedding=0).fit(CORPUS)
    empty = Corpus.from_string("", normalize="none")
    with pytest.raises(ParameterError, match="begins to average by the validation text"):
        WordRnn(**SMALL, optimizer="nt-asgd").fit(CORPUS, valid=empty)


def test_a_network_beyond_all_memory() -> None:
    with pytest.raises(ParameterError, match="do not fit into memory; give a smaller hidden"):
        fitted(hidden=2_000_000)


def planned(seconds: float, speed: float, tokens: int = 1_000_000, **fixed: Any) -> Plan:
    """Plan with a network of `speed` tokens a second for 256 units, less for more."""

    def parameters_of(size: Size) -> int:
        return size.layers * size.hidden**2 * 8

    def speed_of(size: Size) -> float:
        return speed * 256**2 / (size.layers * size.hidden**2)

    return plan("word", tokens=tokens, seconds=seconds, fixed=fixed,
                parameters_of=parameters_of, speed_of=speed_of)  # fmt: skip


def test_more_time_makes_a_larger_network_and_a_slower_machine_a_smaller() -> None:
    sizes = [planned(seconds, 20_000).size for seconds in (1, 600, 3000, 20_000)]
    parameters = [size.layers * size.hidden**2 for size in sizes]
    assert parameters == sorted(parameters)
    assert sizes[0] == LADDER["word"][0]
    assert parameters[-1] > parameters[1]
    slow = planned(20_000, 2_000).size
    assert slow.layers * slow.hidden**2 < parameters[-1]
    for seconds in (3000, 20_000):
        made = planned(seconds, 20_000)
        assert EPOCHS["word"] <= made.epochs <= MOST_EPOCHS["word"]


def test_a_small_text_gets_a_small_network_and_ends_early() -> None:
    made = planned(20_000, 20_000, tokens=20_000)
    assert made.size.hidden <= 256
    assert made.ends_early
    assert made.epochs == MOST_EPOCHS["word"]


def test_what_the_user_fixed_is_kept() -> None:
    assert planned(3000, 20_000, hidden=300).size.hidden == 300
    assert planned(3000, 20_000, hidden=300, layers=3, embedding=7).size == Size(3, 300, 7)


@pytest.mark.parametrize(("epochs", "warmup"), [(0.0, 0.1), (1.0, 0.1), (20.0, 0.025)])
def test_the_warm_up_is_half_a_reading_at_most(epochs: float, warmup: float) -> None:
    made = Plan(Size(2, 64, 32), epochs, 1.0, 0.4, ends_early=False)
    for kind in ("word", "char"):
        assert settle({}, made.settings(kind)).warmup == warmup
        assert settle({"warmup": 0.2}, made.settings(kind)).warmup == 0.2


def test_dropout_grows_with_what_could_be_learned_by_heart() -> None:
    rates = [
        dropout_for(parameters, 10**6, 10, strength=0.11)
        for parameters in (10**4, 10**6, 10**7, 10**9)
    ]
    assert rates == sorted(rates)
    assert rates[0] < 0.05
    assert rates[-1] == 0.5


# ---------------------------------------------------------------------- odds and ends


def test_settings_of_a_file_are_checked() -> None:
    settings = settle({}, PLAIN["word"])
    assert Settings.from_json(settings.to_json()) == settings


def test_memory_goes_back_to_normal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every limit that is set is set back, and what was kept is given back."""
    libc = Mock()
    monkeypatch.setattr("lmkit.models.rnn.memory.sys.platform", "linux")
    monkeypatch.setattr("lmkit.models.rnn.memory.ctypes.CDLL", lambda name: libc)
    with kept_memory():
        kept = dict(call.args for call in libc.mallopt.call_args_list)
        libc.malloc_trim.assert_not_called()
    after = dict(call.args for call in libc.mallopt.call_args_list)
    assert after.keys() == kept.keys()
    assert all(after[limit] != kept[limit] for limit in kept)
    libc.malloc_trim.assert_called_once()


def test_specs() -> None:
    model = create("word-rnn:budget=10m,optimizer=nt-asgd,average=0.99,sampling=random")
    assert (model.budget, model.average) == ("10m", 0.99)  # type: ignore[attr-defined]
    assert create("word-rnn:warmup=0.1").warmup == 0.1  # type: ignore[attr-defined]
