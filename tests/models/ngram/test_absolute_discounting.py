"""Absolute discounting against its definition."""

from __future__ import annotations

import numpy as np
import pytest

from lmkit.errors import ParameterError
from lmkit.models.ngram.absolute_discounting import AbsoluteDiscounting
from tests.models.ngram.definitions import assert_defined_by, raw_counts
from tests.models.ngram.samples import TEXT, corpus


@pytest.mark.parametrize("order", [1, 2, 4])
def test_absolute_discounting_is_its_definition(order: int) -> None:
    model = AbsoluteDiscounting(order=order, discount=0.3).fit(corpus(TEXT))
    assert_defined_by(
        model,
        raw_counts(model, TEXT),
        lambda amount, total, _, __: (amount - 0.3) / total,
        lambda after, _: 0.3 * len(after) / sum(after),
    )


def test_the_discount_lies_between_0_and_1() -> None:
    for discount in (0.0, 1.0):
        with pytest.raises(ParameterError, match=f"discount={discount}"):
            AbsoluteDiscounting(discount=discount).fit(corpus(TEXT))


def test_a_discount_left_out_is_estimated() -> None:
    # a b c c: of 5 types 1 to 2 unigrams t1 = 3 (a, b, </s>) and t2 = 1 (c): D = 3 / 5.
    model = AbsoluteDiscounting(order=1).fit(corpus("a b c c\n"))
    a, size = model.vocabulary_.id("a"), 5
    expected = (1 - 3 / 5) / 5 + 3 / 5 * 4 / 5 / size
    assert np.exp(model.next_log_probs([])[a]) == pytest.approx(expected)
