"""Discounts by hand, and what is used where they fail."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from lmkit.errors import ParameterError
from lmkit.kernels.smoothing import counts_of_counts
from lmkit.models.ngram.discounts import (
    DiscountWarning,
    find_discounts,
    modified_discounts,
    single_discount,
)


def test_discounts_by_hand() -> None:
    # t1..t4 = 10, 4, 2, 1: Y = 10/18; D = 1 - 2Y*4/10, 2 - 3Y*2/4, 3 - 4Y*1/2.
    amounts = np.repeat(np.arange(5), [3, 10, 4, 2, 1]).astype(np.int32)
    t = counts_of_counts(amounts)
    assert t.tolist() == [3, 10, 4, 2, 1]
    y = 10 / 18
    np.testing.assert_allclose(modified_discounts(t), [0, 1 - 0.8 * y, 2 - 1.5 * y, 3 - 2 * y])
    np.testing.assert_allclose(single_discount(t), [0, y, y, y])


def test_where_discounts_fail_a_warning_names_the_cause_and_the_stand_in() -> None:
    amounts = np.array([1, 1, 2, 4], np.int32)  # none of 3
    options = {"order": 3, "modified": True}
    with pytest.warns(DiscountWarning, match=r"order 3 .* no n-gram has the count 3; 0.5, 1 and 1"):
        found = find_discounts(counts_of_counts(amounts), fallback="fixed", **options)
    np.testing.assert_array_equal(found, [0, 0.5, 1, 1.5])
    with pytest.warns(DiscountWarning, match=r"one discount, 0.5, stands in"):
        found = find_discounts(counts_of_counts(amounts), fallback="single", **options)
    np.testing.assert_array_equal(found, [0, 0.5, 0.5, 0.5])
    with pytest.warns(DiscountWarning, match="0.5, 1 and 1.5 stand in"):
        find_discounts(counts_of_counts(np.array([2, 2], np.int32)), fallback="single", **options)
    with pytest.warns(DiscountWarning, match="Witten-Bell"):
        assert find_discounts(counts_of_counts(amounts), fallback="witten-bell", **options) is None
    with pytest.raises(ParameterError, match=r"count 3; give more text"):
        find_discounts(counts_of_counts(amounts), fallback="none", **options)
    out_of_range = np.repeat([1, 2, 3], [5, 1, 9]).astype(np.int32)
    with pytest.warns(DiscountWarning, match=r"the discount of the count 2 would be -17"):
        find_discounts(counts_of_counts(out_of_range), fallback="fixed", **options)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fine = np.repeat([1, 2, 3, 4], [10, 4, 2, 1]).astype(np.int32)
        assert find_discounts(counts_of_counts(fine), fallback="fixed", **options) is not None
