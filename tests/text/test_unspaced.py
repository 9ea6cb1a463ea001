"""Words written without spaces: the words determine the canonical text, and it the words."""

from __future__ import annotations

import unicodedata
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

import lmkit
from lmkit.evaluation.blocks import blocks_of
from lmkit.evaluation.decomposition import items_of
from lmkit.reporting.report import render_report
from lmkit.statistics.generated import _ids
from lmkit.text.corpus import Corpus, Meter, Text
from lmkit.text.encoding import encode_batches, encode_chunks, learn_text
from lmkit.text.source import Source
from lmkit.text.units import UNITS, join_tokens
from lmkit.text.unspaced import SpaceRemover, unspaced_table

# Han characters of three and four bytes, full-width marks, what is like them but spaced, spaces.
MIXED = st.text(
    st.sampled_from("ab.,'Z5é\u0301はか汉字々〇𠀀。，「」“”—😀 \u3000\n \t\n中"), max_size=60
)
RULES = st.sampled_from(["words", "nfkc+words", "words+letters", "words+nfkc"])
SENTENCES = st.sampled_from(["line", "paragraph", "none"])
ALONE = regex.compile(r"[\p{Han}[\p{EA=W}&&\p{P}][\p{EA=F}&&[\p{P}\p{S}]]]", regex.VERSION1)


def text(raw: str, normalize: str = "words", sentences: str = "line") -> Text:
    return Corpus.from_string(raw, normalize=normalize, sentences=sentences).train


def slow_words(canonical: str) -> list[str]:
    """Part a canonical text at spaces, line ends and unspaced characters, by a pattern."""
    parts = regex.findall(rf"\n|{ALONE.pattern}|[^\n ]", canonical, regex.VERSION1)
    words: list[str] = []
    place, open_word = 0, False
    for part in parts:
        found = canonical.index(part, place)
        beside = open_word and found == place and part != "\n" and not ALONE.match(part)
        if beside:
            words[-1] += part
        else:
            words.append("</s>" if part == "\n" else part)
        open_word = part != "\n" and not ALONE.match(part)
        place = found + len(part)
    return words


def slow_close(spaced: str) -> str:
    """Take the spaces away that stand beside an unspaced character."""
    return "".join(
        char
        for place, char in enumerate(spaced)
        if char != " "
        or not any(ALONE.match(edge) for edge in (spaced[place - 1], spaced[place + 1]))
    )


def test_the_table_is_the_pattern_over_all_of_unicode() -> None:
    points = [*range(0xD800), *range(0xE000, 0x110000)]
    expected = np.zeros(0x110000, np.bool_)
    expected[[ord(match[0]) for match in ALONE.finditer("".join(map(chr, points)))]] = True
    np.testing.assert_array_equal(unspaced_table(), expected)
    assert not expected[:0x2000].any()
    assert all(expected[ord(char)] for char in "中〇々𠀀。，「」！～・")
    assert not any(expected[ord(char)] for char in "aはア한Ａ５😀“”—… ")


@given(spaced=st.text(st.sampled_from("ab é汉。𠀀😀\n"), max_size=60), size=st.integers(1, 30))
def test_closing_up_as_a_pattern_does(spaced: str, size: int) -> None:
    canonical = Corpus.from_string(spaced, normalize="none").train.canonical()
    # Chunks are cut before a space or behind a line end.
    breaks = [
        i for i, char in enumerate(canonical) if i and (char == " " or canonical[i - 1] == "\n")
    ]
    cuts = [0, *breaks[::size], len(canonical)]
    remover, closed, more = SpaceRemover(), b"", 0
    for start, stop in pairwise(cuts):
        chunk = np.frombuffer(canonical[start:stop].encode(), np.uint8)
        written, words = remover.remove(chunk)
        closed, more = closed + written.tobytes(), more + words
    assert closed.decode() == slow_close(canonical)
    assert len(canonical.split()) + more == len(
        [w for w in slow_words(closed.decode()) if w != "</s>"]
    )


@given(raw=MIXED, normalize=RULES, sentences=SENTENCES, size=st.integers(1, 40))
def test_split_and_join_are_inverse(raw: str, normalize: str, sentences: str, size: int) -> None:
    train = text("z " + raw, normalize, sentences)
    canonical = train.canonical()
    assert slow_close(canonical) == canonical
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Source.blocks, "__defaults__", (size,))  # blocks of any size
        learned = learn_text(train, "word")
        assert train.canonical() == canonical
    tokens = [learned.vocabulary.token(index) for index in learned.ids.tolist()]
    assert tokens == slow_words(canonical)
    assert join_tokens(tokens, "word", normalize) == canonical
    assert text(canonical, normalize, sentences).canonical() == canonical
    summary = learned.summary
    assert summary == text("z " + raw, normalize, sentences).summary
    assert summary.words == len(tokens) - tokens.count("</s>")
    assert summary.sentence_ends == tokens.count("</s>")
    assert summary.characters == len(canonical)
    assert summary.bytes == len(canonical.encode())
    assert summary.raw_bytes == len(("z " + raw).encode())


@given(
    words=st.lists(st.sampled_from(["ab", "c", ",", "汉", "𠀀", "。", "はか", "</s>"]), min_size=1)
)
def test_any_run_of_words_is_read_as_written(words: list[str]) -> None:
    written = join_tokens(words, "word", "words")
    expected = words if words[-1] == "</s>" else [*words, "</s>"]
    learned = learn_text(text("q\n" + written), "word")
    assert [learned.vocabulary.token(index) for index in learned.ids.tolist()][2:] == expected


