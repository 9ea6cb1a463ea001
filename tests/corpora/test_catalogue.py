"""The catalogue: what it says, and what opening its corpora gives."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from lmkit.corpora import catalogue
from lmkit.errors import CorpusError, FetchError
from lmkit.text.corpus import SENTENCE_RULES, Corpus
from lmkit.text.normalize import check_normalizer

NAMES = ("python-reference", "timemachine", "tinyshakespeare", "ptb", "wikitext-2", "synthetic")


def test_names() -> None:
    assert catalogue.names() == NAMES
    assert tuple(entry.name for entry in catalogue.entries()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_entry_says_what_it_must(name: str) -> None:
    entry = catalogue.entry(name)
    assert check_normalizer(entry.normalize)
    assert entry.sentences in SENTENCE_RULES
    for told in (entry.title, entry.description, entry.licence):
        assert told == told.strip() != ""
        assert "\n" not in told
    assert entry.splits.startswith("train/valid/test")
    if entry.cut:
        assert sum(entry.cut) == pytest.approx(1)
    else:
        assert list(entry.parts) == ["train", "valid", "test"]
    paths = {file.path for file in entry.files}
    assert {part.path for part in entry.parts.values()} == paths
    for file in entry.files:
        assert re.fullmatch(r"https://\S+", file.address)
        assert re.fullmatch("[0-9a-f]{64}", file.sha256 or "")
        assert not Path(file.path).is_absolute()
        assert ".." not in Path(file.path).parts


def test_to_dict_is_json() -> None:
    import json

    for entry in catalogue.entries():
        told = entry.to_dict()
        assert json.loads(json.dumps(told)) == told
        assert told["available"] is (not entry.files)  # nothing is fetched in tests


def test_no_such_entry() -> None:
    with pytest.raises(
        CorpusError, match=r"no corpus 'ptp' .*did you mean 'ptb'\?; it has python-"
    ):
        catalogue.entry("ptp")


# ---------------------------------------------------------------------- made on the spot


def test_python_reference() -> None:
    from pydoc_data.topics import topics

    text = catalogue.python_reference().decode()
    # Every paragraph of every topic, in the order of the keys, where it first stands.
    paragraphs: list[list[str]] = [[]]
    for line in "\n\n".join(topics[key] for key in sorted(topics)).split("\n"):
        if not line.split():
            paragraphs.append([])
        paragraphs[-1].extend(line.split())
    once = dict.fromkeys(" ".join(words) for words in paragraphs if words)
    assert text.split() == " ".join(once).split()
    details = catalogue.entry("python-reference").details()
    assert details["sha256"] == hashlib.sha256(text.encode()).hexdigest()
    corpus = Corpus.open()
    assert corpus.name == "python-reference"
    assert (corpus.train.normalize, corpus.train.sentences) == ("words", "paragraph")
    ends = [part.summary.sentence_ends for part in corpus.parts.values()]
    assert [round(10 * end / sum(ends)) for end in ends] == [8, 1, 1]
    whole = Corpus.from_string(text, normalize="words", sentences="paragraph").train
    assert "".join(p.canonical() for p in corpus.parts.values()) == whole.canonical()


def test_synthetic() -> None:
    corpus = Corpus.open("synthetic")
    assert sum(part.summary.sentence_ends for part in corpus.parts.values()) > 40_000
    events = [part.summary.words + part.summary.sentence_ends for part in corpus.parts.values()]
    assert 500_000 <= sum(events) < 500_500
    details = catalogue.entry("synthetic").details()
    assert 10 < details["true_perplexity"] < 15
    assert catalogue.entry("synthetic").fetch() == ()


def test_the_users_rules_go_before_the_catalogues() -> None:
    corpus = Corpus.open("python-reference", normalize="letters", sentences="none")
    assert (corpus.train.normalize, corpus.train.sentences) == ("letters", "none")
    assert set(corpus.test.canonical()) <= set(map(chr, range(97, 123))) | {" "}


# ---------------------------------------------------------------------- the user's own folder


def test_reference_texts_are_those_of_the_catalogue(
    shared_corpora: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LMKIT_CORPORA", str(shared_corpora))
    events = {}
    for name in ("timemachine", "tinyshakespeare", "ptb"):
        entry = catalogue.entry(name)
        assert entry.is_available()
        for file, path in zip(entry.files, entry.fetch(), strict=True):
            assert path == shared_corpora / file.path
            assert path.stat().st_size == file.bytes
        corpus = Corpus.open(name)
        events[name] = {
            part: (text.summary.words, text.summary.sentence_ends)
            for part, text in corpus.parts.items()
        }
    assert sum(words for words, _ in events["timemachine"].values()) == 32_775
    assert sum(ends for _, ends in events["timemachine"].values()) == 3_221
    assert events["ptb"] == {
        "train": (887_521, 42_068),
        "valid": (70_390, 3_370),
        "test": (78_669, 3_761),
    }


def test_tiny_shakespeare_is_parted_as_by_custom(
    shared_corpora: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LMKIT_CORPORA", str(shared_corpora))
    raw = (shared_corpora / "tinyshakespeare.txt").read_text()
    corpus = Corpus.open("tinyshakespeare")
    held_out = raw[int(0.9 * len(raw)) :]
    assert corpus.valid.canonical() == corpus.test.canonical() == held_out
    train = raw[: int(0.9 * len(raw))]
    assert corpus.train.canonical() == "".join(
        " ".join(line.split()) + "\n" for line in train.split("\n")
    )
    assert corpus.whole.summary.words == len(raw.split()) + 1  # the cut is within a word


def test_another_text_in_the_users_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LMKIT_CORPORA", str(tmp_path))
    (tmp_path / "timemachine.txt").write_text("Another machine.\n")
    with pytest.raises(
        FetchError, match=r"timemachine.txt is not the .*expected sha256 8424"
    ) as it:
        Corpus.open("timemachine")
    assert hashlib.sha256(b"Another machine.\n").hexdigest() in str(it.value)
    assert "\n" not in str(it.value)
    assert (tmp_path / "timemachine.txt").exists()


def test_a_folder_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LMKIT_CORPORA", str(tmp_path / "gone"))
    with pytest.raises(CorpusError, match=r"LMKIT_CORPORA=.*gone: no such folder"):
        Corpus.open("timemachine")
    assert Corpus.open("python-reference").train.summary.words > 0
