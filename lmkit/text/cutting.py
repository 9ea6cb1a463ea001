"""Cutting a text into contiguous parts at sentence ends, without a copy of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lmkit.errors import CorpusError
from lmkit.kernels import folding
from lmkit.text.source import Source

_RULES = {"line": folding.LINE, "paragraph": folding.PARAGRAPH, "none": folding.NONE}
_FEWEST = 10  # sentences, so that each tenth holds one


def cut_sources(
    name: str, sources: Sequence[Source], sentences: str, fractions: Sequence[float]
) -> list[tuple[Source, ...]]:
    """Return the sources of each part; part k holds fractions[k] of the sentences.

    A text under the rule ``none`` has no sentence ends and is cut by words. Raises CorpusError
    for a text of fewer than ten sentences, or too few for the smallest part to hold one.
    """
    rule = _RULES[sentences]
    total, _ = _count(sources, rule, [])
    targets = [int(total * share + 0.5) for share in np.cumsum(fractions)[:-1]]
    if total < _FEWEST or 0 in np.diff([0, *targets, total]):
        what = "words" if rule == folding.NONE else "sentences"
        remedy = (
            "" if rule == folding.NONE else ", or take the text as one stream: --sentences none"
        )
        raise CorpusError(
            f"{name}: {total} {what}, too few to cut into parts; name the parts with --train, "
            f"--valid and --test{remedy}"
        )
    _, places = _count(sources, rule, targets)
    parts = []
    starts = [(0, sources[0].start), *places]
    stops = [*places, (len(sources) - 1, None)]
    for (first, start), (last, stop) in zip(starts, stops, strict=True):
        part = list(sources[first : last + 1])
        part[-1] = part[-1].part(part[-1].start, part[-1].stop if stop is None else stop)
        part[0] = part[0].part(start, part[0].stop)
        parts.append(tuple(part))
    return parts


def _count(
    sources: Sequence[Source], rule: int, targets: Sequence[int]
) -> tuple[int, list[tuple[int, int]]]:
    """Return the number of sentences, and (source, byte position) behind each target sentence."""
    state = folding.new_state()
    unit = folding.WORDS if rule == folding.NONE else folding.SENTENCE_ENDS
    waiting: list[int] = list(targets)
    places: list[tuple[int, int]] = []

    def note(index: int, position: int) -> None:
        while waiting and state[unit] >= waiting[0]:
            places.append((index, position))
            waiting.pop(0)

    newline = np.array([10], np.uint8)
    for index, source in enumerate(sources):
        position, block = source.start, b""
        for block, starts in source.pieces():
            raw = np.frombuffer(block, np.uint8)
            done = 0
            while done < len(raw):
                limit = waiting[0] if waiting else -1
                rows = starts[starts >= done] - done  # each ends a paragraph, as a file's end does
                done += folding.fold(raw[done:], state, rule, limit, rows)[0]
                note(index, position + done)
            position += len(raw)
        # A file's end is a line's end, and a paragraph's.
        if block and not block.endswith(b"\n"):
            folding.fold(newline, state, rule)
        if rule == folding.PARAGRAPH:
            folding.fold(newline, state, rule)
        note(index, position)
    return int(state[unit]), places