@given(raw=MIXED)
def test_no_space_stands_beside_a_han_character(raw: str) -> None:
    canonical = text(raw).canonical()
    assert not regex.search(r"\p{Han} | \p{Han}", canonical)
    ink = [char for char in unicodedata.normalize("NFC", raw) if not char.isspace()]
    assert [char for char in canonical if not char.isspace()] == ink


@pytest.mark.parametrize("unit", UNITS)
@given(raw=MIXED, size=st.integers(1, 40))
def test_events_of_every_unit_cover_the_same_text(unit: str, raw: str, size: int) -> None:
    test = text(raw)
    canonical = test.canonical()
    vocabulary = learn_text(text("a汉。 bé"), unit).vocabulary
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Source.blocks, "__defaults__", (size,))
        chunks = list(encode_chunks(test, unit, vocabulary))
    offsets = [offset for chunk in chunks for offset in chunk.offsets.tolist()]
    lengths = [length for chunk in chunks for length in chunk.lengths.tolist()]
    spans = [canonical[o : o + n] for o, n in zip(offsets, lengths, strict=True)]
    assert "".join(spans) == (canonical.replace(" ", "") if unit == "word" else canonical)
    if unit == "word":
        assert spans == ["\n" if word == "</s>" else word for word in slow_words(canonical)]


@given(raw=MIXED)
def test_unknown_words_are_told_with_a_space_behind_each(raw: str) -> None:
    test = text(raw)
    vocabulary = learn_text(text("a汉。 b"), "word").vocabulary
    batches = encode_batches(test, "word", vocabulary, Meter(), first=5, most=50, unknown=True)
    told = b"".join(batch.unknown.tobytes() for batch in batches).decode()
    unknown = [word for word in slow_words(test.canonical()) if word not in (*"a汉。b", "</s>")]
    assert told == "".join(word + " " for word in unknown)


@given(raw=MIXED)
def test_items_and_segments_are_the_words(raw: str) -> None:
    one = text(raw, sentences="none")
    words = slow_words(one.canonical())
    assert items_of(one).tokens == words
    assert items_of(text(raw)).tokens == slow_words(text(raw).canonical())
    found = blocks_of(one)
    assert len(found) == max(len(words) // found.length, min(len(words), 1))
    assert found.bytes.sum() == one.summary.bytes


def test_lines_are_joined_without_a_space() -> None:
    assert text("床前\n明月 a\nb\n", sentences="none").canonical() == "床前明月a b"
    assert text("床前\n明月 a\nb\n", "none", "none").canonical() == "床前 明月 a b"


def test_other_normalisers_keep_spaces_and_do_not_part_characters() -> None:
    plain = text("汉字 a。b", "nfkc")
    assert plain.canonical() == "汉字 a。b\n"
    assert learn_text(plain, "word").vocabulary.tokens[2:] == ("汉字", "a。b")


# ---------------------------------------------------------------------- models

POEM = "床前明月光，疑是地上霜。\n举头望 Moon 明月，低头思故乡。\n" * 20


@pytest.mark.parametrize("unit", UNITS)
def test_generated_text_has_no_spaces_beside_han_characters(unit: str) -> None:
    model = lmkit.fit(f"witten-bell:order=6,unit={unit}", Corpus.from_string(POEM))
    drawn = model.generate(prompt="床 前", tokens=200, seed=3)
    assert drawn.startswith("床前")
    assert " " not in drawn
    assert "望Moon明" in drawn
    assert model.generate(prompt="春 风 a b", tokens=0) == "春风a b"  # with unknown tokens


def test_a_prompt_is_open_behind() -> None:
    model = lmkit.fit("bigram:unit=char", Corpus.from_string("a 床 前 b c\n"))
    assert model.encode("床 ").tolist() == model.encode("床").tolist()
    assert model.encode("b ").tolist() == [*model.encode("b").tolist(), model.vocabulary_.id(" ")]


def test_models_of_all_units_are_ranked_on_one_text() -> None:
    corpus = Corpus.from_string(POEM + "。".join("天地玄黄宇宙洪荒") + "\n").split((0.6, 0.1, 0.3))
    models = [lmkit.fit(f"bigram:alpha=0.1,unit={unit}", corpus) for unit in UNITS]
    compared = lmkit.compare(models, corpus)
    assert len({ledger.summary.sha256 for ledger in compared.ledgers}) == 1
    assert compared.summary.raw_bytes > compared.summary.bytes  # the spaces of the source
    html = render_report(compared)
    assert "床</i><i" in html
    assert f"{compared.summary.raw_bytes:,}" in html


def test_generated_words_are_counted_by_the_models_normaliser() -> None:
    assert len(_ids("床前 ab cd\n明", "word", "words")) == 5
    assert len(_ids("床前 ab cd\n明", "word", "none")) == 4
    assert len(_ids("", "word", "words")) == 0


def test_words_and_nfkc_have_the_same_bits_a_byte(shared_corpora: Path) -> None:
    """A comma is full-width under one and ASCII under the other; that is all."""
    part = shared_corpora / "tang-song-poems" / "test.txt"
    bits = []
    for normalize in ("words", "nfkc"):
        corpus = Corpus.open(part, normalize=normalize).split()
        model = lmkit.fit("kneser-ney:order=4,unit=char", corpus)
        bits.append(model.tally(corpus).bits_per_byte)
    assert abs(bits[0] / bits[1] - 1) < 0.05
