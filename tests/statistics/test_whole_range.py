"""Three forms of Zipf's law over all frequencies."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import gamma

from lmkit.errors import CorpusError
from lmkit.kernels.zeta import scaled_zeta
from lmkit.statistics.spectrum import FrequencySpectrum
from lmkit.statistics.whole_range import fit_whole_range
from tests.statistics.samples import zipf_mandelbrot_counts


def by_name(spectrum: FrequencySpectrum) -> dict:
    fits = fit_whole_range(spectrum)
    assert [f.log_likelihood for f in fits] == sorted(f.log_likelihood for f in fits)[::-1]
    return {f.name: f for f in fits}


def test_each_form_is_a_distribution():
    counts = zipf_mandelbrot_counts(5000, s=1.1, shift=1, types=5000, seed=2)
    n = np.arange(1, 2_000_000, dtype=np.float64)
    for name, fit in by_name(FrequencySpectrum.from_counts(counts)).items():
        b = fit.exponent
        above = fit.survival(n)
        assert above[0] == pytest.approx(1)
        p = above[:-1] - above[1:]
        expected = {
            "spectrum": lambda n, b=b: n**-b / scaled_zeta(b, 1.0),
            "survival": lambda n, b=b: n ** (1 - b) - (n + 1) ** (1 - b),
            "rank": lambda n, b=b: (b - 1) * gamma(n + 1 - b) / gamma(2 - b) / gamma(n + 1),
        }[name]
        assert p[:50] == pytest.approx(expected(n[:50]))
        seen = counts[counts > 0]
        assert fit.log_likelihood == pytest.approx(np.log(p[seen - 1]).sum(), rel=1e-6)
        x = np.arange(1, seen.max() + 2)
        empirical = (seen[:, None] >= x).mean(axis=0)
        assert fit.ks == pytest.approx(np.abs(empirical - fit.survival(x)).max(), abs=1e-9)


@pytest.mark.parametrize("name", ["spectrum", "survival", "rank"])
def test_each_form_is_recognised_and_recovered(name):
    rng = np.random.default_rng(8)
    b = 1.7
    if name == "survival":
        sample = np.floor(rng.random(20_000) ** (-1 / (b - 1)))
    elif name == "spectrum":
        sample = rng.zipf(b, 20_000).astype(np.float64)
    else:  # a geometric waiting time whose chance is beta distributed
        sample = rng.geometric(np.maximum(rng.beta(b - 1, 2 - b, 20_000), 1e-9)).astype(np.float64)
    sample = np.minimum(sample, 1e12).astype(np.int64)
    fits = by_name(FrequencySpectrum.from_counts(sample))
    assert max(fits, key=lambda k: fits[k].log_likelihood) == name
    assert abs(fits[name].exponent - b) < 4 * fits[name].exponent_se
    assert fits[name].ks < 0.012


def test_one_frequency_has_no_form():
    with pytest.raises(CorpusError, match="same frequency"):
        fit_whole_range(FrequencySpectrum.from_counts([3, 3, 3]))
