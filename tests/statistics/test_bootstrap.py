"""The bootstrap of a power law: p-values and the spread of the parameters."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kstest

from lmkit.statistics.bootstrap import goodness_of_fit, parameter_spread
from lmkit.statistics.powerlaw import fit_power_law, simulate_power_law
from lmkit.statistics.spectrum import FrequencySpectrum


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
