"""The hash table of n-grams: probing, full regions, and keys that are never confused."""

from __future__ import annotations

import numpy as np
import pytest

from lmkit.kernels import hashing


def children(words: range, context: int, slots: hashing.Slots, layout: hashing.Layout) -> list[int]:
    found = np.empty(len(words), np.int32)
    ids = np.array(words, np.int32)
    kinds = (np.int32, np.int64, np.uint64, np.uint64)
    memory = tuple(np.empty(len(ids), kind) for kind in kinds)
    hashing._find_children(ids, np.full(len(ids), context, np.int32), slots, layout, memory, found)
    return [int(node) for node in found]


def fill(words: int, slots: hashing.Slots, layout: hashing.Layout) -> bool:
    """Put so many words below node 1 into the slots; their nodes are 2, 3, ..."""
    first, below = np.array([0, 2, words + 2]), np.arange(-2, words, dtype=np.int32)
    return hashing.fill(first, below, 2, slots, layout, slice(0, len(slots)))


def test_slots_are_probed_round_the_end_of_their_region() -> None:
    room = hashing.REGION * 8 // 10
    slots, layout = np.zeros(hashing.REGION, np.uint64), (12, 32, 20)
    assert fill(room, slots, layout)
    assert slots[0]
    assert slots[-1]
    assert children(range(room + 100), 1, slots, layout) == [*range(2, room + 2), *[-1] * 100]
    assert set(children(range(room), 2, slots, layout)) == {-1}
    assert set(children(range(room), -1, slots, layout)) == {-1}  # nothing is below no context


def test_a_full_region_is_reported() -> None:
    slots, layout = np.zeros(hashing.REGION, np.uint64), (13, 32, 20)
    assert not fill(hashing.REGION + 1, slots, layout)
    assert children(range(9000, 9001), 5, slots, layout) == [-1]  # the search ends


@pytest.mark.parametrize(
    ("contexts", "words", "ngrams"),
    [(10, 3, 5), (1 << 12, 1 << 19, 50), (1 << 21, 25_000, 10**6), (1 << 27, 10**6, 10**8)],
)
def test_a_slot_and_its_tag_are_the_whole_key(contexts: int, words: int, ngrams: int) -> None:
    rng = np.random.default_rng(9)
    found = hashing.layout_for(contexts, words, ngrams)
    assert found is not None
    size, layout = found
    first_slot = hashing._first_slot.function
    near = [(context, word) for context in range(1, 60) for word in range(min(60, words))]
    far = zip(rng.integers(1, contexts, 3000), rng.integers(0, words, 3000), strict=True)
    pairs = {*near, *((int(context), int(word)) for context, word in far)}
    with np.errstate(over="ignore"):
        keys = {first_slot(*pair, layout, size) for pair in pairs}
    assert len(keys) == len(pairs)
    assert all(at < size and tag < 1 << 32 for at, tag in keys)


def test_keys_too_long_for_a_tag_get_no_slots() -> None:
    assert hashing.layout_for(1 << 31, 1 << 31, 100) is None
