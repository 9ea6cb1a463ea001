"""Compiled loops over the bytes of ARPA files: lines to numbers and nodes, and back to lines.

They see arrays only, never a Python object for an n-gram, and run without the interpreter lock.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lmkit.compiled import compiled
from lmkit.models.ngram.arpa_numbers import number, put_number
from lmkit.models.ngram.kernels import find_child, search

# Why reading stopped at a line; `READ` is none of the reasons.
READ, NO_NUMBER, POSITIVE, TOO_FEW_WORDS, NO_BACKOFF, TOO_MANY_WORDS, UNKNOWN_WORD, NO_CONTEXT = (
    range(8)
)
DROPPED = -1  # in place of a context: an n-gram with <s> behind another word
_MISSING = -2
_TILE = 256  # n-grams whose contexts are looked up together

ZERO = -99.0  # log10; SRILM writes it for a probability of 0; no weight is above 10^99 either
ROUNDING = 1e-4  # log10; IRSTLM's rounding reaches a little above probability 1
_TAB, _NEWLINE, _SPACE = 9, 10, 32


@compiled(inline="always")
def _is_blank(byte):  # type: ignore[no-untyped-def]
    # Space, NUL, and the controls from tab to return, but for the newline: what a text folds.
    return byte <= _SPACE and (byte == _SPACE or byte == 0 or (9 <= byte <= 13 and byte != 10))


@compiled(inline="always")
def _skip_blanks(text, place, end):  # type: ignore[no-untyped-def]
    while place < end and _is_blank(text[place]):
        place += 1
    return place


@compiled(inline="always")
def _skip_word(text, place, end):  # type: ignore[no-untyped-def]
    while place < end and text[place] != _NEWLINE and not _is_blank(text[place]):
        place += 1
    return place


@compiled
def _behind_words(text, place, end):  # type: ignore[no-untyped-def]
    """Read what follows the words of a line: nothing, or one number.

    Returns (reason, backoff, place of the newline).
    """
    stop = _skip_word(text, place, end)
    if stop == place:
        return READ, 0.0, place
    value = number(text, place, stop)
    if not value <= -ZERO:
        return NO_BACKOFF, value, place
    place = _skip_blanks(text, stop, end)
    if place < end and text[place] != _NEWLINE:
        return TOO_MANY_WORDS, value, place
    return READ, value, place


@compiled
def read_lines(text, order, log_probs, backoffs, places):  # type: ignore[no-untyped-def]
    """Read the lines of n-grams of one order: log10 values, and where the words of each stand.

    A missing backoff is 0. Values of -99 and less are -inf. Returns (reason, n-grams read, byte
    at which the line that could not be read begins).
    """
    end = len(text)
    place, found = 0, 0
    while place < end:
        line = place
        place = _skip_blanks(text, place, end)
        if place == end or text[place] == _NEWLINE:
            place += 1
            continue
        stop = _skip_word(text, place, end)
        value = number(text, place, stop)
        if not value <= ROUNDING:
            return (POSITIVE if value > 0 else NO_NUMBER), found, line
        log_probs[found] = min(value, 0.0) if value > ZERO else -np.inf
        place = _skip_blanks(text, stop, end)
        places[found, 0] = place
        for _ in range(order):
            stop = _skip_word(text, place, end)
            if stop == place:
                return TOO_FEW_WORDS, found, line
            places[found, 1] = stop
            place = _skip_blanks(text, stop, end)
        reason, value, place = _behind_words(text, place, end)
        if reason != READ:
            return reason, found, line
        backoffs[found] = value if value > ZERO else -np.inf
        place += 1
        found += 1
    return READ, found, place


# ---------------------------------------------------------------------- words


@compiled(inline="always")
def _hash(text, begin, end):  # type: ignore[no-untyped-def]
    h = np.uint64(0xCBF29CE484222325)  # FNV-1a
    for place in range(begin, end):
        h = (h ^ np.uint64(text[place])) * np.uint64(0x100000001B3)
    return h ^ (h >> np.uint64(32))


@compiled(inline="always")
def _find(text, begin, end, slots, blob, offsets):  # type: ignore[no-untyped-def]
    """Return the slot of the word text[begin:end]: where it is, or where there is room for it."""
    mask = len(slots) - 1
    slot = np.int64(_hash(text, begin, end) & np.uint64(mask))
    while slots[slot] > 0:
        first = offsets[slots[slot] - 1]
        if offsets[slots[slot]] - first == end - begin:
            k = 0
            while k < end - begin and blob[first + k] == text[begin + k]:
                k += 1
            if k == end - begin:
                break
        slot = (slot + 1) & mask
    return slot


@compiled
def index_words(blob, offsets, slots):  # type: ignore[no-untyped-def]
    """Fill an empty hash table with the words blob[offsets[i]:offsets[i + 1]].

    Returns the first word that stands there for the second time, -1 if none does.
    """
    for word in range(len(offsets) - 1):
        slot = _find(blob, offsets[word], offsets[word + 1], slots, blob, offsets)
        if slots[slot] > 0:
            return word
        slots[slot] = word + 1
    return -1


@compiled
def find_word(word, slots, blob, offsets):  # type: ignore[no-untyped-def]
    """Return which word of the table these bytes are, -1 if none."""
    return slots[_find(word, 0, len(word), slots, blob, offsets)] - 1


@compiled
def copy_words(text, places, blob):  # type: ignore[no-untyped-def]
    """Copy the words text[begin:end] of `places` (N, 2) side by side; return their length."""
    filled = 0
    for i in range(len(places)):
        for place in range(places[i, 0], places[i, 1]):
            blob[filled] = text[place]
            filled += 1
    return filled


@compiled
def _find_words(text, places, names, ids):  # type: ignore[no-untyped-def]
    """Write the ids of the words of n-grams; return the place of one that is not known, or -1."""
    slots, blob, offsets, id_of = names
    for i in range(len(places)):
        place, end = places[i]
        for k in range(len(ids)):
            place = _skip_blanks(text, place, end)
            stop = _skip_word(text, place, end)
            entry = slots[_find(text, place, stop, slots, blob, offsets)]
            if entry == 0:
                return place
            ids[k, i] = id_of[entry - 1]
            place = stop
    return -1


@compiled
def _descend(nodes, words, trie, bos, begins, sizes):  # type: ignore[no-untyped-def]
    """Move each node of a tile to its child by a word, in short passes.

    So the memory accesses of many n-grams overlap. `begins` and `sizes` are for own use.
    """
    first, known = trie
    for i in range(len(nodes)):
        context = max(nodes[i], 0)
        begins[i] = first[context]
        sizes[i] = first[context + 1] - begins[i] if context > 0 else 0
    touched = np.int32(0)  # one look into each run of children fetches them side by side
    for i in range(len(nodes)):
        touched ^= known[min(begins[i] + (sizes[i] >> 1), len(known) - 1)]
    for i in range(len(nodes)):
        found = search(known, begins[i], sizes[i], words[i])
        dropped = nodes[i] == DROPPED or words[i] == bos
        nodes[i] = DROPPED if dropped else (found if found >= 0 else _MISSING)
    return touched


def new_memory(order: int) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]]:
    """Return the memory that `find_nodes` needs for n-grams of an order."""
    return np.empty((order, _TILE), np.int32), np.empty(_TILE, np.int64), np.empty(_TILE, np.int64)


@compiled
def find_nodes(text, places, order, names, trie, bos, memory, contexts, words):  # type: ignore[no-untyped-def]
    """Find the context, a node, and the last word, an id, of each n-gram of a text's lines.

    `names` is (slots, blob, offsets, ids) of all words; `trie` is (first, words); `memory` is what
    `new_memory` made to work in. Returns (reason, byte of the word at fault or of the n-gram
    without a context).
    """
    ids, begins, sizes = memory
    for begin in range(0, len(places), _TILE):
        tile = places[begin : begin + _TILE]
        nodes = contexts[begin : begin + _TILE]
        unknown = _find_words(text, tile, names, ids)
        if unknown >= 0:
            return UNKNOWN_WORD, unknown
        for i in range(len(tile)):
            nodes[i] = ids[0, i] + 1
            words[begin + i] = ids[order - 1, i]
        for k in range(1, order - 1):
            _descend(nodes, ids[k], trie, bos, begins, sizes)
        for i in range(len(tile)):
            if nodes[i] == _MISSING:
                return NO_CONTEXT, tile[i, 0]
            if ids[order - 1, i] == bos:
                nodes[i] = DROPPED
    return READ, np.int64(-1)


@compiled
def link(begin, end, parents, trie, suffix):  # type: ignore[no-untyped-def]
    """Write the longest proper suffix of the n-grams `begin` up to `end`, of one order.

    `parents` are theirs; `trie` is (first, words); the suffixes of shorter n-grams are known.
    """
    first, words = trie
    for node in range(begin, end):
        context = suffix[parents[node - begin]]
        found = find_child(first, words, context, words[node])
        while found < 0:
            context = suffix[context]
            found = find_child(first, words, context, words[node])
        suffix[node] = found


# ---------------------------------------------------------------------- writing


@compiled
def write_lines(nodes, bigrams, backed_off, parents, words, names, values, ids, text):  # type: ignore[no-untyped-def]
    """Write the lines of some n-grams of one order into `text`; return their length in bytes.

    `parents` are the contexts of all nodes from the first of the `bigrams` on; `names` is
    (blob, offsets), `values` (log_probs, backoffs) in log10. Backoffs are written where the order
    is `backed_off`. `ids`, as many as the order, is memory to work in.
    """
    blob, offsets = names
    log_probs, backoffs = values
    order = len(ids)
    place = 0
    for i in range(len(nodes)):
        node = np.int64(nodes[i])
        ngram = node
        for k in range(order - 1, 0, -1):
            ids[k] = words[node]
            node = np.int64(parents[node - bigrams])
        ids[0] = words[node]
        place = put_number(log_probs[ngram], text, place)
        for k in range(order):
            text[place] = _TAB if k == 0 else _SPACE
            place += 1
            for at in range(offsets[ids[k]], offsets[ids[k] + 1]):
                text[place] = blob[at]
                place += 1
        if backed_off:
            text[place] = _TAB
            place = put_number(backoffs[ngram], text, place + 1)
        text[place] = _NEWLINE
        place += 1
    return place
