"""Compiled loops over the bytes of ARPA files: lines to numbers and nodes, and back to lines.

They see arrays only, never a Python object for an n-gram, and run without the interpreter lock.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from lmkit.models.ngram.kernels import find_child

# Why reading stopped at a line; `READ` is none of the reasons.
READ, NO_NUMBER, POSITIVE, TOO_FEW_WORDS, NO_BACKOFF, TOO_MANY_WORDS, UNKNOWN_WORD, NO_CONTEXT = (
    range(8)
)
DROPPED = -1  # in place of a context: an n-gram with <s> behind another word

ZERO = -99.0  # log10; SRILM writes it for a probability of 0; no weight is above 10^99 either
ROUNDING = 1e-4  # log10; IRSTLM's rounding reaches a little above probability 1
_TAB, _NEWLINE, _SPACE, _MINUS, _PLUS, _POINT, _NULL, _E = 9, 10, 32, 45, 43, 46, 48, 101
_LOWEST_EXPONENT = -6
_ENOUGH = 10**17  # digits beyond these change nothing
NUMBER_BYTES = 48  # what a written number needs at most, and its separator


@njit(cache=True, nogil=True, inline="always")
def _is_blank(byte):  # type: ignore[no-untyped-def]
    # Space, NUL, and the controls from tab to return, but for the newline: what a text folds.
    return byte <= _SPACE and (byte == _SPACE or byte == 0 or (9 <= byte <= 13 and byte != 10))


@njit(cache=True, nogil=True, inline="always")
def _skip_blanks(text, place, end):  # type: ignore[no-untyped-def]
    while place < end and _is_blank(text[place]):
        place += 1
    return place


@njit(cache=True, nogil=True, inline="always")
def _skip_word(text, place, end):  # type: ignore[no-untyped-def]
    while place < end and text[place] != _NEWLINE and not _is_blank(text[place]):
        place += 1
    return place


@njit(cache=True, nogil=True)
def _infinity(text, begin, end):  # type: ignore[no-untyped-def]
    """Return the value of ``inf`` or ``infinity`` in any case, with its sign; nan for all else."""
    sign, place = _sign(text, begin, end)
    name = np.array([105, 110, 102, 105, 110, 105, 116, 121], np.uint8)  # infinity
    if end - place != 3 and end - place != 8:
        return np.nan
    for k in range(end - place):
        if (text[place + k] | 32) != name[k]:
            return np.nan
    return sign * np.inf


@njit(cache=True, nogil=True)
def _sign(text, place, end):  # type: ignore[no-untyped-def]
    """Return 1 or -1 and the place behind the sign, if there is one."""
    if place < end and (text[place] == _MINUS or text[place] == _PLUS):
        return (-1 if text[place] == _MINUS else 1), place + 1
    return 1, place


@njit(cache=True, nogil=True)
def _exponent(text, place, end):  # type: ignore[no-untyped-def]
    """Return the exponent text[place:end], such as e-05, and the place behind it."""
    if place == end or (text[place] | 32) != _E:
        return 0, place
    sign, digit = _sign(text, place + 1, end)
    power = 0
    while digit < end and 48 <= text[digit] <= 57:
        power = min(power * 10 + (text[digit] - 48), 300)
        digit += 1
        place = digit
    return sign * power, place


@njit(cache=True, nogil=True)
def _number(text, begin, end):  # type: ignore[no-untyped-def]
    """Return the decimal number that is text[begin:end]; nan for what is none.

    Exact to the last bit where it has at most 15 digits, as all that programs write.
    """
    sign, place = _sign(text, begin, end)
    digits, seen, power, behind_point = np.int64(0), 0, 0, 0
    while place < end:
        if 48 <= text[place] <= 57:
            seen += 1
            if digits < _ENOUGH:
                digits = digits * 10 + (text[place] - 48)
                power -= behind_point
            else:
                power += 1 - behind_point
        elif text[place] == _POINT and not behind_point:
            behind_point = 1
        else:
            break
        place += 1
    if seen == 0:
        return _infinity(text, begin, end)
    exponent, place = _exponent(text, place, end)
    if place < end:
        return np.nan
    power += exponent
    value = sign * np.float64(digits)
    return value / 10.0 ** min(-power, 300) if power < 0 else value * 10.0 ** min(power, 300)


@njit(cache=True, nogil=True)
def _behind_words(text, place, end):  # type: ignore[no-untyped-def]
    """Read what follows the words of a line: nothing, or one number.

    Returns (reason, backoff, place of the newline).
    """
    stop = _skip_word(text, place, end)
    if stop == place:
        return READ, 0.0, place
    value = _number(text, place, stop)
    if not value <= -ZERO:
        return NO_BACKOFF, value, place
    place = _skip_blanks(text, stop, end)
    if place < end and text[place] != _NEWLINE:
        return TOO_MANY_WORDS, value, place
    return READ, value, place


@njit(cache=True, nogil=True)
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
        value = _number(text, place, stop)
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


@njit(cache=True, nogil=True, inline="always")
def _hash(text, begin, end):  # type: ignore[no-untyped-def]
    h = np.uint64(0xCBF29CE484222325)  # FNV-1a
    for place in range(begin, end):
        h = (h ^ np.uint64(text[place])) * np.uint64(0x100000001B3)
    return h ^ (h >> np.uint64(32))


@njit(cache=True, nogil=True, inline="always")
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


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
def find_word(word, slots, blob, offsets):  # type: ignore[no-untyped-def]
    """Return which word of the table these bytes are, -1 if none."""
    return slots[_find(word, 0, len(word), slots, blob, offsets)] - 1


@njit(cache=True, nogil=True)
def copy_words(text, places, blob):  # type: ignore[no-untyped-def]
    """Copy the words text[begin:end] of `places` (N, 2) side by side; return their length."""
    filled = 0
    for i in range(len(places)):
        for place in range(places[i, 0], places[i, 1]):
            blob[filled] = text[place]
            filled += 1
    return filled


@njit(cache=True, nogil=True)
def find_nodes(text, places, order, names, trie, bos, contexts, words):  # type: ignore[no-untyped-def]
    """Find the context, a node, and the last word, an id, of each n-gram of a text's lines.

    `names` is (slots, blob, offsets, ids) of all words; `trie` is (first, words). Returns
    (reason, n-gram that could not be found, byte of the word at fault).
    """
    slots, blob, offsets, ids = names
    first, known = trie
    for i in range(len(places)):
        place, end = places[i]
        node = np.int64(0)
        word = np.int32(0)
        for k in range(order):
            place = _skip_blanks(text, place, end)
            stop = _skip_word(text, place, end)
            entry = slots[_find(text, place, stop, slots, blob, offsets)]
            if entry == 0:
                return UNKNOWN_WORD, i, place
            word = ids[entry - 1]
            if k > 0 and word == bos:
                node = np.int64(DROPPED)
            if k < order - 1 and node >= 0:
                node = find_child(first, known, node, word)
                if node < 0:
                    return NO_CONTEXT, i, place
            place = stop
        contexts[i] = node
        words[i] = word
    return READ, len(places), 0


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
def _put_exponent(exponent, text, place):  # type: ignore[no-untyped-def]
    """Write a negative exponent of one or two digits; return where it ends."""
    text[place], text[place + 1] = _E, _MINUS
    place += 2
    if exponent <= -10:
        text[place] = _NULL + -exponent // 10
        place += 1
    text[place] = _NULL + -exponent % 10
    return place + 1


@njit(cache=True, nogil=True)
def _put_digits(digits, power, text, place):  # type: ignore[no-untyped-def]
    """Write digits * 10^power, below 10^-6 with an exponent as lmplz does; return where it ends."""
    while digits % 10 == 0:
        digits //= 10
        power += 1
    size, rest = 0, digits
    while rest > 0:
        rest //= 10
        size += 1
    point = size + power  # digits before the decimal point
    exponent = point - 1
    if exponent < _LOWEST_EXPONENT:
        point = 1
    elif point <= 0:
        text[place], text[place + 1] = _NULL, _POINT
        place += 2
        for _ in range(-point):
            text[place] = _NULL
            place += 1
    end = place + size + (0 < point < size)
    for k in range(end - 1, place - 1, -1):
        if 0 < point < size and k == place + point:
            text[k] = _POINT
        else:
            text[k] = _NULL + digits % 10
            digits //= 10
    if exponent < _LOWEST_EXPONENT:
        return _put_exponent(exponent, text, end)
    for _ in range(max(power, 0)):
        text[end] = _NULL
        end += 1
    return end


@njit(cache=True, nogil=True)
def _rounded(exact, tens, size):  # type: ignore[no-untyped-def]
    """Return a number of magnitude 10^tens to so many digits: these, their power, and its value."""
    power = tens + 1 - size
    if power > 0:
        digits = np.rint(exact / 10.0**power)
        return np.int64(digits), power, digits * 10.0**power
    digits = np.rint(exact * 10.0**-power)
    return np.int64(digits), power, digits / 10.0**-power


@njit(cache=True, nogil=True)
def put_number(value, text, place):  # type: ignore[no-untyped-def]
    """Write the shortest decimal number that is this float32 and no other; return where it ends.

    -inf is written as -99. Fewer than 48 bytes are written.
    """
    single = np.float32(value)
    if single == 0:
        text[place] = _NULL
        return place + 1
    if single < 0:
        text[place] = _MINUS
        place += 1
    exact = abs(np.float64(single))
    if np.isinf(exact):
        text[place] = text[place + 1] = _NULL + 9
        return place + 2
    tens = np.int64(np.floor(np.log10(exact)))
    size = 7  # digits that nearly always do, or nearly so
    digits, power, back = _rounded(exact, tens, size)
    while np.float32(back) != np.float32(exact) and size < 9:
        size += 1
        digits, power, back = _rounded(exact, tens, size)
    while size > 1:
        size -= 1
        fewer, its_power, back = _rounded(exact, tens, size)
        if np.float32(back) != np.float32(exact):
            break
        digits, power = fewer, its_power
    return _put_digits(digits, power, text, place)


@njit(cache=True, nogil=True)
def write_lines(nodes, order, bigrams, backed_off, parents, words, names, values, text):  # type: ignore[no-untyped-def]
    """Write the lines of some n-grams of one order into `text`; return their length in bytes.

    `parents` are the contexts of all nodes from the first of the `bigrams` on; `names` is
    (blob, offsets), `values` (log_probs, backoffs) in log10. Backoffs are written where the order
    is `backed_off`.
    """
    blob, offsets = names
    log_probs, backoffs = values
    ids = np.empty(order, np.int32)
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
