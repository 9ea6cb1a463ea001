"""Smoothed models against their definitions, spelled out with dictionaries."""

from __future__ import annotations

import itertools
import math
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lmkit
from lmkit.errors import ParameterError
from lmkit.kernels.smoothing import counts_of_counts
from lmkit.models.ngram import jelinek_mercer
from lmkit.models.ngram.backoff import BackoffModel
from lmkit.models.ngram.discounts import (
    DiscountWarning,
    find_discounts,
    modified_discounts,
    single_discount,
)
from lmkit.models.ngram.jelinek_mercer import JelinekMercer
from lmkit.models.ngram.katz import Katz, good_turing_ratios
from lmkit.models.ngram.kneser_ney import AbsoluteDiscounting, KneserNey
from lmkit.models.ngram.stupid_backoff import StupidBackoff
from lmkit.models.ngram.witten_bell import WittenBell
from lmkit.text.corpus import Corpus

pytestmark = pytest.mark.filterwarnings("ignore::lmkit.models.ngram.discounts.DiscountWarning")

TEXT = """\
the cat sat on the mat
the dog sat on the log

a cat saw the dog and the dog saw a cat
on the mat the cat sat and on the log the dog sat
<unk> cat saw the <unk>
the old cat and the old dog
"""
SMOOTHED = (
    KneserNey, AbsoluteDiscounting, WittenBell, JelinekMercer, Katz,
)  # fmt: skip
Gram = tuple[int, ...]
Amounts = list[dict[Gram, int]]


def corpus(text: str) -> Corpus:
    return Corpus.from_string(text, normalize="none")


def raw_counts(model: BackoffModel, text: str) -> Amounts:
    """Return the counts of each order by dictionary; n-grams begin with at most one <s>."""
    found: Amounts = [Counter() for _ in range(model.order + 1)]
    bos = model.vocabulary_.bos_id
    for line in text.splitlines():
        padded = [bos, *model.encode(line + "\n").tolist()]
        for end in range(1, len(padded)):
            for k in range(1, min(model.order, end + 1) + 1):
                found[k][tuple(padded[end - k + 1 : end + 1])] += 1
    return found


def left_neighbours(counts: Amounts, bos: int) -> Amounts:
    """Return the amounts of Kneser-Ney: below the highest order, different words before."""
    found: Amounts = [{} for _ in counts]
    found[-1] = counts[-1]
    for k in range(1, len(counts) - 1):
        before: dict[Gram, set[int]] = defaultdict(set)
        for gram in counts[k + 1]:
            before[gram[1:]].add(gram[0])
        for gram, count in counts[k].items():
            found[k][gram] = count if gram[0] == bos else len(before[gram])
    return found


Direct = Callable[[int, int, int, int], float]  # amount, total, types, order -> probability
Rest = Callable[[list[int], int], float]  # amounts after a context, order -> what is left


def interpolated(
    amounts: Amounts, direct: Direct, rest: Rest, size: int, history: Gram
) -> np.ndarray:
    """Return p(.|history) as direct + rest * p(.|shorter history), from uniform upwards."""
    probs = np.full(size, 1 / size)
    for k in range(1, len(amounts)):
        context = history[len(history) - k + 1 :] if k > 1 else ()
        if len(context) < k - 1:
            break
        after = {gram[-1]: a for gram, a in amounts[k].items() if gram[:-1] == context}
        total = sum(after.values())
        if total == 0:
            continue
        probs = probs * rest(list(after.values()), k)
        for word, amount in after.items():
            probs[word] += direct(amount, total, len(after), k)
    return probs


def histories(model: BackoffModel) -> Iterable[Gram]:
    rng = np.random.default_rng(4)
    size = len(model.vocabulary_)
    for line in TEXT.splitlines():
        ids = model.encode(line).tolist()
        for place in range(len(ids) + 1):
            yield tuple(ids[:place])
    for _ in range(40):
        yield tuple(int(i) for i in rng.integers(0, size, rng.integers(1, 6)))


def assert_defined_by(model: BackoffModel, amounts: Amounts, direct: Direct, rest: Rest) -> None:
    size, bos = len(model.vocabulary_), model.vocabulary_.bos_id
    for history in histories(model):
        within = history
        for place, index in enumerate(history):
            if index == 1:
                within = history[place + 1 :]
        expected = interpolated(amounts, direct, rest, size, (bos, *within))
        got = np.exp(model.next_log_probs(history))
        np.testing.assert_allclose(got, expected, rtol=1e-12, err_msg=str(history))


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_witten_bell_is_its_definition(order: int) -> None:
    model = WittenBell(order=order).fit(corpus(TEXT))
    assert_defined_by(
        model,
        raw_counts(model, TEXT),
        lambda amount, total, types, _: amount / (total + types),
        lambda after, _: len(after) / (sum(after) + len(after)),
    )


