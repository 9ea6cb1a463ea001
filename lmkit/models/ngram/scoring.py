"""Scoring on all cores: long texts in pieces, each from the state that it finds for itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from lmkit.compiled import Packed
from lmkit.models.ngram.hashing import REGION, fill, layout_for, new_waiting
from lmkit.models.ngram.kernels import new_tile, walk, walk_along
from lmkit.models.ngram.parallel import cores, run_all
from lmkit.models.ngram.trie import ROOT, IntArray, Trie, read_only

PIECE = 1 << 15  # tokens that a thread scores at a time, at least
# N-grams of an order for each token to score, up to which hashing them pays; a fourth of that above
# order 3, where contexts have few children to search among.
_WORTH = 1.0

Table: TypeAlias = Packed  # the slots, their layout, and the highest order that they hold
NO_TABLE = Packed((np.empty(0, np.uint64), (1, 32, 0), 0))


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
        return int(walk(read_only(ids), state, self.initial, self.eos, self.trie.arrays))

    def states(self, ids: IntArray) -> NDArray[np.int64]:
        """Return the state before each id of a text: (T,) int64."""
        states = np.empty(len(ids), np.int64)
        walk_along(read_only(ids), self.initial, self.eos, self.trie.arrays, states)
        return states

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
        """Run a scoring kernel over a text and return the state after it.

        `out` are its arrays of one entry for each id (or none); ``finish(where)`` is called after
        each piece, while its entries are near.
        """
        ids = read_only(ids)
        table = table_for(self.trie, len(ids))
        memory = self.trie.order - 1  # the state depends on so many ids alone

        def before(place: int) -> int:
            """Return the state before the id at a place."""
            near = place <= memory
            return self.walk(ids[0 if near else place - memory : place], state if near else ROOT)

        def work(begin: int) -> None:
            """Score the piece from a place on."""
            where = slice(begin, min(begin + size, len(ids)))
            parts = tuple(array[where] for array in out)
            rule = (before(begin), self.initial, self.eos, self.trie.arrays)
            tile = new_tile(self.trie.order, where.stop - begin)
            kernel(ids[where], *rule, table, tables, tile, parts)
            if finish is not None:
                finish(where)

        size = max(PIECE, min(4 * PIECE, -(-len(ids) // (4 * cores()))))
        run_all(work, range(0, len(ids), size))
        return before(len(ids))


@dataclass
class _Use:
    """The tokens that were scored with a trie, and the hash table that they paid for."""

    tokens: int = 0
    table: Table = NO_TABLE
    tried: int = 1  # the highest order that was to be hashed, whether it fitted or not


_USES: WeakKeyDictionary[Trie, _Use] = WeakKeyDictionary()


def table_for(trie: Trie, tokens: int, *, expected: bool = False) -> Table:
    """Return the hash table of a trie's n-grams, before so many more tokens are scored.

    It holds the orders from the bigrams up to the highest that all tokens scored so far, and
    these, pay for; without any it is empty. So a single text pays where it is long, and many texts
    one after another do. With `expected` the tokens are not counted yet: they will be asked for
    again, piece by piece. The table stays as long as the trie does, 16 bytes an n-gram.
    """
    use = _USES.setdefault(trie, _Use())
    scored = use.tokens + tokens
    if not expected:
        use.tokens = scored
    paid = _paid(trie, scored)
    if paid > use.tried:
        use.tried = paid
        use.table = _make_table(trie, paid) or use.table
    return use.table


def _paid(trie: Trie, tokens: int) -> int:
    """Return the highest order that so many tokens pay for, with all below it; 1 for none."""
    paid = 1
    for order in range(2, trie.order + 1):
        worth = _WORTH if order <= 3 else _WORTH / 4
        if trie.size(order) > worth * tokens:
            break
        paid = order
    return paid


def _make_table(trie: Trie, highest: int) -> Table | None:
    """Return the table of orders 2 to `highest`; None in the odd case that they do not fit."""
    contexts = int(trie.starts[highest])
    ngrams = int(trie.starts[highest + 1] - trie.starts[2])
    found = layout_for(contexts, trie.vocabulary_size + 1, ngrams)
    if found is None:
        return None
    size, layout = found
    slots = np.zeros(size, np.uint64)
    share = -(-len(slots) // REGION // cores()) * REGION

    def work(begin: int) -> bool:
        end = min(begin + share, len(slots))
        given = (slots, layout, begin, end, new_waiting())
        return bool(fill(trie.first, trie.words, contexts, *given))

    fits = all(run_all(work, range(0, len(slots), share)))
    return Packed((slots, layout, highest)) if fits else None
