"""Katz backoff against its definition."""

from __future__ import annotations

import numpy as np
import pytest

from lmkit.models.ngram.discounts import DiscountWarning
from lmkit.models.ngram.katz import Katz, good_turing_ratios
from tests.models.ngram.definitions import Gram, histories, raw_counts
from tests.models.ngram.samples import TEXT, corpus

pytestmark = pytest.mark.filterwarnings("ignore::lmkit.models.ngram.discounts.DiscountWarning")


@pytest.mark.parametrize("order", [1, 2, 3])
def test_katz_is_its_definition(order: int) -> None:
    model = Katz(order=order).fit(corpus(TEXT))
    counts = raw_counts(model, TEXT)
    size, bos = len(model.vocabulary_), model.vocabulary_.bos_id

    def katz(context: Gram) -> np.ndarray:
        below = katz(context[1:]) if context else np.full(size, 1 / size)
        k = len(context) + 1
        ratios = good_turing_ratios(np.array(list(counts[k].values())), order=k)
        after = {gram[-1]: c for gram, c in counts[k].items() if gram[:-1] == context}
        if not after:
            return below
        seen = {word: c * ratios[min(c, 6)] for word, c in after.items()}
        total = sum(after.values()) + (sum(seen.values()) >= sum(after.values()))
        unseen = np.array([word not in seen for word in range(size)])
        probs = np.where(unseen, below, 0.0)
        if unseen.any():
            probs *= (1 - sum(seen.values()) / total) / probs.sum()
        else:
            total = sum(seen.values())
        for word, kept in seen.items():
            probs[word] = kept / total
        return probs

    for history in histories(model):
        if 1 not in history:
            context = (bos, *history)[1 - order :] if order > 1 else ()
            got = np.exp(model.next_log_probs(history))
            np.testing.assert_allclose(got, katz(context), rtol=1e-9, err_msg=str(history))


def test_good_turing_ratios_by_hand() -> None:
    # n1..n6 = 100, 40, 20, 12, 8, 5: m = 6*5/100 = 0.3; r* = 0.8, 1.5, 2.4, 10/3, 3.75.
    counts = np.repeat(np.arange(1, 7), [100, 40, 20, 12, 8, 5]).astype(np.int32)
    stars = np.array([0.8, 1.5, 2.4, 10 / 3, 3.75]) / np.arange(1, 6)
    expected = np.concatenate(([1.0], (stars - 0.3) / 0.7, [1.0]))
    np.testing.assert_allclose(good_turing_ratios(counts, order=1), expected)
    with pytest.warns(DiscountWarning, match="order 2"):
        ratios = good_turing_ratios(np.array([3, 3], np.int32), order=2)
    assert ratios[3] == pytest.approx(2.5 / 3)
