"""Scoring on all cores: long texts in pieces, each from the state that it finds for itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmkit.models.ngram.kernels import hash_bigrams, walk, walk_along
from lmkit.models.ngram.parallel import cores, run_all
from lmkit.models.ngram.trie import ROOT, IntArray, Trie, read_only

PIECE = 1 << 15  # tokens that a thread scores at a time, at least
_WORTH = 8  # bigrams for each token to score, up to which hashing them pays
_NO_SLOTS: IntArray = np.empty(0, np.int32)


class Walker(NamedTuple):
    """A trie and the rule of contexts: how a text moves from state to state.

    Attributes:
        trie: the n-grams.
        initial: the state before a text, and after each sentence end.
        eos: the id of the sentence end, -1 where the context runs on across it.
    """

    trie: Trie
    initial: int
    eos: int

    @classmethod
    def of(cls, trie: Trie, *, eos: int) -> Walker:
        """Return the walker over a trie that starts at ``<s>``."""
        return cls(trie, ROOT if trie.order == 1 else trie.vocabulary_size + 1, eos)

    def walk(self, ids: IntArray, state: int) -> int:
        """Return the state after the ids."""
        return int(walk(read_only(ids), state, self.initial, self.eos, self.trie.arrays))

    def states(self, ids: IntArray) -> NDArray[np.int64]:
        """Return the state before each id of a text: (T,) int64."""
        states = np.empty(len(ids), np.int64)
        walk_along(read_only(ids), self.initial, self.eos, self.trie.arrays, states)
        return states

    def score(
        self,
        kernel: Callable[..., int],
        ids: IntArray,
        state: int,
        *,
        tables: tuple[NDArray[Any], ...],
        out: tuple[NDArray[Any], ...],
        finish: Callable[[slice], None] | None = None,
    ) -> int:
        """Run a scoring kernel over a text and return the state after it.

        `out` are its arrays of one entry for each id (or none); ``finish(where)`` is called after
        each piece, while its entries are near.
        """
        ids = read_only(ids)
        slots = self._slots(len(ids))

        def work(where: slice, start: int) -> int:
            parts = tuple(array[where] for array in out)
            after = kernel(
                ids[where], start, self.initial, self.eos, self.trie.arrays, slots, tables, parts
            )
            if finish is not None:
                finish(where)
            return int(after)

        if len(ids) <= PIECE:
            return work(slice(0, len(ids)), state) if len(ids) else state
        size = max(PIECE, -(-len(ids) // (64 * cores())))
        memory = self.trie.order - 1  # the state depends on so many ids alone

        def piece(begin: int) -> int:
            near = begin <= memory
            before = ids[:begin] if near else ids[begin - memory : begin]
            start = self.walk(before, state if near else ROOT)
            return work(slice(begin, min(begin + size, len(ids))), start)

        return run_all(piece, range(0, len(ids), size))[-1]

    def _slots(self, tokens: int) -> IntArray:
        """Return a hash table of the bigrams, empty if it would cost more than it saves."""
        bigrams = self.trie.size(2) if self.trie.order > 1 else 0
        if bigrams == 0 or bigrams > _WORTH * tokens:
            return _NO_SLOTS
        slots = np.zeros(1 << (3 * bigrams // 2).bit_length(), np.int32)
        hash_bigrams(self.trie.arrays, slots)
        return slots
