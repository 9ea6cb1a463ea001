"""Splitting a text into contiguous parts at sentence ends, without copying it.

The text is folded once to count its sentences, recording the folding state at the start of each
block. The block that holds the end of a wanted sentence is then folded again from there.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmkit.errors import CorpusError
from lmkit.kernels import folding
from lmkit.text.json_lines import Piece
from lmkit.text.source import Source

_RULES = {"line": folding.LINE, "paragraph": folding.PARAGRAPH, "none": folding.NONE}
_MIN_SENTENCES = 10  # so that a tenth of the text holds one
_BUFFER = 1 << 26  # bytes of text kept in memory, so that most files are read once
_NEWLINE = np.array([10], np.uint8)


@dataclass
class _Block:
    """A block of the source with index `source`, and the folding state at its beginning.

    `start` is its byte offset in the source, `sentences` the number of sentence ends before it.
    `piece` is its text, None where it is no longer in memory.
    """

    source: int
    start: int
    size: int
    sentences: int
    state: NDArray[np.int64]
    piece: Piece | None


def split_sources(
    name: str, sources: Sequence[Source], sentences: str, fractions: Sequence[float]
) -> list[tuple[Source, ...]]:
    """Return the sources of each part; part k holds fractions[k] of the sentences.

    A text under the rule ``none`` has no sentence ends and is split by words. Raises CorpusError
    for a text of fewer than ten sentences, or too few for the smallest part to hold one.
    """
    rule = _RULES[sentences]
    blocks, total = _read(sources, rule)
    targets = [int(total * share + 0.5) for share in np.cumsum(fractions)[:-1]]
    if total == 0:
        raise CorpusError(f"{name}: no tokens in it; give a text with at least one word")
    if total < _MIN_SENTENCES or 0 in np.diff([0, *targets, total]):
        what = "words" if rule == folding.NONE else "sentences"
        remedy = (
            "" if rule == folding.NONE else ", or take the text as one stream: --sentences none"
        )
        raise CorpusError(
            f"{name}: {total} {what}, too few to cut into parts; give a longer text, or a folder "
            f"with the files train, valid and test{remedy}"
        )
    ends = [_end_of(target, blocks, sources, rule) for target in targets]
    parts = []
    starts = [(0, sources[0].start), *ends]
    stops = [*ends, (len(sources) - 1, None)]
    for (first, start), (last, stop) in zip(starts, stops, strict=True):
        part = list(sources[first : last + 1])
        part[-1] = part[-1].part(part[-1].start, part[-1].stop if stop is None else stop)
        part[0] = part[0].part(start, part[0].stop)
        parts.append(tuple(part))
    return parts


def _counter(rule: int) -> int:
    """Return the index, in the folding state, of the count that texts of a rule are split by."""
    return folding.WORDS if rule == folding.NONE else folding.SENTENCE_ENDS


def _read(sources: Sequence[Source], rule: int) -> tuple[list[_Block], int]:
    """Return the blocks of the sources, and the total number of sentences.

    The last `_BUFFER` bytes of text are kept, as most boundaries are near the end.
    """
    state = folding.new_state()
    counter = _counter(rule)
    blocks: list[_Block] = []
    oldest, kept = 0, 0
    for index, source in enumerate(sources):
        start, piece = source.start, Piece(b"")
        for piece in source.pieces():
            size = len(piece.text)
            blocks.append(_Block(index, start, size, int(state[counter]), state.copy(), piece))
            folding.fold(np.frombuffer(piece.text, np.uint8), state, rule, breaks=piece.starts)
            start += size
            kept += size
            while kept > _BUFFER:
                blocks[oldest].piece = None
                kept -= blocks[oldest].size
                oldest += 1
        if piece.text and not piece.text.endswith(b"\n"):
            folding.fold(_NEWLINE, state, rule)  # the end of a file ends its last line
        if rule == folding.PARAGRAPH:
            folding.fold(_NEWLINE, state, rule)  # and its last paragraph
    return blocks, int(state[counter])


def _end_of(
    count: int, blocks: Sequence[_Block], sources: Sequence[Source], rule: int
) -> tuple[int, int]:
    """Return the source index and byte offset of the end of sentence number `count`, from 1."""
    block = blocks[bisect_left(blocks, count, key=lambda each: each.sentences) - 1]
    source = sources[block.source].part(block.start, block.start + block.size)
    piece = block.piece or next(source.pieces())
    state, read = block.state.copy(), 0
    raw = np.frombuffer(piece.text, np.uint8)
    while read < len(raw) and state[_counter(rule)] < count:
        breaks = piece.starts[piece.starts >= read] - read
        read += folding.fold(raw[read:], state, rule, count, breaks)[0]
    return block.source, block.start + read
