"""Texts, models and count tables that the tests of n-gram models share."""

from __future__ import annotations

from collections import Counter

import numpy as np

import lmkit
from lmkit.models.ngram.backoff import BackoffModel
from lmkit.models.ngram.counts import NgramCounts, count_ngrams
from lmkit.text.corpus import Corpus
from tests.contract.model_contract import TEST, TRAIN

TEXT = """\
the cat sat on the mat
the dog sat on the log

a cat saw the dog and the dog saw a cat
on the mat the cat sat and on the log the dog sat
<unk> cat saw the <unk>
the old cat and the old dog
"""


def corpus(text: str) -> Corpus:
    return Corpus.from_string(text, normalize="none")


def fitted(spec: str = "kneser-ney", text: str = TRAIN) -> BackoffModel:
    model = lmkit.fit(spec, corpus(text), valid=corpus(TEST))
    assert isinstance(model, BackoffModel)
    return model


def letters(seed: int, sentences: int, alphabet: str = "abcdefgh") -> str:
    """Return sentences of letters as words, drawn by Zipf's law."""
    rng = np.random.default_rng(seed)
    weights = 1 / np.arange(1, len(alphabet) + 1)
    rows = [
        rng.choice(list(alphabet), rng.integers(0, 12), p=weights / weights.sum())
        for _ in range(sentences)
    ]
    return "\n".join(" ".join(row) for row in rows) + "\n"


def sizes(model: BackoffModel) -> list[int]:
    return [model.tables_.trie.size(order) for order in range(1, model.tables_.order + 1)]


def ngrams_of(model: BackoffModel) -> set[tuple[str, ...]]:
    found = set()
    for order in range(1, model.tables_.order + 1):
        for ids in model.tables_.trie.ngrams(order).tolist():
            found.add(tuple(model.vocabulary_.token(index) for index in ids))
    return found


def counts_by_dictionary(ids: list[int], order: int, size: int, context: str) -> list[Counter]:
    """Count n-grams as the definition says: one <s> before each start, every order by itself."""
    texts: list[list[int]] = [[]]
    for index in ids:
        texts[-1].append(index)
        if context == "sentence" and index == 1:
            texts.append([])
    found = [Counter() for _ in range(order + 1)]
    for text in texts:
        padded = text if context == "running" else [size, *text]
        first = len(padded) - len(text)
        for end in range(first, len(padded)):
            for k in range(1, min(order, end + 1) + 1):
                found[k][tuple(padded[end - k + 1 : end + 1])] += 1
    return found


def as_dictionary(counts: NgramCounts, order: int) -> dict[tuple[int, ...], int]:
    rows = counts.trie.ngrams(order).tolist()
    values = counts.counts[counts.trie.span(order)].tolist()
    return {tuple(row): value for row, value in zip(rows, values, strict=True) if value}


def count(ids: list[int], **options: object) -> NgramCounts:
    return count_ngrams(np.array(ids, np.int32), **options)  # type: ignore[arg-type]
