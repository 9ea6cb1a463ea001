"""Scoring on all cores: long texts in pieces, each from a state found from the ids before it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from lmkit.kernels.hashing import NO_TABLE, REGION, Table, fill, layout_for, pack_table
from lmkit.kernels.trie import walk, walk_along
from lmkit.models.ngram.trie import ROOT, IntArray, Trie, read_only
from lmkit.parallel import cores, run_all

PIECE = 1 << 15  # tokens that a thread scores at a time, at least
# N-grams of an order for each token to score, up to which hashing them pays; a fourth of that above
# order 3, where contexts have few children to search among.
_WORTH = 1.0


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
        if not len(ids):
            return state
        return walk(read_only(ids), state, self.initial, self.eos, self.trie.arrays)

    def states(self, ids: IntArray, state: int | None = None) -> NDArray[np.int64]:
        """Return the state before each id, and the last one: (T + 1,) int64.

        The first is `state`, by default that before a text.
        """
        begin = self.initial if state is None else state
        return walk_along(read_only(ids), begin, self.initial, self.eos, self.trie.arrays)

    def score(
        self,
        kernel: Callable[..., None],
        ids: IntArray,
        state: int,
        *,
        tables: tuple[NDArray[Any], ...],
        out: tuple[NDArray[Any], ...],
        finish: Callable[[slice], None] | None = None,
    ) -> int:
        """Run `score_backoff` or `look_up` over a text and return the state after it.

        `tables` and `out` are its arguments; the arrays of `out` have one entry for each id (or
        none). ``finish(piece)`` is called after each piece, while its entries are in the cache.
        """
        ids = read_only(ids)
        table = table_for(self.trie, len(ids))
        memory = self.trie.order - 1  # the state depends on the last `memory` ids alone

        def before(index: int) -> int:
            """Return the state before the id at an index."""
            near = index <= memory
            return self.walk(ids[0 if near else index - memory : index], state if near else ROOT)

        def work(begin: int) -> None:
            """Score the piece that begins at an index."""
            piece = slice(begin, min(begin + size, len(ids)))
            parts = tuple(array[piece] for array in out)
            rule = (before(begin), self.initial, self.eos, self.trie.arrays)
            kernel(ids[piece], *rule, table, tables, parts)
            if finish is not None:
                finish(piece)

        size = max(PIECE, min(4 * PIECE, -(-len(ids) // (4 * cores()))))
        run_all(work, range(0, len(ids), size))
        return before(len(ids))


@dataclass
class _Use:
    """The tokens that were scored with a trie, and the hash table that was made for them."""

    tokens: int = 0
    table: Table = NO_TABLE
    tried: int = 1  # the highest order for which a table was tried, whether it fitted or not


_USES: WeakKeyDictionary[Trie, _Use] = WeakKeyDictionary()


def table_for(trie: Trie, tokens: int, *, expected: bool = False) -> Table:
    """Return the hash table of a trie's n-grams to score `tokens` more tokens with.

    Filling it takes time and memory. It holds the orders from 2 up to the highest for which the
    tokens scored so far, and these, are worth it, in one long text or in many short ones; at first
    it is empty. With `expected` the tokens are not counted yet: they will be asked for again, piece
    by piece. The table stays as long as the trie does, 16 bytes an n-gram.
    """
    use = _USES.setdefault(trie, _Use())
    scored = use.tokens + tokens
    if not expected:
        use.tokens = scored
    highest = _highest_worth_hashing(trie, scored)
    if highest > use.tried:
        use.tried = highest
        use.table = _make_table(trie, highest) or use.table
    return use.table


def _highest_worth_hashing(trie: Trie, tokens: int) -> int:
    """Return the highest order worth hashing, with all below it, for `tokens`; 1 for none."""
    highest = 1
    for order in range(2, trie.order + 1):
        worth = _WORTH if order <= 3 else _WORTH / 4
        if trie.size(order) > worth * tokens:
            break
        highest = order
    return highest


def _make_table(trie: Trie, highest: int) -> Table | None:
    """Return the table of orders 2 to `highest`; None in the rare case that they do not fit."""
    contexts = int(trie.starts[highest])
    ngrams = int(trie.starts[highest + 1] - trie.starts[2])
    found = layout_for(contexts, trie.vocabulary_size + 1, ngrams)
    if found is None:
        return None
    size, layout = found
    slots = np.zeros(size, np.uint64)
    share = -(-len(slots) // REGION // cores()) * REGION

    def work(begin: int) -> bool:
        part = slice(begin, min(begin + share, len(slots)))
        return fill(trie.first, trie.words, contexts, slots, layout, part)

    fits = all(run_all(work, range(0, len(slots), share)))
    return pack_table(slots, layout, highest) if fits else None
