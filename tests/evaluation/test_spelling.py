"""The speller: a distribution over what a vocabulary lacks, and ledgers completed with it."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lmkit
from lmkit.errors import NotComparableError
from lmkit.evaluation.spelling import Speller, learn_speller, speller_of, speller_of_text
from lmkit.text.corpus import Corpus, Text
from lmkit.text.encoding import learn_text
from lmkit.text.vocabulary import Vocabulary

NOTHING = Vocabulary([], [0, 0])


def text(content: str) -> Text:
    return Corpus.from_string(content, normalize="none", sentences="line").train


def speller_for(content: str, **cut: Any) -> tuple[Speller, Vocabulary]:
    learned = learn_text(text(content), "word", **cut)
    return learn_speller("word", learned.vocabulary, learned.dropped), learned.vocabulary


def strings(alphabet: str, length: int) -> list[str]:
    return ["".join(s) for n in range(length + 1) for s in itertools.product(alphabet, repeat=n)]


# ---------------------------------------------------------------------- it is a distribution


@pytest.mark.parametrize(
    "content",
    ["ab ba a a a\nbb b b b", "ab ba a a a b <unk> <unk>\n", "a a a\n", "ab </unk> aab\nb b\n"],
)
def test_probabilities_of_what_is_unknown_sum_to_one(content: str) -> None:
    speller, vocabulary = speller_for(content, min_count=2)
    assert speller.letters is not None
    seen = "".join(speller.letters.vocabulary_.tokens[2:])
    # One letter stands for all that were never seen: each of them has its probability.
    alphabet, longest = seen + "\N{SNOWMAN}", 4 if len(seen) < 4 else 2

    def times(word: str) -> float:
        return float(speller.unseen) ** word.count("\N{SNOWMAN}")

    barred = {"", "</s>", "<s>", *vocabulary.tokens[2:]} | ({"<unk>"} if speller.literal else set())
    words = [word for word in strings(alphabet, longest) if word not in barred]
    longer = {word for word in barred if len(word) > longest}
    spelled = np.exp(speller.log_probs(words)) @ [times(word) for word in words]

    # The rest of the mass are words that go on: the first letters, whatever follows them.
    def begins(prefix: str) -> float:
        ids = [speller.letters.vocabulary_.id(letter) for letter in prefix]
        return math.exp(speller.letters.log_probs(ids).sum())

    on = sum(begins("".join(p)) for p in itertools.product(alphabet, repeat=longest + 1))
    on -= sum(begins_whole(speller, word) for word in longer)
    total = spelled + (1 - speller.literal) * on / speller.rest + speller.literal
    assert total == pytest.approx(1, abs=1e-9)


def begins_whole(speller: Speller, word: str) -> float:
    """Return the raw probability of a word, from the letter model alone."""
    ids = [speller.letters.vocabulary_.id(letter) for letter in word] + [1]
    unseen = ids.count(0)
    return math.exp(speller.letters.log_probs(ids).sum() - unseen * math.log(speller.unseen))


@pytest.mark.parametrize("unit", ["char", "byte"])
def test_unknown_symbols_are_equally_likely(unit: str) -> None:
    learned = learn_text(text("ab ba\n"), unit)
    speller = learn_speller(unit, learned.vocabulary, learned.dropped)
    # a, b and the space are known; of the code points, surrogates and what is folded do not occur,
    # of the bytes, what is folded and the 13 values that UTF-8 never uses.
    outside = (0x110000 - 2048 if unit == "char" else 256 - 13) - 4 - 3
    assert np.allclose(speller.log_probs(["x", "y"]), -math.log(outside))


# The toy language: every text of one word over one known word, one letter and the end.
def test_a_completed_model_sums_to_one_over_all_words() -> None:
    train = text("a a a aa\na a\naa aaa a\n")
    model = lmkit.fit("witten-bell:order=2,min_count=3", train)
    speller = speller_of(model)
    known = model.next_log_probs([])
    assert model.vocabulary_.tokens == ("<unk>", "</s>", "a")
    alphabet = "a\N{SNOWMAN}"
    words = [word for word in strings(alphabet, 10) if word not in ("", "a")]
    times = [float(speller.unseen) ** word.count("\N{SNOWMAN}") for word in words]
    spelled = np.exp(known[0] + speller.log_probs(words)) @ times
    total = spelled + np.exp(known[1:]).sum()
    assert 0.999 < total < 1  # what lacks are words of more than ten letters


# ---------------------------------------------------------------------- what it learns from


def test_it_learns_from_what_the_vocabulary_leaves_out() -> None:
    dropping, _ = speller_for("the the cat cat dog owl\n", min_count=2)
    assert dropping.types == 2
    hapaxes, _ = speller_for("the the cat cat dog owl\n")
    assert hapaxes.types == 2  # nothing is left out: the rarest
    twos, _ = speller_for("the the the cat cat dog dog\n")
    assert twos.types == 2
    few, _ = speller_for("a b c d e f g h i j k l m n o p q r s t t t\n" * 2, max_size=19)
    assert few.types == 19  # one type is left out, the others but t are as rare


def test_likely_spellings_are_of_the_language() -> None:
    speller, _ = speller_for("walking talking singing the the ringing bringing flinging\n")
    log_probs = speller.log_probs(["swinging", "gnigniws", "漢", "swingin漢"])
    assert log_probs[0] > log_probs[1] > log_probs[3]
    assert log_probs[2] > math.log(speller.unseen) * -2


def test_a_literal_unk_is_known_by_its_count() -> None:
    speller, _ = speller_for("<unk> a <unk> b <unk> c c\n", min_count=2)
    literal, other = speller.log_probs(["<unk>", "d"])
    assert literal == pytest.approx(math.log(3 / (3 + 2 + 1)))  # three, a and b, and one more
    assert np.isfinite(other)
    without, _ = speller_for("a b c c\n", min_count=2)
    assert without.literal == 0
    assert without.log_probs(["<unk>"])[0] < -10  # spelled, letter by letter


def test_the_training_text_stands_in_for_counts() -> None:
    train = text("the cat sat on the mat\nthe dog sat\n<unk> the\n")
    learned = learn_text(train, "word", min_count=2)
    counted = learn_speller("word", learned.vocabulary, learned.dropped)
    bare = Vocabulary(learned.vocabulary.tokens[2:])
    words = ["cow", "<unk>", "ox"]
    again = speller_of_text("word", train, bare).log_probs(words)
    assert np.array_equal(counted.log_probs(words), again)
    with pytest.raises(NotComparableError, match="--train"):
        learn_speller("word", bare, NOTHING)


@given(st.lists(st.text("abcé漢😀<>/unks", min_size=1, max_size=6), min_size=1, max_size=12))
def test_any_words_can_be_spelled(words: list[str]) -> None:
    reserved = {"<s>", "</s>"}
    words = [word for word in words if word not in reserved] or ["a"]
    speller, vocabulary = speller_for(" ".join(words) + "\n")
    others = [w for w in ("zebra", "aé漢", "\ufeffx", "a\u00a0b", "<unk>") if w not in vocabulary]
    log_probs = speller.log_probs(others)
    assert np.isfinite(log_probs).all()
    assert (log_probs <= 0).all()
    assert 0 < speller.rest <= 1


# ---------------------------------------------------------------------- completed ledgers


def test_a_saved_model_spells_as_before(tmp_path: Path) -> None:
    model = lmkit.fit("unigram:min_count=2", text("the cat sat on the mat <unk>\n"))
    model.save(tmp_path / "m.lmkit")
    words = ["cat", "mat", "dog", "<unk>"]
    again = speller_of(lmkit.load(tmp_path / "m.lmkit")).log_probs(words)
    assert np.array_equal(speller_of(model).log_probs(words), again)
