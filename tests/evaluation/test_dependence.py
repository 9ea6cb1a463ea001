"""Dependence of blocks, against slow versions, scipy, and series whose variance is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.fft import dct

from lmkit.evaluation.dependence import (
    FEWEST_TERMS,
    INDEPENDENT,
    Dependence,
    cosine_terms,
    find_dependence,
    residuals,
    total_error,
)

Array = NDArray[np.float64]


@pytest.mark.parametrize("count", [2, 3, 8, 17, 1000])
def test_terms_are_the_cosine_transform(count: int) -> None:
    values = np.random.default_rng(count).normal(size=(3, count))
    expected = dct(values, 2, norm="ortho", axis=1)[:, 1:]
    np.testing.assert_allclose(cosine_terms(values), expected, atol=1e-12)
    k = np.arange(1, count)[:, None]
    slow = np.cos(np.pi * k * (np.arange(count) + 0.5) / count) * math.sqrt(2 / count)
    np.testing.assert_allclose(cosine_terms(values[0]), slow @ values[0], atol=1e-12)


def test_the_error_of_equal_independent_blocks_is_that_of_a_mean() -> None:
    x = np.random.default_rng(1).normal(5, 1, 400)
    error, degrees = total_error(residuals(x, np.ones(400)), np.ones(400), INDEPENDENT)
    assert error / 400 == pytest.approx(x.std(ddof=1) / math.sqrt(400))
    assert degrees == pytest.approx(399)


def test_all_terms_are_the_error_of_independent_blocks() -> None:
    x = np.random.default_rng(1).normal(5, 1, 50)
    left = residuals(x, np.ones(50))
    alike = total_error(left, np.ones(50), Dependence(49))
    assert alike == pytest.approx(total_error(left, np.ones(50), INDEPENDENT))


def test_unequal_blocks_have_the_stated_mean_and_degrees() -> None:
    """The sum of squared jackknife residuals, by its covariance matrix, of variance y^1.5."""
    y = np.array([90.0, 40, 5, 5, 30, 1])
    h, variance = y / y.sum(), y**1.5
    centre = np.eye(6) - np.outer(h, np.ones(6))  # takes values to residuals
    scaled = centre / (1 - h)[:, None]
    covariance = scaled @ np.diag(variance) @ scaled.T
    mean, degrees = np.trace(covariance), np.trace(covariance) ** 2 / (covariance**2).sum()
    left = np.random.default_rng(2).normal(size=6)
    found = total_error(left, y, INDEPENDENT)
    raw = ((left / (1 - h)) ** 2).sum()
    assert found == pytest.approx((math.sqrt(raw / (mean / variance.sum())), degrees))


def test_one_large_document_counts_as_one_more_than_none() -> None:
    _, degrees = total_error(np.array([1.0, -0.5, -0.5]), np.array([90.0, 5, 5]), INDEPENDENT)
    assert degrees == pytest.approx(1.0, abs=0.05)


def topics(random: np.random.Generator, count: int, length: int, strength: float) -> Array:
    shift = int(random.integers(length))
    drawn = np.repeat(random.normal(size=count // length + 2), length)[shift : shift + count]
    return strength * drawn + random.normal(size=count)


def test_independent_blocks_are_seldom_taken_for_dependent() -> None:
    random = np.random.default_rng(0)
    found = [find_dependence(random.normal(size=(1, 500))) for _ in range(200)]
    assert np.mean([one == INDEPENDENT for one in found]) > 0.82


@pytest.mark.parametrize("length", [10, 50, 100])
def test_the_error_over_topics_is_the_true_one(length: int) -> None:
    random = np.random.default_rng(length)
    count, runs = 1000, 100
    size = np.ones(count)
    totals, errors, terms = [], [], []
    for _ in range(runs):
        series = topics(random, count, length, 1.0)
        left = residuals(series, size)
        found = find_dependence(left[None])
        assert found.terms is not None
        totals.append(series.sum())
        errors.append(total_error(left, size, found)[0])
        terms.append(found.terms)
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(np.std(totals), rel=0.25)
    assert FEWEST_TERMS <= np.median(terms) <= count / length


def test_the_choice_of_differences_does_not_matter() -> None:
    random = np.random.default_rng(3)
    series = np.stack([topics(random, 300, 30, 0.5) for _ in range(3)])
    mixed = np.array([[1, 1, 0], [0, 1, -3], [2, 0, 0.1]]) @ series
    repeated = np.concatenate([series, series[:1] + series[1:2]])
    terms = {find_dependence(one).terms for one in (series, mixed, repeated)}
    assert len(terms) == 1


@pytest.mark.parametrize("count", [1, 2, 4, 5, 6])
def test_few_blocks(count: int) -> None:
    series = np.arange(count, dtype=float)[None]
    found = find_dependence(residuals(series, np.ones(count)))
    assert found.terms is None or FEWEST_TERMS <= found.terms <= count
    assert find_dependence(np.zeros((2, count))) == INDEPENDENT


@pytest.mark.parametrize("big", [1e4, 1e6, 1e9, 1e13])
def test_one_document_of_nearly_all_bytes_leaves_one_degree(big: float) -> None:
    sizes = np.array([big, 30, 30, 30, 30])
    _, degrees = total_error(np.array([4.0, -1, -1, -1, -1]), sizes, INDEPENDENT)
    assert degrees == pytest.approx(1, rel=0.1 if big < 1e5 else 1e-3)
    assert degrees >= 1


def test_no_model_is_the_one_that_others_are_held_against() -> None:
    for seed in range(20):
        random = np.random.default_rng(seed)
        models = np.stack([topics(random, 80, 8, 0.5) for _ in range(5)])
        found = {find_dependence(models[order] - models[order].mean(0))
                 for order in (slice(None), slice(None, None, -1), [2, 0, 4, 1, 3])}  # fmt: skip
        assert len({one.terms for one in found}) == 1
