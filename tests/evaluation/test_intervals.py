"""Intervals, against scipy, and against known truths."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import bootstrap, ttest_1samp

from lmkit.corpora.synthetic import END, MarkovSource
from lmkit.errors import ParameterError
from lmkit.evaluation.dependence import INDEPENDENT
from lmkit.evaluation.intervals import ratio_interval


@pytest.mark.parametrize("level", [0.0, 1.0, 1.5, -0.1, float("nan")])
def test_a_level_is_a_share(level: float) -> None:
    with pytest.raises(ParameterError, match="between 0 and 1"):
        ratio_interval(np.ones(5), np.ones(5), level=level)


@pytest.mark.parametrize("count", [5, 12, 300])
def test_the_interval_of_a_mean_is_scipys(count: int) -> None:
    x = np.random.default_rng(count).gamma(2, 1, count)
    ours = ratio_interval(x, np.ones(count), dependence=INDEPENDENT, level=0.9)
    theirs = ttest_1samp(x, 0).confidence_interval(0.9)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high))
    assert ours.degrees == pytest.approx(count - 1)


def test_the_error_of_a_ratio_is_the_bootstraps() -> None:
    random = np.random.default_rng(2)
    y = random.integers(5, 60, 300).astype(float)
    x = y * random.gamma(4, 0.5, 300)
    ours = ratio_interval(x, y)
    theirs = bootstrap(
        (x, y), lambda a, b, axis: a.sum(axis=axis) / b.sum(axis=axis), paired=True,
        vectorized=True, n_resamples=9000, method="percentile", rng=np.random.default_rng(3),
    )  # fmt: skip
    assert ours.value == pytest.approx(x.sum() / y.sum())
    assert ours.standard_error == pytest.approx(theirs.standard_error, rel=0.03)


def test_a_higher_level_is_wider() -> None:
    x, y = np.random.default_rng(5).gamma(2, 1, 500), np.ones(500)
    narrow, wide = ratio_interval(x, y, level=0.5), ratio_interval(x, y, level=0.99)
    assert wide.low < narrow.low < narrow.value < narrow.high < wide.high


def test_what_has_no_interval_says_so() -> None:
    for x in (np.array([1.0]), np.arange(4.0), np.full(80, np.inf), np.empty(0)):
        interval = ratio_interval(x, np.ones(len(x)))
        assert math.isnan(interval.low)
        assert math.isnan(interval.high)
    assert ratio_interval(np.full(80, np.inf), np.ones(80)).value == math.inf


def test_intervals_cover_the_entropy_of_the_source() -> None:
    """60 texts of a source of known entropy: 95% of 60 is 57, and 52 is three deviations off.

    benchmarks/comparison_coverage.py has it for more texts, models and kinds of dependence.
    """
    source = MarkovSource(types=200, seed=11)
    events = source.events(tokens=60 * 3000)
    nats = -source.log_probs(events)
    starts = np.concatenate(([0], np.flatnonzero(events == END)[:-1] + 1))
    x = np.add.reduceat(nats, starts)
    y = np.diff(np.append(starts, len(events))).astype(float)
    hits = 0
    for part_x, part_y in zip(np.array_split(x, 60), np.array_split(y, 60), strict=True):
        interval = ratio_interval(part_x, part_y)
        hits += interval.low <= source.entropy_rate <= interval.high
    assert hits >= 52
