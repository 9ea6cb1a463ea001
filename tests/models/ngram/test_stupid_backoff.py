"""Stupid backoff against its definition."""

from __future__ import annotations

import numpy as np
import pytest

from lmkit.errors import ParameterError
from lmkit.models.ngram.stupid_backoff import StupidBackoff
from tests.models.ngram.samples import TEXT, corpus


def test_stupid_backoff_is_its_definition() -> None:
    model = StupidBackoff(order=2, factor=0.5).fit(corpus("a b a\na c\n"))
    assert not model.proper
    a, b, c = (model.vocabulary_.id(word) for word in "abc")
    scores = np.exp(model.next_log_probs([a]))
    # After a: b once, </s> once, c once; the rest are half of their share of the 7 tokens.
    np.testing.assert_allclose(scores[[b, c, 1]], 1 / 3)
    assert scores[a] == pytest.approx(0.5 * 3 / 7)
    assert scores[0] == pytest.approx(0.5 * 0.5 / 7)


@pytest.mark.parametrize("factor", [0.0, 1.5])
def test_the_factor_lies_above_0_and_up_to_1(factor: float) -> None:
    with pytest.raises(ParameterError, match=f"factor={factor}"):
        StupidBackoff(factor=factor).fit(corpus(TEXT))
