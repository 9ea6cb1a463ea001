"""Sentences of random words, of which none repeats another by chance."""

from __future__ import annotations

from typing import Any

import numpy as np

from lmkit.text.corpus import Corpus, Text

RULES: dict[str, Any] = {"normalize": "none"}


def lines(seed: int, count: int, words: int = 12) -> list[str]:
    """Return sentences of random words: none is another's by chance."""
    rng = np.random.default_rng(seed)
    known = ["".join(rng.choice(list("abcdefghij"), 5)) for _ in range(200)]
    return [" ".join(rng.choice(known, words)) for _ in range(count)]


def text(sentences: list[str], rule: str = "line") -> Text:
    """Return sentences as a text of lines, or as one stream under the rule ``none``."""
    joined = (" " if rule == "none" else "\n").join(sentences)
    return Corpus.from_string(joined, sentences=rule, **RULES).train
