"""Drawing: from the right tokens, with the right frequencies, spelled as the prompt was."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lmkit
from lmkit.errors import NotFittedError, ParameterError
from lmkit.models.generation import draw, generate
from lmkit.text.corpus import Corpus


class Cycle(lmkit.LanguageModel):
    """The next id is the last one plus one; all else is almost impossible."""

    def __init__(self, *, rest: float = 1e-9, **common: Any):
        super().__init__(**common)
        self.rest = rest

    def _next_log_probs(self, context: np.ndarray) -> np.ndarray:
        size = len(self.vocabulary_)
        last = int(context[-1]) if context[-1] < size else 1
        probabilities = np.full(size, self.rest / size)
        probabilities[(last + 1) % size] += 1 - self.rest
        return np.log(probabilities)


def fitted(text: str = "a b c\n", sentences: str = "line", **options: Any) -> Cycle:
    corpus = Corpus.from_string(text, normalize="none", sentences=sentences)
    return Cycle(**options).fit(corpus)


def drawn(log_probs: np.ndarray, times: int = 4000, **options: Any) -> np.ndarray:
    rng = np.random.default_rng(0)
    counts = np.zeros(len(log_probs))
    for _ in range(times):
        counts[draw(log_probs, rng, **options)] += 1
    return counts / times


PROBABILITIES = np.array([0.05, 0.4, 0.3, 0.2, 0.05])


def test_tokens_are_drawn_as_often_as_they_are_probable() -> None:
    shares = drawn(np.log(PROBABILITIES))
    # 4000 draws: a standard error of 0.008 at most, and five of them.
    np.testing.assert_allclose(shares, PROBABILITIES, atol=0.04)


@pytest.mark.parametrize("temperature", [0.5, 2.0])
def test_temperature_raises_probabilities_to_a_power(temperature: float) -> None:
    expected = PROBABILITIES ** (1 / temperature)
    shares = drawn(np.log(PROBABILITIES), temperature=temperature)
    np.testing.assert_allclose(shares, expected / expected.sum(), atol=0.04)


@pytest.mark.parametrize("temperature", [1e-3, 1e-200, 5e-324])
def test_a_low_temperature_takes_the_likeliest(temperature: float) -> None:
    assert drawn(np.log(PROBABILITIES), 50, temperature=temperature)[1] == 1


def test_a_high_temperature_takes_any_possible_one() -> None:
    log_probs = np.log([0.9, 0.1, 1e-300, 1])
    log_probs[3] = -np.inf
    shares = drawn(log_probs, temperature=1e300)
    np.testing.assert_allclose(shares, [1 / 3, 1 / 3, 1 / 3, 0], atol=0.04)


@pytest.mark.parametrize(("top_k", "kept"), [(1, [1]), (2, [1, 2]), (3, [1, 2, 3])])
def test_top_k_keeps_the_k_likeliest(top_k: int, kept: list[int]) -> None:
    shares = drawn(np.log(PROBABILITIES), top_k=top_k)
    assert np.flatnonzero(shares).tolist() == kept
    expected = PROBABILITIES[kept] / PROBABILITIES[kept].sum()
    np.testing.assert_allclose(shares[kept], expected, atol=0.04)


@pytest.mark.parametrize("top_k", [5, 6, 10**9])
def test_top_k_beyond_the_vocabulary_keeps_all(top_k: int) -> None:
    log_probs = np.log(PROBABILITIES)
    np.testing.assert_array_equal(drawn(log_probs, 200, top_k=top_k), drawn(log_probs, 200))


@pytest.mark.parametrize(
    ("top_p", "kept"),
    [
        (1e-15, [1]),
        (0.4, [1]),
        (0.41, [1, 2]),
        (0.7, [1, 2]),
        (0.9, [1, 2, 3]),
        (0.96, [0, 1, 2, 3, 4]),
        (1 - 1e-16, [0, 1, 2, 3, 4]),
        (1.0, [0, 1, 2, 3, 4]),
    ],
)
def test_top_p_keeps_the_smallest_set_that_holds_the_mass(top_p: float, kept: list[int]) -> None:
    assert np.flatnonzero(drawn(np.log(PROBABILITIES), top_p=top_p)).tolist() == kept


def test_the_mass_of_top_p_is_counted_within_the_top_k() -> None:
    # Of the two likeliest, the first holds 4/7 = 0.571.
    assert np.flatnonzero(drawn(np.log(PROBABILITIES), top_k=2, top_p=0.57)).tolist() == [1]
    assert np.flatnonzero(drawn(np.log(PROBABILITIES), top_k=2, top_p=0.58)).tolist() == [1, 2]


@given(
    st.lists(st.one_of(st.floats(-700, 0), st.just(-np.inf)), min_size=1, max_size=20),
    st.floats(1e-3, 1e3),
    st.one_of(st.none(), st.integers(1, 25)),
    st.one_of(st.none(), st.floats(1e-6, 1.0)),
    st.integers(0, 2**31),
)
def test_what_is_impossible_is_never_drawn(
    values: list[float], temperature: float, top_k: int | None, top_p: float | None, seed: int
) -> None:
    log_probs = np.array([0.0, *values])
    rng = np.random.default_rng(seed)
    index = draw(log_probs, rng, temperature=temperature, top_k=top_k, top_p=top_p)
    assert np.isfinite(log_probs[index])
    if top_k is not None:
        assert np.count_nonzero(log_probs > log_probs[index]) < top_k


# ---------------------------------------------------------------------- prompts

# Ids: <unk> 0, </s> 1, then by count and first appearance; Cycle counts them up.


@pytest.mark.parametrize(
    ("prompt", "text"),
    [
        ("", "a b c"),  # <s> stands for </s>, whose successor is the id 2
        ("a", "a b c"),
        ("a ", "a b c"),
        ("  a  b", "a b c"),
        ("c", "c"),  # <unk> follows, and is left out: what is drawn then does not matter
        ("b\n", "b\na b c"),
        ("b \n", "b\na b c"),
        ("b\n  ", "b\na b c"),
        ("b\r\n", "b\na b c"),
        ("\n", "\na b c"),
        ("\n\n", "\n\na b c"),
        ("   ", "a b c"),
        ("zebra a", "zebra a b c"),
        ("zebra a ", "zebra a b c"),
    ],
)
def test_words_follow_the_prompt(prompt: str, text: str) -> None:
    drawn = fitted().generate(prompt, tokens=3, greedy=True)
    assert drawn.startswith(text)


@pytest.mark.parametrize(
    ("prompt", "text"),
    [
        ("a\n", "a b c"),  # within a paragraph a line end is a space
        ("a\n\n", "a\na b c"),
        ("a\n \n \n", "a\na b c"),
        ("b\n\na", "b\na b c"),
    ],
)
def test_a_blank_line_ends_a_paragraph(prompt: str, text: str) -> None:
    model = fitted("a b c\n\na\n", sentences="paragraph")
    assert model.generate(prompt, tokens=3, greedy=True).startswith(text)


@pytest.mark.parametrize("prompt", ["a", "a\n", "a\n\n", "\na "])
def test_nothing_ends_a_stream(prompt: str) -> None:
    model = fitted("a b c\n", sentences="none")
    assert model.vocabulary_.counts[1] == 0
    assert model.encode(prompt).tolist() == [2]
    assert model.generate(prompt, tokens=2, greedy=True) == "a b c"


@pytest.mark.parametrize(
    ("prompt", "ids"),
    [
        ("ab", [2, 3]),
        ("ab ", [2, 3, 4]),  # a blank at the end is the next letter's
        ("ab  ", [2, 3, 4]),
        ("ab\t", [2, 3, 4]),
        ("ab \n", [2, 3, 1]),
        ("ab\n ", [2, 3, 1]),
        (" ab", [2, 3]),
        ("", []),
        (" ", []),
        ("a z", [2, 4, 0]),
    ],
)
@pytest.mark.parametrize("unit", ["char", "byte"])
def test_letters_follow_the_prompt(unit: str, prompt: str, ids: list[int]) -> None:
    model = fitted("ab \nab ab c\n", unit=unit)
    assert model.vocabulary_.tokens == ("<unk>", "</s>", "a", "b", " ", "c")
    assert model.encode(prompt).tolist() == ids


def test_a_blank_within_a_paragraph_is_a_letter() -> None:
    model = fitted("ab ab c\n", sentences="paragraph", unit="char")
    assert model.encode("ab\n").tolist() == [2, 3, 4]
    assert model.encode("ab\n\n").tolist() == [2, 3, 1]


def test_bytes_are_put_together_as_characters() -> None:
    model = fitted("é\n", unit="byte")
    assert model.vocabulary_.tokens[2:] == ("<0xC3>", "<0xA9>")
    pieces = list(model.generate_pieces("", tokens=2, greedy=True))
    assert pieces == ["", "é", ""]
    assert model.generate("é\n", tokens=2, greedy=True) == "é\né"
    # Half a character at the end, or before a sentence end, cannot be shown.
    assert model.generate("", tokens=1, greedy=True) == "\N{REPLACEMENT CHARACTER}"


def test_a_drawn_unknown_byte_stays_in_its_place() -> None:
    model = fitted("é\n", unit="byte")
    text = model.generate("\n", tokens=3, greedy=True, allow_unk=True)
    assert text == "\né<unk>"


# ---------------------------------------------------------------------- options


def test_the_unknown_token_is_drawn_only_where_allowed() -> None:
    model = fitted()
    assert model.generate("c", tokens=1, greedy=True, allow_unk=True) == "c <unk>"
    assert "<unk>" not in model.generate("c", tokens=30, seed=1)


def test_nothing_is_drawn_where_only_the_unknown_token_is_possible() -> None:
    model = fitted(rest=0.0)
    with np.errstate(divide="ignore"):
        assert model.generate("b", tokens=9, seed=1) == "b c"


def test_a_sentence_end_stops_where_asked() -> None:
    model = fitted("a b c\n")
    text = model.generate("", tokens=100, temperature=1e9, seed=3, stop="sentence")
    assert text.count("\n") == 1
    assert text.endswith("\n")
    assert model.generate("", tokens=100, temperature=1e9, seed=3).startswith(text)


def test_as_many_tokens_as_asked_for() -> None:
    model = fitted()
    assert model.generate("a b", tokens=0) == "a b"
    assert model.generate("", tokens=0) == ""
    assert len(list(model.generate_pieces("a", tokens=7, seed=1))) == 1 + 7 + 1


def test_pieces_come_as_they_are_drawn() -> None:
    pieces = fitted().generate_pieces("a", tokens=10**9, greedy=True)
    assert [next(pieces), next(pieces), next(pieces)] == ["a", " b", " c"]


@pytest.mark.parametrize(
    "options",
    [
        {"tokens": -1},
        {"temperature": 0},
        {"temperature": -1.0},
        {"temperature": float("nan")},
        {"temperature": float("inf")},
        {"top_k": 0},
        {"top_p": 0.0},
        {"top_p": 1.1},
        {"top_p": float("nan")},
        {"seed": -1},
        {"stop": "paragraph"},
    ],
)
def test_options_outside_their_range_are_refused_at_once(options: dict[str, Any]) -> None:
    with pytest.raises(ParameterError, match=next(iter(options))):
        fitted().generate_pieces("a", **options)


def test_a_model_must_have_learned() -> None:
    with pytest.raises(NotFittedError):
        generate(Cycle())
