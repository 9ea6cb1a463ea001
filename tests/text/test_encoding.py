"""Text to ids and places, held against plain Python: str.split, Counter, str.find."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmkit.errors import CorpusError, ParameterError, VocabularyError
from lmkit.text.corpus import Corpus, Text
from lmkit.text.encoding import (
    array_of_ids,
    encode_batches,
    encode_chunks,
    encode_text,
    learn_text,
)
from lmkit.text.meter import Meter
from lmkit.text.source import Source
from lmkit.text.units import UNITS
from lmkit.text.vocabulary import Vocabulary

# Words of every length about the eight bytes that the kernel reads at a time, in one to four
# bytes a character, and many of them alike but for a byte.
WORDS = st.one_of(
    st.text(st.sampled_from("ab"), min_size=1, max_size=20),
    st.text(st.sampled_from("aé汉😀"), min_size=1, max_size=12),
    st.sampled_from(["<unk>", "abcdefgh", "abcdefgi", "abcdefghi", "abcdefghiabcdefgh", "\x01"]),
)
LINES = st.lists(st.lists(WORDS, max_size=8).map(" ".join), min_size=1, max_size=20)


def slow_tokens(canonical: str, unit: str) -> list[str]:
    """Split canonical text into tokens with str methods."""
    if unit == "word":
        lines = canonical.split("\n")
        tokens = [word for line in lines[:-1] for word in [*line.split(" "), "</s>"] if word]
        return [*tokens, *(word for word in lines[-1].split(" ") if word)]
    if unit == "char":
        return ["</s>" if character == "\n" else character for character in canonical]
    return [
        "</s>" if byte == 10 else f"<0x{byte:02X}>" if byte > 127 else chr(byte)
        for byte in canonical.encode()
    ]


def slow_vocabulary(
    tokens: list[str], min_count: int, max_size: int | None
) -> tuple[list[str], list[int]]:
    """Order and count types with a Counter, whose ties stay in order of first appearance."""
    counts = Counter(token for token in tokens if token not in ("<unk>", "</s>"))
    kept = [(token, count) for token, count in counts.most_common() if count >= min_count]
    kept = kept[:max_size]
    unknown = len(tokens) - tokens.count("</s>") - sum(count for _, count in kept)
    names = ["<unk>", "</s>", *(token for token, _ in kept)]
    return names, [unknown, tokens.count("</s>"), *(count for _, count in kept)]


def text(raw: str, sentences: str = "line") -> Text:
    return Corpus.from_string(raw, normalize="none", sentences=sentences).train


# ---------------------------------------------------------------------- learning


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("sentences", ["line", "none"])
@given(
    lines=LINES,
    size=st.integers(1, 200),
    min_count=st.integers(1, 3),
    max_size=st.none() | st.integers(1, 5),
)
def test_learned_as_python_does(
    unit: str, sentences: str, lines: list[str], size: int, min_count: int, max_size: int | None
) -> None:
    train = text("z " + "\n".join(lines), sentences)
    tokens = slow_tokens(train.canonical(), unit)
    names, counts = slow_vocabulary(tokens, min_count, max_size)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Source.blocks, "__defaults__", (size,))
        learned = learn_text(train, unit, min_count=min_count, max_size=max_size)
    assert list(learned.vocabulary.tokens) == names
    assert learned.vocabulary.counts.tolist() == counts
    ids = {name: index for index, name in enumerate(names)}
    assert learned.ids.tolist() == [ids.get(token, 0) for token in tokens]
    assert learned.ids.dtype == np.int32
    assert learned.summary == train.summary


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("sentences", ["line", "paragraph", "none"])
@given(lines=LINES, other=LINES, size=st.integers(1, 200))
def test_encoded_with_places(
    unit: str, sentences: str, lines: list[str], other: list[str], size: int
) -> None:
    vocabulary = learn_text(text("z " + "\n".join(lines)), unit).vocabulary
    test = text("\n".join(other), sentences)
    canonical = test.canonical()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Source.blocks, "__defaults__", (size,))
        chunks = list(encode_chunks(test, unit, vocabulary))
    ids = [index for chunk in chunks for index in chunk.ids.tolist()]
    offsets = [offset for chunk in chunks for offset in chunk.offsets.tolist()]
    lengths = [length for chunk in chunks for length in chunk.lengths.tolist()]
    tokens = slow_tokens(canonical, unit)
    assert ids == [vocabulary.id(token) for token in tokens]
    assert len(offsets) == len(lengths) == len(tokens)
    spans = [canonical[o : o + n] for o, n in zip(offsets, lengths, strict=True)]
    if unit == "byte":
        assert "".join(spans) == canonical
        assert sum(lengths) == len(canonical)
        starts = np.cumsum([0, *(len(character.encode()) for character in canonical)])[:-1]
        assert [i for i, length in enumerate(lengths) if length] == starts.tolist()
        inside = np.searchsorted(starts, np.arange(len(tokens)), side="right") - 1
        assert offsets == inside.tolist()
    else:
        assert spans == ["\n" if token == "</s>" else token for token in tokens]


@settings(max_examples=5)
@given(seed=st.integers(0, 1000))
def test_many_words_of_all_lengths(seed: int) -> None:
    """Enough types that the table grows, and pairs that differ in one byte only."""
    draw = np.random.default_rng(seed)
    words = ["".join(map(chr, draw.integers(97, 123, size))) for size in draw.integers(1, 40, 6000)]
    words += [word[:-1] + "0" for word in words[:3000]]
    raw = "\n".join(" ".join(words[i : i + 7]) for i in draw.permutation(len(words)).tolist())
    train = text(raw)
    tokens = slow_tokens(raw + "\n", "word")
    names, counts = slow_vocabulary(tokens, 1, None)
    learned = learn_text(train, "word")
    assert list(learned.vocabulary.tokens) == names
    assert learned.vocabulary.counts.tolist() == counts
    ids = {name: index for index, name in enumerate(names)}
    assert learned.ids.tolist() == [ids[token] for token in tokens]
    assert (encode_text(train, "word", learned.vocabulary) == learned.ids).all()


# ---------------------------------------------------------------------- specials and refusals


def test_a_literal_unk_is_the_unknown_token() -> None:
    learned = learn_text(text("a <unk> b <unk>\n<unk>"), "word")
    assert learned.vocabulary.tokens == ("<unk>", "</s>", "a", "b")
    assert learned.vocabulary.counts.tolist() == [3, 2, 1, 1]
    assert learned.ids.tolist() == [2, 0, 3, 0, 1, 0, 1]
    assert encode_text(text("<unk> c a"), "word", learned.vocabulary).tolist() == [0, 0, 2, 1]


@pytest.mark.parametrize("word", ["<s>", "</s>"])
def test_literal_sentence_marks_are_refused(word: str) -> None:
    vocabulary = Vocabulary(["a"])
    for raw in (f"a {word} b", f"{word}", f"x\nlong line {word}\n", f"{word} " + "y " * 100):
        with pytest.raises(CorpusError, match=f"holds the word {word} .*--normalize words") as it:
            learn_text(text(raw), "word")
        assert "\n" not in str(it.value)
        with pytest.raises(CorpusError, match=f"holds the word {word}"):
            encode_text(text(raw), "word", vocabulary)


@pytest.mark.parametrize("unit", ["char", "byte"])
def test_marks_are_characters_for_other_units(unit: str) -> None:
    learned = learn_text(text("<s> a </s>\n"), unit)
    assert learned.vocabulary.counts[1] == 1
    assert "<" in learned.vocabulary
    assert len(learned.ids) == 11


def test_words_parts_literal_marks() -> None:
    train = Corpus.from_string("a <s> b", normalize="words").train
    assert learn_text(train, "word").vocabulary.tokens[2:] == ("a", "<", "s", ">", "b")


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("raw", ["", "\n", " \n\t\n"])
def test_a_text_without_tokens(unit: str, raw: str) -> None:
    with pytest.raises(CorpusError, match="no tokens in it"):
        learn_text(text(raw), unit)
    ends = encode_text(text(raw), unit, Vocabulary(["a"]))
    assert ends.tolist() == [1] * raw.count("\n")
    assert ends.dtype == np.int32


def test_cut_offs_out_of_range() -> None:
    with pytest.raises(ParameterError, match="min_count=0"):
        learn_text(text("a"), "word", min_count=0)
    with pytest.raises(ParameterError, match="max_size=0"):
        learn_text(text("a"), "word", max_size=0)
    with pytest.raises(ParameterError, match="unknown unit"):
        learn_text(text("a"), "bpe")


def test_a_vocabulary_of_unknown_words_alone() -> None:
    learned = learn_text(text("a b\nc"), "word", min_count=2)
    assert learned.vocabulary.tokens == ("<unk>", "</s>")
    assert learned.ids.tolist() == [0, 0, 1, 0, 1]


def test_array_of_ids() -> None:
    assert array_of_ids([1, 2], 3).dtype == np.int32
    assert array_of_ids([], 3).shape == (0,)
    assert array_of_ids(np.array([3], np.uint8), 4).tolist() == [3]
    for wrong in ([1.0], [[1]], ["a"], 3):
        with pytest.raises(ParameterError, match="whole numbers on one axis"):
            array_of_ids(wrong, 9)
    for outside in ([-1], [0, 3], np.array([2**32], np.int64)):
        with pytest.raises(VocabularyError, match=r"outside 0\.\.2"):
            array_of_ids(outside, 3)


# ---------------------------------------------------------------------- real texts


def test_python_reference_word_by_word() -> None:
    train = Corpus.open("python-reference").train
    tokens = slow_tokens(train.canonical(), "word")
    learned = learn_text(train, "word")
    names, counts = slow_vocabulary(tokens, 1, None)
    assert list(learned.vocabulary.tokens) == names
    assert learned.vocabulary.counts.tolist() == counts


def test_penn_treebank(shared_corpora: Path) -> None:
    corpus = Corpus.open(shared_corpora / "ptb", normalize="none")
    learned = learn_text(corpus.train, "word")
    assert len(learned.vocabulary) == 10_000  # 9,998 types, <unk> and </s>
    assert learned.summary.words == 887_521
    assert learned.summary.sentence_ends == 42_068
    raw = (shared_corpora / "ptb" / "ptb.train.txt").read_text().split()
    assert learned.vocabulary.counts[0] == raw.count("<unk>")
    most = Counter(word for word in raw if word != "<unk>").most_common()
    assert list(learned.vocabulary.tokens[2:]) == [word for word, _ in most]
    test = encode_text(corpus.test, "word", learned.vocabulary)
    assert len(test) == 78_669 + 3_761
    assert corpus.test.canonical().count("<unk>") == int((test == 0).sum())


def test_the_time_machine(shared_corpora: Path) -> None:
    text = Corpus.open(shared_corpora / "timemachine.txt", normalize="letters").train
    learned = learn_text(text, "word")
    assert learned.summary.words == 32_775
    assert len(learned.vocabulary) == 4_579 + 2
    counts = dict(zip(learned.vocabulary.tokens, learned.vocabulary.counts.tolist(), strict=True))
    assert (counts["the"], counts["i"]) == (2_261, 1_267)
    assert sum(count == 1 for count in counts.values()) == 2_397
    assert sum(count == 2 for count in counts.values()) == 763


def test_han_characters_without_spaces(shared_corpora: Path) -> None:
    words = Corpus.open(shared_corpora / "tang-song-poems").test
    plain = Corpus.open(shared_corpora / "tang-song-poems", normalize="none").test
    assert words is not None
    assert plain is not None
    assert words.canonical() == plain.canonical()  # the source has no spaces, nor has this
    types = learn_text(words, "word").vocabulary.tokens[2:]
    assert all(set(word) == {"□"} for word in types if len(word) > 1)  # lost characters, in a run


@pytest.mark.parametrize("unit", ["word", "char", "byte"])
@pytest.mark.parametrize("first", [1, 1000, 10**9])
def test_batches_grow(unit: str, first: int) -> None:
    """Whatever the chunks: here a short one, and some that are longer than those before."""
    raws = ["a b\n", "c d e\n" * 300_000, "zebra " * 200_000 + "f\n", "", "g\n"]
    sources = tuple(Source(str(n), content=raw.encode()) for n, raw in enumerate(raws))
    text = Text("several", sources, "none", "line")
    vocabulary = learn_text(Corpus.from_string("a b c d e f g\n").train, unit).vocabulary
    most = 1 << 18
    batches = list(
        encode_batches(text, unit, vocabulary, Meter(), first=first, most=most, unknown=True)
    )
    whole = np.concatenate([batch.ids for batch in batches])
    np.testing.assert_array_equal(whole, encode_text(text, unit, vocabulary))
    assert sum(batch.bytes for batch in batches) == text.summary.bytes
    enough = min(first, most)
    for batch in batches[:-1]:
        assert len(batch.ids) >= enough
        enough = min(most, 2 * len(batch.ids))
    if unit == "word":
        told = b"".join(batch.unknown.tobytes() for batch in batches)
        assert told == b"zebra " * 200_000
