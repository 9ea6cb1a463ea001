"""Sums of runs and shares of recent tokens, against plain loops."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lmkit.kernels.events import recent_shares, sum_documents, sum_events

EOS, UNK = 1, 0
streams = st.lists(st.integers(0, 4), min_size=1, max_size=40)


@given(streams, st.integers(0, 2), st.integers(0, 3), st.integers(0, 40))
def test_sums_of_runs(stream, shift, before, cut):
    ids = np.array(stream, np.int32)
    nats = np.where(ids == 4, np.inf, ids + 0.5)
    sums, plain = np.zeros((60, 3)), np.zeros((60, 3))
    total_ended = total_impossible = 0
    for part in (slice(0, cut), slice(cut, None)):  # the sums of a run go on
        ended, impossible = sum_events(
            ids[part], nats[part], before + total_ended, shift, sums, eos=EOS, unk=UNK
        )
        total_ended, total_impossible = total_ended + ended, total_impossible + impossible
    sentence = before
    for word, surprisal in zip(stream, nats.tolist(), strict=True):
        plain[sentence >> shift] += (surprisal, surprisal if word != UNK else 0.0, 1)
        sentence += word == EOS
    assert sums.tolist() == plain.tolist()
    assert (total_ended, total_impossible) == (stream.count(EOS), stream.count(4))


def test_the_example_of_the_docstring():
    ids, sums = np.array([5, EOS, UNK, EOS, 6], np.int32), np.zeros((2, 3))
    assert sum_events(ids, np.ones(5), 1, 1, sums, eos=EOS, unk=UNK) == (2, 0)
    assert sums.tolist() == [[2, 2, 2], [3, 2, 3]]


@given(streams, st.sets(st.integers(1, 12), max_size=4), st.integers(0, 40))
def test_sums_of_documents(stream, starts, cut):
    ids, nats = np.array(stream, np.int32), np.arange(len(stream)) / 4
    begins = np.array([0, *sorted(starts)], np.int64)
    sums, plain = np.zeros((len(begins), 2)), np.zeros((len(begins), 2))
    document = sentences = 0
    for part in (slice(0, cut), slice(cut, None)):
        document = sum_documents(ids[part], nats[part], sentences, document, begins, sums, eos=EOS)
        sentences += stream[part].count(EOS)
    for t in range(len(stream)):
        ended = stream[:t].count(EOS)
        plain[np.flatnonzero(begins <= ended)[-1]] += (nats[t], 1)
    assert sums.tolist() == plain.tolist()


@given(streams, st.data())
def test_shares_of_recent_tokens(stream, data):
    first = data.draw(st.integers(0, len(stream)))
    indices = range(first, len(stream))
    lows = [data.draw(st.integers(0, t)) for t in indices]
    weights = 0.8 ** np.arange(len(stream))
    ids = np.array(stream, np.int32)
    found = recent_shares(ids, first, np.array(lows, np.int64), weights)
    for t, low, share in zip(indices, lows, found, strict=True):
        own = sum(weights[t - i - 1] for i in range(low, t) if stream[i] == stream[t])
        total = weights[: t - low].sum()
        np.testing.assert_allclose(share, own / total if t > low else np.nan, rtol=1e-12)
