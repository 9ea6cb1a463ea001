"""Batches: every token once an epoch, in order, behind the state that read what stands before."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmkit.models.rnn.batches import (
    IGNORED,
    RESET,
    Batches,
    RandomBatches,
    SentenceBatches,
    Sentences,
    StreamBatches,
    hide_rare,
    make_batches,
)
from lmkit.models.rnn.options import Settings
from tests.models.rnn.samples import IDS, V

BOS = 9


def ids_of(*values: int) -> np.ndarray:
    return np.array(values, np.int32)


def streams(batches: Batches, epochs: int, seed: int = 0) -> list[tuple[list[int], list[int]]]:
    """Return what each state has read, and what was to be predicted, from its beginning on."""
    rng = np.random.default_rng(seed)
    running: list[tuple[list[int], list[int]]] | None = None
    ended = []
    for _ in range(epochs):
        for batch in batches.epoch(rng):
            lanes: list[tuple[list[int], list[int]]] = []
            for column, lane in enumerate(batch.continues.tolist()):
                read, wanted = ([], []) if lane == RESET or running is None else running[lane]
                lanes.append(
                    (
                        read + batch.inputs[:, column].tolist(),
                        wanted + batch.targets[:, column].tolist(),
                    )
                )
            kept = set(batch.continues.tolist())
            ended += [stream for lane, stream in enumerate(running or []) if lane not in kept]
            running = lanes
    return ended + (running or [])


@given(st.integers(1, 400), st.integers(1, 12), st.integers(1, 40), st.integers(0, 5))
def test_stream_has_every_token_once_in_order(n: int, lanes: int, length: int, seed: int) -> None:
    ids = np.arange(1000, 1000 + n, dtype=np.int32)
    batches = StreamBatches(ids, BOS, lanes=lanes, length=length)
    rng = np.random.default_rng(seed)
    seen: list[int] = []
    for batch in batches.epoch(rng):
        assert batch.inputs.shape == batch.targets.shape
        assert batch.inputs.shape[1] == len(batch.continues) <= lanes
        assert batch.inputs.shape[0] <= length
        real = batch.targets != IGNORED
        assert batch.tokens == real.sum() > 0
        before = np.where(batch.targets == 1000, BOS, batch.targets - 1)
        np.testing.assert_array_equal(batch.inputs[real], before[real])
        seen += batch.targets[real].tolist()
    assert sorted(seen) == ids.tolist()
    assert batches.tokens == n


@given(st.integers(30, 400), st.integers(1, 6), st.integers(1, 40))
def test_states_of_a_stream_run_on_from_epoch_to_epoch(n: int, lanes: int, length: int) -> None:
    ids = np.arange(1000, 1000 + n, dtype=np.int32)
    batches = StreamBatches(ids, BOS, lanes=lanes, length=length)
    for read, wanted in streams(batches, epochs=batches.lanes + 2):
        real = [target for target in wanted if target != IGNORED]
        assert wanted[: len(real)] == real  # padding comes last of all
        assert real == list(range(real[0], real[0] + len(real)))
        assert read[1 : len(real)] == real[:-1]
    # The state that began at the first token of an epoch has read the text to its end.
    longest = max(streams(batches, epochs=2 * batches.lanes), key=lambda stream: len(stream[1]))
    assert [token for token in longest[1] if token != IGNORED] == ids.tolist()


def test_the_cuts_of_a_stream_fall_elsewhere_in_each_epoch() -> None:
    batches = StreamBatches(np.arange(2000, dtype=np.int32), BOS, lanes=4, length=32)
    rng = np.random.default_rng(1)
    firsts = {len(next(iter(batches.epoch(rng))).inputs) for _ in range(20)}
    assert firsts == {8, 16, 24, 32}


sentences_strategy = st.lists(
    st.lists(st.integers(2, 8), max_size=12).map(lambda words: [*words, 1]), min_size=1, max_size=40
)


@given(sentences_strategy, st.integers(1, 6), st.integers(1, 9), st.booleans())
def test_each_sentence_has_a_state_of_its_own(
    sentences: list[list[int]], lanes: int, length: int, cut: bool
) -> None:
    ids = np.concatenate(sentences).astype(np.int32)
    if cut and len(ids) > 1 and ids[-2] != 1:
        ids = ids[:-1]
        sentences = [*sentences[:-1], sentences[-1][:-1]]
    batches = SentenceBatches(ids, BOS, lanes=lanes, length=length)
    assert batches.tokens == len(ids)
    read = []
    for inputs, wanted in streams(batches, epochs=1):
        real = [target for target in wanted if target != IGNORED]
        assert inputs[: len(real)] == [BOS, *real[:-1]]
        read.append(real)
    assert sorted(read) == sorted(sentences)


def test_sentences_of_like_length_share_a_batch() -> None:
    rng = np.random.default_rng(3)
    lengths = rng.integers(1, 60, size=500)
    ids = np.concatenate([[2] * (n - 1) + [1] for n in lengths]).astype(np.int32)
    batches = SentenceBatches(ids, BOS, lanes=16, length=32)
    drawn = list(batches.epoch(rng))
    places = sum(batch.targets.size for batch in drawn)
    assert places < 1.1 * len(ids)
    assert all(batch.inputs.shape[0] <= 32 for batch in drawn)
    again = list(batches.epoch(rng))
    assert [b.inputs.shape for b in drawn] != [b.inputs.shape for b in again]  # in another order


def test_sentences_of_nothing() -> None:
    assert len(Sentences.of(ids_of())) == 0
    found = Sentences.of(ids_of(1, 1, 2, 1, 3))
    assert found.starts.tolist() == [0, 1, 2, 4]
    assert found.lengths.tolist() == [1, 1, 2, 1]
    assert found.span(2) == slice(2, 4)


def test_rare_types_are_hidden_now_and_then() -> None:
    ids = np.array([2, 2, *range(3, 2003), 1, 0], np.int32)  # 2,000 types seen once
    rng = np.random.default_rng(4)
    hidden = hide_rare(ids, 0.5, rng)
    assert hidden.dtype == np.int32
    np.testing.assert_array_equal(hidden[[0, 1, -2, -1]], [2, 2, 1, 0])  # one </s>, one <unk>
    changed = hidden[2:-2] != ids[2:-2]
    assert (hidden[2:-2][changed] == 0).all()
    assert changed.mean() == pytest.approx(0.5, abs=0.05)
    assert (hide_rare(ids, 0.5, rng) != hidden).any()
    np.testing.assert_array_equal(hide_rare(ids, 0.0, rng), ids)


@pytest.mark.parametrize("length", [1, 7, 8, 103, 500])
def test_random_sampling_takes_every_token_once(length: int) -> None:
    batches = RandomBatches(IDS, V, lanes=4, length=length)
    before = np.append(V, IDS[:-1])
    cuts = set()
    for seed in range(5):
        seen = []
        for batch in batches.epoch(np.random.default_rng(seed)):
            assert (batch.continues == RESET).all()
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


def test_the_settings_choose_the_kind_of_batches() -> None:
    settings = Settings(lanes=3, length=20, unk_rate=0.25)
    for changed, context, kind in (
        ({}, "stream", StreamBatches),
        ({"sampling": "random"}, "stream", RandomBatches),
        ({}, "sentence", SentenceBatches),
    ):
        batches = make_batches(settings.changed(**changed), IDS, V, context=context)
        assert type(batches) is kind
        assert (batches.bos, batches.length, batches.unk_rate) == (V, 20, 0.25)
