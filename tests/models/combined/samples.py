"""Texts that the tests of combined models share."""

from __future__ import annotations

import numpy as np

from lmkit.text.corpus import Corpus

RNN = "word-rnn:hidden=16,embedding=8,epochs=1,threads=1"


def sentences(count: int, seed: int) -> str:
    """Return sentences over few words, each paragraph of ten with two favourites of its own."""
    rng = np.random.default_rng(seed)
    words = [f"w{i:02}" for i in range(40)]
    lines = []
    for number in range(count):
        if number % 10 == 0:
            favourites = rng.choice(words, 2)
        line = rng.choice(words[:8], 6)
        line[rng.random(6) < 0.4] = rng.choice(favourites)
        lines.append(" ".join(line))
    return "\n".join(lines) + "\n"


def corpus(count: int, seed: int) -> Corpus:
    return Corpus.from_string(sentences(count, seed), normalize="none", sentences="line")


TRAIN, VALID, TEST = corpus(300, 1), corpus(100, 2), corpus(100, 3)
