"""Compressed files known by their first bytes, from files, memory and pipes."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import zstandard

import lmkit
from lmkit.errors import CorpusError, FormatError
from lmkit.models.ngram.arpa.files import load_arpa
from lmkit.text.compression import compression
from lmkit.text.corpus import Corpus
from lmkit.text.source import spooled
from tests.models.ngram.arpa.arpa_text import SMALL

COMPRESS = {
    ".gz": gzip.compress,
    ".xz": lzma.compress,
    ".zst": lambda raw: zstandard.ZstdCompressor().compress(raw),
    ".bz2": bz2.compress,
}
KENLM = b"mmap lm http://kheafield.com/code format version 5\n\0" + b"\0" * 100


@contextmanager
def piped(content: bytes) -> Iterator[Path]:
    """Yield the path of a pipe that gives some bytes, as a shell's <(...) does."""
    read, write = os.pipe()

    def fill() -> None:
        with os.fdopen(write, "wb") as handle:
            handle.write(content)

    writer = threading.Thread(target=fill)
    writer.start()
    yield Path(f"/dev/fd/{read}")
    writer.join()
    os.close(read)


@pytest.mark.parametrize("suffix", COMPRESS)
def test_texts_are_known_by_their_first_bytes(tmp_path: Path, suffix: str) -> None:
    raw = b"one two\n" * 20_000
    packed = COMPRESS[suffix](raw)
    assert compression(packed[:16]) == compression(COMPRESS[suffix](b"")[:16]) == suffix
    (tmp_path / "text").write_bytes(packed)
    stdin = spooled("stdin", io.BytesIO(packed), encoding="utf-8", errors="strict")
    assert b"".join(stdin.blocks()) == raw
    with piped(packed) as pipe:
        for where in (tmp_path / "text", pipe):
            assert Corpus.open(where).train.canonical() == raw.decode()
    (tmp_path / f"cut{suffix}").write_bytes(packed[:-9])
    with pytest.raises(CorpusError, match="damaged or cut off"):
        Corpus.open(tmp_path / f"cut{suffix}").train.canonical()


@pytest.mark.parametrize("suffix", ["", *COMPRESS])
def test_models_are_read_compressed_and_from_pipes(tmp_path: Path, suffix: str) -> None:
    (tmp_path / "m.arpa").write_text(SMALL)
    model = load_arpa(tmp_path / "m.arpa")
    model.save(tmp_path / "m.lmkit")
    expected = model.log_probs([2, 3, 1]).tolist()
    for name in ("m.arpa", "m.lmkit"):
        content = COMPRESS.get(suffix, bytes)((tmp_path / name).read_bytes())
        (tmp_path / "model.lm").write_bytes(content)
        (tmp_path / f"{name}{suffix}").write_bytes(content)
        with piped(content) as pipe:
            for path in (tmp_path / "model.lm", tmp_path / f"{name}{suffix}", pipe):
                assert lmkit.load(path).log_probs([2, 3, 1]).tolist() == expected
    model.save(tmp_path / f"again.arpa{suffix}")
    assert compression((tmp_path / f"again.arpa{suffix}").read_bytes()[:16]) == suffix
    assert lmkit.load(tmp_path / f"again.arpa{suffix}").sha256 == (
        lmkit.load(tmp_path / "again.arpa").sha256 if not suffix else model_sha(model, tmp_path)
    )


def model_sha(model: lmkit.LanguageModel, folder: Path) -> str:
    model.save(folder / "plain.arpa")
    return load_arpa(folder / "plain.arpa").sha256


def test_files_of_other_programs_are_named(tmp_path: Path) -> None:
    for name in ("m.bin", "m.arpa"):
        (tmp_path / name).write_bytes(KENLM)
        with pytest.raises(
            (FormatError, CorpusError), match="a binary file of KenLM; use the ARPA"
        ):
            lmkit.load(tmp_path / name)
    with pytest.raises(CorpusError, match=r"m\.bin: not a text, but a binary file of KenLM"):
        Corpus.open(tmp_path / "m.bin").train.canonical()
    with piped(KENLM) as pipe, pytest.raises(FormatError, match=f"^{pipe}: not an lmkit model"):
        lmkit.load(pipe)
