"""Spaces beside unspaced characters, against regular expressions."""

from __future__ import annotations

import re

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lmkit.kernels.unspaced import close_up

UNSPACED = "漢诗𠀀"
TABLE = np.zeros(0x110000, np.bool_)
TABLE[[ord(character) for character in UNSPACED]] = True
folded = st.lists(
    st.lists(st.text("aé€" + UNSPACED, min_size=1, max_size=12), max_size=5).map(" ".join),
    max_size=4,
).map(lambda lines: "".join(f"{line}\n" for line in lines))


def closed(text: str, after: bool = False):
    raw = np.frombuffer(text.encode(), np.uint8)
    out, state = np.empty(len(raw), np.uint8), np.array([after])
    written, words = close_up(raw, TABLE, out, state)
    return out[:written].tobytes().decode(), words, bool(state[0])


@given(folded)
def test_spaces_beside_unspaced_characters_go(text):
    found, further, _ = closed(text)
    assert found == re.sub(f"(?<=[{UNSPACED}]) | (?=[{UNSPACED}])", "", text)
    words = re.findall(rf"[{UNSPACED}]|[^\s{UNSPACED}]+", text)
    assert further == len(words) - len(text.split())


def test_a_character_before_the_text_counts():
    assert closed(" a 诗", after=True) == ("a诗", 0, True)
    assert closed(" a 诗", after=False) == (" a诗", 0, True)
    assert closed("a 诗 b", after=True)[0] == "a诗b"
    assert closed("诗 a诗 b") == ("诗a诗b", 1, False)
