"""Intervals, against scipy, and against known truths."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import bootstrap, ttest_1samp

import lmkit
from lmkit.corpora.synthetic import END, MarkovSource
from lmkit.errors import ParameterError
from lmkit.evaluation.dependence import INDEPENDENT
from lmkit.evaluation.intervals import ratio_interval
from lmkit.evaluation.measuring import measure, scope_remark
from lmkit.text.corpus import Corpus, Text


@pytest.mark.parametrize("level", [0.0, 1.0, 1.5, -0.1, float("nan")])
def test_a_level_is_a_share(level: float) -> None:
    with pytest.raises(ParameterError, match="between 0 and 1"):
        ratio_interval(np.ones(5), np.ones(5), level=level)


@pytest.mark.parametrize("count", [5, 12, 300])
def test_the_interval_of_a_mean_is_scipys(count: int) -> None:
    x = np.random.default_rng(count).gamma(2, 1, count)
    ours = ratio_interval(x, np.ones(count), dependence=INDEPENDENT, level=0.9)
    theirs = ttest_1samp(x, 0).confidence_interval(0.9)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high))
    assert ours.degrees == pytest.approx(count - 1)


def test_the_error_of_a_ratio_is_the_bootstraps() -> None:
    random = np.random.default_rng(2)
    y = random.integers(5, 60, 300).astype(float)
    x = y * random.gamma(4, 0.5, 300)
    ours = ratio_interval(x, y)
    theirs = bootstrap(
        (x, y), lambda a, b, axis: a.sum(axis=axis) / b.sum(axis=axis), paired=True,
        vectorized=True, n_resamples=9000, method="percentile", rng=np.random.default_rng(3),
    )  # fmt: skip
    assert ours.value == pytest.approx(x.sum() / y.sum())
    assert ours.standard_error == pytest.approx(theirs.standard_error, rel=0.03)


def test_a_higher_level_is_wider() -> None:
    x, y = np.random.default_rng(5).gamma(2, 1, 500), np.ones(500)
    narrow, wide = ratio_interval(x, y, level=0.5), ratio_interval(x, y, level=0.99)
    assert wide.low < narrow.low < narrow.value < narrow.high < wide.high


def test_what_has_no_interval_says_so() -> None:
    for x in (np.array([1.0]), np.arange(4.0), np.full(80, np.inf), np.empty(0)):
        interval = ratio_interval(x, np.ones(len(x)))
        assert math.isnan(interval.low)
        assert math.isnan(interval.high)
    assert ratio_interval(np.full(80, np.inf), np.ones(80)).value == math.inf


def test_intervals_cover_the_entropy_of_the_source() -> None:
    """60 texts of a source of known entropy: 95% of 60 is 57, and 52 is three deviations off.

    benchmarks/comparison_coverage.py has it for more texts, models and kinds of dependence.
    """
    source = MarkovSource(types=200, seed=11)
    events = source.events(tokens=60 * 3000)
    nats = -source.log_probs(events)
    starts = np.concatenate(([0], np.flatnonzero(events == END)[:-1] + 1))
    x = np.add.reduceat(nats, starts)
    y = np.diff(np.append(starts, len(events))).astype(float)
    hits = 0
    for part_x, part_y in zip(np.array_split(x, 60), np.array_split(y, 60), strict=True):
        interval = ratio_interval(part_x, part_y)
        hits += interval.low <= source.entropy_rate <= interval.high
    assert hits >= 52


# ---------------------------------------------------------------------- of a model on a text


def text(content: str, documents: str | None = None) -> Text:
    return Corpus.from_string(content, normalize="none", documents=documents).train


@pytest.mark.parametrize("lines", [0, 1, 4, 5, 70, 1001, 2500])
def test_an_interval_of_sentences_is_for_this_text(lines: int) -> None:
    random = np.random.default_rng(lines)
    own = text("".join("a b " * int(n) + "\n" for n in random.integers(0, 5, lines)))
    model = lmkit.fit("bigram", text("a b a a\nb\n" * 9))
    found = measure(model.score(own))
    assert found.scope == ("this text" if lines >= 5 else None)
    assert math.isnan(found.bits_per_byte.low) == (lines < 5)
    assert found.bits_per_byte.blocks <= 1000
    again = measure(model.tally(own))
    assert again.to_dict()["blocks"] == found.to_dict()["blocks"]
    values = [(one.bits_per_byte.low, one.perplexity.high) for one in (found, again)]
    np.testing.assert_allclose(*values)


@pytest.mark.parametrize(("documents", "scope"), [(2, "this text"), (12, "texts like these")])
def test_an_interval_of_documents_is_for_texts_like_these(documents: int, scope: str) -> None:
    random = np.random.default_rng(7)
    parts = []
    for _ in range(documents):
        words = random.choice(["a", "b", "c d", "e f g"], p=random.dirichlet(np.ones(4)), size=200)
        parts.append("\n".join(words))
    own = text("\n\n".join(parts), "blank")
    model = lmkit.fit("unigram", own)
    found = [measure(model.score(own)), measure(model.tally(own))]
    for one in found:
        assert one.scope == scope
        if documents < 5:
            assert "2 documents cannot tell (5 are needed)" in scope_remark(one)
            assert one.between_documents is None
        else:
            assert one.bits_per_byte.blocks == documents
            # A document's own mix of words makes nearly all of the variance.
            assert one.between_documents is not None
            assert one.between_documents > 0.8
            assert "texts like these 12 documents; " in scope_remark(one)
    ends = [(one.bits_per_byte.low, one.bits_per_byte.high) for one in found]
    np.testing.assert_allclose(*ends)


def test_independent_documents_have_no_variance_between_them() -> None:
    random = np.random.default_rng(8)
    lines = random.choice(["a", "b", "c d", "e f g"], size=4000)
    own = text("\n\n".join("\n".join(part) for part in lines.reshape(40, 100)), "blank")
    found = measure(lmkit.fit("unigram", own).score(own))
    assert found.between_documents is not None
    assert found.between_documents < 0.5
    as_sentences = measure(replace(found.scored, document_sizes=None), None)
    assert as_sentences.scope == "this text"
