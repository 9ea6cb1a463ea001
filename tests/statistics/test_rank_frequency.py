"""Ranks from split halves, the Zipf-Mandelbrot law and the least-squares line."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import linregress

from lmkit.errors import CorpusError
from lmkit.statistics.rank_frequency import fit_least_squares, fit_zipf_mandelbrot, split_halves
from lmkit.statistics.spectrum import FrequencySpectrum
from tests.statistics.samples import zipf_mandelbrot_counts

spectra = (
    st.lists(st.integers(1, 40), min_size=2, max_size=200)
    .filter(lambda counts: len(set(counts)) > 1)
    .map(FrequencySpectrum.from_counts)
)


# -- split halves ----------------------------------------------------------------------------


@given(spectra, st.integers(0, 5))
def test_halves_share_out_the_tokens(spectrum, seed):
    try:
        halves = split_halves(spectrum, seed=seed)
    except CorpusError:
        assert spectrum.tokens < 50
        return
    types = halves.last_rank - halves.first_rank + 1
    assert halves.first_rank[0] == 1
    assert (halves.first_rank[1:] == halves.last_rank[:-1] + 1).all()
    assert (np.diff(halves.ranking_frequency) < 0).all()
    assert types.sum() <= spectrum.types
    assert types @ halves.ranking_frequency + halves.total == spectrum.tokens
    assert halves.tokens.sum() <= halves.total
    binned = halves.binned()
    assert binned.tokens.sum() == halves.tokens.sum()
    assert (binned.first_rank[0], binned.last_rank[-1]) == (1, halves.last_rank[-1])
    assert (binned.first_rank[1:] == binned.last_rank[:-1] + 1).all()


def test_many_equal_types_split_like_coins():
    halves = split_halves(FrequencySpectrum(np.array([2]), np.array([400_000])))
    types = halves.last_rank - halves.first_rank + 1
    assert halves.ranking_frequency.tolist() == [2, 1]
    assert types == pytest.approx([100_000, 200_000], rel=0.01)
    assert halves.tokens == pytest.approx([0, 200_000], rel=0.01)
    assert halves.total == pytest.approx(400_000, rel=0.01)


def test_halves_show_no_law_where_there_is_none():
    """Equally probable types: one sample's ranks and counts look like a law, two halves do not."""
    counts = np.random.default_rng(0).multinomial(20_000, np.full(1000, 1 / 1000))
    spectrum = FrequencySpectrum.from_counts(counts)
    ranked = spectrum.counts() / spectrum.tokens
    assert ranked[:20].mean() / ranked[-20:].mean() > 3  # the illusion
    assert fit_least_squares(spectrum).exponent > 0.15
    _, frequency = split_halves(spectrum).binned().curve()
    assert frequency[:10].mean() / frequency[-10:].mean() == pytest.approx(1, abs=0.15)


def test_zipf_mandelbrot_is_recovered():
    least_squares, halves = [], []
    for seed in range(5):
        counts = zipf_mandelbrot_counts(300_000, s=1.15, shift=2.7, types=30_000, seed=seed)
        spectrum = FrequencySpectrum.from_counts(counts)
        fit = fit_zipf_mandelbrot(split_halves(spectrum, seed=seed))
        halves.append(fit.exponent)
        least_squares.append(fit_least_squares(spectrum).exponent)
        assert fit.shift == pytest.approx(2.7, abs=0.4)
        assert 0 < fit.exponent_se < 0.01
        ranks = np.arange(1.0, fit.types + 1)
        assert fit.relative_frequency(ranks).sum() == pytest.approx(fit.mass)
    assert np.mean(halves) == pytest.approx(1.15, rel=0.015)
    assert abs(np.mean(least_squares) - 1.15) > 1.5 * abs(np.mean(halves) - 1.15)


def test_too_little_text():
    with pytest.raises(CorpusError):
        split_halves(FrequencySpectrum.from_counts([1]), seed=1)
    with pytest.raises(CorpusError):
        fit_zipf_mandelbrot(split_halves(FrequencySpectrum.from_counts([50, 40])))
    with pytest.raises(CorpusError):
        fit_least_squares(FrequencySpectrum.from_counts([7]))


# -- the least-squares line ------------------------------------------------------------------


@given(spectra)
def test_least_squares_agrees_with_scipy(spectrum):
    counts = spectrum.counts()
    expected = linregress(np.log(np.arange(1, len(counts) + 1)), np.log(counts))
    line = fit_least_squares(spectrum)
    assert line.exponent == pytest.approx(-expected.slope, abs=1e-9)
    assert line.intercept == pytest.approx(expected.intercept, abs=1e-9)
    assert line.r_squared == pytest.approx(expected.rvalue**2, abs=1e-9)
    assert line.biased


def test_least_squares_over_many_types():
    counts = zipf_mandelbrot_counts(200_000, s=1.1, shift=1, types=50_000, seed=1)
    counts = np.sort(counts[counts > 0])[::-1]
    expected = linregress(np.log(np.arange(1, len(counts) + 1)), np.log(counts))
    line = fit_least_squares(FrequencySpectrum.from_counts(counts))
    assert len(counts) > 1000  # beyond the ranks whose logarithms are summed one by one
    assert line.exponent == pytest.approx(-expected.slope, rel=1e-10)
