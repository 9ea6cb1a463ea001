"""When to hash a trie's n-grams: a table takes time and memory, and pays for long texts.

The table itself, and how it is searched, is in `lmkit.kernels.hashing`.
"""

from __future__ import annotations

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np

from lmkit.kernels.hashing import NO_TABLE, REGION, Table, fill, layout_for, pack_table
from lmkit.models.ngram.trie import Trie
from lmkit.parallel import cores, run_all

# N-grams of an order for each token to score, up to which hashing them pays; a quarter of that
# above order 3, where contexts have few children to search among.
_WORTH = 1.0


@dataclass
class _Use:
    """How many tokens were scored with a trie, and the hash table that was made for them."""

    tokens: int = 0
    table: Table = NO_TABLE
    tried: int = 1  # the highest order for which a table was tried, whether it fitted or not


_USES: WeakKeyDictionary[Trie, _Use] = WeakKeyDictionary()


def table_for(trie: Trie, tokens: int, *, expected: bool = False) -> Table:
    """Return the hash table of a trie's n-grams to score `tokens` more tokens with.

    At first it is empty. It holds the orders from 2 up to the highest that is worth it for all
    tokens scored so far and these, in one long text or in many short ones. With `expected` the
    tokens are not counted yet: they will be asked for again, piece by piece. The table, 16 bytes an
    n-gram, is kept as long as the trie.
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
    size_and_layout = layout_for(contexts, trie.vocabulary_size + 1, ngrams)
    if size_and_layout is None:
        return None
    size, layout = size_and_layout
    slots = np.zeros(size, np.uint64)
    share = -(-len(slots) // REGION // cores()) * REGION

    def work(begin: int) -> bool:
        part = slice(begin, min(begin + share, len(slots)))
        return fill(trie.first, trie.words, contexts, slots, layout, part)

    fits = all(run_all(work, range(0, len(slots), share)))
    return pack_table(slots, layout, highest) if fits else None
