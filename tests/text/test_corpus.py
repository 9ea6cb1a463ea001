"""Opening corpora: files, folders, globs, pipes and strings, and the parts they have."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from lmkit.errors import CorpusError, LmkitError, ParameterError
from lmkit.text.corpus import Corpus, as_corpus, as_text


def write(folder: Path, **files: str) -> None:
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_text(content, encoding="utf-8")


# ---------------------------------------------------------------------- places


def test_a_file_is_all_training_text(tmp_path: Path) -> None:
    write(tmp_path, story__txt="One, two.\nThree!\n")
    corpus = Corpus.open(tmp_path / "story.txt")
    assert corpus.name == "story.txt"
    assert list(corpus.parts) == ["train"]
    assert corpus.train.canonical() == "One , two .\nThree !\n"  # words and line by default
    assert (corpus.train.normalize, corpus.train.sentences) == ("words", "line")
    assert corpus.train.name == "story.txt"
    assert Corpus.open(str(tmp_path / "story.txt")) == corpus


@pytest.mark.parametrize(
    "names",
    [
        ("train.txt", "valid.txt", "test.txt"),
        ("train", "dev", "test"),
        ("ptb.train.txt", "ptb.valid.txt", "ptb.test.txt"),
        ("wiki.train.tokens", "wiki.validation.tokens", "wiki.test.tokens"),
        ("training.txt", "val.txt", "news-test.txt"),
        ("Train.TXT", "DEV.TXT", "Test.TXT"),
        ("01_train_en.txt", "02_valid_en.txt", "03_test_en.txt"),
    ],
)
def test_a_folder_with_parts(tmp_path: Path, names: tuple[str, str, str]) -> None:
    for part, name in zip(("t", "v", "e"), names, strict=True):
        (tmp_path / name).write_text(f"{part}\n")
    write(tmp_path, README="not a text", __hidden="nor this")
    corpus = Corpus.open(tmp_path)
    assert {part: text.canonical() for part, text in corpus.parts.items()} == {
        "train": "t\n",
        "valid": "v\n",
        "test": "e\n",
    }
    assert corpus.name == tmp_path.name
    assert corpus.train.name == f"{tmp_path.name}/train"
    assert corpus.whole.canonical() == "t\nv\ne\n"
    assert corpus.held_out == corpus.test


def test_a_part_of_several_files(tmp_path: Path) -> None:
    write(tmp_path, train__2="b\n", train__1="a", train__3="c\n", test__txt="d\n")
    corpus = Corpus.open(tmp_path)
    assert corpus.train.canonical() == "a\nb\nc\n"
    assert list(corpus.parts) == ["train", "test"]
    assert corpus.valid is None


def test_a_name_that_tells_two_parts_tells_none(tmp_path: Path) -> None:
    write(tmp_path, train__txt="a\n", train_test__txt="b\n", trainer__txt="c\n")
    assert Corpus.open(tmp_path).whole.canonical() == "a\n"


def test_any_other_folder_is_one_text(tmp_path: Path) -> None:
    write(tmp_path, b__txt="b\n", a__txt="a\n", test__txt="c\n")
    (tmp_path / "below").mkdir()
    corpus = Corpus.open(tmp_path)
    assert list(corpus.parts) == ["train"]
    assert corpus.train.canonical() == "a\nb\nc\n"


def test_a_glob_is_one_text(tmp_path: Path) -> None:
    write(tmp_path, b__txt="b\n", a__txt="a\n", c__csv="c\n")
    assert Corpus.open(f"{tmp_path}/*.txt").train.canonical() == "a\nb\n"
    write(tmp_path, **{"[1]__txt": "in brackets\n"})
    assert Corpus.open(f"{tmp_path}/[1].txt").train.canonical() == "in brackets\n"


def test_standard_input_is_read_once_and_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    stdin = SimpleNamespace(buffer=io.BytesIO(b"a b\nc\n"))
    monkeypatch.setattr(sys, "stdin", stdin)
    corpus = Corpus.open("-", normalize="none")
    assert corpus.name == "stdin"
    assert corpus.train.canonical() == corpus.train.canonical() == "a b\nc\n"


def test_standard_input_of_a_process(tmp_path: Path) -> None:
    code = (
        "import conftest\n"  # the root's, for a checkout that is not installed
        "from lmkit.text.corpus import Corpus; c = Corpus.open('-', encoding='latin-1')\n"
        "print(c.train.summary.characters, c.train.canonical(), end='')"
    )
    done = subprocess.run(
        [sys.executable, "-X", "utf8", "-c", code],
        input="é!\n".encode("latin-1") * 3,
        capture_output=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert done.stdout.decode() == "12 " + "é !\n" * 3


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_can_be_read_again(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(b"a\nb\n"))
    writer.start()
    text = Corpus.open(pipe).train
    writer.join()
    assert text.canonical() == text.canonical() == "a\nb\n"


def test_text_in_memory() -> None:
    corpus = Corpus.from_string("A b.", normalize="lower", sentences="none", name="n")
    assert (corpus.name, corpus.train.canonical()) == ("n", "a b.")
    assert corpus.held_out == corpus.train


# ---------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("nothing.txt", r"nothing.txt: no such file or folder, and no catalogue corpus .*`lmkit"),
        ("*.nothing", "no such file or folder"),
        ("", "no such file or folder"),
        ("tinyshakespear", "did you mean 'tinyshakespeare'"),
        ("x" * 5000, "cannot be read"),
        ("a\0b", "no such file or folder"),
    ],
)
def test_nothing_at_that_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, other="a\n")
    with pytest.raises(CorpusError, match=message) as it:
        Corpus.open(place)
    assert "\n" not in str(it.value)


def test_a_folder_without_texts(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / ".hidden").write_text("a")
    with pytest.raises(CorpusError, match="a folder without texts"):
        Corpus.open(tmp_path)


def test_unknown_rules(tmp_path: Path) -> None:
    write(tmp_path, a="a\n")
    with pytest.raises(ParameterError, match=r"unknown sentence rule 'lines'; did you mean 'line'"):
        Corpus.open(tmp_path / "a", sentences="lines")
    with pytest.raises(ParameterError, match="unknown normaliser"):
        Corpus.open(tmp_path / "a", normalize="low")


def test_a_folder_among_the_files_of_a_glob(tmp_path: Path) -> None:
    (tmp_path / "a.txt").mkdir()
    with pytest.raises(CorpusError, match="a folder, not a text"):
        Corpus.open(f"{tmp_path}/*.txt").train.canonical()


# ---------------------------------------------------------------------- what names a text


def test_as_corpus_and_as_text(tmp_path: Path) -> None:
    write(tmp_path, train__txt="a\n", test__txt="b\n")
    corpus = Corpus.open(tmp_path)
    assert as_corpus(corpus) is corpus
    assert as_corpus(tmp_path) == corpus
    assert as_text(corpus) == corpus.test
    assert as_text(tmp_path) == corpus.test
    assert as_text(corpus.train) is corpus.train
    assert as_corpus(corpus.train).train is corpus.train


def test_summary_as_json() -> None:
    summary = Corpus.from_string(" Ä \t b\n", normalize="none").train.summary
    assert summary.to_dict() == {
        "name": "string",
        "sha256": hashlib.sha256("Ä b\n".encode()).hexdigest(),
        "normalize": "none",
        "sentences": "line",
        "characters": 4,
        "bytes": 5,
        "raw_bytes": 8,
        "words": 2,
        "sentence_ends": 1,
        "documents": None,
    }


def test_every_error_is_an_lmkit_error() -> None:
    with pytest.raises(LmkitError):
        Corpus.open("nothing there")
