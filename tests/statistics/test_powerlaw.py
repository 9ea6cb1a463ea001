"""Frequency spectra, the discrete power law and its bootstrap."""

from __future__ import annotations

import numpy as np
import powerlaw
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import zeta
from scipy.stats import kstest

from lmkit.errors import CorpusError, ParameterError
from lmkit.statistics.bootstrap import goodness_of_fit, parameter_spread
from lmkit.statistics.powerlaw import fit_power_law, scan_xmin, simulate_power_law
from lmkit.statistics.spectrum import FrequencySpectrum


@pytest.fixture(scope="module")
def moby_dick() -> FrequencySpectrum:
    return FrequencySpectrum.from_counts(powerlaw.load_test_dataset("words").astype(np.int64))


# -- the spectrum ----------------------------------------------------------------------------


def test_moby_dick_counts(moby_dick):
    assert (moby_dick.types, moby_dick.tokens) == (18855, 209994)
    assert (moby_dick.hapaxes, moby_dick.dis_legomena) == (9161, 3085)
    assert moby_dick.max_frequency == 14086
    assert moby_dick.missing_mass == pytest.approx(0.043625, abs=5e-7)


@given(st.lists(st.integers(0, 30), min_size=1).filter(any))
def test_spectrum_agrees_with_plain_counting(counts):
    spectrum = FrequencySpectrum.from_counts(counts)
    seen = sorted((c for c in counts if c), reverse=True)
    assert spectrum.counts().tolist() == seen
    assert (spectrum.tokens, spectrum.types) == (sum(seen), len(seen))
    assert spectrum.hapaxes == seen.count(1)
    frequency, first, last = spectrum.rank_groups()
    for f, a, b in zip(frequency, first, last, strict=True):
        assert seen[a - 1 : b] == [f] * (b - a + 1)
    ids = np.repeat(np.arange(len(counts)), counts)
    assert FrequencySpectrum.from_ids(ids) == spectrum


def test_few_but_huge_counts_take_no_memory():
    spectrum = FrequencySpectrum.from_counts([10**15, 1, 10**15])
    assert spectrum.frequencies.tolist() == [1, 10**15]
    assert spectrum.types_of_frequency(10**15) == 2


@pytest.mark.parametrize("counts", [[], [0, 0], [3, -1], [1.5, 2.0]])
def test_what_is_no_spectrum_is_refused(counts):
    with pytest.raises(CorpusError):
        FrequencySpectrum.from_counts(counts)


def test_spectrum_cannot_be_written_to(moby_dick):
    with pytest.raises(ValueError, match="read-only"):
        moby_dick.frequencies[0] = 5


# -- the power law ---------------------------------------------------------------------------


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


# -- the bootstrap ---------------------------------------------------------------------------


def test_bootstrap_of_moby_dick(moby_dick):
    fit = fit_power_law(moby_dick)
    calls: list[tuple[int, int]] = []
    one = goodness_of_fit(
        moby_dick, fit, repetitions=300, workers=1, progress=lambda *c: calls.append(c)
    )
    assert one.p_value > 0.3  # Clauset, Shalizi & Newman print 0.49
    assert one.p_value_se < 0.03
    assert calls == [(i + 1, 300) for i in range(300)]
    many = goodness_of_fit(moby_dick, fit, repetitions=300, workers=3)
    assert np.array_equal(one.ks, many.ks)  # the seed alone decides
    assert not np.array_equal(one.ks, goodness_of_fit(moby_dick, fit, repetitions=300, seed=1).ks)
    spread = parameter_spread(moby_dick, repetitions=300)
    assert spread.p_value is None
    assert spread.alpha_sd == pytest.approx(0.02, abs=0.008)  # they print 1.95(2) and 7(2)
    assert spread.xmin_sd == pytest.approx(2, abs=0.8)
    assert set(spread.to_dict()) == {
        "repetitions", "seed", "p_value", "p_value_se", "alpha_sd", "xmin_sd",
    }  # fmt: skip


def test_p_value_is_uniform_under_the_null_and_small_for_a_lognormal():
    rng = np.random.default_rng(7)
    null = []
    for i in range(100):
        sample = simulate_power_law(2.1, 1, types=1500, rng=rng)
        fit = fit_power_law(sample)
        null.append(goodness_of_fit(sample, fit, repetitions=60, seed=i).p_value)
    assert kstest(null, "uniform").pvalue > 0.05
    lognormal = np.maximum(1, np.rint(rng.lognormal(3.0, 1.0, size=1500))).astype(np.int64)
    sample = FrequencySpectrum.from_counts(lognormal)
    whole = fit_power_law(sample, xmin=1)
    tested = goodness_of_fit(sample, whole, repetitions=60, refit_xmin=False)
    assert tested.p_value == pytest.approx(1 / 61)
    assert (tested.xmin == 1).all()


def test_p_value_of_a_given_xmin_is_uniform_under_the_null():
    rng = np.random.default_rng(32)
    null = []
    for i in range(100):
        sample = simulate_power_law(1.8, 3, types=400, rng=rng)
        fit = fit_power_law(sample, xmin=3)
        tested = goodness_of_fit(sample, fit, repetitions=60, refit_xmin=False, seed=i)
        null.append(tested.p_value)
    assert kstest(null, "uniform").pvalue > 0.05