@pytest.mark.parametrize("order", [1, 2, 4])
def test_absolute_discounting_is_its_definition(order: int) -> None:
    model = AbsoluteDiscounting(order=order, discount=0.3).fit(corpus(TEXT))
    assert_defined_by(
        model,
        raw_counts(model, TEXT),
        lambda amount, total, _, __: (amount - 0.3) / total,
        lambda after, _: 0.3 * len(after) / sum(after),
    )


@pytest.mark.parametrize("order", [1, 2, 3, 6])
@pytest.mark.parametrize("modified", [True, False])
def test_kneser_ney_is_its_definition(order: int, modified: bool) -> None:
    model = KneserNey(order=order, modified=modified).fit(corpus(TEXT))
    amounts = left_neighbours(raw_counts(model, TEXT), model.vocabulary_.bos_id)

    def discount(amount: int, k: int) -> float:
        t = [0] + [sum(a == j for a in amounts[k].values()) for j in (1, 2, 3, 4)]
        if not modified:
            if t[1] and t[2]:
                return t[1] / (t[1] + 2 * t[2])
        elif t[1] and t[2] and t[3]:
            y = t[1] / (t[1] + 2 * t[2])
            found = [j - (j + 1) * y * t[j + 1] / t[j] for j in (1, 2, 3)]
            if all(0 <= d <= j for j, d in enumerate(found, start=1)):
                return found[min(amount, 3) - 1]
        return (0.5, 1.0, 1.5)[min(amount, 3) - 1]

    assert_defined_by(
        model,
        amounts,
        lambda amount, total, _, k: (amount - discount(amount, k)) / total,
        lambda after, k: sum(discount(a, k) for a in after) / sum(after),
    )


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


def test_stupid_backoff_is_its_definition() -> None:
    model = StupidBackoff(order=2, factor=0.5).fit(corpus("a b a\na c\n"))
    assert not model.proper
    a, b, c = (model.vocabulary_.id(word) for word in "abc")
    scores = np.exp(model.next_log_probs([a]))
    # After a: b once, </s> once, c once; the rest are half of their share of the 7 tokens.
    np.testing.assert_allclose(scores[[b, c, 1]], 1 / 3)
    assert scores[a] == pytest.approx(0.5 * 3 / 7)
    assert scores[0] == pytest.approx(0.5 * 0.5 / 7)


def test_jelinek_mercer_weights_climb_to_the_best() -> None:
    train, valid = TEXT * 2, "the cat saw a dog on the mat\nthe old zebra sat\n" * 3
    model = JelinekMercer(order=3).fit(corpus(train), valid=corpus(valid))
    counts = lmkit.models.ngram.counts.count_ngrams(
        model.encode(train), order=3, vocabulary_size=len(model.vocabulary_)
    )
    size = len(model.vocabulary_)
    evidence = jelinek_mercer.gather(counts, model.encode(valid), np.full(size, 1 / size), eos=1)
    weights, history = jelinek_mercer.fit_weights(evidence)
    # The prior of half a token a side may cost a hair at the end, no more.
    assert all(after > before - 1e-4 for before, after in itertools.pairwise(history))
    assert history[-1] > history[0]
    assert model.score(corpus(valid)).cross_entropy == pytest.approx(-history[-1], rel=1e-3)
    assert ((weights > 0) & (weights <= 1)).all()
    assert_defined_by(
        model,
        raw_counts(model, train),
        lambda amount, total, _, k: (1 - weights[k - 1, total.bit_length()]) * amount / total,
        lambda after, k: weights[k - 1, sum(after).bit_length()],
    )


def test_jelinek_mercer_holds_out_the_tail_of_the_training_text() -> None:
    model = JelinekMercer(order=2).fit(corpus(TEXT * 10))
    assert model.score(corpus(TEXT)).perplexity < 30


sentences = st.lists(st.lists(st.sampled_from(["a", "b", "c", "<unk>"]), max_size=7), max_size=9)


@given(
    sentences.filter(any),
    st.sampled_from(SMOOTHED),
    st.integers(1, 5),
    st.sampled_from(["trained", "uniform", "excluded"]),
    st.sampled_from(["sentence", "stream"]),
    st.lists(st.integers(0, 2), max_size=6),
)
def test_every_distribution_sums_to_one(
    rows: list[list[str]],
    cls: type[BackoffModel],
    order: int,
    unk: str,
    context: str,
    history: list[int],
) -> None:
    text = "".join(" ".join(row) + "\n" for row in rows)
    model = cls(order=order, unk=unk, context=context).fit(corpus(text), valid=corpus("a b\n"))
    size = len(model.vocabulary_)
    for place in range(len(history) + 1):
        probs = np.exp(model.next_log_probs([i % size for i in history[:place]]))
        assert math.fsum(probs) == pytest.approx(1, abs=1e-12)
        assert (probs[0] == 0) == (unk == "excluded")
        assert (probs[1:] > 0).all()


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


