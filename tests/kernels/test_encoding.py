"""Words and symbols to ids, against a dictionary."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmkit.kernels import encoding
from lmkit.kernels.encoding import Events, Progress, WordTable

UNSPACED = "漢诗"
TABLE = np.zeros(0x110000, np.bool_)
TABLE[[ord(character) for character in UNSPACED]] = True
RESERVED = ["<unk>", "</s>", "<s>"]
words = st.text("abé漢诗", min_size=1, max_size=20)
lines = st.lists(st.lists(words, max_size=6).map(" ".join), max_size=4)


def new_table(known: list[str], capacity: int) -> tuple[WordTable, int]:
    raw = [word.encode() for word in (*RESERVED, *known)]
    ends = np.zeros(capacity + 1, np.int64)
    ends[1 : len(raw) + 1] = np.cumsum([len(word) for word in raw])
    blob, hashes = np.zeros(5000, np.uint8), np.empty(capacity, np.uint64)
    blob[: ends[len(raw)]] = np.frombuffer(b"".join(raw), np.uint8)
    encoding.hash_words(blob, ends, hashes[: len(raw)])
    return WordTable(encoding.build_slots(hashes, ends, len(raw)), hashes, blob, ends), len(raw)


def encoded(text: str, known: list[str], *, learn: bool, capacity: int = 200, unspaced=False):
    raw = np.frombuffer(text.encode(), np.uint8)
    table, entries = new_table(known, capacity)
    size = len(raw)
    events = Events(np.empty(size, np.int32), np.empty(size, np.int64), np.empty(size, np.int32),
                    np.empty(2 * size, np.uint8))  # fmt: skip
    at = Progress(encoding.TABLE_FULL, 0, entries, 0, 0, 0)
    marks = TABLE if unspaced else np.empty(0, np.bool_)
    return encoding.words_to_ids(raw, at, table, events, marks, learn=learn), events


@pytest.mark.parametrize("unspaced", [False, True])
@pytest.mark.parametrize("learn", [False, True])
@given(
    text=lines.map(lambda all_lines: "".join(f"{line}\n" for line in all_lines)), known=st.data()
)
def test_ids_places_and_unknown_words(unspaced, learn, text, known):
    word = rf"[{UNSPACED}]|[^\s{UNSPACED}]+" if unspaced else r"\S+"
    tokens = list(re.finditer(rf"{word}|\n", text))
    types = list(dict.fromkeys(match[0] for match in tokens if match[0] != "\n"))
    types = types[: known.draw(st.integers(0, len(types)))]
    at, events = encoded(text, types, learn=learn, unspaced=unspaced)
    ids, unknown = {name: index for index, name in enumerate(types, start=2)}, []
    expected = []
    for match in tokens:
        if match[0] == "\n":
            expected.append(1)
            continue
        if learn:
            ids.setdefault(match[0], len(ids) + 2)
        expected.append(ids.get(match[0], 0))
        unknown += [] if match[0] in ids else [match[0]]
    assert at.status == encoding.DONE
    assert at.byte == len(text.encode())
    assert at.character == len(text)
    assert events.ids[: at.events].tolist() == expected
    assert events.offsets[: at.events].tolist() == [match.start() for match in tokens]
    assert events.lengths[: at.events].tolist() == [len(match[0]) for match in tokens]
    written = events.unknown[: at.unknown].tobytes().decode()
    assert written == "".join(f"{each} " for each in unknown)
    assert at.entries == len(ids) + 3


def test_a_full_table_and_reserved_words():
    at, events = encoded("a b c d e\n", [], learn=True, capacity=5)
    assert (at.status, at.byte, at.entries, at.events) == (encoding.TABLE_FULL, 4, 5, 2)
    for word in ("</s>", "<s>"):
        at, _ = encoded(f"a {word} b", ["a"], learn=False)
        assert (at.status, at.byte) == (encoding.RESERVED_WORD, 2)
    at, events = encoded("a <unk>\n", ["a"], learn=True)
    assert events.ids[: at.events].tolist() == [2, 0, 1]


@given(st.lists(st.integers(0, 9), max_size=30), st.booleans())
def test_symbols(codes, learn):
    table, symbols = np.zeros(10, np.int32), np.zeros(12, np.uint32)
    table[4] = 2
    ids = np.empty(len(codes), np.int32)
    known = {4: 2}
    size = encoding.symbols_to_ids(np.array(codes, np.uint32), table, symbols, 3, ids, learn=learn)
    for code in codes:
        if learn:
            known.setdefault(code, len(known) + 2)
    assert ids.tolist() == [known.get(code, 0) for code in codes]
    assert size == len(known) + 2
    assert all(symbols[index] == code for code, index in known.items() if code != 4)


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_ids_are_counted_and_translated(dtype):
    ids = np.random.default_rng(0).integers(0, 7, 100).astype(np.int32)
    counts = np.ones(7, dtype)
    encoding.count_ids(ids, counts)
    assert counts.tolist() == (1 + np.bincount(ids, minlength=7)).tolist()
    translation = np.arange(7, 0, -1, dtype=np.int32)
    expected = translation[ids]
    encoding.translate_ids(ids, translation)
    assert ids.tolist() == expected.tolist()
