"""Tables of words and symbols, against a dict that numbers tokens as they appear."""

from __future__ import annotations

import numpy as np
import pytest

from lmkit.errors import CorpusError
from lmkit.text.tables import SymbolTable, WordTable, choose_types, new_table
from lmkit.text.vocabulary import Vocabulary


def raw(text: str) -> np.ndarray:
    return np.frombuffer(text.encode(), np.uint8)


def test_words_are_numbered_as_they_appear_while_the_table_grows() -> None:
    words = [
        f"w{n * n % 9973}" for n in range(10_000)
    ]  # some 5,000 types, more than it starts with
    numbers: dict[str, int] = {}
    expected = [numbers.setdefault(word, 2 + len(numbers)) for word in words]
    table = WordTable()
    halves = [" ".join(half) + "\n" for half in (words[:100], words[100:])]
    found = [table.encode(raw(half), learn=True, name="t").ids.copy() for half in halves]
    assert len(numbers) > 1 << 12
    assert np.concatenate(found).tolist() == [*expected[:100], 1, *expected[100:], 1]


def test_the_vocabulary_is_ordered_by_count_and_the_ids_follow() -> None:
    table = WordTable()
    ids = table.encode(raw("a b c b\n"), learn=True, name="t").ids.copy()
    assert ids.tolist() == [2, 3, 4, 3, 1]
    kept, dropped, translated = choose_types(table.learned(), ids, max_size=2)
    assert kept.tokens == ("<unk>", "</s>", "b", "a")
    assert kept.counts.tolist() == [1, 1, 2, 1]
    assert dropped.tokens[2:] == ("c",)
    assert translated.tolist() == [3, 2, 0, 2, 1]


def test_unknown_words_are_returned_with_spaces() -> None:
    table = new_table("word", Vocabulary(["a", "é"]), split_unspaced=False)
    found = table.encode(raw("é x a yy\n"), learn=False, offsets=True, unknown=True, name="t")
    assert found.ids.tolist() == [3, 0, 2, 0, 1]
    assert found.offsets.tolist() == [0, 2, 4, 6, 8]
    assert found.lengths.tolist() == [1, 1, 1, 2, 1]
    assert found.unknown.tobytes() == b"x yy "


@pytest.mark.parametrize(
    ("unit", "ids", "offsets"),
    [("char", [2, 3, 2, 1], [0, 1, 2, 3]), ("byte", [2, 3, 4, 2, 1], [0, 1, 1, 2, 3])],
)
def test_symbols_are_numbered_as_they_appear(unit: str, ids: list[int], offsets: list[int]) -> None:
    table = new_table(unit, split_unspaced=False)
    assert isinstance(table, SymbolTable)
    found = table.encode(raw("aéa\n"), learn=True, offsets=True, name="t")
    assert (found.ids.tolist(), found.offsets.tolist()) == (ids, offsets)


def test_a_reserved_word_is_refused_with_its_surroundings() -> None:
    with pytest.raises(CorpusError, match=r"t: the text holds the word </s> \(in 'b </s> c'\)"):
        WordTable().encode(raw("a\nb </s> c\n"), learn=True, name="t")


def test_ids_are_written_to_a_given_array() -> None:
    for unit in ("word", "char"):
        out = np.full(5, -1, np.int32)
        new_table(unit, split_unspaced=False).encode(raw("a\n"), learn=True, name="t", out=out)
        assert out[:2].tolist() == [2, 1]
