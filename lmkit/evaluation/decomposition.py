"""The difference of two models in bits, split exactly by properties of the words.

What models of all units share are the words of the canonical text and its sentence ends: the items.
An item's bits are those of all events that begin in it. The space before a word belongs to the
word, since predicting it means predicting that the sentence goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from lmkit.errors import NotComparableError
from lmkit.results.ledger import SurprisalLedger
from lmkit.text.corpus import Text
from lmkit.text.unspaced import splits_unspaced, unspaced_table
from lmkit.text.vocabulary import EOS, SPECIALS, UNK, UNK_ID, Vocabulary

FREQUENCIES = (0, 1, 2, 5, 10, 100, 1000)  # where bands of training frequency begin
POSITIONS = (1, 2, 3, 4, 6, 11, 21)  # where bands of positions in the sentence begin
SENTENCES, TOKENS = 10, 20  # how many are named for each side

_Differing = TypeVar("_Differing", "SentenceDifference", "TokenDifference")


class _Difference:
    """What has the bits of two models, ``bits_a`` and ``bits_b``."""

    bits_a: float
    bits_b: float

    @property
    def difference(self) -> float:
        """Bits of `a` minus bits of `b`: negative where `a` is better."""
        return self.bits_a - self.bits_b


@dataclass(frozen=True)
class Part(_Difference):
    """One part of a text, and what two models paid for it.

    ``label`` names the part; ``items`` is how many words and sentence ends it holds; ``bits_a``
    and ``bits_b`` are the bits that each model paid there.
    """

    label: str
    items: int
    bits_a: float
    bits_b: float


@dataclass(frozen=True)
class Split:
    """A text cut into parts by one property: the parts hold each word and sentence end once.

    ``by`` is ``frequency`` (how often training has the word: 0, 1, 2–4, 5–9, 10–99, 100–999,
    1000+, and the sentence ends), ``kind`` (sentence ends, and words by which of the two models
    knows them), ``position`` (in the sentence, from 1) or ``order`` (the n-gram order
    that matched in `a`). Parts without items are left out.
    """

    by: str
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class SentenceDifference(_Difference):
    """A sentence on which two models differ: ``number`` from 0, its ``text``, and its bits."""

    number: int
    text: str
    bits_a: float
    bits_b: float


@dataclass(frozen=True)
class TokenDifference(_Difference):
    """A word type on which two models differ, over its ``count`` occurrences in the text."""

    token: str
    count: int
    bits_a: float
    bits_b: float


@dataclass(frozen=True)
class Decomposition:
    """The difference of two models on one text, in bits, by several properties.

    ``a`` and ``b`` are ranks, from 0; ``bits_a`` and ``bits_b`` the totals, which the
    parts of every split sum to. ``sentences_a`` are those where `a` gains most over `b`, the
    largest gain first, ``sentences_b`` the reverse; ``tokens_a`` and ``tokens_b`` likewise.
    """

    a: int
    b: int
    bits_a: float
    bits_b: float
    splits: tuple[Split, ...]
    sentences_a: tuple[SentenceDifference, ...]
    sentences_b: tuple[SentenceDifference, ...]
    tokens_a: tuple[TokenDifference, ...]
    tokens_b: tuple[TokenDifference, ...]

    def to_dict(self, labels: Sequence[str]) -> dict[str, Any]:
        """Return the decomposition as the JSON output has it; `labels` name the models."""
        return {**asdict(self), "a": labels[self.a], "b": labels[self.b]}


# ---------------------------------------------------------------------- items


@dataclass(frozen=True, eq=False)
class Items:
    """The words and sentence ends of a canonical text.

    ``starts`` int64 (N,): where each begins, in characters, the space before a word included;
    ``is_end`` bool (N,): whether it is a sentence end. ``canonical`` is the text.
    """

    canonical: str
    starts: NDArray[np.int64]
    is_end: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.starts)

    def totals(self, ledger: SurprisalLedger, values: NDArray[np.generic]) -> NDArray[np.float64]:
        """Return the sum of one value for each event over each item, float64 (N,)."""
        owners = np.searchsorted(self.starts, ledger.offsets, side="right") - 1
        return np.bincount(owners, values, len(self)).astype(np.float64)

    @cached_property
    def tokens(self) -> list[str]:
        """The words, ``</s>`` for sentence ends."""
        stops = [*self.starts.tolist(), len(self.canonical)][1:]  # none for an empty text
        spans = zip(self.starts.tolist(), stops, self.is_end.tolist(), strict=True)
        return [
            EOS if is_end else self.canonical[start:stop].removeprefix(" ")
            for start, stop, is_end in spans
        ]

    @cached_property
    def sentence(self) -> NDArray[np.int64]:
        """The number of each item's sentence, from 0, int64 (N,)."""
        return np.cumsum(self.is_end, dtype=np.int64) - self.is_end

    @cached_property
    def position(self) -> NDArray[np.int64]:
        """The position of each item in its sentence, from 1, int64 (N,)."""
        indices = np.arange(len(self), dtype=np.int64)
        first = np.concatenate(([True], self.is_end[:-1]))
        return indices - np.maximum.accumulate(np.where(first, indices, 0)) + 1


