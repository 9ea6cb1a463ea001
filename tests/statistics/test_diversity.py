"""Type-token ratios, coverage and vocabulary cuts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmkit.errors import CorpusError, ParameterError
from lmkit.statistics.diversity import (
    coverage_to_pandas,
    hypergeometric_diversity,
    measure_coverage,
    measure_diversity,
    measure_vocabulary_cuts,
    moving_average_ttr,
)
from lmkit.statistics.spectrum import FrequencySpectrum

streams = st.lists(st.integers(0, 9), min_size=1, max_size=80).map(np.array)


@given(streams, st.integers(1, 80))
def test_mattr_is_the_mean_over_windows(ids, window):
    if window > len(ids):
        with pytest.raises(CorpusError, match="smaller window"):
            moving_average_ttr(ids, window=window)
        return
    ratios = [len(set(ids[t : t + window])) / window for t in range(len(ids) - window + 1)]
    assert moving_average_ttr(ids, window=window) == pytest.approx(np.mean(ratios))


def test_hdd_is_the_mean_over_samples():
    ids = np.random.default_rng(0).geometric(0.05, size=600)
    rng = np.random.default_rng(1)
    draws = [len(set(rng.choice(ids, 42, replace=False))) / 42 for _ in range(3000)]
    hdd = hypergeometric_diversity(FrequencySpectrum.from_ids(ids))
    assert hdd == pytest.approx(np.mean(draws), abs=4 * np.std(draws) / np.sqrt(3000))


def test_short_texts_have_no_window():
    short = measure_diversity(np.array([3, 3, 4]))
    assert (short.ttr, short.mattr, short.hdd) == (pytest.approx(2 / 3), None, None)
    assert measure_diversity(np.arange(1000)).to_dict() == {
        "ttr": 1.0, "mattr": 1.0, "mattr_window": 500, "hdd": pytest.approx(1.0), "hdd_sample": 42,
    }  # fmt: skip


@given(streams, st.floats(0.01, 1.0))
def test_coverage_is_the_shortest_head(ids, share):
    spectrum = FrequencySpectrum.from_ids(ids)
    counts = spectrum.counts()
    (row,) = measure_coverage(spectrum, coverages=[share])
    assert counts[: row.types].sum() >= share * len(ids) - 1e-6
    assert counts[: row.types - 1].sum() < share * len(ids)
    assert row.min_count == counts[row.types - 1]


@given(streams, streams, st.integers(1, 12))
def test_cuts_agree_with_plain_counting(ids, heldout, size):
    counts = np.bincount(ids, minlength=12)
    kept = set(np.argsort(-counts, kind="stable")[: min(size, len(set(ids.tolist())))].tolist())
    (row,) = measure_vocabulary_cuts(
        counts,
        heldout_counts=np.bincount(heldout, minlength=12),
        heldout_unseen=3,
        sizes=[size],
    )
    assert row.size == len(kept)
    assert row.oov_rate == pytest.approx(np.mean([i not in kept for i in ids.tolist()]))
    outside = 3 + sum(i not in kept for i in heldout.tolist())
    assert row.heldout_oov_rate == pytest.approx(outside / (len(heldout) + 3))


def test_default_sizes_and_tables():
    rows = measure_vocabulary_cuts(np.arange(1, 1501))
    assert [r.size for r in rows] == [100, 200, 500, 1000, 1500]
    assert rows[-1].oov_rate == 0
    assert rows[0].heldout_oov_rate is None
    assert list(coverage_to_pandas(rows)) == ["size", "min_count", "oov_rate", "heldout_oov_rate"]


def test_out_of_range():
    spectrum = FrequencySpectrum.from_counts([3, 2])
    with pytest.raises(ParameterError, match="no share"):
        measure_coverage(spectrum, coverages=[1.5])
    with pytest.raises(ParameterError):
        hypergeometric_diversity(spectrum, sample=0)
    with pytest.raises(ParameterError):
        hypergeometric_diversity(spectrum, sample=6)
    with pytest.raises(ParameterError):
        moving_average_ttr(np.array([1]), window=0)
    with pytest.raises(CorpusError):
        measure_vocabulary_cuts(np.zeros(3, np.int64))
    with pytest.raises(ParameterError, match="do not pair"):
        measure_vocabulary_cuts(np.ones(3, np.int64), heldout_counts=np.ones(2, np.int64))
    with pytest.raises(ParameterError):
        measure_vocabulary_cuts(np.ones(3, np.int64), sizes=[0])
