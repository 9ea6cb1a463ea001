"""Passages and their hashes, against a plain reading of their definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmkit.kernels.passages import LONG, LONGEST, SHORTEST, hash_passages

FACTOR, MASK = 0x9E3779B97F4A7C15, 2**64 - 1


def stirred(h: int) -> int:
    h = h * FACTOR & MASK
    return h ^ h >> 32


def plain(raw: bytes) -> tuple[list[bytes], int]:
    """Return the passages that end in a text, and where the open one begins."""
    found, begin, i = [], 0, 0
    while i < len(raw):
        before = int.from_bytes(raw[max(0, i - 8) : i], "little")
        cut = i - begin >= LONG and before * FACTOR & MASK < 1 << 57
        if raw[i] == 10 or cut or i - begin == LONGEST:
            found.append(raw[begin:i])
            begin = i + (raw[i] == 10)
        i += 1
    return found, begin


def plain_hash(passage: bytes) -> int:
    h = 0
    for k in range(0, len(passage), 8):
        h = stirred(h ^ int.from_bytes(passage[k : k + 8], "little"))
    return stirred(stirred(h ^ len(passage)))


def hashed(raw: bytes, level: int = 0) -> tuple[list[int], int]:
    hashes = np.empty(len(raw) // SHORTEST + 1, np.uint64)
    written, begin = hash_passages(np.frombuffer(raw, np.uint8), level, hashes)
    return hashes[:written].tolist(), begin


@given(st.lists(st.integers(0, 700), max_size=6), st.integers(0, 99), st.booleans())
def test_passages_are_hashed(lengths, seed, ended):
    rng = np.random.default_rng(seed)
    lines = [rng.integers(97, 123, length).astype(np.uint8).tobytes() for length in lengths]
    raw = b"\n".join(lines) + b"\n" * ended
    passages, begin = plain(raw)
    expected = [plain_hash(passage) for passage in passages if len(passage) >= SHORTEST]
    assert hashed(raw) == (expected, begin)
    assert hashed(raw, 2)[0] == [h for h in expected if h < 1 << 62]


@pytest.mark.parametrize("size", [LONGEST, LONGEST + 1, 3 * LONGEST + 5])
def test_a_passage_without_a_cut_ends(size):
    raw = b"a" * size
    passages, begin = plain(raw)
    assert hashed(raw) == ([plain_hash(passage) for passage in passages], begin)
