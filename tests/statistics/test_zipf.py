"""The whole report: known texts, the JSON keys, n-grams over the running text."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from lmkit.errors import CorpusError, ParameterError
from lmkit.models.ngram.counts import running_ngrams
from lmkit.statistics.zipf import measure_orders, measure_zipf
from lmkit.tables import to_json
from lmkit.text.corpus import Corpus

KEYS = [
    "n", "tokens", "types", "hapaxes", "dis_legomena", "missing_mass", "xmin", "alpha", "alpha_se",
    "ks", "tail_types", "log_likelihood", "p_value", "alternatives", "heaps",
]  # fmt: skip


@pytest.mark.parametrize("length", [1, 2, 3, 50, 3000])
def test_running_ngrams_agree_with_plain_counting(length):
    ids = np.random.default_rng(length).integers(0, 7, length).astype(np.int32)
    for n, (counts, ranks) in enumerate(running_ngrams(ids, order=4), start=1):
        grams = [tuple(ids[i : i + n].tolist()) for i in range(length - n + 1)]
        expected = Counter(grams)
        assert [counts[rank] for rank in ranks] == [expected[gram] for gram in grams]
        assert len(set(zip(grams, ranks.tolist(), strict=True))) == len(expected)
        assert sorted(counts[counts > 0]) == sorted(expected.values())


def test_the_time_machine(shared_corpora: Path):
    corpus = Corpus.open(shared_corpora / "timemachine.txt", normalize="letters")
    report = measure_zipf(corpus)
    words, bigrams, trigrams = report.orders
    s = words.spectrum
    assert (s.tokens, s.types, s.hapaxes, s.dis_legomena) == (32_775, 4_579, 2_397, 763)
    assert s.counts()[:3].tolist() == [2261, 1267, 1245]
    assert (bigrams.spectrum.types, trigrams.spectrum.types) == (20_234, 29_882)
    for order, xmin, alpha in ((words, 3, 1.9494), (bigrams, 3, 2.4294), (trigrams, 1, 4.2950)):
        assert order.power_law.xmin == xmin
        assert order.power_law.alpha == pytest.approx(alpha, abs=5e-5)
    assert words.whole_range[0].name == "survival"
    assert words.heaps.exponent_low < words.heaps.exponent < words.heaps.exponent_high
    assert report.coverage[0].types == 699


def test_characters_of_poems(shared_corpora: Path):
    corpus = Corpus.open(shared_corpora / "tang-song-poems", normalize="none")
    report = measure_zipf(corpus, unit="char", ngrams=2)
    text = "".join(
        (shared_corpora / "tang-song-poems" / f"{part}.txt").read_text(encoding="utf-8")
        for part in ("train", "valid", "test")
    )
    expected = Counter(text.replace("\n", ""))
    spectrum = report.orders[0].spectrum
    assert (spectrum.types, spectrum.tokens) == (len(expected), sum(expected.values()))
    assert spectrum.counts().tolist() == sorted(expected.values(), reverse=True)
    # few types, so Heaps' curve bends early, and bigrams take over
    assert report.orders[0].heaps.final_slope < 0.2 < report.orders[1].heaps.final_slope


@pytest.fixture(scope="module")
def embedded():
    return measure_zipf("python-reference", bootstrap=20, seed=3)


def test_the_embedded_corpus(embedded):
    words = embedded.orders[0]
    assert words.spectrum.tokens == embedded.summary.words
    assert 1.6 < words.power_law.alpha < 2.4
    assert 0.4 < words.heaps.exponent < 0.8
    assert [o.n for o in embedded.orders] == [1, 2, 3]
    assert embedded.cuts[0].heldout_oov_rate > embedded.cuts[-1].heldout_oov_rate > 0


def test_json_has_the_promised_keys(embedded):
    report = json.loads(to_json(embedded.to_dict()))
    assert report["schema"] == 1
    assert report["corpus"]["name"] == "python-reference"
    for n, order in enumerate(report["orders"], start=1):
        assert [key for key in order if key in KEYS] == KEYS
        assert order["n"] == n
        assert 0 < order["p_value"] <= 1
        assert len(order["alternatives"]) == 4
        assert 0 < order["heaps"]["exponent"] < 1


def test_pandas_has_a_row_for_each_order(embedded):
    frame = embedded.to_pandas()
    assert frame["n"].tolist() == [1, 2, 3]
    assert set(KEYS) - {"alternatives", "heaps"} <= set(frame)
    assert frame["heaps_exponent"].between(0, 1).all()


def test_the_seed_decides(embedded):
    again = measure_zipf("python-reference", bootstrap=20, seed=3)
    assert again.to_dict() == embedded.to_dict()


def test_texts_too_short_for_fits_still_report():
    report = measure_zipf(Corpus.from_string("one two two"), bootstrap=5)
    assert [o.spectrum.tokens for o in report.orders] == [3, 2, 1]
    assert report.orders[2].power_law is None
    assert report.orders[2].to_dict()["alpha"] is None
    assert json.loads(to_json(report.to_dict()))["orders"][0]["heaps"] is None
    assert len(measure_orders(np.array([4, 4], np.int32), ngrams=5)) == 2


def test_progress_rises_to_the_end():
    seen: list[tuple[str, float]] = []
    text = Corpus.from_string("a b a c a b d e f a b " * 40)
    measure_zipf(text, bootstrap=4, progress=lambda what, share: seen.append((what, share)))
    shares = [share for _, share in seen]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)
    assert any("bootstrap" in what for what, _ in seen)


def test_out_of_range():
    with pytest.raises(ParameterError):
        measure_zipf(Corpus.from_string("a b"), ngrams=0)
    with pytest.raises(ParameterError):
        measure_zipf(Corpus.from_string("a b"), bootstrap=-1)
    with pytest.raises(CorpusError):
        measure_zipf(Corpus.from_string("\n\n"))
    with pytest.raises(CorpusError):
        measure_orders(np.empty(0, np.int32))
