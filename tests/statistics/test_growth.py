"""Vocabulary growth: expected and observed curves, and Heaps' law."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import hypergeom

from lmkit.errors import CorpusError, ParameterError
from lmkit.statistics.growth import (
    expected_types,
    fit_heaps,
    observed_growth,
)
from lmkit.statistics.spectrum import FrequencySpectrum

streams = st.lists(st.integers(0, 12), min_size=1, max_size=60).map(np.array)


def zipfian(tokens: int, *, types: int = 20_000, seed: int = 0, s: float = 1.1) -> np.ndarray:
    p = (np.arange(types) + 2.7) ** -s
    return np.random.default_rng(seed).choice(types, size=tokens, p=p / p.sum())


@given(streams, st.data())
def test_expectations_agree_with_scipy(ids, data):
    spectrum = FrequencySpectrum.from_ids(ids)
    n = data.draw(st.integers(0, len(ids)))
    each = [hypergeom(len(ids), f, n) for f in spectrum.counts()]
    assert expected_types(spectrum, n) == pytest.approx(sum(1 - h.pmf(0) for h in each), abs=1e-9)
    assert expected_types(spectrum, [0, len(ids)]) == pytest.approx([0, spectrum.types])


def test_expectations_keep_their_digits_in_a_huge_text():
    spectrum = FrequencySpectrum(np.array([1, 3, 500, 10**8]), np.array([10**7, 10**6, 1000, 1]))
    N = spectrum.tokens
    with mpmath.workdps(40):
        for n in (1, 42, 10**4, N // 2, N - 3):
            exact = mpmath.mpf(0)
            for f, types in zip(spectrum.frequencies, spectrum.type_counts, strict=True):
                f, types = int(f), int(types)
                log = mpmath.loggamma(N - f + 1) + mpmath.loggamma(N - n + 1)
                log -= mpmath.loggamma(max(N - f - n + 1, 1)) + mpmath.loggamma(N + 1)
                exact += types * (1 - (mpmath.exp(log) if N - f - n >= 0 else 0))
            assert expected_types(spectrum, n) == pytest.approx(float(exact), rel=1e-8)


def test_interpolation_is_the_mean_of_permutations():
    ids = zipfian(3000)
    spectrum = FrequencySpectrum.from_ids(ids)
    points = np.array([1, 10, 100, 500, 1500, 2900, 3000])
    rng = np.random.default_rng(1)
    curves = np.array([observed_growth(rng.permutation(ids), points) for _ in range(2000)])
    error = curves.std(axis=0) / np.sqrt(2000)
    assert (
        np.abs(curves.mean(axis=0) - expected_types(spectrum, points)) <= 4 * error + 1e-9
    ).all()


@given(streams)
def test_observed_growth_counts_types_so_far(ids):
    points = np.arange(len(ids) + 1)
    assert observed_growth(ids, points).tolist() == [len(set(ids[:n].tolist())) for n in points]


def test_points_outside_the_text_are_refused():
    ids = np.array([0, 1, 0])
    spectrum = FrequencySpectrum.from_ids(ids)
    for n in (-1, 4):
        with pytest.raises(ParameterError):
            expected_types(spectrum, n)
        with pytest.raises(ParameterError):
            observed_growth(ids, [n])


def test_heaps_interval_covers_the_truth():
    types, s, tokens = 50_000, 1.1, 20_000
    p = (np.arange(types) + 2.7) ** -s
    p /= p.sum()
    grid = np.unique(np.rint(np.geomspace(tokens / 100, tokens, 40)))
    growth = [-np.expm1(n * np.log1p(-p)).sum() for n in grid]
    truth = np.polyfit(np.log(grid), np.log(growth), 1)[0]
    inside = 0
    for seed in range(60):
        ids = zipfian(tokens, types=types, s=s, seed=seed)
        fit = fit_heaps(FrequencySpectrum.from_ids(ids), ids=ids)
        inside += fit.exponent_low < truth < fit.exponent_high
    assert 53 <= inside <= 60  # 95% of 60 is 57, standard deviation 1.7


def test_heaps_fit_follows_its_curve():
    ids = zipfian(20_000)
    spectrum = FrequencySpectrum.from_ids(ids)
    fit = fit_heaps(spectrum, ids=ids)
    assert fit.tokens[[0, -1]].tolist() == [200, 20_000]
    assert fit.observed_types[-1] == spectrum.types == pytest.approx(fit.types[-1])
    law = fit.coefficient * fit.tokens**fit.exponent
    assert law == pytest.approx(fit.types, rel=0.1)
    assert fit.final_slope < fit.exponent  # the curve bends
    assert list(fit.to_pandas()) == ["tokens", "types", "observed_types"]
    alone = fit_heaps(spectrum)
    assert alone.exponent == fit.exponent
    assert alone.exponent_low is alone.observed_types is None
    bursty = np.sort(ids)  # every word in one burst: the least random order there is
    wide = fit_heaps(spectrum, ids=bursty)
    assert wide.exponent == fit.exponent
    assert wide.exponent_high - wide.exponent_low > 3 * (fit.exponent_high - fit.exponent_low)
    with pytest.raises(CorpusError, match="give 200 or more"):
        fit_heaps(FrequencySpectrum.from_counts([100, 99]))
