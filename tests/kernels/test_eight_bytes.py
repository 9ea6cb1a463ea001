"""Eight bytes at a time, against one byte at a time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmkit.kernels import eight_bytes
from lmkit.kernels.compiled import compiled
from lmkit.kernels.eight_bytes import _eight_bytes, _ones, _put_eight_bytes, _trailing_zeros

eights = st.binary(min_size=8, max_size=8)
texts = st.text("a é\n漢z", max_size=20).map(str.encode)


@compiled
def load(text, i):
    return _eight_bytes(text, i)


@compiled
def store(text, i, value):
    _put_eight_bytes(text, i, value)


@compiled
def bits(value):
    return _trailing_zeros(value), _ones(value)


def number(raw: bytes):
    return np.uint64(int.from_bytes(raw, "little"))


def as_bytes(raw: bytes):
    return np.frombuffer(raw, np.uint8).copy()


@given(st.binary(min_size=8, max_size=20), eights, st.data())
def test_loads_and_stores_at_any_alignment(raw, other, data):
    i = data.draw(st.integers(0, len(raw) - 8))
    text = as_bytes(raw)
    assert load(text, i) == number(raw[i : i + 8])
    store(text, i, number(other))
    assert text.tobytes() == raw[:i] + other + raw[i + 8 :]


@given(st.integers(0, 2**64 - 1))
def test_bits_are_counted(value):
    zeros = len(bin(value)) - len(bin(value).rstrip("0")) if value else 64
    assert bits(np.uint64(value)) == (zeros, bin(value).count("1"))


@given(texts, st.data())
def test_words_are_read_in_pieces(raw, data):
    i = data.draw(st.integers(0, len(raw)))
    expected = (raw[i : i + 8] + b"\n" * 8)[:8]
    piece = np.uint64(eight_bytes._word_piece(as_bytes(raw), i))
    assert int(piece).to_bytes(8, "little") == expected
    word = expected.replace(b"\n", b" ").split(b" ")[0]
    assert eight_bytes._piece_length(piece) == len(word)
    within = sum(byte & 0xC0 == 0x80 for byte in expected)
    assert eight_bytes._continuation_bytes(piece) == within


@given(eights)
def test_zero_bytes(raw):
    expected = bytes(0x80 if byte == 0 else 0 for byte in raw)
    assert eight_bytes._zero_bytes(number(raw)) == int(number(expected))


@pytest.mark.parametrize("gap", [0, 3])
@given(run=st.binary(min_size=8, max_size=40), before=st.integers(0, 9), data=st.data())
def test_runs_of_bytes_are_compared_whole(gap, run, before, data):
    one = as_bytes(bytes(before) + run + bytes(gap))
    other = as_bytes(bytes(gap) + run + bytes(before))
    assert eight_bytes._same_bytes(one, before, other, gap, len(run))
    other[gap + data.draw(st.integers(0, len(run) - 1))] ^= data.draw(st.integers(1, 255))
    assert not eight_bytes._same_bytes(one, before, other, gap, len(run))
