"""Calibration of Zipf's statistics: bias, intervals and p-values on samples of known laws.

``python -m benchmarks.zipf_calibration`` takes a few minutes. Corpora of the catalogue that are not
available are skipped.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import kstest

from lmkit.errors import LmkitError
from lmkit.statistics.alternatives import compare_alternatives
from lmkit.statistics.bootstrap import goodness_of_fit
from lmkit.statistics.growth import fit_heaps
from lmkit.statistics.population import fit_finite_zipf_mandelbrot
from lmkit.statistics.powerlaw import fit_power_law, simulate_power_law
from lmkit.statistics.rank_frequency import fit_least_squares, fit_zipf_mandelbrot, split_halves
from lmkit.statistics.spectrum import FrequencySpectrum
from lmkit.text.corpus import Corpus
from lmkit.text.encoding import learn_text
from lmkit.text.vocabulary import EOS_ID


def main() -> None:
    exponents()
    p_values()
    lognormal()
    heaps_interval()
    ranks()
    extrapolation()


def exponents() -> None:
    print("alpha of 1,000 samples of 3,000 types, x_min known")
    rng = np.random.default_rng(1)
    for alpha, xmin in ((1.6, 1), (1.95, 7), (2.5, 1), (4.3, 1)):
        fits = [
            fit_power_law(simulate_power_law(alpha, xmin, types=3000, rng=rng), xmin=xmin)
            for _ in range(1000)
        ]
        found = np.array([fit.alpha for fit in fits])
        bias = (found.mean() - alpha) / found.std() * np.sqrt(len(found))
        print(
            f"  true {alpha} from {xmin}: mean {found.mean():.5f} ({bias:+.1f}"
            f" standard errors), spread {found.std():.5f}, stated {fits[0].alpha_se:.5f}"
        )


def p_values() -> None:
    print("\np-values of 300 samples of a power law, 200 repetitions each")
    for refit in (False, True):
        rng = np.random.default_rng(2)
        found = []
        for i in range(300):
            sample = simulate_power_law(2.0, 1, types=1500, rng=rng)
            fit = fit_power_law(sample, xmin=None if refit else 1)
            found.append(
                goodness_of_fit(sample, fit, repetitions=200, refit_xmin=refit, seed=i).p_value
            )
        below = np.mean(np.array(found) < 0.1)
        print(
            f"  x_min {'chosen' if refit else 'given '}: uniform with KS p = "
            f"{kstest(found, 'uniform').pvalue:.2f}; {100 * below:.0f}% are below 0.1"
        )


def lognormal() -> None:
    print("\n50 lognormal samples of 1,500 types (mu 3, sigma 1)")
    for refit in (False, True):
        rng = np.random.default_rng(3)
        found, better, tail = [], 0, []
        for i in range(50):
            values = np.maximum(1, np.rint(rng.lognormal(3, 1, 1500))).astype(np.int64)
            sample = FrequencySpectrum.from_counts(values)
            fit = fit_power_law(sample, xmin=None if refit else 1)
            tested = goodness_of_fit(sample, fit, repetitions=200, refit_xmin=refit, seed=i)
            found.append(tested.p_value)
            tail.append(fit.tail_types)
            better += compare_alternatives(sample, fit)[0].favours == "lognormal"
        print(
            f"  x_min {'chosen' if refit else 'given '}: median p {np.median(found):.3f}, "
            f"median tail {np.median(tail):.0f} types, lognormal favoured in {better}"
        )


def heaps_interval() -> None:
    print("\nHeaps' exponent of 200 random texts of 30,000 tokens")
    p = (np.arange(60_000) + 2.7) ** -1.1
    p /= p.sum()
    grid = np.unique(np.rint(np.geomspace(300, 30_000, 40)))
    growth = [-np.expm1(n * np.log1p(-p)).sum() for n in grid]
    truth = np.polyfit(np.log(grid), np.log(growth), 1)[0]
    rng = np.random.default_rng(4)
    inside, found, width = 0, [], []
    for _ in range(200):
        ids = rng.choice(len(p), size=30_000, p=p)
        fit = fit_heaps(FrequencySpectrum.from_ids(ids), ids=ids)
        assert fit.exponent_low is not None
        assert fit.exponent_high is not None
        inside += fit.exponent_low < truth < fit.exponent_high
        found.append(fit.exponent)
        width.append(fit.exponent_high - fit.exponent)
    print(
        f"  true {truth:.4f}, mean {np.mean(found):.4f}, interval ± {np.mean(width):.4f} (ideal ± "
        f"{1.96 * np.std(found):.4f}), holds the truth in {inside / 2:.1f}%"
    )


def ranks() -> None:
    print("\nZipf-Mandelbrot exponent of texts drawn from (r + 2.7)^-1.15, 30,000 types")
    p = (np.arange(1, 30_001) + 2.7) ** -1.15
    p /= p.sum()
    for tokens in (30_000, 300_000, 3_000_000):
        rng = np.random.default_rng(5)
        halves, line = [], []
        for seed in range(10):
            spectrum = FrequencySpectrum.from_counts(rng.multinomial(tokens, p))
            halves.append(fit_zipf_mandelbrot(split_halves(spectrum, seed=seed)).exponent)
            line.append(fit_least_squares(spectrum).exponent)
        print(
            f"  {tokens:>9,} tokens: split halves {np.mean(halves):.3f}, "
            f"least squares {np.mean(line):.3f}"
        )


def extrapolation() -> None:
    print("\ntypes in a text, extrapolated from one half of it")
    for name in ("ptb", "timemachine", "tinyshakespeare"):
        try:
            ids = learn_text(Corpus.open(name).train, "word").ids
        except LmkitError:
            continue
        ids = ids[ids != EOS_ID]
        for half in ("first", "random"):
            order = (
                np.random.default_rng(6).permutation(len(ids)) if half == "random" else slice(None)
            )
            seen = FrequencySpectrum.from_ids(ids[order][: len(ids) // 2])
            predicted = float(fit_finite_zipf_mandelbrot(seen).expected_types(len(ids)))
            true = FrequencySpectrum.from_ids(ids).types
            print(
                f"  {name}, {half} half: {seen.types:,} types, predicted {predicted:,.0f}, "
                f"true {true:,} ({100 * (predicted / true - 1):+.2f}%)"
            )


if __name__ == "__main__":
    main()
