"""Small texts, and comparisons on them, for the tests of evaluation."""

from __future__ import annotations

import lmkit
from lmkit.evaluation.comparison import compare
from lmkit.text.corpus import Corpus, Text

TRAIN = "the cat sat on the mat\nthe dog sat on the log\na cat saw a dog\n" * 20 + "an owl\n"


TEST = "the owl sat\n\na cat saw the zebra on the mat\nthe dog\n" * 40


def text(content: str, normalize: str = "none", sentences: str = "line") -> Text:
    return Corpus.from_string(content, normalize=normalize, sentences=sentences).train


def ranked(*specs: str, **options: object) -> lmkit.Comparison:
    train = text(TRAIN)
    return compare([lmkit.fit(spec, train) for spec in specs], text(TEST), **options)
