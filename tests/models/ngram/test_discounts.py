"""Discounts by hand, and what is used where they fail."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import lmkit
from lmkit.errors import ParameterError
from lmkit.kernels.smoothing import counts_of_counts
from lmkit.models.ngram.discounts import (
    DiscountWarning,
    find_discounts,
    modified_discounts,
    one_warning,
    single_discount,
    warn,
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
    with pytest.warns(DiscountWarning, match=r"one discount stands in"):
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


def test_the_warnings_of_many_orders_are_one() -> None:
    with pytest.warns(DiscountWarning) as caught:
        lmkit.fit("kneser-ney:order=99", lmkit.Corpus.from_string("a b a\nb a c\n" * 3))
    (message,) = (str(each.message) for each in caught)
    assert "discounts of orders 1 to 99 cannot be estimated (order 1: no n-gram has" in message
    assert message.endswith("; 0.5, 1 and 1.5 stand in for these orders")


def test_other_warnings_pass_and_causes_of_several_fallbacks_stay_apart() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with one_warning():
            warn("discounts", 2, "no n-gram has the count 1", "this stands in")
            warn("discounts", 4, "no n-gram has the count 3", "this stands in")
            warn("discounts", 3, "no n-gram has the count 2", "that stands in")
            warnings.warn("something else", UserWarning, stacklevel=1)
    assert [str(each.message) for each in caught] == [
        "something else",
        "the discounts of orders 2 and 4 cannot be estimated (order 2: no n-gram has the count "
        "1); this stands in for these orders",
        "the discounts of order 3 cannot be estimated: no n-gram has the count 2; that stands in "
        "for this order",
    ]
