"""JSON lines: rows as documents, and rows that are refused."""

from __future__ import annotations

import gzip
import json
import lzma
from pathlib import Path

import pytest
import zstandard

from lmkit.errors import CorpusError, EncodingError
from lmkit.text import json_lines
from lmkit.text.corpus import SENTENCE_RULES, Corpus, Text
from lmkit.text.source import Source
from tests.text.samples import sizes_of

TEXTS = ["one two\nthree", "", "\n", "four \u00e9\r\n\r\nfive\n", "\u3000", "six"]
KEPT = [text for text in TEXTS if text.strip()]  # blank rows are skipped
PACK = {"": bytes, ".gz": gzip.compress, ".xz": lzma.compress,
        ".zst": zstandard.ZstdCompressor().compress}  # fmt: skip


def as_rows(texts: list[str], field: str = "text") -> bytes:
    return "".join(json.dumps({"id": 1, field: text}) + "\n" for text in texts).encode()


@pytest.mark.parametrize("sentences", SENTENCE_RULES)
@pytest.mark.parametrize("name", ["a.jsonl", "a.ndjson", "a.jsonl.gz", "a.jsonl.xz", "a.jsonl.zst"])
def test_rows_are_documents(tmp_path: Path, name: str, sentences: str) -> None:
    file = tmp_path / name
    packed = name.partition(".")[2].partition(".")[2]
    file.write_bytes(PACK["." + packed if packed else ""](as_rows(TEXTS)))
    text = Corpus.open(file, sentences=sentences).train
    assert text.document_rule == "row"
    assert text.document_sizes is not None
    assert text.document_sizes.tolist() == sizes_of(KEPT, sentences=sentences)
    for number, content in enumerate(KEPT):
        (tmp_path / f"{number}.txt").write_bytes(content.encode())
    files = Corpus.open(tmp_path / "*.txt", sentences=sentences).train
    assert text.canonical() == files.canonical()
    one = Corpus.open(file, sentences=sentences, documents="file").train
    assert (one.summary.documents, one.summary.sha256) == (1, text.summary.sha256)
    parts = Corpus.open(file, sentences="line", documents="blank").train
    assert parts.summary.documents == 4  # "four" and "five" apart


@pytest.mark.parametrize("size", [1, 5, 1 << 19])
@pytest.mark.parametrize("sentences", SENTENCE_RULES)
def test_rows_are_cut_as_files_are(sentences: str, size: int) -> None:
    texts = [f"row {number}\nmore {number}" for number in range(30)]
    rules = {"normalize": "none", "sentences": sentences}
    source = Source("a.jsonl", content=as_rows(texts), field="text")
    plain = Source("a.txt", content="".join(f"{text}\n" for text in texts).encode())
    with pytest.MonkeyPatch.context() as patch:
        whole = Source.pieces
        patch.setattr(Source, "pieces", lambda self, _=size: whole(self, size))
        parts = Text("t", (source,), **rules).cut((0.8, 0.1, 0.1))
        texts_of = [part.canonical() for part in parts]
    if sentences == "paragraph":  # a row is one
        assert [part.summary.documents for part in parts] == [24, 3, 3]
    else:
        assert texts_of == [
            p.canonical() for p in Text("t", (plain,), **rules).cut((0.8, 0.1, 0.1))
        ]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ('{"text": "a"', "line 3 is not valid JSON"),
        ('{"title": "a", "body": "b"}', "no field 'text'; its fields: title, body; .*--field"),
        ("{}", "no field 'text'; its fields: none"),
        ('{"text": 3}', "line 3: the field 'text' is a number, not a string"),
        ('{"text": null}', "is null, not a string"),
        ('{"text": true}', "is true or false"),
        ('["a"]', "line 3 is a list, no JSON object"),
        ('{"text": "\\ud800"}', "half of a surrogate pair"),
    ],
)
def test_a_row_that_is_none(tmp_path: Path, row: str, message: str) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text('{"text": "a"}\n\n' + row + "\n")
    with pytest.raises((CorpusError, EncodingError), match=message) as it:
        _ = Corpus.open(file).train.summary
    assert str(file) in str(it.value)
    assert "\n" not in str(it.value)


def test_another_field_and_surrogates_replaced(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text('{"body": "a \\ud800"}\n')
    text = Corpus.open(file, field="body", errors="replace", normalize="none").train
    assert text.canonical() == "a ?\n"


def test_rows_stream(tmp_path: Path) -> None:
    line = json.dumps({"text": "word " * 2000}) + "\n"
    pieces = (line.encode() for _ in range(1000))
    held = [
        len(p.text)
        for p in json_lines.row_pieces("x", pieces, field="text", errors="strict", size=1 << 16)
    ]
    assert max(held) < (1 << 16) + 10_001
    assert sum(held) == 1000 * 10_001
