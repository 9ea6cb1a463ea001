"""Normalisers: what they do to a text, and what none of them may do."""

from __future__ import annotations

import sys
import unicodedata

import pytest
import regex
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lmkit.errors import ParameterError
from lmkit.text.corpus import Corpus
from lmkit.text.normalize import NORMALIZERS, check_normalizer, normalizer

NAMES = sorted(NORMALIZERS)
# Text with much of what normalisers care about.
TEXTS = st.text(
    st.one_of(
        st.sampled_from(
            "aBcdÉéßİıΣσςäñ 09.,'’!?-_\"«»…汉字あア\n\t\r\0\x0b\x0c\x85\xa0\u2028\u3000"
        ),
        st.sampled_from("\u0300\u0301\u0308\u200d\u0655½ﬁＡ①😀👨"),
        st.sampled_from("\u200b\u200c\u200d\u200f\u00ad\ufe0f\ufeff\u0600\U0001f3fd🇩"),
        st.characters(exclude_categories=["Cs", "Cn"]),  # Cn: known to one Unicode, not to another
    )
)


# What extends the character before it (Unicode Standard Annex #29, rule WB4).
EXTEND = r"[\p{WB=Extend}\p{WB=Format}\p{WB=ZWJ}\p{M}]"
INVISIBLE = rf"[{EXTEND}--[\p{{L}}\p{{M}}\p{{N}}]]"
INK = r"[\p{L}\p{M}\p{N}\p{Prepended_Concatenation_Mark}_--\p{Han}]"
# A word as one regular expression.
WORD = regex.compile(
    r"""
    (?: (?<! [\p{Han}<F>] ) <F>+ (?= [^<F>\p{Han}\s\u200B] ) )?
    (?: \p{Han}
      | <W> (?: <E> | <W> | ['’] (?=<F>* [\p{L}--\p{Han}])
                | (?<=\p{Nd} <E>*) [.,] (?=<F>* \p{Nd}) )*
      | (?: [\U0001F1E6-\U0001F1FF]{2} | ([^\s\u200B<W><F>\p{Han}]) \1* )
        (?: <E> | (?<=\u200D) \p{Extended_Pictographic} )*
    )
    """.replace("<W>", INK)
    .replace("<F>", INVISIBLE)
    .replace("<E>", EXTEND),
    regex.VERBOSE | regex.VERSION1,
)


def apply(name: str, text: str) -> str:
    function = normalizer(name)
    return text if function is None else function(text)


def canonical(name: str, text: str, sentences: str = "line") -> str:
    return Corpus.from_string(text, normalize=name, sentences=sentences).train.canonical()


@pytest.mark.parametrize("name", [*NAMES, "nfkc+lower+words", "nfkc+letters", "lower+words"])
@given(text=TEXTS)
def test_line_ends_stay(name: str, text: str) -> None:
    assert apply(name, text).count("\n") == text.count("\n")


@pytest.mark.parametrize("name", [*NAMES, "nfkc+words", "lower+words"])
@given(text=TEXTS)
@example("İI\u0307")
@example("ΑΣ ΑΣ. Σ")
@example("don't 'tis rock'n'roll 3.14 1,000.5 ... --- a..b")
def test_canonical_text_is_its_own(name: str, text: str) -> None:
    once = canonical(name, text)
    assert canonical(name, once) == once


@pytest.mark.parametrize("name", NAMES)
@given(text=TEXTS)
def test_canonical_text_has_single_spaces(name: str, text: str) -> None:
    result = canonical(name, text)
    assert "  " not in result
    assert not set(result) & set("\0\t\r")
    if name in ("letters", "words"):
        assert not set(result) & set("\v\f\x85\xa0\u2028\u3000")
    for line in result.split("\n"):
        assert line == line.strip(" ")
    assert result == "" or result.endswith("\n")
    assert result.count("\n") == len(text.split("\n")) - text.endswith("\n") - (text == "")


@settings(max_examples=500)
@given(
    words=st.lists(st.text(st.sampled_from("ab\x01\x7fé汉😀"), min_size=1, max_size=11)),
    gaps=st.lists(st.sampled_from([*" " * 9, "\n", "\n", "\n", "  ", " \n", "\n ", "\t", "\n\n"])),
    start=st.sampled_from(["", "", " ", "\n"]),
)
def test_folding_is_splitting_and_joining(words: list[str], gaps: list[str], start: str) -> None:
    """Whether lines are tidy already, which is found out eight bytes at a time, or not."""
    raw = start + "".join(word + gap for word, gap in zip(words, gaps, strict=False))
    text = Corpus.from_string(raw, normalize="none").train
    lines = raw.split("\n")
    if not lines[-1]:
        lines.pop()
    expected = "".join(" ".join(line.split()) + "\n" for line in lines)
    assert text.canonical() == expected
    summary = text.summary
    counted = (summary.characters, summary.words, summary.sentence_ends)
    assert counted == (len(expected), len(expected.split()), len(lines))


@given(text=TEXTS)
def test_letters_leaves_letters(text: str) -> None:
    for letter in canonical("letters", text):
        assert letter in " \n" or regex.match(rf"\p{{L}}|{EXTEND}", letter, regex.V1)
        assert letter.lower() == letter