def items_of(text: Text) -> Items:
    """Return the words and sentence ends of a text."""
    canonical = text.canonical()
    codes = np.frombuffer(canonical.encode("utf-32-le"), np.uint32)
    ends = np.flatnonzero(codes == 10)
    edges = [np.flatnonzero(codes == 32), ends, ends + 1]
    if splits_unspaced(text.normalize):
        # Each of these characters is a word by itself, without a space before or after it.
        alone = np.flatnonzero(unspaced_table()[codes])
        edges += [alone, alone + 1]
    starts = np.unique(np.concatenate(([0], *edges)))
    starts = starts[starts < len(codes)].astype(np.int64)
    return Items(canonical, starts, codes[starts] == 10)


def word_frequencies(
    items: Items, vocabulary: Vocabulary, dropped: Vocabulary
) -> NDArray[np.int64]:
    """Return the training count of each word, and -1 for a sentence end, int64 (N,).

    `vocabulary` and `dropped` are the types that training keeps and leaves out, with counts. A
    literal ``<unk>`` in the text has the count of those in the training text.
    """
    counts = {UNK: int(dropped.counts[UNK_ID])}
    for known in (dropped, vocabulary):
        first = len(SPECIALS)
        counts.update(zip(known.tokens[first:], known.counts[first:].tolist(), strict=True))
    found = np.array([counts.get(token, 0) for token in items.tokens], np.int64)
    found[items.is_end] = -1
    return found


# ---------------------------------------------------------------------- splitting


def decompose(
    ledgers: Sequence[SurprisalLedger],
    a: int,
    b: int,
    *,
    frequencies: NDArray[np.int64] | None = None,
    items: Items | None = None,
) -> Decomposition:
    """Return the difference in bits of two ledgers of one text, split by several properties.

    `a` and `b` are their indices in `ledgers`.

    `frequencies` is how often training has each word, as `word_frequencies` gives it. `items` are
    those of the text, if they are known already. Raises NotComparableError where a model gives an
    event probability 0: an infinite difference has no parts.
    """
    first, second = ledgers[a], ledgers[b]
    for ledger in (first, second):
        if ledger.impossible:
            raise NotComparableError(
                f"{ledger.model} gives {ledger.impossible:,} events probability 0, and an infinite "
                "difference has no parts; smooth the model"
            )
    items = items_of(first.text) if items is None else items
    bits_a = items.totals(first, first.spelled_nats) / np.log(2)
    bits_b = items.totals(second, second.spelled_nats) / np.log(2)
    splits = [_by_kind(items, first, second), _by_band("position", items.position, POSITIONS)]
    if frequencies is not None:
        by_frequency = _by_band("frequency", frequencies, FREQUENCIES)
        by_frequency[1][items.is_end] = len(FREQUENCIES)
        splits.insert(0, ("frequency", by_frequency[1], [*by_frequency[2], EOS]))
    if "order" in first.extra and len(first) == len(items):
        order = first.extra["order"].astype(np.int64)
        splits.append(("order", order, [str(n) for n in range(int(order.max(initial=0)) + 1)]))
    sentences = _sentences(items, bits_a, bits_b)
    tokens = _tokens(items, bits_a, bits_b)
    return Decomposition(
        a,
        b,
        float(bits_a.sum()),
        float(bits_b.sum()),
        tuple(_split(*split, bits_a, bits_b) for split in splits),
        _lowest(sentences, SENTENCES),
        _lowest(sentences, SENTENCES, reverse=True),
        _lowest(tokens, TOKENS),
        _lowest(tokens, TOKENS, reverse=True),
    )


