"""Words and punctuation marks separated, against a regular expression."""

from __future__ import annotations

import numpy as np
import regex
from hypothesis import given
from hypothesis import strategies as st

from lmkit.kernels.characters import DIGIT, EXTEND, HAN, LETTER, SPACE, WORD, part_words

TABLE = np.zeros(0x110000, np.uint8)
for characters, bits in (
    ("ab", LETTER | WORD), ("12", DIGIT | WORD), ("_", WORD), ("诗漢", HAN), (" \t\n", SPACE),
    ("^", EXTEND), ("`", EXTEND | WORD),
):  # fmt: skip
    TABLE[[ord(character) for character in characters]] = bits
# ^ is an invisible character, ` a mark.
TOKEN = regex.compile(
    r"""(?P<before>(?<![诗漢^])\^+(?=[^诗漢\s^]))?
    (?: [诗漢]
      | [ab12_`](?: [ab12_^`] | ['’](?=\^*[ab]) | (?<=[12][\^`]*)[.,](?=\^*[12]) )*
      | ([^\sab12_诗漢^`])\2* [\^`]*
    )""",
    regex.VERBOSE,
)


def parted(text: str) -> str:
    codes = np.array([ord(character) for character in text], np.uint32)
    return "".join(map(chr, part_words(codes, TABLE)))


@given(st.text("ab12_诗'’.,-! \n^`", max_size=30))
def test_tokens_are_those_of_a_regular_expression(text):
    expected = []
    for line in text.split("\n"):
        tokens = [match[0] for match in TOKEN.finditer(line)]
        own = " " if tokens and line[0] == " " else ""
        for before, token in zip(["", *tokens], tokens, strict=False):
            own += (" " if before and not {before, token} & {"诗"} else "") + token
        expected.append(own)
    assert parted(text).split("\n") == expected


def test_by_hand():
    assert parted("a'b 1.2,ab!! -b") == "a'b 1.2 , ab !! - b"
    assert parted("a^b 1^.^2 -^-- ^^a ^ b a`^'a ^\n^^") == "a^b 1^.^2 -^ -- ^^a b a`^'a\n"
    assert parted("诗^漢 ^诗^a") == "诗漢诗a"
    assert parted("a诗 b\n c") == "a诗b\n c"
