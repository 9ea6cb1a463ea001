"""Backoff models: the unknown token, orders that matched, and backoff weights."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lmkit.errors import ParameterError
from lmkit.models.ngram.kneser_ney import KneserNey
from lmkit.models.ngram.witten_bell import WittenBell
from tests.models.ngram.samples import TEXT, corpus

pytestmark = pytest.mark.filterwarnings("ignore::lmkit.models.ngram.discounts.DiscountWarning")


def test_what_the_unknown_token_gets() -> None:
    trained, uniform, excluded = (
        WittenBell(order=2, unk=unk).fit(corpus(TEXT)) for unk in ("trained", "uniform", "excluded")
    )
    assert [model.unk for model in (trained, uniform, excluded)] == [
        "trained", "uniform", "excluded",
    ]  # fmt: skip
    cat = trained.vocabulary_.id("cat")
    assert trained.next_log_probs([0])[cat] > uniform.next_log_probs([0])[cat]
    # Not counted: after it the distribution is that of the empty context.
    np.testing.assert_array_equal(
        uniform.next_log_probs([cat, 0]), uniform.next_log_probs([cat, cat, 0])
    )
    assert uniform.next_log_probs([])[0] < trained.next_log_probs([])[0]
    assert excluded.next_log_probs([])[0] == -np.inf
    ledger = excluded.score(corpus("the zebra sat"))
    assert ledger.impossible == 1
    assert math.isfinite(ledger.perplexity_without_oov)


def test_the_order_that_matched_and_the_backoff_weights() -> None:
    model = KneserNey(order=3).fit(corpus(TEXT))
    ids = model.encode("the dog sat on the zebra cat\n")
    ledger = model.score(corpus("the dog sat on the zebra cat\n"), explain=True)
    assert ledger.extra["order"].tolist() == [2, 3, 3, 3, 3, 2, 2, 2]
    padded = [model.vocabulary_.bos_id, *ids.tolist()]
    orders, backoffs = ledger.extra["order"].tolist(), ledger.extra["backoff"].tolist()
    for t, (order, backoff) in enumerate(zip(orders, backoffs, strict=True)):
        matched = model.tables_.trie.find(padded[t + 2 - order : t + 2])
        direct = model.tables_.log_probs[matched]
        assert -ledger.nats[t] == pytest.approx(direct - backoff, abs=1e-12)
        assert (backoff == 0) == (order == min(3, t + 2))


def test_the_backoff_to_what_cannot_happen_is_a_number() -> None:
    model = KneserNey(order=3, unk="excluded").fit(corpus(TEXT))
    ledger = model.score(corpus("the zebra\nthe dog\n"), explain=True)
    unknown = int(np.flatnonzero(np.isinf(ledger.nats))[0])
    history = [model.vocabulary_.bos_id, model.vocabulary_.id("the")]
    contexts = [model.tables_.trie.find(history[begin:]) for begin in (0, 1)]
    backoff = -sum(float(model.tables_.backoffs[context]) for context in contexts)
    assert ledger.extra["backoff"][unknown] == pytest.approx(backoff)
    assert backoff > 0


def test_unknown_rules_are_refused() -> None:
    with pytest.raises(ParameterError, match="unk='free'"):
        WittenBell(unk="free").fit(corpus(TEXT))