def _by_band(
    by: str, values: NDArray[np.int64], begins: Sequence[int]
) -> tuple[str, NDArray[np.int64], list[str]]:
    """Return the band of each item, and the name of each band."""
    labels = [
        str(low) if high == low + 1 else f"{low}–{high - 1}" for low, high in pairwise(begins)
    ]
    bands = np.searchsorted(begins, values, side="right") - 1
    return by, bands.astype(np.int64), [*labels, f"{begins[-1]}+"]


def _by_kind(
    items: Items, a: SurprisalLedger, b: SurprisalLedger
) -> tuple[str, NDArray[np.int64], list[str]]:
    """Return which of the two models knows each word."""
    unknown_a = items.totals(a, a.oov) > 0
    unknown_b = items.totals(b, b.oov) > 0
    kinds = np.where(items.is_end, 4, unknown_a + 2 * unknown_b).astype(np.int64)
    labels = ["known", "unknown to a", "unknown to b", "unknown to both", "sentence end"]
    return "kind", kinds, labels


def _split(
    by: str,
    groups: NDArray[np.int64],
    labels: Sequence[str],
    bits_a: NDArray[np.float64],
    bits_b: NDArray[np.float64],
) -> Split:
    size = len(labels)
    sums = (np.bincount(groups, bits, size).tolist() for bits in (bits_a, bits_b))
    counts = np.bincount(groups, minlength=size).tolist()
    rows = zip(labels, counts, *sums, strict=True)
    return Split(by, tuple(Part(*row) for row in rows if row[1]))


def _sentences(
    items: Items, bits_a: NDArray[np.float64], bits_b: NDArray[np.float64]
) -> list[SentenceDifference]:
    """Return the sentences that differ most, both ways."""
    firsts = items.starts[items.position == 1].tolist()
    sums = [np.bincount(items.sentence, bits) for bits in (bits_a, bits_b)]
    stops = [*firsts[1:], len(items.canonical)]
    order = np.argsort(sums[0] - sums[1], kind="stable")
    chosen = dict.fromkeys([*order[:SENTENCES].tolist(), *order[-SENTENCES:].tolist()])
    return [
        SentenceDifference(
            number,
            items.canonical[firsts[number] : stops[number]].rstrip("\n"),
            float(sums[0][number]),
            float(sums[1][number]),
        )
        for number in chosen
    ]


def _tokens(
    items: Items, bits_a: NDArray[np.float64], bits_b: NDArray[np.float64]
) -> list[TokenDifference]:
    """Return every type with its bits."""
    numbers = {token: number for number, token in enumerate(dict.fromkeys(items.tokens))}
    types = np.array([numbers[token] for token in items.tokens], np.int64)
    sums = (np.bincount(types, bits).tolist() for bits in (bits_a, bits_b))
    return [
        TokenDifference(*row)
        for row in zip(numbers, np.bincount(types).tolist(), *sums, strict=True)
    ]


def _lowest(
    rows: Sequence[_Differing], count: int, *, reverse: bool = False
) -> tuple[_Differing, ...]:
    """Return those that favour `a` most, or with `reverse` those that favour `b`."""
    sign = -1 if reverse else 1
    favoured = [row for row in rows if sign * row.difference < 0]
    return tuple(sorted(favoured, key=lambda row: sign * row.difference)[:count])
