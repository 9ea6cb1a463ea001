"""Witten-Bell smoothing against its definition."""

from __future__ import annotations

import pytest

from lmkit.models.ngram.witten_bell import WittenBell
from tests.models.ngram.definitions import assert_defined_by, raw_counts
from tests.models.ngram.samples import TEXT, corpus


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_witten_bell_is_its_definition(order: int) -> None:
    model = WittenBell(order=order).fit(corpus(TEXT))
    assert_defined_by(
        model,
        raw_counts(model, TEXT),
        lambda amount, total, types, _: amount / (total + types),
        lambda after, _: len(after) / (sum(after) + len(after)),
    )
