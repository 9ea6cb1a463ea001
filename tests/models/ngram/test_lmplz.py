"""compat=kenlm: the discounts that lmplz prints for small texts, and its probabilities."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmkit.errors import ParameterError
from lmkit.models.ngram import kneser_ney
from lmkit.models.ngram.kneser_ney import KneserNey
from lmkit.models.ngram.lmplz import last_ngrams
from lmkit.text.corpus import Corpus
from lmkit.text.encoding import learn_text

pytestmark = pytest.mark.filterwarnings("ignore::lmkit.models.ngram.discounts.DiscountWarning")

FIXED = (0.5, 1, 1.5)
TO_BE = "to be or not to be\nto be is to do\nto do is to be\ndo be do be do\n"
ONE_LINE = "w0 w1 w1 w1 w0\n"
# Text, order, whether with --discount_fallback; the discounts of each order that lmplz printed.
PRINTED: list[tuple[str, int, bool, list[tuple[float, ...]]]] = [
    (ONE_LINE, 2, True, [(0.333333, 1, 3), FIXED]),
    (ONE_LINE, 4, True, [(0.333333, 1, 3), FIXED, FIXED, FIXED]),
    ("the cat sat\na cat sat on the cat\nthe end\n", 3, True, [(0.5, 1.25, 3), FIXED, FIXED]),
    (TO_BE, 2, False, [(0.25, 1.75, 3), (0.333333, 1.83333, 1.66667)]),
    (TO_BE, 3, True, [(0.25, 1.75, 3), (0.411765, 1.50588, 3), FIXED]),
    ("b a a a a e\nd b a a\nd b a b\n", 2, False, [(0.2, 1.4, 3), (0.6, 1.1, 0.6)]),
    ("c c a\na d a b\na b a b\n", 2, False, [(0.2, 1.7, 2.2), (0.636364, 1.04545, 3)]),
]
REFUSED = "a d a c a\na c c a a b\nb b\nb a b a b\na d a a a b a\n"  # by lmplz -o 2


def corpus(text: str) -> Corpus:
    return Corpus.from_string(text, normalize="none", sentences="line")


def discounts(monkeypatch: pytest.MonkeyPatch, text: str, **options: Any) -> list[Any]:
    """Return the discounts that fitting took, one array an order."""
    taken: list[Any] = []
    find = kneser_ney.find_discounts

    def noted(*arguments: Any, **named: Any) -> Any:
        taken.append(find(*arguments, **named))
        return taken[-1]

    monkeypatch.setattr(kneser_ney, "find_discounts", noted)
    KneserNey(**options).fit(corpus(text))
    return [found[1:] for found in taken]


@pytest.mark.parametrize(("text", "order", "fallback", "printed"), PRINTED)
def test_the_discounts_are_those_that_lmplz_prints(
    text: str, order: int, fallback: bool, printed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"order": order, "fallback": "fixed" if fallback else None}
    found = discounts(monkeypatch, text, compat="kenlm", **options)
    np.testing.assert_allclose(found, printed, rtol=5e-6)
    if not fallback and text != TO_BE:
        with pytest.raises(ParameterError, match="cannot be estimated"):
            KneserNey(order=order, fallback="none").fit(corpus(text))


def test_what_lmplz_refuses_may_have_discounts() -> None:
    KneserNey(order=2, fallback="none").fit(corpus(REFUSED))
    with pytest.raises(ParameterError, match="order 1 cannot be estimated"):
        KneserNey(order=2, compat="kenlm").fit(corpus(REFUSED))


def test_the_numbers_of_one_line() -> None:
    """The ARPA file of ``lmplz -o 2 --discount_fallback``, log10."""
    model = KneserNey(order=2, compat="kenlm", fallback="fixed").fit(corpus(ONE_LINE))
    expected = {
        "<unk>": -0.93305326, "</s>": -0.60206, "w0": -0.49939764, "w1": -0.49939764,
        "w0 </s>": -0.42596874, "<s> w0": -0.18155418, "w1 w0": -0.48811665,
        "w0 w1": -0.38898516, "w1 w1": -0.30832922,
    }  # fmt: skip
    trie, tokens = model.tables_.trie, [*model.vocabulary_.tokens, "<s>"]
    for ngram, log10 in expected.items():
        node = trie.find([tokens.index(word) for word in ngram.split()])
        found = model.tables_.log_probs[node] / math.log(10)
        assert found == pytest.approx(log10, abs=3e-7), ngram


def test_other_contexts_are_none_of_lmplz(monkeypatch: pytest.MonkeyPatch) -> None:
    options = {"order": 2, "fallback": "fixed", "context": "stream"}
    plain = discounts(monkeypatch, ONE_LINE, **options)
    np.testing.assert_array_equal(
        discounts(monkeypatch, ONE_LINE, compat="kenlm", **options), plain
    )


@given(st.lists(st.lists(st.sampled_from("abcd"), max_size=6)).filter(any), st.integers(1, 4))
def test_the_last_ngrams_stand_last_when_all_are_sorted(rows: list[list[str]], order: int) -> None:
    learned = learn_text(corpus("".join(" ".join(row) + "\n" for row in rows)).train, "word")
    size = len(learned.vocabulary)
    # lmplz: ids by first appearance; n-grams padded with <s>, sorted from their last word on.
    number = {"<unk>": 0, "<s>": 1, "</s>": 2}
    for word in (word for row in rows for word in row):
        number.setdefault(word, len(number))
    padded = [["<s>"] * order + row + ["</s>"] for row in rows]
    expected = []
    for k in range(1, order):
        grams = Counter(
            tuple(row[end - k : end]) for row in padded for end in range(order + 1, len(row) + 1)
        )
        last = max(grams, key=lambda gram: [number[word] for word in reversed(gram)])
        if last[:2] == ("<s>", "<s>"):
            break
        expected.append((last, grams[last]))
    tokens = [*learned.vocabulary.tokens, "<s>"]
    found = last_ngrams(learned.ids, vocabulary_size=size, order=order)
    assert [(tuple(tokens[i] for i in last.ids), last.occurrences) for last in found] == expected
