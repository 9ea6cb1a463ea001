"""Splitting a text: the parts make the whole, at the same offsets under every normaliser."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmkit.errors import CorpusError, ParameterError
from lmkit.text.corpus import Corpus, Text
from lmkit.text.source import Source

SENTENCES = st.lists(
    st.lists(st.sampled_from(["a", "b.", "--", "汉字", "\v", "x" * 30]), max_size=4).map(" ".join),
    min_size=10,
    max_size=60,
)


@pytest.mark.parametrize("sentences", ["line", "paragraph", "none"])
@pytest.mark.parametrize("ending", ["", "\n", "\r\n", "\n\n\n"])
@settings(max_examples=25)
@given(lines=SENTENCES, size=st.integers(8, 60), files=st.integers(1, 3))
def test_the_parts_are_the_whole(
    sentences: str, ending: str, lines: list[str], size: int, files: int
) -> None:
    pieces = [lines[index::files] for index in range(files)]
    sources = tuple(Source("t", content=("\n".join(p) + ending).encode()) for p in pieces if p)
    text = Text("t", sources, "none", sentences)
    whole, summary = text.canonical(), text.summary
    units = summary.words if sentences == "none" else summary.sentence_ends
    fractions = (0.8, 0.1, 0.1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Source.blocks, "__defaults__", (size,))
        if units < 10:
            with pytest.raises(CorpusError, match="too few to cut" if units else "no tokens"):
                text.cut(fractions)
            return
        parts = text.cut(fractions)
        texts = [part.canonical() for part in parts]
    gap = " " if sentences == "none" else ""
    assert gap.join(texts) == whole
    held = [
        part.summary.words if sentences == "none" else part.summary.sentence_ends for part in parts
    ]
    assert sum(held) == units
    for share, count in zip(fractions, held, strict=True):
        assert abs(count - share * units) <= 1


@pytest.mark.parametrize("normalize", ["none", "words", "letters", "nfkc+lower"])
def test_the_cut_is_one_place_under_every_normaliser(normalize: str) -> None:
    raw = "".join(f"Line {index}, of Text!\n\n" for index in range(50))
    cut = Corpus.from_string(raw, normalize=normalize).split()
    plain = Corpus.from_string(raw, normalize="none").split()
    for part, text in cut.parts.items():
        same = plain.parts[part].under(normalize=normalize, sentences="line")
        assert text.canonical() == same.canonical()
        assert text.name == f"string/{part}"
    assert [text.summary.sentence_ends for text in cut.parts.values()] == [80, 10, 10]


def test_a_part_can_be_cut_again() -> None:
    raw = "".join(f"{index}\n" for index in range(100))
    train = Corpus.from_string(raw).split().train
    first, second = train.cut((0.9, 0.1))
    assert first.canonical() + second.canonical() == train.canonical()
    assert (first.summary.sentence_ends, second.summary.sentence_ends) == (72, 8)


def test_a_cut_within_compressed_files(tmp_path: Path) -> None:
    raw = "".join(f"{index} é\n" for index in range(1000))
    (tmp_path / "a.gz").write_bytes(gzip.compress(raw.encode()))
    cut = Corpus.open(tmp_path / "a.gz").split((0.5, 0.25, 0.25))
    assert cut.whole.canonical() != ""
    assert "".join(text.canonical() for text in cut.parts.values()) == raw


@pytest.mark.parametrize("fractions", [(0.5, 0.6), (0.5, 0.4), (1.0, 0.0), (1.5, -0.5), ()])
def test_shares_that_are_none(fractions: tuple[float, ...]) -> None:
    with pytest.raises(ParameterError, match="must be positive and sum to 1"):
        Corpus.from_string("a\n" * 20).train.cut(fractions)


def test_too_few_to_cut() -> None:
    with pytest.raises(CorpusError, match=r"9 sentences, too few .*a folder with the files train"):
        Corpus.from_string("a\n" * 9).split()
    with pytest.raises(CorpusError, match="too few"):
        Corpus.from_string("a\n" * 20).train.cut((0.98, 0.01, 0.01))
