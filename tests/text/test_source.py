"""Reading raw text: encodings, compression, blocks, and what is refused."""

from __future__ import annotations

import gzip
import lzma
import re
from pathlib import Path

import numpy as np
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from lmkit.errors import CorpusError, EncodingError, ParameterError
from lmkit.text import source
from lmkit.text.corpus import Corpus, Text
from lmkit.text.source import Source

# Bytes with much white space, many line ends, and characters of one to four bytes.
RAW = st.text(
    st.one_of(
        st.sampled_from("ab \n\n\t\r\x0b\x0c"), st.sampled_from("é汉😀\xa0\u2028\ufeff\u0301.'")
    ),
    max_size=60,
).flatmap(lambda raw: st.sampled_from([raw, raw + "\0", "\0 " + raw, raw + "\0a\n"]))
RULES = ("line", "paragraph", "none")


def slow_canonical(raw: str, sentences: str) -> str:
    """Say with str methods what the canonical text of one file is, under `none`."""
    lines = raw.removeprefix("\ufeff").split("\n")
    if lines[-1] == "":
        lines.pop()
    folded = [" ".join(re.split(r"[\0\t\r ]+", line)).strip(" ") for line in lines]
    if sentences == "line":
        return "".join(line + "\n" for line in folded)
    if sentences == "none":
        return " ".join(line for line in folded if line)
    paragraphs: list[list[str]] = [[]]
    for line in folded:
        if line:
            paragraphs[-1].append(line)
        else:
            paragraphs.append([])
    return "".join(" ".join(lines) + "\n" for lines in paragraphs if lines)


def text_of(content: bytes, *, sentences: str = "line", **reading: str) -> Text:
    return Text("memory", (Source("memory", content=content, **reading),), "none", sentences)


# ---------------------------------------------------------------------- canonical text


@pytest.mark.parametrize("sentences", RULES)
@given(raw=RAW)
def test_canonical_text_is_what_python_says(sentences: str, raw: str) -> None:
    text = text_of(raw.encode(), sentences=sentences)
    expected = slow_canonical(raw, sentences)
    assert text.canonical() == expected
    summary = text.summary
    assert summary.characters == len(expected)
    assert summary.bytes == len(expected.encode())
    assert summary.words == len([word for word in re.split("[ \n]", expected) if word])
    assert summary.sentence_ends == expected.count("\n")


@pytest.mark.parametrize("sentences", RULES)
@pytest.mark.parametrize("normalize", ["none", "words", "letters", "nfkc+lower"])
@given(raw=RAW, size=st.integers(1, 40))
def test_blocks_of_any_size_give_one_text(
    sentences: str, normalize: str, raw: str, size: int
) -> None:
    whole = Text("t", (Source("t", content=raw.encode()),), normalize, sentences)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Source.blocks, "__defaults__", (size,))
        in_pieces = whole.canonical()
        summary = Text("t", whole.sources, normalize, sentences).summary
    assert in_pieces == whole.canonical()
    assert summary == whole.summary


@given(raw=RAW, size=st.integers(1, 40))
def test_blocks_are_the_decoded_bytes(raw: str, size: int) -> None:
    blocks = list(Source("t", content=raw.encode()).blocks(size))
    assert b"".join(blocks).decode() == raw.removeprefix("\ufeff")
    for block in blocks:
        block.decode()  # each of them is whole characters


@given(raw=RAW, data=st.data())
def test_a_part_is_a_run_of_bytes(raw: str, data: st.DataObject) -> None:
    content = raw.removeprefix("\ufeff").encode()
    start = data.draw(st.integers(0, len(content)))
    stop = data.draw(st.none() | st.integers(start, len(content)))
    size = data.draw(st.integers(1, 20))
    part = Source("t", content=content).part(start, stop)
    assert b"".join(part.blocks(size)) == content[start:stop]


def test_white_space_between_blocks_is_folded() -> None:
    raw = b"a" + b" " * 100 + b"\r\n" * 3 + b"\0" * 2 + b"b"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Source.blocks, "__defaults__", (7,))
        assert text_of(raw, sentences="none").canonical() == "a b"
        assert text_of(raw, sentences="paragraph").canonical() == "a\nb\n"
        assert text_of(raw).canonical() == "a\n\n\nb\n"


@pytest.mark.parametrize("sentences", RULES)
def test_a_file_ends_its_last_sentence(tmp_path: Path, sentences: str) -> None:
    for name, content in (("1", "a b"), ("2", "c\n"), ("3", ""), ("4", "\n\nd")):
        (tmp_path / name).write_text(content)
    text = Corpus.open(tmp_path, normalize="none", sentences=sentences).train
    expected = {"line": "a b\nc\n\n\nd\n", "paragraph": "a b\nc\nd\n", "none": "a b c d"}
    assert text.canonical() == expected[sentences]


def test_a_very_long_line_without_white_space() -> None:
    raw = "汉" * 3_000_000  # longer than a block
    text = text_of(raw.encode())
    assert text.summary.characters == 3_000_001
    assert text.summary.words == 1
    assert text.canonical() == raw + "\n"