def test_compat_kenlm_refuses_what_lmplz_refuses() -> None:
    plain = TEXT.replace("<unk>", "unk")
    with pytest.raises(ParameterError, match="cannot be estimated"):
        KneserNey(compat="kenlm").fit(corpus(plain))
    KneserNey(compat="kenlm", fallback="fixed").fit(corpus(plain))
    with pytest.raises(ParameterError, match="holds <unk>"):
        KneserNey(compat="kenlm", fallback="fixed").fit(corpus(TEXT))


def test_what_the_unknown_token_gets() -> None:
    trained, uniform, excluded = (
        WittenBell(order=2, unk=unk).fit(corpus(TEXT)) for unk in ("trained", "uniform", "excluded")
    )
    assert [model.unk for model in (trained, uniform, excluded)] == [
        "trained", "uniform", "excluded",
    ]  # fmt: skip
    cat = trained.vocabulary_.id("cat")
    assert trained.next_log_probs([0])[cat] > uniform.next_log_probs([0])[cat]
    # Not counted: after it stands what stands after nothing.
    np.testing.assert_array_equal(
        uniform.next_log_probs([cat, 0]), uniform.next_log_probs([cat, cat, 0])
    )
    assert uniform.next_log_probs([])[0] < trained.next_log_probs([])[0]
    assert excluded.next_log_probs([])[0] == -np.inf
    ledger = excluded.score(corpus("the zebra sat"))
    assert ledger.impossible == 1
    assert math.isfinite(ledger.perplexity_without_oov)


@pytest.mark.parametrize("cls", [*SMOOTHED, StupidBackoff])
def test_the_most_probable_words_are_those_of_the_distribution(cls: type[BackoffModel]) -> None:
    model = cls(order=4).fit(corpus(TEXT), valid=corpus(TEXT))
    size = len(model.vocabulary_)
    chosen = list(histories(model))
    for k in (1, 3, size):
        words, log_probs = model.top_next(chosen, k=k)
        assert words.shape == log_probs.shape == (len(chosen), k)
        for row, history in enumerate(chosen):
            everything = model.next_log_probs(history)
            best = np.lexsort((np.arange(size), -everything))[:k]
            np.testing.assert_array_equal(words[row], best)
            np.testing.assert_array_equal(log_probs[row], everything[best])
    ids = model.encode(TEXT)
    along = model.top_along(ids, k=3)
    some = model.top_next([ids[:place] for place in range(len(ids))], k=3)
    np.testing.assert_array_equal(along[0], some[0])
    np.testing.assert_array_equal(along[1], some[1])
    with pytest.raises(ParameterError, match="k=0"):
        model.top_next([[]], k=0)


def test_the_order_that_matched_and_the_backoff_paid() -> None:
    model = KneserNey(order=3).fit(corpus(TEXT))
    ids = model.encode("the dog sat on the zebra cat\n")
    ledger = model.score(corpus("the dog sat on the zebra cat\n"), explain=True)
    assert ledger.extra["order"].tolist() == [2, 3, 3, 3, 3, 2, 2, 2]
    padded = [model.vocabulary_.bos_id, *ids.tolist()]
    orders, backoffs = ledger.extra["order"].tolist(), ledger.extra["backoff"].tolist()
    for place, (order, paid) in enumerate(zip(orders, backoffs, strict=True)):
        matched = model.tables_.trie.find(padded[place + 2 - order : place + 2])
        direct = model.tables_.log_probs[matched]
        assert -ledger.nats[place] == pytest.approx(direct - paid, abs=1e-12)
        assert (paid == 0) == (order == min(3, place + 2))


def test_the_backoff_to_what_cannot_happen_is_a_number() -> None:
    model = KneserNey(order=3, unk="excluded").fit(corpus(TEXT))
    ledger = model.score(corpus("the zebra\nthe dog\n"), explain=True)
    unknown = int(np.flatnonzero(np.isinf(ledger.nats))[0])
    history = [model.vocabulary_.bos_id, model.vocabulary_.id("the")]
    contexts = [model.tables_.trie.find(history[begin:]) for begin in (0, 1)]
    paid = -sum(float(model.tables_.backoffs[context]) for context in contexts)
    assert ledger.extra["backoff"][unknown] == pytest.approx(paid)
    assert paid > 0


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"order": 0}, "order=0"),
        ({"unk": "free"}, "unk='free'"),
        ({"fallback": "luck"}, "fallback='luck'"),
        ({"compat": "srilm"}, "compat='srilm'"),
        ({"prune": "1"}, "begin with 0"),
        ({"prune": "0-2-1"}, "do not fall"),
        ({"prune": "0-0-0-1"}, "up to 3 whole numbers"),
        ({"prune": "none"}, "up to 3 whole numbers"),
    ],
)
def test_what_is_out_of_range_is_refused(options: dict[str, object], what: str) -> None:
    with pytest.raises(ParameterError, match=what):
        KneserNey(**options).fit(corpus(TEXT))  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="discount=1"):
        AbsoluteDiscounting(discount=1.0).fit(corpus(TEXT))
    with pytest.raises(ParameterError, match="factor=0"):
        StupidBackoff(factor=0.0).fit(corpus(TEXT))
