"""Passages: which are hashed, how they are sampled, and which overlap is more than chance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmkit.kernels.passages import LONG, LONGEST, SHORTEST
from lmkit.text import passages as module
from lmkit.text.corpus import Text
from lmkit.text.meter import Meter
from lmkit.text.passages import Overlap, Passages, PassageSink, union
from tests.text.random_sentences import lines, text


def hashed(own: Text, *, repeats: bool = False) -> Passages:
    sink = PassageSink()
    for _ in own.chunks(Meter(passages=sink)):
        pass
    return sink.result(repeats=repeats)


def cut(canonical: bytes) -> list[bytes]:
    """Return the passages of a canonical text, found byte by byte as the docstring has it."""
    factor, found = 0x9E3779B97F4A7C15, []
    for sentence in canonical.split(b"\n"):
        begin = 0
        for place in range(len(sentence)):
            if place - begin < LONG:
                continue
            before = int.from_bytes(sentence[max(0, place - 8) : place], "little")
            begins_with_zeros = before * factor % 2**64 < 2**57
            if begins_with_zeros or place - begin >= LONGEST:
                found.append(sentence[begin:place])
                begin = place
        found.append(sentence[begin:])
    return [passage for passage in found if len(passage) >= SHORTEST]


@given(st.data())
def test_passages_are_long_sentences_and_pieces_of_longer_ones(data: st.DataObject) -> None:
    sizes = data.draw(st.lists(st.sampled_from([0, 31, 32, 40, 190, 200, 900, 4500]), max_size=6))
    rng = np.random.default_rng(data.draw(st.integers(0, 9)))
    letters = data.draw(st.sampled_from([b"a", b"ab cdefgh"]))
    sentences = [bytes(rng.choice(list(letters), size).tolist()) for size in sizes]
    canonical = b"\n".join(sentences)
    whole, pieces = PassageSink(), PassageSink()
    whole.add(np.frombuffer(canonical, np.uint8))
    step = data.draw(st.integers(1, 700))
    for start in range(0, len(canonical), step):  # as it streams past
        pieces.add(np.frombuffer(canonical[start : start + step], np.uint8))
    found = whole.result().hashes
    assert len(found) == len(set(cut(canonical)))
    np.testing.assert_array_equal(pieces.result().hashes, found)


def test_the_same_sentences_have_the_same_hashes_wherever_they_stand() -> None:
    one, other = lines(1, 30), lines(2, 30)
    a, b, both = hashed(text(one)), hashed(text(other)), hashed(text(other + one))
    assert a.overlap(b)[:2] == (0, 30)
    assert both.overlap(a)[:2] == both.overlap(b)[:2] == (30, 30)
    assert a.overlap(hashed(text(one[:10] * 3 + other[:20])))[:2] == (10, 30)  # each counts once
    assert hashed(text(["yes .", "", "no , sir !"] * 99)).hashes.size == 0


def test_a_stream_is_found_within_another_at_any_offset() -> None:
    before, one, behind = lines(1, 77), lines(2, 300), lines(3, 50)
    whole, part = hashed(text(before + one + behind, "none")), hashed(text(one, "none"))
    overlap = whole.overlap(part)
    assert overlap.passages > 40
    assert overlap.passages - overlap.seen <= 6  # until the cuts of both fall together
    assert hashed(text(before, "none")).overlap(part).seen == 0


def test_large_texts_keep_a_sample_without_bias(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 500)
    sentences = lines(4, 6000)
    train = hashed(text(sentences[:5000]))
    assert 250 <= len(train.hashes) <= 500
    assert train.level == 4  # 5,000 / 2^4 = 312 are expected
    assert (train.hashes < 2**60).all()
    for seen in (0, 500, 1000):  # of 1,000
        test = hashed(text(sentences[5000 - seen : 6000 - seen]))
        overlap = train.overlap(test)
        assert 40 < overlap.passages < 90  # 1,000 / 2^4 = 62
        share = seen / 1000
        error = 3 * np.sqrt(share * (1 - share) / overlap.passages)
        assert abs(overlap.share - share) <= error


def test_a_union_holds_the_passages_of_all() -> None:
    one, other = hashed(text(lines(1, 40)), repeats=True), hashed(text(lines(2, 40)))
    both = union([one, other])
    assert both is not None
    assert [both.overlap(part).share for part in (one, other)] == [1.0, 1.0]
    part = union([one, None])
    assert part is not None
    assert (part.partial, both.partial, union([None])) == (True, False, None)
    at_level = union([one, Passages(other.at(1), 1)])
    assert at_level is not None
    assert at_level.level == 1
    assert at_level.hashes.size == one.at(1).size + other.at(1).size


def test_refrains_and_boilerplate_are_no_leak() -> None:
    poems = lines(5, 900)
    poems[::3] = [poems[0]] * 300  # a refrain
    licence = lines(6, 30)
    pages = [page for number in range(20) for page in (*licence, *lines(100 + number, 70))]
    for corpus in (poems, pages):
        cut_at = len(corpus) * 9 // 10
        train, test = hashed(text(corpus[:cut_at]), repeats=True), hashed(text(corpus[cut_at:]))
        overlap = train.overlap(test)
        assert overlap.seen > 0
        assert overlap.chance > 0
        assert not overlap.copied
        leaked = hashed(text(corpus), repeats=True).overlap(test)
        assert (leaked.share, leaked.copied) == (1.0, True)


@pytest.mark.parametrize(
    ("seen", "passages", "chance", "copied"),
    [
        (0, 0, 0.0, False),
        (1, 1, 0.0, False),  # a proverb: KL(1, .01) = ln 100 < ln 1000
        (2, 2, 0.0, True),  # 2 ln 100 = 9.2 > 6.9
        (10, 1000, 0.0, False),
        (100, 1000, 0.04, False),  # b = 0.09; n KL = 0.6
        (100, 1000, 0.01, True),  # b = 0.03; n KL = 53
        (90, 100, 1.0, True),  # more than half is never put down to chance
        (50, 100, 1.0, False),
    ],
)
def test_what_counts_as_copied(seen: int, passages: int, chance: float, copied: bool) -> None:
    assert Overlap(seen, passages, chance).copied is copied