def test_old_and_foreign_line_ends() -> None:
    assert text_of(b"a\r\nb\r\n\r\nc").canonical() == "a\nb\n\nc\n"
    assert text_of(b"a\rb").canonical() == "a b\n"  # a lone return is white space
    assert text_of("a\x85b\u2028c".encode()).canonical() == "a\x85b\u2028c\n"


def test_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    file = tmp_path / "bom.txt"
    file.write_bytes(b"\xef\xbb\xbfa b\n")
    assert Corpus.open(file).train.canonical() == "a b\n"
    assert text_of("\ufeffa".encode("utf-16")[2:], encoding="utf-16-le").canonical() == "a\n"
    assert text_of(b"a \xef\xbb\xbfb").canonical() == "a \ufeffb\n"  # within a text it stays


# ---------------------------------------------------------------------- encodings


@pytest.mark.parametrize(
    "encoding", ["latin-1", "cp1252", "utf-16", "utf-16-be", "utf-32", "utf-8-sig", "UTF8"]
)
def test_other_encodings(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "text"
    file.write_bytes("Café\nÀ la carte\n".encode(encoding))
    corpus = Corpus.open(file, encoding=encoding, normalize="none")
    assert corpus.train.canonical() == "Café\nÀ la carte\n"


@pytest.mark.parametrize("encoding", ["gbk", "gb18030", "big5", "shift_jis", "euc-jp"])
@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_multibyte_encodings_in_blocks(encoding: str, size: int) -> None:
    raw = "日本 中\n文字 a\n" * 3
    blocks = Source("t", content=raw.encode(encoding), encoding=encoding).blocks(size)
    assert b"".join(blocks).decode() == raw


@pytest.mark.parametrize("encoding", ["utf-9", "", "hex", "rot13", "base64"])
def test_no_such_encoding(encoding: str) -> None:
    with pytest.raises(ParameterError, match=r"unknown encoding .*latin-1"):
        text_of(b"a", encoding=encoding).canonical()


def test_no_such_way_of_errors() -> None:
    with pytest.raises(ParameterError, match="unknown errors='mend'"):
        text_of(b"a", errors="mend").canonical()


@given(
    before=st.text(st.sampled_from("ab \né汉😀"), max_size=50),
    bad=st.sampled_from([b"\xff", b"\xc3(", b"\x80", b"\xed\xa0\x80", b"\xf8", b"\xe6\xb1a"]),
    after=st.text(st.sampled_from("ab\n汉"), max_size=10),
    size=st.integers(1, 30),
)
def test_invalid_utf8_is_placed_exactly(before: str, bad: bytes, after: str, size: int) -> None:
    content = before.encode() + bad + after.encode()
    with pytest.raises(EncodingError) as it:
        list(Source("f.txt", content=content).blocks(size))
    line, offset = before.count("\n") + 1, len(before.encode())
    assert str(it.value).startswith(
        f"f.txt: line {line:,}, byte offset {offset:,}: byte 0x{bad[0]:02X} is not valid utf-8"
    )
    assert "--encoding" in str(it.value)
    assert "--errors replace" in str(it.value)
    assert "\n" not in str(it.value)


@given(
    before=st.text(st.sampled_from("ab \né"), max_size=20),
    character=st.sampled_from("é汉😀"),
    size=st.integers(1, 30),
    data=st.data(),
)
def test_a_character_cut_off_at_the_end(
    before: str, character: str, size: int, data: st.DataObject
) -> None:
    encoded = character.encode()
    kept = data.draw(st.integers(1, len(encoded) - 1))
    content = before.encode() + encoded[:kept]
    with pytest.raises(EncodingError, match=f"byte offset {len(before.encode()):,}: .*end of data"):
        list(Source("f", content=content).blocks(size))


@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_invalid_utf8_far_into_a_big_file_and_across_blocks(tmp_path: Path, place: int) -> None:
    size = 1 << 16
    lines = b"a line of text here\n" * (5 * size // 20)
    offset = 3 * size - place  # a character of three bytes, at and across the end of a block
    content = lines[:offset] + "汉".encode()[:2] + b"!" + lines[offset:]
    file = tmp_path / "big.txt"
    file.write_bytes(content)
    line = content[:offset].count(b"\n") + 1
    with pytest.raises(EncodingError, match=f"line {line:,}, byte offset {offset:,}: byte 0xE6"):
        list(Source("big.txt", path=file).blocks(size))


def test_invalid_bytes_of_other_encodings_are_placed() -> None:
    content = "ab\nĊ\ncd".encode("utf-16-le") + b"\x00\xdc" + "e\n".encode("utf-16-le")
    for size in (1, 2, 5, 100):
        with pytest.raises(EncodingError, match="line 3, byte offset 14: byte 0x00 is not valid"):
            list(Source("t", content=content, encoding="utf-16-le").blocks(size))
    with pytest.raises(EncodingError, match="line 2, byte offset 3: byte 0xFF"):
        list(Source("t", content=b"ab\n\xff", encoding="gbk").blocks())
    with pytest.raises(EncodingError, match="line 2, byte offset 4: byte 0xE9 is not valid ascii"):
        list(Source("t", content=b"ab\nc\xe9", encoding="ascii").blocks(3))


def test_the_line_of_a_wrong_byte_in_a_packed_file(tmp_path: Path) -> None:
    file = tmp_path / "t.txt.gz"
    file.write_bytes(gzip.compress(b"a line\n" * 200_000 + b"\xff\n"))
    with pytest.raises(EncodingError, match="line 200,001, byte offset 1,400,000: byte 0xFF"):
        list(Source("t", path=file).blocks())


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "UTF_8_SIG"])
def test_a_byte_order_mark_counts_where_a_wrong_byte_stands(encoding: str) -> None:
    content = b"\xef\xbb\xbfa\n\xff\n"
    with pytest.raises(EncodingError, match="line 2, byte offset 5: byte 0xFF"):
        list(Source("t", content=content, encoding=encoding).blocks())
    assert b"".join(Source("t", content=content[:5], encoding=encoding).blocks()) == b"a\n"


