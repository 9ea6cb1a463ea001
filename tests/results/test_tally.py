"""Tallies: the numbers of a ledger, without its rows."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import lmkit
from lmkit.cli.main import cli
from lmkit.errors import NotFittedError
from lmkit.evaluation.blocks import block_starts, blocks_of, shortest_block, sums_between
from lmkit.evaluation.completion import Spellers, complete
from lmkit.evaluation.measuring import measure, tally_all
from lmkit.models import scoring
from lmkit.results.tally import MOST_RUNS, Runs
from lmkit.text.corpus import Corpus, Text
from lmkit.text.encoding import UnknownCollector


def text(raw: str, sentences: str = "line") -> Text:
    return Corpus.from_string(raw, normalize="none", sentences=sentences).train


def lines(seed: int, count: int, letters: str = "abcdefgh") -> str:
    """Return lines of random words, an empty one now and then."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(0, 7, count)
    words = ["".join(rng.choice(list(letters), rng.integers(1, 12))) for _ in range(40)]
    return "".join(" ".join(rng.choice(words, size)) + "\n" for size in sizes)


def both(model: Any, own: Text) -> tuple[Any, Any]:
    """Return the ledger and the tally of a text, unknown words spelled."""
    spellers = Spellers()
    return tuple(
        complete(scored, lambda: spellers.of(model))
        for scored in (model.score(own), model.tally(own))
    )


def same(one: dict[str, Any], other: dict[str, Any]) -> None:
    for name, value in one.items():
        if name != "score_seconds":
            if isinstance(value, float):  # JSON has null for NaN
                given = math.nan if other[name] is None else other[name]
                assert given == pytest.approx(value, rel=1e-12, nan_ok=True), name
            else:
                assert other[name] == value, name


pytestmark = pytest.mark.filterwarnings("ignore::lmkit.models.ngram.discounts.DiscountWarning")
SPECS = (
    "kneser-ney",
    "kneser-ney:order=4,unit=char",
    "trigram:unit=byte",
    "witten-bell:context=stream",
    "bigram:min_count=3",
    "kneser-ney:unk=excluded",  # unknown words have probability 0
    "unigram:smoothing=mle",
)


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("sentences", ["line", "paragraph"])
def test_a_tally_has_the_numbers_of_the_ledger(
    spec: str, sentences: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scoring, "_BATCH", 100)  # each chunk is a batch of its own
    model = lmkit.fit(spec, text(lines(1, 900), sentences))
    own = text(lines(1, 300) + "<unk> a\n\n" + lines(2, 2500, "abcdefgé漢") + "the end", sentences)
    ledger, tally = both(model, own)
    assert ledger.oov_count > 0
    same(ledger.to_dict(), tally.to_dict())
    blocks = blocks_of(own, ledger)
    assert tally.sentences == own.summary.sentence_ends
    assert tally.length == blocks.length
    np.testing.assert_array_equal(tally.bytes, blocks.bytes)
    first = blocks.first_events(ledger)
    np.testing.assert_array_equal(tally.sizes, np.diff(first))
    np.testing.assert_allclose(tally.nats, sums_between(first, ledger.nats), rtol=1e-12)
    np.testing.assert_allclose(tally.spelling, sums_between(first, ledger.spelling), rtol=1e-12)
    same(measure(ledger, blocks).to_dict(), measure(tally).to_dict())


@pytest.mark.parametrize("raw", ["", "\n", "a", "a b\n\nzebra b", "b " * 50])
@pytest.mark.parametrize("sentences", ["line", "paragraph", "none"])
def test_small_texts(raw: str, sentences: str) -> None:
    model = lmkit.fit("bigram", text("a b\nb c a\n", sentences))
    ledger, tally = both(model, text(raw, sentences))
    same(ledger.to_dict(), tally.to_dict())
    assert tally.bytes.sum() == tally.summary.bytes


def test_a_text_without_unknown_words_is_not_spelled() -> None:
    model = lmkit.fit("bigram", text("a b\nb c a\n"))
    tally = complete(model.tally(text("a c\n")), lambda: pytest.fail("nothing to spell"))
    assert tally.spelling is None
    assert tally.unk == "spell"
    assert tally.is_open
    assert not model.tally(text("zebra\n")).is_open
    assert str(tally).startswith("bigram: perplexity")
    assert repr(tally).startswith("<Tally bigram: ")


