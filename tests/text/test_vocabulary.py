"""Vocabularies: ids and tokens, and their JSON files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmkit.errors import FormatError, LmkitError, VocabularyError
from lmkit.text.corpus import Corpus
from lmkit.text.encoding import learn_text
from lmkit.text.vocabulary import Vocabulary, read_vocabulary

TYPES = st.lists(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6).filter(
        lambda name: name not in ("<unk>", "</s>", "<s>")
    ),
    unique=True,
    max_size=20,
)


@pytest.fixture
def words() -> Vocabulary:
    return Vocabulary(["the", "cat", "é"], counts=[1, 2, 5, 3, 1])


def test_ids_and_tokens(words: Vocabulary) -> None:
    assert len(words) == 5
    assert words.tokens == ("<unk>", "</s>", "the", "cat", "é")
    assert (words.unk_id, words.eos_id, words.bos_id) == (0, 1, 5)
    assert [words.id(token) for token in words.tokens] == list(range(5))
    assert words.id("dog") == 0
    assert words["cat"] == 3
    assert words.token(5) == "<s>"
    assert "cat" in words
    assert "<unk>" in words
    assert "<s>" not in words
    assert 3 not in words
    assert repr(words) == "Vocabulary(3 types + <unk> + </s>: 'the', 'cat', 'é')"


@given(types=TYPES)
def test_every_token_has_one_id(types: list[str]) -> None:
    vocabulary = Vocabulary(types)
    assert [vocabulary.token(vocabulary.id(name)) for name in types] == types
    assert list(vocabulary.tokens[2:]) == types
    assert vocabulary.counts.tolist() == [0] * (len(types) + 2)


@pytest.mark.parametrize("index", [-1, 6, 100])
def test_ids_outside(words: Vocabulary, index: int) -> None:
    with pytest.raises(VocabularyError, match=rf"id {index} is outside 0\.\.5"):
        words.token(index)


def test_a_token_that_is_not_there(words: Vocabulary) -> None:
    with pytest.raises(VocabularyError, match="'dog' is not in the vocabulary"):
        words["dog"]


@pytest.mark.parametrize(
    ("types", "message"),
    [
        (["a", "b", "a"], "'a' is given twice"),
        (["a", "<s>"], "'<s>' cannot be a type"),
        (["</s>"], "'</s>' cannot be a type"),
        (["<unk>"], "'<unk>' cannot be a type"),
        ([""], "'' cannot be a type"),
    ],
)
def test_types_that_cannot_be(types: list[str], message: str) -> None:
    with pytest.raises(VocabularyError, match=message):
        Vocabulary(types)


def test_counts_of_another_length() -> None:
    with pytest.raises(VocabularyError, match="2 counts for 3 ids"):
        Vocabulary(["a"], counts=[1, 2])


def test_immutable(words: Vocabulary) -> None:
    for array in words.to_arrays().values():
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    mine = np.array([1, 2, 3])
    kept = Vocabulary(["a"], counts=mine)
    mine[0] = 9
    assert kept.counts.tolist() == [1, 2, 3]


def test_equal_by_content(words: Vocabulary) -> None:
    again = Vocabulary(["the", "cat", "é"], counts=[1, 2, 5, 3, 1])
    assert again == words
    assert hash(again) == hash(words)
    assert Vocabulary(["the", "cat", "é"]) != words
    assert Vocabulary(["thecat", "é"]) != Vocabulary(["the", "caté"])
    assert words != 3


def test_order_ties_and_cut_offs() -> None:
    text = Corpus.from_string("b a c b\na d e e", normalize="none").train

    def tokens(**cut: Any) -> tuple[str, ...]:
        return learn_text(text, "word", **cut).vocabulary.tokens[2:]

    assert tokens() == ("b", "a", "e", "c", "d")  # ties in order of first appearance
    assert tokens(min_count=2) == ("b", "a", "e")
    assert tokens(max_size=2) == ("b", "a")
    assert tokens(max_size=4, min_count=2) == ("b", "a", "e")
    assert tokens(max_size=100) == tokens()


# ---------------------------------------------------------------------- as arrays and files


@given(types=TYPES, data=st.data())
def test_there_and_back(
    tmp_path_factory: pytest.TempPathFactory, types: list[str], data: st.DataObject
) -> None:
    size = len(types) + 2
    counts = data.draw(st.lists(st.integers(0, 2**62), min_size=size, max_size=size))
    vocabulary = Vocabulary(types, counts)
    assert Vocabulary.from_arrays(vocabulary.to_arrays()) == vocabulary
    path = tmp_path_factory.mktemp("v") / "vocab.json"
    vocabulary.save(path)
    assert Vocabulary.load(path) == vocabulary


def test_the_file_is_json(words: Vocabulary, tmp_path: Path) -> None:
    path = tmp_path / "v.json"
    words.save(path)
    assert json.loads(path.read_text(encoding="utf-8")) == {
        "schema": 1,
        "tokens": ["<unk>", "</s>", "the", "cat", "é"],
        "counts": [1, 2, 5, 3, 1],
    }
    assert list(tmp_path.iterdir()) == [path]


GOOD = {"schema": 1, "tokens": ["<unk>", "</s>", "a"], "counts": [0, 1, 2]}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"some text",
        b"\xff\xfe",
        b"[]",
        b"3",
        b"[" * 100_000,
        b'{"tokens": ["<unk>", "</s>", "a"]}',
        json.dumps({**GOOD, "tokens": "<unk>"}).encode(),
        json.dumps({**GOOD, "tokens": 3}).encode(),
        json.dumps({**GOOD, "tokens": ["<unk>", "</s>", 3]}).encode(),
        json.dumps({**GOOD, "tokens": ["<unk>", "</s>", ["a"]]}).encode(),
        json.dumps({**GOOD, "tokens": ["a", "<unk>", "</s>"]}).encode(),
        json.dumps({**GOOD, "tokens": ["<unk>", "</s>"]}).encode(),
        json.dumps({**GOOD, "tokens": ["<unk>", "</s>", "<s>"]}).encode(),
        json.dumps({**GOOD, "counts": [0, 1]}).encode(),
        json.dumps({**GOOD, "counts": [0, 1, "2"]}).encode(),
        json.dumps({**GOOD, "counts": [0, 1, 2.5]}).encode(),
        json.dumps({**GOOD, "counts": [0, 1, None]}).encode(),
        json.dumps({**GOOD, "counts": [0, 1, -2]}).encode(),
        json.dumps({**GOOD, "counts": [0, 1, 2**70]}).encode(),
        json.dumps({**GOOD, "counts": {"a": 1}}).encode(),
        json.dumps({**GOOD, "schema": 2}).encode(),
    ],
)
def test_files_that_are_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "v.json"
    path.write_bytes(content)
    with pytest.raises(FormatError) as it:
        Vocabulary.load(path)
    assert str(it.value).startswith(f"{path}: ")
    assert "\n" not in str(it.value)


def test_places_without_a_file(words: Vocabulary, tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="cannot be read"):
        Vocabulary.load(tmp_path / "gone.json")
    with pytest.raises(FormatError, match="cannot be read"):
        Vocabulary.load(tmp_path)
    with pytest.raises(LmkitError, match="cannot write"):
        words.save(tmp_path / "no" / "v.json")


@pytest.mark.parametrize(
    "change",
    [
        {"blob": np.frombuffer(b"<unk></s>\xff", np.uint8)},
        {"blob": np.frombuffer(b"<unk></s>\xc3\xa9", np.uint8), "offsets": np.array([0, 5, 9, 10])},
        {"blob": np.frombuffer(b"<abc></s>a", np.uint8)},
        {"blob": np.zeros(10, np.int8)},
        {"offsets": np.array([0, 5, 9, 11])},
        {"offsets": np.array([0, 5, 9, 9])},
        {"offsets": np.array([1, 5, 9, 10])},
        {"offsets": np.array([0, 5, 10])},
        {"offsets": np.array([0.0, 5, 9, 10])},
        {"counts": np.array([0, 1])},
        {"counts": np.array([[0, 1, 2]])},
        {"counts": np.array([0.0, 1, 2])},
        {"counts": None},
    ],
)
def test_arrays_that_do_not_fit(change: dict[str, Any]) -> None:
    arrays = {**Vocabulary(["a"], [0, 1, 2]).to_arrays(), **change}
    arrays = {name: array for name, array in arrays.items() if array is not None}
    with pytest.raises(FormatError, match="the file is damaged"):
        Vocabulary.from_arrays(arrays)


def test_word_lists_begin_with_a_byte_order_mark_or_not(tmp_path):
    (tmp_path / "words.txt").write_bytes("\ufeffthe\r\ncat <unk>\0a\xa0b <s>".encode())
    vocabulary = read_vocabulary(tmp_path / "words.txt")
    assert vocabulary.tokens == ("<unk>", "</s>", "the", "cat", "a\xa0b")
    vocabulary.save(tmp_path / "v.json")
    marked = b"\xef\xbb\xbf" + (tmp_path / "v.json").read_bytes()
    (tmp_path / "v.json").write_bytes(marked)
    assert read_vocabulary(tmp_path / "v.json") == vocabulary
