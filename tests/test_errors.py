"""The tree of errors: each is lmkit's own and a fitting builtin."""

from __future__ import annotations

import inspect
import re

import pytest

from lmkit import errors
from lmkit.errors import CorpusError, EncodingError, LmkitError, did_you_mean

BUILTINS = {
    "CorpusError": ValueError,
    "EncodingError": ValueError,
    "VocabularyError": ValueError,
    "NotFittedError": RuntimeError,
    "NotComparableError": ValueError,
    "UnknownModelError": LookupError,
    "ParameterError": ValueError,
    "FormatError": ValueError,
    "FetchError": OSError,
    "WriteError": OSError,
}


@pytest.mark.parametrize("name", BUILTINS)
def test_each_error_is_lmkit_s_and_a_builtin(name: str) -> None:
    error = getattr(errors, name)
    for caught in (LmkitError, BUILTINS[name]):
        with pytest.raises(caught, match=r"^what is wrong; the remedy$"):
            raise error("what is wrong; the remedy")


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    classes = dict(inspect.getmembers(errors, inspect.isclass))
    own = {name for name, cls in classes.items() if issubclass(cls, LmkitError)}
    assert own == {"LmkitError", *BUILTINS}
    drawn = dict(re.findall(r"[├└]── (\w+)(?: \((\w+)\))?", errors.__doc__ or ""))
    assert set(drawn) == set(BUILTINS)
    assert drawn.pop("EncodingError") == ""  # it stands below CorpusError
    assert drawn == {name: BUILTINS[name].__name__ for name in drawn}
    assert issubclass(EncodingError, CorpusError)


@pytest.mark.parametrize(
    ("name", "known", "told"),
    [
        ("trigam", ["bigram", "trigram"], "; did you mean 'trigram'?"),
        ("bigran", iter(["trigram", "bigram"]), "; did you mean 'bigram'?"),
        ("transformer", ["bigram", "trigram"], ""),
        ("bigram", [], ""),
    ],
)
def test_the_closest_name_is_named(name: str, known: list[str], told: str) -> None:
    assert did_you_mean(name, known) == told
