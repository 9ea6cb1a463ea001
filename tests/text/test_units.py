"""Units: the names of symbols, and tokens back to text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmkit.errors import ParameterError
from lmkit.text.corpus import Corpus
from lmkit.text.encoding import encode_text, learn_text
from lmkit.text.units import UNITS, check_unit, join_tokens, symbol_code, symbol_name


def test_bytes_have_names_of_their_own() -> None:
    names = [symbol_name(code, "byte") for code in range(256)]
    assert len(set(names)) == 256
    assert [symbol_code(name, "byte") for name in names] == list(range(256))
    assert names[97] == "a"
    assert names[0xE9] == "<0xE9>"


@given(character=st.characters(exclude_categories=["Cs"]))
def test_characters_are_their_own_names(character: str) -> None:
    assert symbol_name(ord(character), "char") == character
    assert symbol_code(character, "char") == ord(character)


@pytest.mark.parametrize("unit", UNITS)
@given(text=st.text(st.sampled_from("ab é汉😀\n.<>"), min_size=1))
def test_tokens_spell_the_canonical_text(unit: str, text: str) -> None:
    train = Corpus.from_string("z " + text, normalize="none").train
    learned = learn_text(train, unit)
    tokens = [learned.vocabulary.token(index) for index in learned.ids.tolist()]
    assert join_tokens(tokens, unit) == train.canonical()
    assert (encode_text(train, unit, learned.vocabulary) == learned.ids).all()


def test_broken_bytes_come_out_as_replacement() -> None:
    assert join_tokens(["<0xC3>", "a"], "byte") == "\ufffda"
    assert join_tokens(["<unk>", "a"], "byte") == "?a"
    assert join_tokens([], "byte") == join_tokens([], "char") == join_tokens([], "word") == ""


def test_unknown_unit() -> None:
    with pytest.raises(ParameterError, match="unknown unit 'chars'; did you mean 'char'"):
        check_unit("chars")
