"""Small tries and backoff models, and what they say looked up in dictionaries."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lmkit.kernels.scoring import Scores, pack_scores
from lmkit.kernels.trie import TrieArrays, pack_trie

V = 4  # outcomes; <s> has id 4
EOS = 1
Ngram = tuple[int, ...]


@dataclass(frozen=True)
class SmallModel:
    """An n-gram model whose node i is the n-gram ``ngrams[i]``; numbers are random."""

    ngrams: list[Ngram]
    order: int
    log_probs: NDArray[np.float64]
    backoffs: NDArray[np.float64]
    counts: NDArray[np.int32]
    totals: NDArray[np.int32]

    @cached_property
    def nodes(self) -> dict[Ngram, int]:
        return {ngram: node for node, ngram in enumerate(self.ngrams)}

    def find(self, ngram: Ngram) -> int:
        return self.nodes.get(ngram, -1)

    @cached_property
    def contexts(self) -> int:
        return sum(len(ngram) < self.order for ngram in self.ngrams)

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        lengths = np.array([len(ngram) for ngram in self.ngrams])
        return np.searchsorted(lengths, np.arange(self.order + 2))

    @cached_property
    def words(self) -> NDArray[np.int32]:
        return np.array([ngram[-1] if ngram else -1 for ngram in self.ngrams], np.int32)

    @cached_property
    def parents(self) -> NDArray[np.int32]:
        return np.array([self.find(ngram[:-1]) if ngram else -1 for ngram in self.ngrams], np.int32)

    @cached_property
    def suffix(self) -> NDArray[np.int32]:
        found = [-1]
        for ngram in self.ngrams[1:]:
            shorter = ngram[1:]
            while shorter not in self.nodes:
                shorter = shorter[1:]
            found.append(self.find(shorter))
        return np.array(found, np.int32)

    @cached_property
    def first(self) -> NDArray[np.int32]:
        return np.searchsorted(self.parents[1:], np.arange(self.contexts + 1)).astype(np.int32) + 1

    @cached_property
    def trie(self) -> TrieArrays:
        return pack_trie(self.first, self.words, self.suffix, self.starts)

    @cached_property
    def scores(self) -> Scores:
        return pack_scores(self.log_probs, self.backoffs)

    def state(self, history: Ngram) -> int:
        """The longest known suffix of a history that is a context."""
        while len(history) >= self.order or history not in self.nodes:
            history = history[1:]
        return self.find(history)

    def log_prob(self, history: Ngram, word: int) -> tuple[float, int, float]:
        """The log-probability, the order of the n-gram that is known, and the weights added."""
        history = self.ngrams[self.state(history)]
        weights = []
        while (*history, word) not in self.nodes:
            weights.append(self.backoffs[self.state(history)])
            history = self.ngrams[self.suffix[self.find(history)]]
        value = self.log_probs[self.find((*history, word))]
        for weight in reversed(weights):
            value += weight
        return (value if value > 1e-12 else min(value, 0.0)), len(history) + 1, sum(weights)

    def histories(self, text: list[int], eos: int) -> list[Ngram]:
        """The history of each token and after the last: from <s> on, anew after each eos."""
        found: list[Ngram] = [(V,)]
        for word in text:
            found.append((V,) if word == eos else (*found[-1], word))
        return found


def small_model(seed: int, order: int, density: float = 0.5) -> SmallModel:
    """A random model that holds the prefix of each n-gram, and all unigrams."""
    rng = np.random.default_rng(seed)
    levels: list[list[Ngram]] = [[()], [(word,) for word in range(V + 1)]]
    while len(levels) <= order:
        children = [(*ngram, word) for ngram in levels[-1] for word in range(V)]
        levels.append([ngram for ngram in children if rng.random() < density])
    ngrams = [ngram for level in levels for ngram in level]
    contexts = sum(map(len, levels[:-1]))
    backoffs = rng.normal(-0.3, 0.4, contexts)
    backoffs[0] = 0.0
    log_probs = rng.uniform(-5, -0.1, len(ngrams))
    counts = rng.integers(1, 9, len(ngrams)).astype(np.int32)
    totals = rng.integers(1, 50, contexts).astype(np.int32)
    return SmallModel(ngrams, order, log_probs, backoffs, counts, totals)
