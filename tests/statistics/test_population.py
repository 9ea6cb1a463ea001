"""The finite Zipf-Mandelbrot model, and its extrapolation of a vocabulary."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmkit.errors import CorpusError
from lmkit.statistics.population import FiniteZipfMandelbrot, fit_finite_zipf_mandelbrot
from lmkit.statistics.spectrum import FrequencySpectrum


@given(st.floats(0.2, 1.5), st.floats(-16, -8), st.floats(-6, -1), st.integers(50, 10**6))
def test_expected_values_are_consistent(alpha, log_lower, log_upper, tokens):
    model = FiniteZipfMandelbrot(alpha, np.exp(log_lower), np.exp(log_upper), 0, 0, 0, 0)
    elements = model.expected_spectrum(40, tokens)
    assert (elements >= 0).all()
    assert elements.sum() <= model.expected_types(tokens) * (1 + 1e-9)
    # the first derivative of E V is E V_1 / N
    h = tokens * 1e-4
    slope = (model.expected_types(tokens + h) - model.expected_types(tokens - h)) / (2 * h)
    assert slope == pytest.approx(elements[0] / tokens, rel=1e-5)
    assert model.expected_types(1e-3) == pytest.approx(1e-3, rel=1e-3)  # the probabilities sum to 1


def test_expected_types_has_evert_s_closed_form():
    from scipy.special import gamma, gammaincc

    alpha, lower, upper, N = 0.7, 1e-6, 0.02, 40_000.0
    C = (1 - alpha) / (upper ** (1 - alpha) - lower ** (1 - alpha))
    rest = gammaincc(1 - alpha, N * lower) - gammaincc(1 - alpha, N * upper)
    ends = lower**-alpha * -np.expm1(-N * lower) - upper**-alpha * -np.expm1(-N * upper)
    expected = C / alpha * (N**alpha * gamma(1 - alpha) * rest + ends)
    model = FiniteZipfMandelbrot(alpha, lower, upper, 0, 0, 0, 0)
    assert model.expected_types(N) == pytest.approx(expected, rel=1e-10)


def test_parameters_are_recovered_and_growth_is_foretold():
    true = FiniteZipfMandelbrot(0.65, 1e-6, 0.01, 0, 0, 0, 0)
    # a population of that shape, type by type: how many have a probability above p
    edges = np.linspace(0, 1, 200_001)
    above = true.lower**-true.alpha - edges * (true.lower**-true.alpha - true.upper**-true.alpha)
    C = (1 - 0.65) / (true.upper**0.35 - true.lower**0.35)
    S = int(C / 0.65 * (true.lower**-0.65 - true.upper**-0.65))
    p = np.interp((np.arange(S) + 0.5) / S, edges, above ** (-1 / 0.65))
    rng = np.random.default_rng(5)
    counts = rng.poisson(100_000 * p / p.sum())
    fit = fit_finite_zipf_mandelbrot(FrequencySpectrum.from_counts(counts))
    assert fit.alpha == pytest.approx(0.65, abs=0.05)
    assert fit.types == pytest.approx(S, rel=0.15)
    assert fit.p_value > 0.01
    later = counts + rng.poisson(100_000 * p / p.sum())
    assert fit.expected_types(200_000) == pytest.approx((later > 0).sum(), rel=0.02)


def test_too_little_text_is_not_extrapolated():
    with pytest.raises(CorpusError, match="give more text"):
        fit_finite_zipf_mandelbrot(FrequencySpectrum.from_counts([1, 2, 3]))


def test_ptb_at_twice_the_text(shared_corpora: Path):
    words = (shared_corpora / "ptb" / "ptb.train.txt").read_text(encoding="utf-8").split()
    number: dict[str, int] = {}
    ids = np.array([number.setdefault(word, len(number)) for word in words])
    half = FrequencySpectrum.from_ids(ids[: len(ids) // 2])
    fit = fit_finite_zipf_mandelbrot(half)
    assert fit.expected_types(len(ids)) == pytest.approx(len(number), rel=0.03)