def test_unknown_words_are_told_in_their_order() -> None:
    model = lmkit.fit("bigram", text("a b\n"))
    raw = "x a\nb\n\ny x <unk> a\na very-long-unknown-word\n"
    unknown = model.tally(text(raw)).unknown
    words = [unknown.types[number] for number in unknown.numbers.tolist()]
    assert words == ["x", "y", "x", "<unk>", "very-long-unknown-word"]
    assert unknown.sentences.tolist() == [0, 3, 3, 3, 4]
    assert len(unknown) == 5


def test_many_unknown_types_grow_their_table() -> None:
    words = [f"w{number}" for number in range(20_000)]
    gathering = UnknownCollector("word")
    for begin in range(0, len(words), 3000):
        part = words[begin : begin + 3000]
        raw = np.frombuffer("".join(f"{word} " for word in part).encode(), np.uint8)
        gathering.add(raw, np.arange(begin, begin + len(part)))
    found = gathering.result()
    assert [found.types[number] for number in found.numbers.tolist()] == words


@pytest.mark.parametrize("count", [0, 1, 999, 1000, 1001, 2000, 2001, 12_345])
def test_runs_are_the_shortest_blocks(count: int) -> None:
    rng = np.random.default_rng(count)
    sizes = rng.integers(1, 100, count)
    runs = Runs(1)
    begin = 0
    while begin < count:
        step = int(rng.integers(0, 3000))
        runs.add(sizes[begin : begin + step])
        begin += step
    assert (runs.sentences, runs.length) == (count, shortest_block(count))
    starts = block_starts(count, runs.length)
    assert len(runs.sums) == len(starts) <= MOST_RUNS
    if count:
        np.testing.assert_array_equal(runs.sums[:, 0], np.add.reduceat(sizes, starts))


@pytest.mark.parametrize("count", [1, 999, 1000, 1001, 2000, 2001, 12_345])
@pytest.mark.parametrize("is_open", [False, True])
def test_events_are_summed_over_the_runs_of_their_sentences(count: int, is_open: bool) -> None:
    rng = np.random.default_rng(count)
    sizes = rng.integers(1, 5, count)
    ids = np.full(sizes.sum(), 7, np.int32)
    ends = np.cumsum(sizes) - 1
    ids[ends[: count - is_open]] = 1  # the last may have no end
    nats = rng.integers(0, 100, len(ids)).astype(np.float64)
    runs = Runs(3)
    for part in np.array_split(np.arange(len(ids)), 7):
        runs.add_events(ids[part], nats[part])
    if is_open:
        runs.end_sentence()
    assert (runs.sentences, runs.length) == (count, shortest_block(count))
    first = np.append(0, ends + 1)[block_starts(count, runs.length)]
    np.testing.assert_array_equal(runs.sums[:, 0], np.add.reduceat(nats, first))
    np.testing.assert_array_equal(runs.sums[:, 1], runs.sums[:, 0])
    np.testing.assert_array_equal(runs.sums[:, 2], np.diff(np.append(first, len(ids))))


def test_what_a_tally_cannot_measure_is_a_ledger() -> None:
    """That of a model that reads one stream, which has no sentences."""
    lined, stream = (lmkit.fit("bigram", text("a b\nb c a\n", rule)) for rule in ("line", "none"))
    for own, model, kind in (
        (text("a b\n"), lined, "Tally"),
        (text("a b\n" * 60), stream, "SurprisalLedger"),
    ):
        (scored,) = tally_all([model], own, spellers=Spellers())
        assert type(scored).__name__ == kind


def test_a_tally_needs_a_fitted_model() -> None:
    with pytest.raises(NotFittedError):
        lmkit.Bigram().tally(text("a\n"))


@pytest.mark.parametrize("count", [3, 59, 60, 2500])
def test_evaluate_prints_the_numbers_of_the_ledger(tmp_path: Path, count: int) -> None:
    model, other = tmp_path / "m.lmkit", tmp_path / "o.lmkit"
    test = tmp_path / "test.txt"
    test.write_text(lines(2, count), encoding="utf-8")
    lmkit.fit("kneser-ney", text(lines(1, 900))).save(model)
    lmkit.fit("bigram", text(lines(1, 900))).save(other)
    run = CliRunner().invoke(
        cli, ["evaluate", str(model), str(other), "--test", str(test), "--format", "json"]
    )
    assert run.exit_code == 0, run.output
    own = Corpus.open(test, normalize="none").train
    for path, result in zip((model, other), json.loads(run.stdout)["results"], strict=True):
        fitted = lmkit.load(path)
        ledger, _ = both(fitted, own)
        found = measure(ledger).to_dict()
        same({name: value for name, value in found.items() if name in result}, result)
