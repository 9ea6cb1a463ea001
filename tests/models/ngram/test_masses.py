"""Sums of probabilities, by hand and outcome by outcome."""

from __future__ import annotations

import numpy as np
import pytest

from lmkit.models.ngram.masses import mass_error, masses, normalizing_backoffs
from lmkit.models.ngram.tables import BackoffTables
from tests.models.ngram.samples import count, fitted

pytestmark = pytest.mark.filterwarnings("ignore::lmkit.models.ngram.discounts.DiscountWarning")


@pytest.mark.parametrize(
    "spec", ["kneser-ney:order=3,prune=0-0-1", "katz:order=3", "stupid-backoff:order=3"]
)
def test_masses_are_sums_over_all_outcomes(spec: str) -> None:
    model = fitted(spec)
    trie = model._trie
    found = masses(model.tables_)
    for order in range(trie.order):
        histories = trie.ngrams(order) if order else np.empty((1, 0), np.int32)
        for node, history in zip(
            range(*trie.span(order).indices(len(found))), histories, strict=True
        ):
            assert found[node] == pytest.approx(np.exp(model._predict(node)).sum(), rel=1e-12), (
                history
            )


def test_the_example_of_the_docstring() -> None:
    explicit, lower = np.array([0.7, 1.0, 1.0]), np.array([0.4, 0.4, 1.0])
    backoffs = normalizing_backoffs(explicit, lower)
    np.testing.assert_allclose(np.exp(backoffs), [0.5, 0, 1], rtol=1e-12)


def test_contexts_after_a_sentence_end_do_not_occur() -> None:
    trie = count([2, 1, 2], order=2, vocabulary_size=3, context="stream").trie
    log_probs = np.log(np.array([0, 0.25, 0.25, 0.5, 0, 0.5, 0.9, 0.5], np.float64).clip(1e-300))
    tables = BackoffTables.build(trie, log_probs, np.array([0, 0, 5.0, 0, 0]))  # heavy after </s>
    assert mass_error(tables, context="stream") > 10
    # After a: 0.9 for </s>, and what the unigrams leave to the others, 1 - 0.25.
    assert mass_error(tables, context="sentence") == pytest.approx(0.65)
