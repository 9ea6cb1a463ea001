"""Speed of Zipf's statistics: fits beside the powerlaw package, the bootstrap, a whole report.

python -m benchmarks.zipf [--tokens N]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import powerlaw

from benchmarks import texts
from benchmarks.timing import peak_memory, warm_time
from lmkit.statistics.alternatives import compare_alternatives
from lmkit.statistics.bootstrap import goodness_of_fit, parameter_spread
from lmkit.statistics.powerlaw import fit_power_law, simulate_power_law
from lmkit.statistics.spectrum import FrequencySpectrum
from lmkit.statistics.zipf import measure_zipf
from lmkit.text.corpus import Corpus


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, default=15_000_000)
    parser.add_argument("--report", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.report:
        report(arguments.report)
        return
    print(f"python {sys.version.split()[0]}, {os.cpu_count()} cores, numpy {np.__version__}\n")
    against_powerlaw()
    bootstrap()
    with tempfile.TemporaryDirectory() as folder:
        path = texts.source(Path(folder) / "source.txt", arguments.tokens)
        # A separate process, to measure its memory.
        command = [sys.executable, "-m", "benchmarks.zipf", "--report", str(path)]
        subprocess.run(command, check=True)


def against_powerlaw() -> None:
    words = powerlaw.load_test_dataset("words").astype(np.int64)
    spectrum = FrequencySpectrum.from_counts(words)
    fit = fit_power_law(spectrum)

    def theirs() -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return powerlaw.Fit(words, discrete=True, estimate_discrete=False, verbose=0)

    def their_tests() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = powerlaw.Fit(words, xmin=7, discrete=True, estimate_discrete=False, verbose=0)
            for other in ("lognormal", "exponential", "stretched_exponential"):
                found.distribution_compare("power_law", other)
            found.distribution_compare("power_law", "truncated_power_law", nested=True)

    found = theirs()
    print("Moby Dick, 18,855 types            powerlaw 2.0     lmkit     ratio")
    ours = warm_time(lambda: fit_power_law(spectrum), repeat=50)
    row("fit with x_min", warm_time(theirs), ours)
    ours = warm_time(lambda: compare_alternatives(spectrum, fit), repeat=5)
    row("four alternatives", warm_time(their_tests, repeat=2), ours)
    print(
        f"  x_min {found.power_law.xmin:g} and {fit.xmin}, alpha {found.power_law.alpha:.6f} and "
        f"{fit.alpha:.6f}, KS {found.power_law.D:.6f} and {fit.ks:.6f}\n"
    )


def bootstrap() -> None:
    words = FrequencySpectrum.from_counts(powerlaw.load_test_dataset("words").astype(np.int64))
    drawn = simulate_power_law(1.9, 1, types=20_000, rng=np.random.default_rng(0))
    print("1,000 bootstrap repetitions, x_min and alpha refitted")
    for name, spectrum in (("Moby Dick", words), ("20,000 types drawn from a power law", drawn)):
        fit = fit_power_law(spectrum)
        for workers in (1, 2):
            start = time.perf_counter()
            found = goodness_of_fit(spectrum, fit, workers=workers)
            taken = time.perf_counter() - start
            print(
                f"  {name}, {workers} threads: {taken:.2f} s, "
                f"p = {found.p_value:.3f} ± {found.p_value_se:.3f}"
            )
    spread = parameter_spread(words)
    print(f"  Moby Dick's spread: alpha ± {spread.alpha_sd:.3f}, x_min ± {spread.xmin_sd:.1f}\n")


def report(path: Path) -> None:
    measure_zipf(Corpus.from_string("compile the kernels first " * 100))
    before = peak_memory()
    start, cpu = time.perf_counter(), time.process_time()
    found = measure_zipf(Corpus.open(path, normalize="none"))
    taken, cpu = time.perf_counter() - start, time.process_time() - cpu
    memory = peak_memory() - before
    words = found.summary.words
    print(
        f"from a file of {words:,} tokens ({found.summary.bytes / 1e6:.0f} MB) to the whole report "
        "on orders 1 to 3"
    )
    for order in found.orders:
        s, fit = order.spectrum, order.power_law
        assert fit is not None
        print(f"  n = {order.n}: {s.types:,} types, x_min {fit.xmin}, alpha {fit.alpha:.4f}")
    print(
        f"  {taken:.2f} s ({cpu:.2f} s of one core), {words / taken / 1e6:.1f} million tokens/s, "
        f"{memory / words:.0f} bytes a token"
    )


def row(what: str, theirs: float, ours: float) -> None:
    print(f"  {what:<30} {theirs * 1000:>12.1f} ms {ours * 1000:>6.2f} ms {theirs / ours:>8.0f} x")


if __name__ == "__main__":
    main()