def test_errors_replace_reads_on() -> None:
    assert text_of(b"a \xff\xfe b\xe6", errors="replace").canonical() == "a �� b�\n"
    assert text_of(b"a \xff b", errors="ignore").canonical() == "a b\n"


def test_lone_surrogates_of_a_string_are_placed() -> None:
    with pytest.raises(EncodingError, match=r"line 2, character 4 is '.ud800', half of a surr"):
        Corpus.from_string("b\na \ud800")


def test_bytes_of_another_kind() -> None:
    with pytest.raises(CorpusError, match=r"tenth of it is NUL bytes.*--encoding utf-16"):
        text_of("plain words".encode("utf-16-le") * 3).canonical()
    assert text_of(b"one NUL \0 in twenty").canonical() == "one NUL in twenty\n"


# ---------------------------------------------------------------------- compression


def pack(content: bytes, suffix: str) -> bytes:
    if suffix == ".gz":
        return gzip.compress(content)
    if suffix == ".xz":
        return lzma.compress(content)
    return zstandard.ZstdCompressor(write_checksum=True).compress(content)


@pytest.mark.parametrize("suffix", [".gz", ".xz", ".zst"])
def test_compressed_files(tmp_path: Path, suffix: str) -> None:
    content = ("Ein Satz für sich.\n" * 5000).encode()
    file = tmp_path / f"text.txt{suffix}"
    file.write_bytes(pack(content, suffix))
    text = Corpus.open(file, normalize="none").train
    assert text.canonical().encode() == content
    parts = text.cut((0.5, 0.5))
    assert parts[1].summary.sentence_ends == 2500


@pytest.mark.parametrize("suffix", [".gz", ".xz", ".zst"])
def test_several_compressed_members(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"text{suffix}"
    file.write_bytes(pack(b"a\n", suffix) + pack(b"b\n", suffix))
    assert Corpus.open(file).train.canonical() == "a\nb\n"


@pytest.mark.parametrize("suffix", [".gz", ".xz", ".zst"])
def test_damaged_compressed_files(tmp_path: Path, suffix: str) -> None:
    noise = np.random.default_rng(1).integers(97, 123, 20_000).astype(np.uint8).tobytes()
    packed = pack(noise, suffix)
    file = tmp_path / f"text{suffix}"
    broken = bytearray(packed)
    broken[len(broken) // 2] ^= 0xFF
    damages = {
        "cut off": packed[: len(packed) // 2],
        "cut off by a byte": packed[:-1],
        "no header": b"plain text",
        "flipped": bytes(broken),
        "a second member cut off": packed + packed[: len(packed) // 2],
    }
    for damage, content in damages.items():
        file.write_bytes(content)
        with pytest.raises(CorpusError, match="compressed data is damaged") as it:
            Corpus.open(file, normalize="none").train.canonical()
        assert str(it.value).startswith(f"{file}: "), damage
        assert "\n" not in str(it.value)


# ---------------------------------------------------------------------- files


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="gone: no such file"):
        list(Source("gone", path=tmp_path / "gone").blocks())
    with pytest.raises(CorpusError, match="a folder, not a text"):
        list(Source("folder", path=tmp_path).blocks())


def test_a_stream_larger_than_memory_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    import io

    monkeypatch.setattr(source, "_IN_MEMORY", 1000)
    content = b"some words of text\n" * 1000
    spool = source.spooled("stdin", io.BytesIO(content), encoding="utf-8", errors="strict")
    assert spool.content is None
    assert b"".join(spool.blocks()) == content
    assert b"".join(spool.blocks(100)) == content  # and again
    small = source.spooled("stdin", io.BytesIO(b"a"), encoding="utf-8", errors="strict")
    assert small.content == b"a"
