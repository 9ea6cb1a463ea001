"""Backoff tables: backing off, the ranking, fewer n-grams, the most probable words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lmkit.errors import FormatError, ParameterError
from lmkit.models.ngram.backoff import BackoffModel
from lmkit.models.ngram.stupid_backoff import StupidBackoff
from lmkit.models.ngram.tables import BackoffTables
from tests.models.ngram.definitions import SMOOTHED, histories
from tests.models.ngram.samples import TEXT, corpus, count

pytestmark = pytest.mark.filterwarnings("ignore::lmkit.models.ngram.discounts.DiscountWarning")


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
    some = model.top_next([ids[:length] for length in range(len(ids))], k=3)
    np.testing.assert_array_equal(along[0], some[0])
    np.testing.assert_array_equal(along[1], some[1])
    with pytest.raises(ParameterError, match="k=0"):
        model.top_next([[]], k=0)


def small() -> BackoffTables:
    """Return a bigram model of the text a b a </s> with numbers to add up."""
    trie = count([2, 3, 2, 1], order=2, vocabulary_size=4).trie
    #                   root  <unk> </s>  a     b     <s>      a </s> a b   b a   <s> a
    log_probs = np.array([-np.inf, -4.0, -2.0, -1.0, -3.0, -np.inf, -0.5, -0.6, -0.7, -0.8])
    return BackoffTables.build(trie, log_probs, np.array([0, 0, 0, -0.25, -0.125, -0.5]))


def test_outcomes_are_ranked_by_unigram_probability() -> None:
    assert small().ranking.tolist() == [2, 1, 3, 0]


def test_the_most_probable_words_back_off() -> None:
    # After a: </s> and b are known; a and <unk> cost the backoff weight -0.25 too.
    words, log_probs = small().top_words(np.array([3]), 4)
    assert words.tolist() == [[1, 3, 2, 0]]
    assert log_probs.tolist() == [[-0.5, -0.6, -1.25, -4.25]]


def test_fewer_ngrams_keep_their_numbers() -> None:
    tables = small()
    keep = np.ones(10, np.bool_)
    keep[7] = False
    fewer = tables.subset(keep)
    assert fewer.log_probs.tolist() == np.delete(tables.log_probs, 7).tolist()
    assert fewer.trie.find([2, 3]) == -1
    np.testing.assert_array_equal(fewer.backoffs, tables.backoffs)
    assert fewer.without_empty_orders() is fewer
    keep[6:] = False
    weighted = tables.subset(keep)
    assert weighted.without_empty_orders() is weighted  # the weights of contexts still count
    plain = replace(weighted, backoffs=np.zeros(len(weighted.backoffs)))
    shorter = plain.without_empty_orders()
    assert (shorter.order, len(shorter.log_probs), len(shorter.backoffs)) == (1, 6, 1)


def test_arrays_there_and_back() -> None:
    tables = small()
    again = BackoffTables.from_arrays(tables.to_arrays())
    for name, array in tables.to_arrays().items():
        np.testing.assert_array_equal(again.to_arrays()[name], array)
    wrong = {**tables.to_arrays(), "ranking": np.array([0, 1, 2, 4], np.int32)}
    with pytest.raises(FormatError, match="the ranking names words"):
        BackoffTables.from_arrays(wrong)