@settings(max_examples=500)
@given(text=TEXTS)
@example("'a'b''c’d’’ ’1'1 a'1 1'a")
@example("1.2.3 1,a a.1 1..2 .5 5. ٣.٤ ½.5 1,2,3,\n,4")
@example("汉's 汉'汉 a'汉 汉a1汉 〇々.汉⺀⺀")
def test_words_are_those_of_a_regular_expression(text: str) -> None:
    lines = unicodedata.normalize("NFC", text.replace("\ufeff", "")).split("\n")
    expected = [[match[0] for match in WORD.finditer(line)] for line in lines]
    # A Han character is a word without a space beside it.
    han = regex.compile(r"(\p{Han})")
    result = [han.sub(r" \1 ", line).split() for line in apply("words", text).split("\n")]
    assert [" ".join(line).split() for line in expected] == result


@given(text=TEXTS)
def test_letters_are_those_of_a_regular_expression(text: str) -> None:
    kept = regex.compile(rf"((?:[\p{{L}}--{EXTEND}]{EXTEND}*|\n)+)|.", regex.V1 | regex.DOTALL)
    lower = text.lower().replace("\ufeff", "")
    expected = kept.sub(lambda match: match[1] or " ", lower)
    assert apply("letters", text) == expected


@given(text=TEXTS)
def test_words_throws_no_ink_away(text: str) -> None:
    """Everything but white space and what is invisible stays, in its order."""
    text = text.replace("\ufeff", "")

    def visible(raw: str) -> str:
        return regex.sub(rf"[\s\0\u200B{INVISIBLE}]", "", raw, flags=regex.V1)

    assert visible(canonical("words", text)) == visible(unicodedata.normalize("NFC", text))


@given(text=st.text(st.sampled_from("aäéz"), min_size=1, max_size=5))
def test_words_composes(text: str) -> None:
    assert canonical("words", unicodedata.normalize("NFD", text)) == text + "\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Don't stop!", "Don't stop !"),
        ("He said: “don’t”.", "He said : “ don’t ” ."),
        ("'tis the dogs' day", "' tis the dogs ' day"),
        ("3.14 and 1,000.50, v2.0.", "3.14 and 1,000.50 , v2.0 ."),
        ("wait... what?! --- yes", "wait ... what ? ! --- yes"),
        ("snake_case(x)", "snake_case ( x )"),
        ("汉字 test汉字abc", "汉字test汉字abc"),
        ("「用 Python 3。」—— (写) !", "「用Python 3。」—— (写) !"),
        ("a，b 😀 c ．", "a，b 😀 c．"),
        ("ひらがな カタカナ", "ひらがな カタカナ"),
        ("naïve café", "naïve café"),
        ("a\xa0b\u3000c", "a b c"),
        ("a-b/c", "a - b / c"),
        ("<unk>", "< unk >"),
        ("", ""),
    ],
)
def test_words(text: str, expected: str) -> None:
    assert canonical("words", text).rstrip("\n") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The Time Machine, by H. G. Wells [1898]", "the time machine by h g wells"),
        ("don't", "don t"),
        ("ÉTÉ à Köln 42", "été à köln"),
        ("汉字, 123", "汉字"),
    ],
)
def test_letters(text: str, expected: str) -> None:
    assert canonical("letters", text) == expected + "\n"


def test_nfkc_gives_plain_forms() -> None:
    assert canonical("nfkc", "ﬁＡ①½ x²") == "fiA11⁄2 x2\n"


def test_composed_from_left_to_right() -> None:
    assert canonical("nfkc+lower+words", "ＡＢ！") == "ab !\n"
    assert canonical("lower+nfkc", "Å") == canonical("lower", "Å").replace("å", "å")


@pytest.mark.parametrize("name", ["none", "lower"])
def test_every_code_point_is_kept(name: str) -> None:
    points = "".join(map(chr, range(33, sys.maxunicode + 1)))
    points = points.encode("utf-8", "ignore").decode()  # without surrogates
    assert canonical(name, points) == apply(name, points) + "\n"


@pytest.mark.parametrize("name", ["", "letter", "words,lower", "none+", "LETTERS"])
def test_unknown_name(name: str) -> None:
    with pytest.raises(ParameterError, match=r"unknown normaliser .*choose from none, lower") as it:
        check_normalizer(name)
    assert "\n" not in str(it.value)


def test_unknown_name_with_a_suggestion() -> None:
    with pytest.raises(ParameterError, match="did you mean 'letters'"):
        Corpus.from_string("a", normalize="letter")


@pytest.mark.parametrize(
    ("text", "words", "letters"),
    [
        ("می\u200cخواهم!", "می\u200cخواهم !", "می\u200cخواهم"),  # Persian, one word
        ("ශ්\u200dරී, क्\u200dष", "ශ්\u200dරී , क्\u200dष", "ශ්\u200dරී क्\u200dष"),
        (
            "co\u00adop don\u2060't 3.\u200d1",
            "co\u00adop don\u2060't 3.\u200d1",
            "co\u00adop don\u2060 t",
        ),
        ("a\u200bb \u200f c\ufeff.\n\ufeffd", "a b c .\nd", "a b c\nd"),
        ("(\u200eab\u200f) ❤\ufe0f❤\ufe0f", "(\u200e ab\u200f ) ❤\ufe0f ❤\ufe0f", "ab\u200f"),
        ("👩\u200d👩\u200d👧👍🏽👍🏽🇩🇪🇫🇷", "👩\u200d👩\u200d👧 👍🏽 👍🏽 🇩🇪 🇫🇷", ""),
        ("3\ufe0f\u20e3 \u200d", "3\ufe0f\u20e3", ""),
    ],
)
def test_invisible_characters_belong_to_their_word(text: str, words: str, letters: str) -> None:
    assert canonical("words", text) == words + "\n"
    assert canonical("letters", text) == letters + "\n"
