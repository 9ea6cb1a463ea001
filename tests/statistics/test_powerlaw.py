"""The discrete power law: fits, scans over x_min, and draws."""

from __future__ import annotations

import numpy as np
import powerlaw
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import zeta

from lmkit.errors import CorpusError, ParameterError
from lmkit.statistics.bootstrap import goodness_of_fit
from lmkit.statistics.powerlaw import fit_power_law, scan_xmin, simulate_power_law
from lmkit.statistics.spectrum import FrequencySpectrum


def test_moby_dick_fit(moby_dick):
    fit = fit_power_law(moby_dick)
    assert (fit.xmin, fit.tail_types) == (7, 2958)
    assert fit.alpha == pytest.approx(1.952727, abs=1e-5)
    assert fit.alpha_se == pytest.approx(0.01753, abs=1e-5)
    assert fit.ks == pytest.approx(0.008253, abs=1e-5)
    assert fit.log_likelihood == pytest.approx(-11753.818, abs=1e-2)
    assert fit_power_law(moby_dick, xmin=1).alpha == pytest.approx(1.77481, abs=1e-5)


def test_agrees_with_the_powerlaw_package(moby_dick):
    theirs = powerlaw.Fit(
        moby_dick.counts(), xmin=7, discrete=True, estimate_discrete=False, verbose=0
    )
    ours = fit_power_law(moby_dick, xmin=7)
    # theirs stops its search early (1e-5 off) and approximates the standard error
    assert ours.alpha == pytest.approx(theirs.power_law.alpha, abs=2e-5)
    assert ours.ks == pytest.approx(theirs.power_law.D, abs=1e-5)
    assert ours.alpha_se == pytest.approx(theirs.power_law.standard_err, rel=2e-3)
    assert ours.log_likelihood >= theirs.power_law.loglikelihoods(moby_dick.counts()[:2958]).sum()


@given(st.lists(st.integers(1, 400), min_size=2, max_size=60).filter(lambda c: len(set(c)) > 1))
def test_search_finds_the_minimum_of_the_scan(counts):
    spectrum = FrequencySpectrum.from_counts(counts)
    scan, fit = scan_xmin(spectrum), fit_power_law(spectrum)
    best = int(np.argmin(scan.ks))
    assert (fit.xmin, fit.alpha, fit.ks) == (scan.xmin[best], scan.alpha[best], scan.ks[best])
    assert fit.alpha_se == scan.alpha_se[best]
    assert fit == fit_power_law(spectrum, xmin=fit.xmin)


@given(
    st.lists(st.integers(1, 60), min_size=5, max_size=60).filter(lambda c: len(set(c)) > 3),
    st.integers(1, 4),
)
def test_fit_is_the_maximum_and_ks_is_exact(counts, xmin):
    tail = np.array([c for c in counts if c >= xmin])
    if len(set(tail)) < 2:
        return
    fit = fit_power_law(FrequencySpectrum.from_counts(counts), xmin=xmin)

    def log_likelihood(alpha: float) -> float:
        return float(-len(tail) * np.log(zeta(alpha, xmin)) - alpha * np.log(tail).sum())

    if fit.alpha < 50:  # scipy's unscaled zeta underflows later
        assert fit.log_likelihood == pytest.approx(log_likelihood(fit.alpha), rel=1e-9)
        assert fit.log_likelihood >= log_likelihood(fit.alpha * 1.001) - 1e-9
        assert fit.log_likelihood >= log_likelihood(1 + (fit.alpha - 1) * 0.999) - 1e-9
        x = np.arange(xmin, tail.max() + 2)
        empirical = (tail[:, None] >= x).mean(axis=0)
        assert fit.ks == pytest.approx(np.abs(empirical - fit.survival(x)).max(), abs=1e-10)
        assert np.exp(fit.log_probabilities(x)) == pytest.approx(
            fit.survival(x) - fit.survival(x + 1), abs=1e-12
        )


def test_alpha_is_recovered_without_bias():
    rng = np.random.default_rng(2)
    for alpha, xmin in ((1.6, 1), (1.95, 7), (3.5, 2)):
        fits = [
            fit_power_law(simulate_power_law(alpha, xmin, types=3000, rng=rng), xmin=xmin)
            for _ in range(100)
        ]
        alphas = np.array([f.alpha for f in fits])
        assert abs(alphas.mean() - alpha) < 2 * alphas.std() / 10
        assert alphas.std() == pytest.approx(fits[0].alpha_se, rel=0.2)


def test_draws_follow_the_law_far_into_the_tail():
    drawn = simulate_power_law(1.5, 3, types=200_000, rng=np.random.default_rng(3))
    above = zeta(1.5, 100_000) / zeta(1.5, 3)  # beyond the table of the first thousand values
    n = drawn.type_counts[drawn.frequencies >= 100_000].sum()
    assert abs(n - 200_000 * above) < 3 * np.sqrt(200_000 * above)
    assert drawn.types_of_frequency(3) == pytest.approx(200_000 * 3**-1.5 / zeta(1.5, 3), rel=0.02)


def test_scan_of_chosen_xmins(moby_dick):
    chosen = scan_xmin(moby_dick, xmins=[1, 4, 7, 10**6])
    assert chosen.xmin.tolist() == [1, 4, 7]
    every = scan_xmin(moby_dick)
    at = np.searchsorted(every.xmin, chosen.xmin)
    for name in ("alpha", "alpha_se", "ks", "tail_types"):
        assert getattr(chosen, name) == pytest.approx(getattr(every, name)[at])
    assert chosen.rows()[0]["alpha"] == pytest.approx(1.77481, abs=1e-5)
    assert list(chosen.to_pandas()) == ["xmin", "alpha", "alpha_se", "ks", "tail_types"]


@pytest.mark.parametrize("counts", [[1, 1, 1], [5]])
def test_one_frequency_cannot_be_fitted(counts):
    spectrum = FrequencySpectrum.from_counts(counts)
    with pytest.raises(CorpusError, match="at least 2"):
        fit_power_law(spectrum)
    with pytest.raises(CorpusError, match="at least 2"):
        scan_xmin(spectrum)


def test_parameters_out_of_range(moby_dick):
    with pytest.raises(ParameterError):
        fit_power_law(moby_dick, xmin=0)
    with pytest.raises(ParameterError):
        simulate_power_law(1.0, 1, types=10, rng=np.random.default_rng(0))
    with pytest.raises(ParameterError):
        goodness_of_fit(moby_dick, fit_power_law(moby_dick), repetitions=0)
