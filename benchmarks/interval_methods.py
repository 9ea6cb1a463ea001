"""Ways to measure how sure a total is over sentences that depend on one another, side by side.

On the synthetic texts of `benchmarks.comparison_coverage`: the share of texts whose 95% interval
covers the truth, and the mean width over that of an oracle.

    python -m benchmarks.interval_methods
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np

from benchmarks.comparison_coverage import LEVEL, OF_DOCUMENTS, ONE_TEXT, Array, Case
from lmkit.evaluation.dependence import INDEPENDENT, Dependence, residuals
from lmkit.evaluation.intervals import ratio_interval
from lmkit.evaluation.student import quantile

# sqrt of the 95% point of the statistic of Lobato (2001), Table 1.
_SELF_NORMALISED = 45.4**0.5


def own(x: Array, y: Array) -> float:
    return reach(ratio_interval(x, y))


def independent(x: Array, y: Array) -> float:
    return reach(ratio_interval(x, y, dependence=INDEPENDENT))


def terms(count: int) -> Callable[[Array, Array], float]:
    """Return the method of the first `count` cosine terms, whatever the text."""
    return lambda x, y: reach(ratio_interval(x, y, dependence=Dependence(min(count, len(x) - 1))))


def reach(interval: object) -> float:
    return (interval.high - interval.low) / 2  # type: ignore[attr-defined,no-any-return]


def groups(count: int) -> Callable[[Array, Array], float]:
    """Return the method of `count` groups of neighbours of about one size, with Student's t."""

    def half_width(x: Array, y: Array) -> float:
        shares = (np.cumsum(y) - y / 2) / y.sum()
        sums = np.bincount((shares * count).astype(int), residuals(x, y), count)
        error = np.sqrt(count / (count - 1) * (sums @ sums)) / y.sum()
        return quantile(0.95, count - 1) * float(error)

    return half_width


def plain(x: Array, y: Array) -> float:
    """Return the half width of t over blocks with one degree of freedom less than there are."""
    residual = residuals(x, y)
    error = np.sqrt(len(x) / (len(x) - 1) * (residual @ residual)) / y.sum()
    return quantile(0.95, len(x) - 1) * float(error)


def self_normalised(x: Array, y: Array) -> float:
    sums = np.cumsum(residuals(x, y))
    return float(_SELF_NORMALISED * np.sqrt((y / y.sum()) @ sums**2) / y.sum())


Method = Callable[[Array, Array], float]
METHODS: dict[str, Method] = {
    "t over sentences": independent,
    "10 groups": groups(10),
    "30 groups": groups(30),
    "8 terms": terms(8),
    "30 terms": terms(30),
    "self-normalised": self_normalised,
    "lmkit": own,
}


OF_DOCUMENT_TOTALS: dict[str, Method] = {"t over documents": plain, "lmkit": independent}


def compared(case: Case, methods: dict[str, Method], options: argparse.Namespace) -> list[str]:
    """Return coverage / width over an oracle's, for each method."""
    random = np.random.default_rng(options.seed)
    widths: dict[str, list[float]] = {name: [] for name in methods}
    values, hits = [], dict.fromkeys(methods, 0)
    for _ in range(options.runs):
        sample = case.draw(random)
        x, y = sample.nats[0], sample.words
        value = float(x.sum() / y.sum())
        values.append(value - LEVEL)
        for name, method in methods.items():
            half = method(x, y)
            widths[name].append(half)
            hits[name] += abs(value - LEVEL) <= half
    oracle = 1.96 * float(np.sqrt(np.mean(np.square(values))))
    return [
        f"{hits[name] / options.runs:.3f} / {np.mean(widths[name]) / oracle:.2f}"
        for name in methods
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    for cases, methods in ((ONE_TEXT, METHODS), (OF_DOCUMENTS[1:], OF_DOCUMENT_TOTALS)):
        print(f"| text | {' | '.join(methods)} |")
        print("| --- |" + " ---: |" * len(methods))
        for case in cases:
            print(f"| {case.name} | {' | '.join(compared(case, methods, options))} |", flush=True)
        print()


if __name__ == "__main__":
    main()
