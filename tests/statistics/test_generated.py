"""Statistics of generated text against those of real text."""

from __future__ import annotations

import numpy as np
import pytest

import lmkit
from lmkit.errors import CorpusError, ParameterError
from lmkit.statistics.generated import compare_generated
from lmkit.text.corpus import Corpus
from tests.statistics.samples import zipfian_text


def test_a_unigram_model_has_the_words_of_its_text_but_not_the_bigrams():
    rng = np.random.default_rng(1)
    words = [f"w{r}" for r in rng.zipf(1.7, 3000) % 300]
    # every word occurs twice in a row, which a unigram model cannot learn
    text = "\n".join(" ".join(w for word in words[i : i + 10] for w in (word, word))
                     for i in range(0, 3000, 10))  # fmt: skip
    corpus = Corpus.from_string(text, normalize="none")
    model = lmkit.fit("unigram", corpus)
    seen: list[float] = []
    found = compare_generated(
        model, corpus.train, ngrams=2, seed=2, progress=lambda what, share: seen.append(share)
    )
    assert (found.pieces, found.tokens) == (5, 1200)
    rows = {(row.n, row.statistic): row for row in found.statistics}
    assert not rows[1, "most_frequent"].differs
    assert rows[2, "types"].differs
    assert rows[2, "types"].difference > 0
    for row in found.statistics:
        assert row.generated_low <= row.generated <= row.generated_high
        assert row.difference == pytest.approx(row.generated - row.heldout)
    assert seen[-1] == 1.0
    assert found.to_pandas().shape == (len(rows), 12)
    again = compare_generated(model, corpus.train, ngrams=2, seed=2)
    assert again == found


def test_words_of_a_character_model():
    corpus = Corpus.from_string(zipfian_text(3000, seed=4), normalize="none")
    model = lmkit.fit("trigram:unit=char", corpus)
    found = compare_generated(model, corpus.train, unit="word", ngrams=1, pieces=2, tokens=300)
    assert (found.unit, found.tokens) == ("word", 300)


def test_too_little_text_to_compare():
    corpus = Corpus.from_string("a b c d\n" * 20)
    model = lmkit.fit("bigram", corpus)
    with pytest.raises(CorpusError, match="give more text"):
        compare_generated(model, corpus.train)
    with pytest.raises(ParameterError, match="2 or more"):
        compare_generated(model, corpus.train, pieces=1)
