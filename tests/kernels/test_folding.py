"""Folded texts, against regular expressions, in blocks of any size."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmkit.kernels import folding
from lmkit.kernels.folding import CHARACTERS, LINE, NONE, PARAGRAPH, SENTENCE_ENDS, WORDS

texts = st.text("ab漢é \t\r\n", max_size=60)


def plain(text: str, rule: int) -> str:
    """Return the canonical text; a last sentence without its end has no newline."""
    if rule == NONE:
        return " ".join(text.split())
    if rule == LINE:
        sentences = text.split("\n")
    else:
        sentences = re.split(r"(?<=\S)[ \t\r]*\n(?:[ \t\r]*\n)+\s*", text)
    folded = [" ".join(sentence.split()) for sentence in sentences]
    return "\n".join(folded)


def folded(raw: bytes, rule: int, cuts: list[int]):
    state, parts = folding.new_state(), []
    for begin, end in zip([0, *cuts], [*cuts, len(raw)], strict=True):
        read, text, _ = folding.fold(np.frombuffer(raw[begin:end], np.uint8), state, rule)
        assert read == end - begin
        parts.append(text.tobytes())
    return b"".join(parts).decode(), state


@pytest.mark.parametrize("rule", [LINE, PARAGRAPH, NONE])
@given(text=texts, data=st.data())
def test_white_space_is_folded(rule, text, data):
    raw = text.encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=4)))
    found, state = folded(raw, rule, cuts)
    expected = plain(text if rule != PARAGRAPH else text.lstrip(), rule)
    assert found.rstrip("\n") == expected.rstrip("\n")
    if rule == LINE:
        assert found == expected
    assert state[WORDS] == len(found.split())
    assert state[SENTENCE_ENDS] == found.count("\n")
    assert state[CHARACTERS] == len(found.replace("\n", ""))


@given(st.lists(st.text("ab漢é", min_size=1, max_size=12), max_size=30).map(" ".join))
def test_tidy_lines_are_copied(line):
    raw = f"{line}\n".encode() * 3
    found, state = folded(raw, LINE, [])
    assert found.encode() == raw
    assert state[WORDS] == 3 * len(line.split())
    assert state[CHARACTERS] == 3 * len(line)


@given(texts, st.integers(1, 5))
def test_a_limit_ends_after_a_sentence_or_word(text, limit):
    raw = np.frombuffer(text.encode(), np.uint8)
    for rule, index in ((LINE, SENTENCE_ENDS), (NONE, WORDS)):
        state = folding.new_state()
        whole, _ = folded(text.encode(), rule, [])
        read, out, _ = folding.fold(raw, state, rule, limit)
        part = out.tobytes().decode()
        if state[index] < limit:
            assert (read, part) == (len(raw), whole)
        else:
            assert state[index] == limit
            pieces = re.findall(r"[^\n]*\n" if rule == LINE else r"\S+ ?", whole)
            assert part.rstrip(" ") == "".join(pieces[:limit]).rstrip(" ")
            assert folded(text.encode()[:read], rule, [])[0] == part


@given(st.lists(st.text("ab漢 \t", max_size=8), min_size=1, max_size=8), st.data())
def test_breaks_end_paragraphs(lines, data):
    starts = np.cumsum([0, *(len(f"{line}\n".encode()) for line in lines)])[:-1]
    broken = sorted(data.draw(st.sets(st.integers(0, len(lines) - 1))))
    raw = "".join(f"{line}\n" for line in lines).encode()
    state = folding.new_state()
    _, out, before = folding.fold(
        np.frombuffer(raw, np.uint8), state, PARAGRAPH, breaks=starts[broken].astype(np.int64)
    )
    parts = [0, *broken, len(lines)]
    text = ""
    for number, (begin, end) in enumerate(pairwise(parts)):
        own = plain("".join(f"{line}\n" for line in lines[begin:end]).strip(), PARAGRAPH)
        if number < len(broken):
            text += f"{own}\n" if own else ""
            assert before[number].tolist() == [len(text.encode()), len(text), text.count("\n")]
        else:
            text += own
    assert out.tobytes().decode().rstrip("\n") == text.rstrip("\n")
