"""Runs, documents and sentences, against string methods."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmkit.kernels import runs

UNSPACED = "漢诗"
TABLE = np.zeros(0x110000, np.bool_)
TABLE[[ord(character) for character in UNSPACED]] = True
texts = st.text("aé\n 漢诗", max_size=40)


@pytest.mark.parametrize("unspaced", [False, True])
@given(text=texts, data=st.data())
def test_runs_end_at_separators(unspaced, text, data):
    separators = np.zeros(256, np.bool_)
    separators[[10, 32]] = True
    table = TABLE if unspaced else np.empty(0, np.bool_)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=3)))
    open_run, found = np.zeros(3, np.int64), []
    for begin, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
        raw = np.frombuffer(text[begin:end].encode(), np.uint8)
        found += runs.measure_runs(raw, separators, table, open_run, len(raw)).tolist()
    if open_run[0]:
        found.append(open_run[:2].tolist())
    pattern = f"[{UNSPACED}][ \n]?|[^ \n{UNSPACED}]*[ \n]|[^ \n{UNSPACED}]+"
    pieces = re.findall(pattern if unspaced else "[^ \n]*[ \n]|[^ \n]+", text)
    assert found == [[len(piece.encode()), len(piece)] for piece in pieces]


@given(st.lists(st.integers(0, 20)).map(sorted), st.lists(st.integers(0, 25)).map(sorted))
def test_first_offsets(offsets, starts):
    found = runs.first_at(np.array(offsets, np.int64), np.array(starts, np.int64))
    assert found.tolist() == np.searchsorted(offsets, starts).tolist()


@pytest.mark.parametrize("size", [0, 5, 40_000])
@pytest.mark.parametrize("ends", [1.0, 0.5, 0.01])
@pytest.mark.parametrize("step", [1, 3, 700, 5000, 10**6])
def test_first_ids_of_sentences(size, ends, step):
    ids = np.where(np.random.default_rng(5).random(size) < ends, 1, 7).astype(np.int32)
    starts = np.append(0, np.flatnonzero(ids == 1) + 1)
    wanted = np.arange(0, len(starts) + 10, step)
    expected = np.append(starts, np.full(10, len(ids)))[wanted]
    assert runs.first_of_sentences(ids, 1, wanted).tolist() == expected.tolist()


@pytest.mark.parametrize("blank_lines", [False, True])
@given(lines=st.lists(st.sampled_from(["a", " b", "", " \t"]), max_size=12), cut=st.integers(0, 40))
def test_documents_begin(blank_lines, lines, cut):
    raw = "".join(f"{line}\n" for line in lines).encode()
    state, found, before = np.zeros(3, np.int64), [], 0
    for part in (raw[:cut], raw[cut:]):
        numbers = runs.begin_documents(
            np.frombuffer(part, np.uint8), state, blank_lines=blank_lines
        )
        found += (numbers + before).tolist()
        before += part.count(b"\n")
    inked = [number for number, line in enumerate(lines) if line.strip()]
    after_gap = [n for n in inked[1:] if not blank_lines or not lines[n - 1].strip()]
    assert found == after_gap
