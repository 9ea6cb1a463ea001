"""What several models know together of the words of their training texts."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from lmkit.errors import FormatError
from lmkit.text.shared_vocabulary import (
    checked_numbering,
    joint_vocabulary,
    numbering,
    shared_vocabulary,
)
from lmkit.text.vocabulary import Vocabulary

ONE = Vocabulary(["b", "a"], [3, 2, 7, 4])
TWO = Vocabulary(["a", "b"], [1, 5, 6, 6])
NONE = Vocabulary(["a", "b"])  # as of an ARPA file: no counts


def test_shared_knowledge_has_the_largest_counts() -> None:
    known = [
        (ONE, Vocabulary(["x", "y"], [1, 0, 2, 1])),
        (TWO, Vocabulary(["z", "x"], [4, 0, 2, 1])),
        (NONE, None),
    ]
    for order in permutations(known):
        vocabulary, dropped = shared_vocabulary(order)
        assert vocabulary == Vocabulary(["a", "b"], [3, 5, 6, 7])
        assert dropped == Vocabulary(["x", "z", "y"], [4, 0, 2, 2, 1])
    assert shared_vocabulary([(ONE, None), (NONE, None)])[1] is None
    assert shared_vocabulary([known[0], known[0]]) is known[0]


def test_joint_vocabulary_is_of_every_type() -> None:
    known = [
        (Vocabulary(["a", "b"], [0, 2, 5, 4]), Vocabulary(["c"], [0, 0, 3])),
        (Vocabulary(["c"], [0, 2, 3]), Vocabulary(["a", "d"], [2, 0, 1, 1])),
    ]
    for order in permutations(known):
        vocabulary, dropped = joint_vocabulary(order)
        assert vocabulary == Vocabulary(["a", "b", "c", "d"], [0, 0, 5, 4, 3, 1])
        assert dropped == Vocabulary([], [2, 0])
    assert joint_vocabulary(known[:1]) is known[0]


def test_numberings() -> None:
    assert numbering(TWO, NONE) is None
    np.testing.assert_array_equal(numbering(ONE, TWO), [0, 1, 3, 2])
    for a, b in ((ONE, Vocabulary(["a", "b", "c"])), (Vocabulary(["a", "b", "c"]), ONE)):
        with pytest.raises(KeyError, match="c"):
            numbering(a, b)
    good = np.array([0, 1, 3, 2], np.int32)
    np.testing.assert_array_equal(checked_numbering(good, 4), good)
    assert checked_numbering(None, 4) is None
    for bad in (good[:3], np.array([1, 0, 2, 3], np.int32), np.array([0, 1, 2, 2], np.int32),
                good.astype(np.float64), np.array([0, 1, 2, 9], np.int32)):  # fmt: skip
        with pytest.raises(FormatError, match="damaged"):
            checked_numbering(bad, 4)
