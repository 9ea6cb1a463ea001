"""Paired tests: Student's t, Holm's correction, ranges of ranks, and how much text a tie needs."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control, ttest_1samp

from lmkit.evaluation.pairs import Pair, compare_pairs, holm, rank_ranges

BYTES = np.full(600, 50, np.int64)


def noise(seed: int, size: int = 600) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=size)


def pair(a: int, b: int, difference: float, tied: bool) -> Pair:
    return Pair(a, b, difference, 0, 0, 0, 9, 0, 0, tied, 1, 1)


# ---------------------------------------------------------------------- the test


def test_the_test_of_independent_documents_is_students() -> None:
    differences = noise(2, 200) + 0.12
    (found,) = compare_pairs(
        [100 + differences, np.full(200, 100.0)], np.ones(200, np.int64), independent=True
    )
    theirs = ttest_1samp(differences, 0)
    assert found.p_value == pytest.approx(theirs.pvalue)
    ends = theirs.confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx(
        (ends.low / math.log(2), ends.high / math.log(2))
    )


def test_equal_models_are_seldom_parted() -> None:
    """Over 150 draws of equal models, 5% are 7.5, and 16 is three deviations above that."""
    alarms = sum(
        not compare_pairs([100 + noise(seed, 64), np.full(64, 100.0)], BYTES[:64])[0].tied
        for seed in range(150)
    )
    assert alarms <= 16


def test_equal_models_are_seldom_parted_by_topics() -> None:
    """A difference that lasts: were sentences independent, 60% of the draws would be parted."""
    alarms = 0
    for seed in range(100):
        topics = np.repeat(noise(seed, 12), 50)
        models = [100 + topics + 0.5 * noise(1000 + seed), np.full(600, 100.0)]
        alarms += not compare_pairs(models, BYTES)[0].tied
    assert alarms <= 13


def test_too_few_blocks_are_no_test() -> None:
    (found,) = compare_pairs([noise(1, 4) + 100, noise(2, 4) + 120], BYTES[:4])
    assert math.isnan(found.p_value)
    assert math.isnan(found.p_holm)
    assert math.isnan(found.more_text)
    assert found.tied


# ---------------------------------------------------------------------- Holm


def test_holm_by_hand() -> None:
    # Holm (1979): the smallest times 3, the next times 2, the last once; never falling.
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.6]) == [1.0, 1.0]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_lies_between_its_neighbours(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    bonferroni = [min(1, p * len(p_values)) for p in p_values]
    for plain, ours, most in zip(p_values, adjusted, bonferroni, strict=True):
        assert plain <= ours <= most + 1e-12
    # Benjamini and Hochberg's, which promises less, is never larger.
    assert (false_discovery_control(p_values) <= np.array(adjusted) + 1e-12).all()


# ---------------------------------------------------------------------- pairs


def test_pairs_find_what_intervals_cannot() -> None:
    hard = 200 + 30 * noise(3)  # what makes a sentence hard is the same for both
    better, worse = hard, hard + 0.5 + 0.5 * noise(4)
    (found,) = compare_pairs([better, worse], BYTES)
    assert found.difference == pytest.approx(-(worse - better).sum() / math.log(2) / BYTES.sum())
    assert found.low < found.difference < found.high < 0
    assert not found.tied
    assert found.more_text == 1
    alone = 30 / math.log(2) / 50 / math.sqrt(600)
    assert found.standard_error < alone / 20


def test_every_pair_is_there_and_equal_models_are_tied() -> None:
    base = 100 + 10 * noise(5)
    models = [base, base + noise(6), base + 3 + noise(7)]
    pairs = compare_pairs(models, BYTES)
    assert [(p.a, p.b) for p in pairs] == [(0, 1), (0, 2), (1, 2)]
    assert [p.tied for p in pairs] == [True, False, False]
    assert all(p.p_holm >= p.p_value for p in pairs)
    again = compare_pairs(models, BYTES)
    assert pairs == again


def test_rounding_tells_no_models_apart() -> None:
    base = 100 + 10 * noise(5)
    (found,) = compare_pairs([base, base + 1e-6], BYTES)
    assert found.tied
    assert found.p_value == 1
    (same,) = compare_pairs([base, base], BYTES)
    assert same.tied
    assert same.more_text == math.inf


def test_an_impossible_event_decides() -> None:
    base = 100 + noise(8)
    broken = base.copy()
    broken[3] = np.inf
    first, second, third = compare_pairs([base, broken, broken], BYTES)
    assert not first.tied
    assert first.difference == -math.inf
    assert not second.tied
    assert third.tied
    assert rank_ranges(3, [first, second, third]) == [(1, 1), (2, 3), (2, 3)]


def test_ranges_of_ranks() -> None:
    # 0 beats 2; 1 is tied with both; all beat 3.
    pairs = [
        pair(0, 1, -1, True), pair(0, 2, -2, False), pair(0, 3, -9, False),
        pair(1, 2, -1, True), pair(1, 3, -8, False), pair(2, 3, -7, False),
    ]  # fmt: skip
    assert rank_ranges(4, pairs) == [(1, 2), (1, 3), (2, 3), (4, 4)]


def test_the_planned_text_separates() -> None:
    """Text as long as planned parts the two in about four draws of five."""
    shift, size = 0.06, 600
    (found,) = compare_pairs([100 + np.zeros(size), 100 + 0.3 * shift + noise(13)], BYTES)
    assert found.tied
    assert found.more_text > 1
    # Were the difference and its error exactly these, and t normal, this would be needed:
    needed = (1.959964 + 0.841621) ** 2 * (found.standard_error / found.difference) ** 2
    assert found.more_text == pytest.approx(max(needed, 1), rel=0.02)
    larger = int(((1.959964 + 0.841621) / shift) ** 2)
    blocks = np.full(larger, 50, np.int64)
    base = np.full(larger, 100.0)
    parted = sum(
        not compare_pairs([base + shift + noise(100 + draw, larger), base], blocks)[0].tied
        for draw in range(60)
    )
    assert 38 <= parted <= 58
