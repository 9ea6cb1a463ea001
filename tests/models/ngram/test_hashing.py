"""The hash table of a trie gives what the trie gives, bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import lmkit
from lmkit.models.ngram import base, hashing
from lmkit.models.ngram.pruning import prune
from lmkit.models.ngram.trie import Trie
from lmkit.text.corpus import Corpus
from tests.models.ngram.samples import letters

pytestmark = pytest.mark.filterwarnings("ignore::lmkit.models.ngram.discounts.DiscountWarning")


def hashed_orders(trie: Trie) -> int:
    return hashing._USES[trie].table[2]


SPECS = [
    *(f"kneser-ney:order={order}" for order in (1, 2, 3, 5, 8)),
    "kneser-ney:order=4,context=stream",
    "kneser-ney:order=3,unk=excluded",
    "stupid-backoff:order=4",
    "jelinek-mercer:order=3",
    *(f"ngram:order={order},alpha=0.1" for order in (1, 2, 3, 5)),
    "ngram:order=4,context=stream",
]


@pytest.mark.parametrize("spec", SPECS)
def test_hashing_changes_nothing(monkeypatch: pytest.MonkeyPatch, spec: str) -> None:
    corpus = Corpus.from_string(letters(1, 400), normalize="none").split()
    model: Any = lmkit.fit(spec, corpus)
    ids = model.encode(letters(2, 700, "abcdefghijk"))  # with words that it does not know
    trie = model._trie
    state = model._initial_state()
    monkeypatch.setattr(hashing, "_WORTH", 0)
    climbed, after = model._log_probs(ids, state)
    explained = model._explain(ids, state)
    assert hashed_orders(trie) == 0
    monkeypatch.setattr(hashing, "_WORTH", 1000)
    for piece in (100, 1 << 15):
        monkeypatch.setattr(base, "PIECE", piece)
        hashed, state_after = model._log_probs(ids, state)
        assert hashed_orders(trie) == (trie.order if trie.order > 1 else 0)
        np.testing.assert_array_equal(hashed, climbed)
        assert state_after == after
        for name, column in model._explain(ids, state).items():
            np.testing.assert_array_equal(column, explained[name])


def test_as_many_orders_as_pay_are_hashed(monkeypatch: pytest.MonkeyPatch) -> None:
    model: Any = lmkit.fit(
        "kneser-ney:order=5", Corpus.from_string(letters(10, 500), normalize="none")
    )
    ids = model.encode(letters(11, 400, "abcdefghij"))
    trie = model._trie
    monkeypatch.setattr(hashing, "_WORTH", 0)
    climbed = model.log_probs(ids)
    sizes = [trie.size(k) / len(ids) * (4 if k > 3 else 1) for k in range(2, 6)]
    scored, hashed = len(ids), []
    monkeypatch.setattr(hashing, "_WORTH", max(sizes) / 20.5)
    for _ in range(20):  # one model meets text after text
        np.testing.assert_array_equal(model.log_probs(ids), climbed)
        scored += len(ids)
        enough = [size <= hashing._WORTH * scored / len(ids) for size in sizes]
        orders = [*enough, False].index(False)
        assert hashed_orders(trie) == (orders + 1 if orders else 0)
        hashed.append(hashed_orders(trie))
    assert set(hashed) >= {3, 5}
    monkeypatch.setattr(hashing, "_WORTH", 0)
    np.testing.assert_array_equal(model.log_probs(ids), climbed)  # the table stays
    assert hashed_orders(trie) == 5


def test_an_expected_text_pays_before_it_is_scored(monkeypatch: pytest.MonkeyPatch) -> None:
    model: Any = lmkit.fit(
        "kneser-ney:order=3", Corpus.from_string(letters(10, 500), normalize="none")
    )
    trie = model._trie
    monkeypatch.setattr(hashing, "_WORTH", 1)
    for _ in range(3):
        model._expect(1000)
    assert hashing._USES[trie].tokens == 0
    assert hashed_orders(trie) == 3
    model.log_probs(np.zeros(7, np.int32))
    assert hashing._USES[trie].tokens == 7


@pytest.mark.parametrize("highest", [2, 4])
@pytest.mark.parametrize("context", ["sentence", "stream"])
def test_a_pruned_model(monkeypatch: pytest.MonkeyPatch, highest: int, context: str) -> None:
    spec = f"kneser-ney:order=4,context={context}"
    model: Any = lmkit.fit(spec, Corpus.from_string(letters(5, 600), normalize="none"))
    pruned = prune(model, threshold=1e-4)
    ids = pruned.encode(letters(6, 300, "abcdefghij"))
    monkeypatch.setattr(hashing, "_WORTH", 0)
    climbed = pruned.log_probs(ids)
    trie = pruned._trie
    monkeypatch.setattr(hashing, "_highest_worth_hashing", lambda *_: highest)
    np.testing.assert_array_equal(pruned.log_probs(ids), climbed)
    assert hashed_orders(trie) == highest


def test_a_table_that_did_not_fit_leaves_the_smaller_one(monkeypatch: pytest.MonkeyPatch) -> None:
    model: Any = lmkit.fit(
        "kneser-ney:order=3", Corpus.from_string(letters(7, 200), normalize="none")
    )
    ids, trie = model.encode(letters(8, 200)), model._trie
    bigrams = int(trie.starts[3] - trie.starts[2])
    monkeypatch.setattr(hashing, "_WORTH", (bigrams + 0.5) / len(ids))
    expected = model.log_probs(ids)
    assert hashed_orders(trie) == 2
    monkeypatch.setattr(hashing, "_WORTH", 1000)
    monkeypatch.setattr(hashing, "layout_for", lambda *_: None)
    np.testing.assert_array_equal(model.log_probs(ids), expected)
    assert hashed_orders(trie) == 2


def test_without_a_table_the_trie_is_climbed(monkeypatch: pytest.MonkeyPatch) -> None:
    model: Any = lmkit.fit("kneser-ney", Corpus.from_string(letters(7, 200), normalize="none"))
    ids = model.encode(letters(8, 200))
    monkeypatch.setattr(hashing, "_WORTH", 0)
    climbed = model.log_probs(ids)
    monkeypatch.setattr(hashing, "_WORTH", 1000)
    monkeypatch.setattr(hashing, "fill", lambda *_: False)
    np.testing.assert_array_equal(model.log_probs(ids), climbed)
    assert hashed_orders(model._trie) == 0
