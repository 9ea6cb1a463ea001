"""Measuring runs of a text, finding where documents begin, and sentences among ids."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lmkit.kernels.compiled import compiled
from lmkit.kernels.unspaced import _THREE_BYTES, _code_point
from lmkit.types import Bytes, LongArray

_BATCH = 1024  # ids whose sentence ends are counted together
_NEWLINE, _SPACE, _TAB, _RETURN = 10, 32, 9, 13

# Indices of the state of `begin_documents`, each 0 or 1: whether the line so far has more than
# white space, whether any line had, and whether a document is to begin at the next that has.
INK, STARTED, GAP = range(3)


def measure_runs(
    text: Bytes,
    separators: NDArray[np.bool_],
    unspaced: NDArray[np.bool_],
    open_run: LongArray,
    room: int,
) -> LongArray:
    """Return the bytes and characters of each run that ends in a text: int64 (R, 2).

    A run ends after each byte that ``separators`` (256,) marks, and, where ``unspaced`` (see
    `lmkit.kernels.unspaced`) is not empty, before and after each such character; separators belong
    to the run before them. ``open_run`` (3,) holds the bytes and characters of the run that was
    left open before this text, and whether its last character is unspaced; then those of the run
    that this text leaves open. At most `room` runs may end.
    """
    runs = np.empty((room, 2), np.int64)
    ended = _measure_runs(text, separators, unspaced, open_run, runs)
    return runs if ended == room else runs[:ended].copy()


def first_at(offsets: LongArray, starts: LongArray) -> LongArray:
    """Return, for each of the rising starts, the index of the first rising offset not before it.

    >>> first_at(np.array([0, 3, 5]), np.array([0, 4, 9]))
    array([0, 2, 3])
    """
    indices = np.empty(len(starts), np.int64)
    _first_at(offsets, starts, indices)
    return indices


def first_of_sentences(ids: NDArray[np.int32], eos: int, sentences: LongArray) -> LongArray:
    """Return the index of the first id of each of the rising numbers of sentences, from 0.

    Sentences end with the id `eos`; the index is the number of ids for one that is not there.

    >>> first_of_sentences(np.array([5, 1, 6, 7, 1], np.int32), 1, np.array([0, 1, 2]))
    array([0, 2, 5])
    """
    indices = np.empty(len(sentences), np.int64)
    _first_of_sentences(ids, eos, sentences, indices)
    return indices


def begin_documents(block: Bytes, state: LongArray, *, blank_lines: bool) -> LongArray:
    """Return the numbers of the lines of a block at which documents begin, from 0.

    With `blank_lines` those are the lines after blank ones, otherwise all that are not blank, but
    never the first that is not blank: it belongs to the document that is open. A line that began in
    the block before has the number 0, as long as it had only white space. ``state`` is int64 (3,).
    """
    numbers = np.empty(int(np.count_nonzero(block == _NEWLINE)) + 1, np.int64)
    return numbers[: _begin_documents(block, blank_lines, state, numbers)]


@compiled
def _measure_runs(text, separators, unspaced, open_run, runs):
    ended, begin = 0, 0
    characters = open_run[1]
    for i in range(len(text)):
        byte = text[i]
        if len(unspaced) > 0 and (byte & 0xC0) != 0x80:
            here = False
            if byte >= _THREE_BYTES:
                code, _ = _code_point(text, i)
                here = unspaced[code]
            if (here or open_run[2] != 0) and characters > 0 and not separators[byte]:
                runs[ended, 0] = open_run[0] + i - begin
                runs[ended, 1] = characters
                ended, begin, characters, open_run[0] = ended + 1, i, 0, 0
            open_run[2] = here
        characters += (byte & 0xC0) != 0x80
        if separators[byte]:
            runs[ended, 0] = open_run[0] + i + 1 - begin
            runs[ended, 1] = characters
            ended, begin, characters, open_run[0] = ended + 1, i + 1, 0, 0
    open_run[0] += len(text) - begin
    open_run[1] = characters
    return ended


@compiled
def _first_at(offsets, starts, indices):
    index = 0
    for number in range(len(starts)):
        while index < len(offsets) and offsets[index] < starts[number]:
            index += 1
        indices[number] = index


@compiled
def _first_of_sentences(ids, eos, sentences, indices):
    sentence, i = 0, 0
    for number in range(len(sentences)):
        # A batch cannot hold more ends than ids: they are counted without a look at each.
        while sentences[number] - sentence >= _BATCH and i + _BATCH <= len(ids):
            ends = 0
            for index in ids[i : i + _BATCH]:
                ends += index == eos
            sentence, i = sentence + ends, i + _BATCH
        while sentence < sentences[number] and i < len(ids):
            sentence += ids[i] == eos
            i += 1
        indices[number] = i


@compiled
def _blank_bytes(block, i):
    """Return how many bytes a white-space character takes at an offset, 0 where there is none."""
    byte = block[i]
    if byte == _SPACE or byte == 0 or _TAB <= byte <= _RETURN:
        return 1
    if byte == 0xC2 and i + 1 < len(block):  # U+0085, U+00A0
        return 2 if block[i + 1] == 0x85 or block[i + 1] == 0xA0 else 0
    if byte < 0xE1 or byte > 0xE3 or i + 2 >= len(block):
        return 0
    second, third = block[i + 1], block[i + 2]
    if byte == 0xE1:  # U+1680
        return 3 if second == 0x9A and third == 0x80 else 0
    if byte == 0xE3:  # U+3000
        return 3 if second == 0x80 and third == 0x80 else 0
    if second == 0x81:  # U+205F
        return 3 if third == 0x9F else 0
    space = third <= 0x8A or third == 0xA8 or third == 0xA9 or third == 0xAF
    return 3 if second == 0x80 and space else 0  # U+2000 to U+200A, U+2028, U+2029, U+202F


@compiled
def _begin_documents(block, blank_lines, state, numbers):
    ink, started, gap = state[INK] != 0, state[STARTED] != 0, state[GAP] != 0
    begun, line, i = 0, 0, 0
    while i < len(block):
        byte = block[i]
        blank = 0
        if byte == _NEWLINE:
            gap = gap or (started and not (ink and blank_lines))
            ink = False
            line += 1
        elif not ink:
            blank = _blank_bytes(block, i)
            if blank == 0:
                ink, started = True, True
                if gap:
                    numbers[begun] = line
                    begun += 1
                gap = False
        i += max(blank, 1)
    state[INK], state[STARTED], state[GAP] = ink, started, gap
    return begun
