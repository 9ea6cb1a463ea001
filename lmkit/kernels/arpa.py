"""The bytes of ARPA files: lines of n-grams to numbers and nodes, and back to lines.

A text is uint8. A word is known by its span (begin, end) in a text, the words of an n-gram by the
span from the first to the last. The words of a model lie one after the other in ``blob`` uint8,
word i being ``blob[offsets[i]:offsets[i + 1]]``. Values are log10.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmkit.kernels.compiled import compiled
from lmkit.kernels.decimals import NUMBER_BYTES, _parse_number, _write_number
from lmkit.kernels.trie import _search
from lmkit.types import Bytes, FloatArray, IntArray, LongArray

# Whether lines were read, or why not.
OK, NO_NUMBER, POSITIVE, TOO_FEW_WORDS, NO_BACKOFF, TOO_MANY_WORDS, UNKNOWN_WORD, NO_CONTEXT = (
    range(8)
)
DROPPED = -1  # in i of a context: an n-gram with <s> after another word
_MISSING = -2  # in i of a context: no n-gram of the model
_TILE = 256  # n-grams whose contexts are looked up together

ZERO = -99.0  # log10; SRILM writes it for a probability of 0; no weight is above 10^99 either
ROUNDING = 1e-4  # log10; IRSTLM's rounding reaches a little above probability 1
_TAB, _NEWLINE, _RETURN, _SPACE = b"\t\n\r "


class Lines(NamedTuple):
    """The n-grams of some lines.

    ``status`` is OK, or why a line could not be read, which begins at byte ``failed_at``. Of the N
    n-grams before it: ``log_probs`` and ``backoffs`` float64 (N,), and the ``spans`` of their
    words, int64 (N, 2).
    """

    status: int
    failed_at: int
    log_probs: FloatArray
    backoffs: FloatArray
    spans: LongArray


class WordIndex(NamedTuple):
    """A hash table from the bytes of words to their numbers.

    ``slots`` int32, as many as a power of two, hold number + 1 of a word, 0 for none; collisions
    are resolved by linear probing.
    """

    slots: IntArray
    blob: Bytes
    offsets: LongArray


def read_lines(text: Bytes, order: int) -> Lines:
    """Return the n-grams of one order in the lines of a text.

    A missing backoff is 0. Values of -99 and less are -inf.
    """
    size = int(np.count_nonzero(text == _NEWLINE)) + 1
    log_probs, backoffs = np.empty(size), np.empty(size)
    spans = np.empty((size, 2), np.int64)
    status, size, at = _read_lines(text, order, log_probs, backoffs, spans)
    return Lines(status, at, log_probs[:size].copy(), backoffs[:size].copy(), spans[:size])


def index_words(blob: Bytes, offsets: LongArray) -> tuple[WordIndex, int]:
    """Return the index of words, and the first that repeats an earlier one, -1 if none does."""
    slots = np.zeros(1 << (2 * len(offsets) - 1).bit_length(), np.int32)
    return WordIndex(slots, blob, offsets), int(_index_words(blob, offsets, slots))


def find_word(word: Bytes, index: WordIndex) -> int:
    """Return the number of a word, -1 if the index does not hold it."""
    return int(_find_word(word, index))


def copy_words(text: Bytes, spans: LongArray) -> Bytes:
    """Return the words of the spans (N, 2), one after the other."""
    blob = np.empty(int((spans[:, 1] - spans[:, 0]).sum()), np.uint8)
    _copy_words(text, spans, blob)
    return blob


def find_nodes(
    text: Bytes,
    spans: LongArray,
    order: int,
    words: tuple[WordIndex, IntArray],
    trie: tuple[IntArray, IntArray],
    bos: int,
) -> tuple[int, int, IntArray, IntArray]:
    """Return status, byte, contexts and last words of the n-grams of one order, 2 or more.

    The contexts are nodes, int32 (N,), `DROPPED` for n-grams with ``<s>``, of the id `bos`, after
    another word; the last words are ids, int32 (N,). `words` is the index and the id of each word;
    `trie` is (first, words) of the orders below. Where the status is not OK, the byte is that of an
    unknown word, or of the n-gram without a context.
    """
    contexts, last = np.empty(len(spans), np.int32), np.empty(len(spans), np.int32)
    memory = (np.empty((order, _TILE), np.int32), *np.empty((2, _TILE), np.int64))
    status, at = _find_nodes(text, spans, order, words, trie, bos, memory, contexts, last)
    return int(status), int(at), contexts, last


def line_bytes(order: int, longest: int) -> int:
    """Return how many bytes a line takes at most, of words up to `longest` bytes."""
    return order * (longest + 1) + 2 * NUMBER_BYTES


def write_lines(
    nodes: IntArray,
    order: int,
    parents: tuple[int, IntArray],
    words: IntArray,
    names: tuple[Bytes, LongArray],
    values: tuple[NDArray[np.float32], NDArray[np.float32]],
    *,
    backed_off: bool,
    capacity: int,
) -> bytes:
    """Return the lines of the n-grams of some nodes of one order.

    `parents` is (first bigram, the contexts of all nodes from that on); `words` are the last words
    of all nodes; `names` is (blob, offsets) of the words; `values` is (log_probs, backoffs) in
    log10. Backoffs are written where the order is `backed_off`. `capacity` is how many bytes all
    lines take at most (see `line_bytes`).
    """
    text = np.empty(capacity, np.uint8)
    ids = np.empty(order, np.int32)
    size = _write_lines(nodes, parents, backed_off, words, names, values, ids, text)
    return text[:size].tobytes()


@compiled(inline="always")
def _is_blank(byte):
    # As in KenLM, and as the canonical text has it: a form feed is part of a word.
    return byte <= _SPACE and byte in (_SPACE, _TAB, _RETURN, 0)


@compiled(inline="always")
def _skip_blanks(text, i, end):
    while i < end and _is_blank(text[i]):
        i += 1
    return i


@compiled(inline="always")
def _skip_word(text, i, end):
    while i < end and text[i] != _NEWLINE and not _is_blank(text[i]):
        i += 1
    return i


@compiled
def _read_backoff(text, i, end):
    """Read what follows the words of a line, from index i on: nothing, or one number.

    Returns (status, backoff, index of the newline).
    """
    stop = _skip_word(text, i, end)
    if stop == i:
        return OK, 0.0, i
    value = _parse_number(text, i, stop)
    if not value <= -ZERO:
        return NO_BACKOFF, value, i
    i = _skip_blanks(text, stop, end)
    if i < end and text[i] != _NEWLINE:
        return TOO_MANY_WORDS, value, i
    return OK, value, i


@compiled
def _read_lines(text, order, log_probs, backoffs, spans):
    """Return (status, n-grams read, byte at which the line that could not be read begins)."""
    end = len(text)
    i, filled = 0, 0
    while i < end:
        line = i
        i = _skip_blanks(text, i, end)
        if i == end or text[i] == _NEWLINE:
            i += 1
            continue
        stop = _skip_word(text, i, end)
        value = _parse_number(text, i, stop)
        if not value <= ROUNDING:
            return (POSITIVE if value > 0 else NO_NUMBER), filled, line
        log_probs[filled] = min(value, 0.0) if value > ZERO else -np.inf
        i = _skip_blanks(text, stop, end)
        spans[filled, 0] = i
        for _ in range(order):
            stop = _skip_word(text, i, end)
            if stop == i:
                return TOO_FEW_WORDS, filled, line
            spans[filled, 1] = stop
            i = _skip_blanks(text, stop, end)
        status, value, i = _read_backoff(text, i, end)
        if status != OK:
            return status, filled, line
        backoffs[filled] = value if value > ZERO else -np.inf
        i += 1
        filled += 1
    return OK, filled, i


@compiled(inline="always")
def _hash(text, begin, end):
    h = np.uint64(0xCBF29CE484222325)  # FNV-1a
    for i in range(begin, end):
        h = (h ^ np.uint64(text[i])) * np.uint64(0x100000001B3)
    return h ^ (h >> np.uint64(32))


@compiled(inline="always")
def _find_slot(text, begin, end, slots, blob, offsets):
    """Return the slot of the word text[begin:end], or the free slot where it would be inserted."""
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
def _index_words(blob, offsets, slots):
    for word in range(len(offsets) - 1):
        slot = _find_slot(blob, offsets[word], offsets[word + 1], slots, blob, offsets)
        if slots[slot] > 0:
            return word
        slots[slot] = word + 1
    return -1


@compiled
def _find_word(word, index):
    slots, blob, offsets = index
    return slots[_find_slot(word, 0, len(word), slots, blob, offsets)] - 1


@compiled
def _copy_words(text, spans, blob):
    filled = 0
    for word in range(len(spans)):
        for i in range(spans[word, 0], spans[word, 1]):
            blob[filled] = text[i]
            filled += 1


@compiled
def _find_words(text, spans, words, ids):
    """Write the ids of the words of n-grams; return the index of an unknown one, or -1."""
    (slots, blob, offsets), id_of = words
    for ngram in range(len(spans)):
        i, end = spans[ngram]
        for k in range(len(ids)):
            i = _skip_blanks(text, i, end)
            stop = _skip_word(text, i, end)
            entry = slots[_find_slot(text, i, stop, slots, blob, offsets)]
            if entry == 0:
                return i
            ids[k, ngram] = id_of[entry - 1]
            i = stop
    return -1


@compiled
def _descend(nodes, words, trie, bos, begins, sizes):
    """Replace each node of a tile by its child by a word.

    In short passes, so that the memory accesses of many n-grams overlap. `begins` and `sizes` are
    working memory.
    """
    first, known = trie
    for i in range(len(nodes)):
        context = max(nodes[i], 0)
        begins[i] = first[context]
        sizes[i] = first[context + 1] - begins[i] if context > 0 else 0
    touched = np.int32(0)  # reading a child of each without a branch overlaps the accesses
    for i in range(len(nodes)):
        touched ^= known[min(begins[i] + (sizes[i] >> 1), len(known) - 1)]
    for i in range(len(nodes)):
        child = _search(known, begins[i], sizes[i], words[i])
        dropped = nodes[i] == DROPPED or words[i] == bos
        nodes[i] = DROPPED if dropped else (child if child >= 0 else _MISSING)
    return touched


@compiled
def _find_nodes(text, spans, order, words, trie, bos, memory, contexts, last):
    ids, begins, sizes = memory
    for begin in range(0, len(spans), _TILE):
        tile = spans[begin : begin + _TILE]
        nodes = contexts[begin : begin + _TILE]
        unknown = _find_words(text, tile, words, ids)
        if unknown >= 0:
            return UNKNOWN_WORD, unknown
        for i in range(len(tile)):
            nodes[i] = ids[0, i] + 1
            last[begin + i] = ids[order - 1, i]
        for k in range(1, order - 1):
            _descend(nodes, ids[k], trie, bos, begins, sizes)
        for i in range(len(tile)):
            if nodes[i] == _MISSING:
                return NO_CONTEXT, tile[i, 0]
            if ids[order - 1, i] == bos:
                nodes[i] = DROPPED
    return OK, np.int64(-1)


@compiled
def _write_lines(nodes, parents, backed_off, words, names, values, ids, text):
    bigrams, contexts = parents
    blob, offsets = names
    log_probs, backoffs = values
    order = len(ids)
    i = 0
    for line in range(len(nodes)):
        node = np.int64(nodes[line])
        ngram = node
        for k in range(order - 1, 0, -1):
            ids[k] = words[node]
            node = np.int64(contexts[node - bigrams])
        ids[0] = words[node]
        i = _write_number(log_probs[ngram], text, i)
        for k in range(order):
            text[i] = _TAB if k == 0 else _SPACE
            i += 1
            for j in range(offsets[ids[k]], offsets[ids[k] + 1]):
                text[i] = blob[j]
                i += 1
        if backed_off:
            text[i] = _TAB
            i = _write_number(backoffs[ngram], text, i + 1)
        text[i] = _NEWLINE
        i += 1
    return i
