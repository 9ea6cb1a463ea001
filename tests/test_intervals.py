"""Blocks and intervals, against formulas, other programs' resampling, and known truths."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import bootstrap, norm, t

import lmkit
from lmkit.corpora.synthetic import END, MarkovSource
from lmkit.errors import ParameterError
from lmkit.evaluation.blocks import (
    FEWEST_BLOCKS,
    block_length,
    block_starts,
    ratio_error,
    segments,
)
from lmkit.evaluation.intervals import draws, ratio_interval, t_quantile
from lmkit.evaluation.measuring import measure
from lmkit.evaluation.tally import MOST_RUNS
from lmkit.text.corpus import Corpus, Text
from lmkit.text.kernels import first_of_sentences

# ---------------------------------------------------------------------- segments


def text(content: str, sentences: str = "line") -> Text:
    return Corpus.from_string(content, normalize="none", sentences=sentences).train


@given(st.lists(st.text("aé漢 ", max_size=8), min_size=1, max_size=90))
def test_segments_are_the_text_in_pieces(lines: list[str]) -> None:
    own = text("\n".join(lines) + "\n")
    pieces = segments(own)
    canonical = own.canonical()
    cut = [canonical[a:b] for a, b in zip(pieces.starts, pieces.starts[1:], strict=False)]
    assert "".join(cut) == canonical
    assert [len(piece.encode()) for piece in cut] == pieces.bytes.tolist()
    if len(lines) >= 60:
        assert pieces.kind == "sentence"
        assert len(pieces) == len(lines)
        assert all(piece.endswith("\n") and "\n" not in piece[:-1] for piece in cut)
    else:
        assert pieces.kind == "word"


def test_a_stream_without_sentences_is_cut_at_words() -> None:
    pieces = segments(text("ab c\n" * 100, "none"))
    assert pieces.kind == "word"
    assert len(pieces) == 200
    assert pieces.bytes[:4].tolist() == [3, 2, 3, 2]


def test_many_files_are_documents(tmp_path: Path) -> None:
    for number in range(70):
        (tmp_path / f"{number:02}.txt").write_text("a b\nc\n" * (number + 1))
    corpus = Corpus.open(tmp_path, normalize="none")
    pieces = segments(corpus.train)
    assert pieces.kind == "document"
    assert pieces.bytes.tolist() == [6 * (number + 1) for number in range(70)]


@pytest.mark.parametrize("unit", ["word", "char", "byte"])
def test_segments_hold_the_same_surprisal_in_every_unit(unit: str) -> None:
    own = text("the cat é\nsat\n\n漢 on the mat\n" * 30)
    ledger = lmkit.fit(f"bigram:unit={unit}", own).score(own)
    pieces = segments(own)
    known = segments(own, ledger)
    assert known.kind == pieces.kind
    assert np.array_equal(known.starts, pieces.starts)
    assert np.array_equal(known.bytes, pieces.bytes)
    totals = pieces.totals(ledger, ledger.nats)
    by_sentence = np.bincount(ledger.sentence, ledger.nats)
    assert np.allclose(totals, by_sentence)
    assert totals.sum() == pytest.approx(ledger.total_nats)
    events = pieces.totals(ledger, np.ones(len(ledger)))
    assert events.sum() == len(ledger)


@pytest.mark.parametrize("degrees", [1, 2, 3, 4, 7, 29, 30, 99, 998, 999])
def test_quantiles_of_students_t(degrees: int) -> None:
    from scipy.special import stdtrit

    for share in (0.0005, 0.025, 0.25, 0.4999, 0.5):
        expected = stdtrit(degrees, share)
        assert t_quantile(share, degrees) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("level", [0.9999999, 1 - 1e-15])
@pytest.mark.parametrize("blocks", [2, 3, 59, 1000])
def test_extreme_levels_end(level: float, blocks: int) -> None:
    x = np.arange(blocks) + 1.0
    interval = ratio_interval(x, np.ones(blocks), level=level, length=1)
    assert interval.low <= interval.value <= interval.high


@pytest.mark.parametrize("level", [0.0, 1.0, 1.5, -0.1, float("nan")])
def test_a_level_is_a_share(level: float) -> None:
    with pytest.raises(ParameterError, match="between 0 and 1"):
        ratio_interval(np.ones(5), np.ones(5), level=level)


@pytest.mark.parametrize("sentences", ["line", "paragraph", "none"])
@pytest.mark.parametrize("unit", ["word", "char", "byte"])
@pytest.mark.parametrize("lines", [0, 3, 59, 60, 200])
def test_a_ledger_tells_the_same_segments(unit: str, sentences: str, lines: int) -> None:
    own = text("the cat é\n\n漢 sat\n" * lines, sentences)
    ledger = lmkit.fit(f"bigram:unit={unit}", text("the cat sat\n" * 9, sentences)).score(own)
    pieces, known = segments(own), segments(own, ledger)
    assert known.kind == pieces.kind
    assert np.array_equal(known.bytes, pieces.bytes)
    assert np.array_equal(known.starts, pieces.starts)
    foreign = replace(ledger, sentence_bytes=None)
    for one in (pieces, known):
        assert np.array_equal(one.first_events(ledger), one.first_events(foreign))


@pytest.mark.parametrize("lines", [0, 1, 70, 999, 1000, 1001, 2500, 4321])
def test_measuring_from_blocks_is_measuring_from_segments(lines: int) -> None:
    random = np.random.default_rng(lines)
    own = text("".join("a b " * int(n) + "\n" for n in random.integers(0, 5, lines)))
    ledger = lmkit.fit("bigram", text("a b a a\nb\n" * 9)).score(own)
    pieces = segments(own, ledger)
    blocks = pieces.blocks
    assert len(blocks.starts) <= 1000
    assert blocks.bytes.sum() == pieces.bytes.sum()
    measured = measure(ledger, pieces)
    bits = pieces.totals(ledger, ledger.nats) / np.log(2)
    expected = ratio_interval(bits, pieces.bytes.astype(np.float64))
    found = measured.bits_per_byte
    assert (found.blocks, found.block_length) == (expected.blocks, expected.block_length)
    np.testing.assert_allclose(
        [found.value, found.low, found.high, found.standard_error],
        [expected.value, expected.low, expected.high, expected.standard_error],
    )
    assert measured.perplexity.block_length == found.block_length


@pytest.mark.parametrize("ends", [1.0, 0.5, 0.01])
@pytest.mark.parametrize("step", [1, 3, 700, 5000, 10**6])
def test_first_ids_of_sentences(ends: float, step: int) -> None:
    ids = np.where(np.random.default_rng(5).random(40_000) < ends, 1, 7).astype(np.int32)
    starts = np.append(0, np.flatnonzero(ids == 1) + 1)
    wanted = np.arange(0, len(starts) + 10, step)
    found = np.empty(len(wanted), np.int64)
    first_of_sentences(ids, 1, wanted, found)
    expected = np.append(starts, np.full(10, len(ids)))[wanted]
    np.testing.assert_array_equal(found, expected)


# ---------------------------------------------------------------------- blocks


def test_blocks_take_every_segment_once() -> None:
    assert block_starts(10, 3).tolist() == [0, 3, 6]  # the tenth joins the last
    assert block_starts(2, 5).tolist() == [0]


def test_the_ratio_error_of_equal_blocks_is_that_of_a_mean() -> None:
    x = np.random.default_rng(1).normal(5, 1, 400)
    expected = x.std(ddof=1) / math.sqrt(400)
    assert ratio_error(x, np.ones(400)) == pytest.approx(expected)
    assert ratio_error(x, np.full(400, 2.0)) == pytest.approx(expected / 2)


def error_found(x: np.ndarray) -> tuple[int, float]:
    """Return the length chosen for the mean of a series, and the standard error it gives."""
    ones = np.ones(len(x))
    length = block_length(x, ones)
    starts = block_starts(len(x), length)
    assert FEWEST_BLOCKS <= len(starts) <= MOST_RUNS
    return length, ratio_error(np.add.reduceat(x, starts), np.add.reduceat(ones, starts))


def test_independent_segments_keep_their_error() -> None:
    random = np.random.default_rng(0)
    errors = [error_found(random.normal(size=4000))[1] * math.sqrt(4000) for _ in range(30)]
    assert min(errors) > 0.85
    assert np.mean(errors) < 1.15  # growing by chance costs little


def test_blocks_grow_over_dependence() -> None:
    random = np.random.default_rng(0)
    topics = np.repeat(random.normal(size=125), 32)  # 32 sentences share a topic
    dependent = topics + random.normal(size=4000)
    length, error = error_found(dependent)
    assert length >= 16
    true_error = math.sqrt(1 / 125 + 1 / 4000)
    assert true_error * 0.7 < error < true_error * 1.4
    assert error > 3 * ratio_error(dependent, np.ones(4000))


# ---------------------------------------------------------------------- intervals


def test_draws_are_multinomial() -> None:
    drawn = draws(7, seed=4, resamples=3000)
    assert drawn.shape == (3000, 7)
    assert (drawn.sum(axis=1) == 7).all()
    assert np.allclose(drawn.mean(axis=0), 1, atol=0.1)
    assert np.allclose(drawn.var(axis=0), 6 / 7, atol=0.1)
    assert np.array_equal(drawn, draws(7, seed=4, resamples=3000))


def test_scipy_finds_the_same_error_and_interval() -> None:
    random = np.random.default_rng(2)
    y = random.integers(5, 60, 300).astype(float)
    x = y * random.gamma(4, 0.5, 300)
    ours = ratio_interval(x, y, length=1, resamples=9000)
    theirs = bootstrap(
        (x, y), lambda a, b, axis: a.sum(axis=axis) / b.sum(axis=axis), paired=True,
        vectorized=True, n_resamples=9000, method="percentile", rng=np.random.default_rng(3),
    )  # fmt: skip
    assert ours.value == pytest.approx(x.sum() / y.sum())
    assert ours.standard_error == pytest.approx(theirs.standard_error, rel=0.03)
    assert ours.standard_error == pytest.approx(ratio_error(x, y), rel=0.03)
    # 300 blocks widen a plain percentile interval by under one part in a hundred.
    wider = float(t.ppf(0.975, 299) * math.sqrt(300 / 299) / norm.ppf(0.975))
    width = theirs.confidence_interval.high - theirs.confidence_interval.low
    assert ours.high - ours.low == pytest.approx(width * wider, rel=0.05)


def test_the_same_seed_gives_the_same_interval() -> None:
    random = np.random.default_rng(5)
    x, y = random.gamma(2, 1, 500), np.ones(500)
    assert ratio_interval(x, y, seed=1) == ratio_interval(x, y, seed=1)
    assert ratio_interval(x, y, seed=1) != ratio_interval(x, y, seed=2)
    narrow = ratio_interval(x, y, level=0.5)
    wide = ratio_interval(x, y, level=0.99)
    assert wide.low < narrow.low < narrow.value < narrow.high < wide.high


def test_what_has_no_interval_says_so() -> None:
    for x in (np.array([1.0]), np.full(80, np.inf), np.empty(0)):
        interval = ratio_interval(x, np.ones(len(x)))
        assert math.isnan(interval.low)
        assert math.isnan(interval.high)
    assert ratio_interval(np.full(80, np.inf), np.ones(80)).value == math.inf


def test_intervals_cover_the_entropy_of_the_source() -> None:
    """60 texts of a source of known entropy: 95% of 60 is 57, and 52 is four deviations off.

    benchmarks/comparison_coverage.py has it for 200 texts, and for models.
    """
    source = MarkovSource(types=200, seed=11)
    events = source.events(tokens=60 * 3000)
    nats = -source.log_probs(events)
    starts = np.concatenate(([0], np.flatnonzero(events == END)[:-1] + 1))
    x = np.add.reduceat(nats, starts)
    y = np.diff(np.append(starts, len(events))).astype(float)
    hits = 0
    for part_x, part_y in zip(np.array_split(x, 60), np.array_split(y, 60), strict=True):
        interval = ratio_interval(part_x, part_y, resamples=500)
        hits += interval.low <= source.entropy_rate <= interval.high
    assert hits >= 52
