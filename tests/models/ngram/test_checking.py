"""Model files that hold no trie are refused when they are read, before a kernel follows a link."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lmkit
from lmkit.errors import FormatError
from lmkit.models.ngram.counts import count_ngrams
from lmkit.storage import read_model_file, write_model_file
from lmkit.text.corpus import Corpus
from tests.contract.model_contract import TRAIN

pytestmark = pytest.mark.filterwarnings("ignore::lmkit.models.ngram.discounts.DiscountWarning")

Arrays = dict[str, np.ndarray[Any, Any]]


def put(name: str, index: int, value: int) -> Callable[[Arrays], None]:
    def change(arrays: Arrays) -> None:
        arrays[name][index] = value

    return change


def cut(name: str) -> Callable[[Arrays], None]:
    def change(arrays: Arrays) -> None:
        arrays[name] = arrays[name][:-1]

    return change


def swap_words(arrays: Arrays) -> None:
    """Put two children of one context in the wrong order."""
    first = arrays["first"]
    context = int(np.flatnonzero(np.diff(first[1:]) > 1)[-1]) + 1
    here = slice(first[context], first[context] + 2)
    arrays["words"][here] = arrays["words"][here][::-1].copy()


def circle(arrays: Arrays) -> None:
    """Let the suffix of a context be the context itself."""
    node = int(arrays["starts"][2])
    arrays["suffix"][node] = node


def as_floats(arrays: Arrays) -> None:
    arrays["words"] = arrays["words"].astype(np.float32)


def without_suffixes(arrays: Arrays) -> None:
    del arrays["suffix"]


WRONG = {
    "a suffix outside": put("suffix", -1, 10**6),
    "a suffix below": put("suffix", -1, -5),
    "a suffix of its own": circle,
    "a unigram's suffix": put("suffix", 3, 1),
    "the root's suffix": put("suffix", 0, 0),
    "children outside": put("first", -2, 10**6),
    "children that fall": put("first", 3, 0),
    "a wrong end": put("first", -1, 5),
    "a word outside": put("words", -1, 10**6),
    "a word below": put("words", -1, -1),
    "a unigram's word": put("words", 3, 0),
    "words that fall": swap_words,
    "orders that fall": put("starts", 3, 2),
    "orders that end elsewhere": put("starts", -1, 10**12),
    "no outcomes": put("starts", 2, 1),
    "too few words": cut("words"),
    "too few suffixes": cut("suffix"),
    "too few contexts": cut("first"),
    "too few orders": cut("starts"),
    "another dtype": as_floats,
    "no suffixes": without_suffixes,
}
OF_TABLES = {
    "too few log_probs": cut("log_probs"),
    "too few backoffs": cut("backoffs"),
    "too few in the ranking": cut("ranking"),
    "a ranking outside": put("ranking", 0, 10**6),
}
OF_COUNTS = {"too few counts": cut("counts"), "too few totals": cut("totals")}
CASES = [
    *(("kneser-ney:order=3", name, change) for name, change in (WRONG | OF_TABLES).items()),
    *(("trigram", name, change) for name, change in (WRONG | OF_COUNTS).items()),
]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return a file of a model by its spec."""
    found = {}
    for spec in ("kneser-ney:order=3", "trigram"):
        found[spec] = tmp_path_factory.mktemp("models") / "m.lmkit"
        lmkit.fit(spec, Corpus.from_string(TRAIN)).save(found[spec])
    return found


def change_file(path: Path, target: Path, change: Callable[[Arrays], None]) -> None:
    """Write a model file again, with other arrays of the model and a checksum that is right."""
    arrays, header = read_model_file(path)
    own = {name: array.copy() for name, array in arrays.items() if name.startswith("model.")}
    short = {name.removeprefix("model."): array for name, array in own.items()}
    change(short)
    rest = {name: array for name, array in arrays.items() if name not in own}
    write_model_file(target, {**rest, **{f"model.{n}": a for n, a in short.items()}}, header)


@pytest.mark.parametrize(("spec", "name", "change"), CASES, ids=lambda value: str(value)[:40])
def test_what_is_no_trie_is_refused(
    files: dict[str, Path],
    tmp_path: Path,
    spec: str,
    name: str,
    change: Callable[[Arrays], None],
) -> None:
    change_file(files[spec], tmp_path / "wrong.lmkit", change)
    with pytest.raises(FormatError, match="fit the model again"):
        lmkit.load(tmp_path / "wrong.lmkit")


@pytest.mark.parametrize("spec", ["kneser-ney:order=3", "trigram"])
def test_what_is_a_trie_is_read(files: dict[str, Path], tmp_path: Path, spec: str) -> None:
    change_file(files[spec], tmp_path / "same.lmkit", lambda arrays: None)
    assert lmkit.load(tmp_path / "same.lmkit").parameters == lmkit.load(files[spec]).parameters


def test_a_trie_of_another_vocabulary_is_refused(files: dict[str, Path], tmp_path: Path) -> None:
    other = tmp_path / "other.lmkit"
    lmkit.fit("kneser-ney:order=3", Corpus.from_string("a b c\n" * 20)).save(other)
    arrays, header = read_model_file(files["kneser-ney:order=3"])
    words = {n: a for n, a in read_model_file(other)[0].items() if not n.startswith("model.")}
    mixed = {n: a for n, a in arrays.items() if n.startswith("model.")} | words
    write_model_file(tmp_path / "mixed.lmkit", mixed, header)
    with pytest.raises(FormatError, match="a vocabulary of 5"):
        lmkit.load(tmp_path / "mixed.lmkit")


def test_counts_of_a_file_are_checked_too(tmp_path: Path) -> None:
    counts = count_ngrams(np.array([2, 3, 1], np.int32), order=2, vocabulary_size=4)
    arrays = {name: array.copy() for name, array in counts.to_arrays().items()}
    arrays["suffix"][-1] = 99
    with pytest.raises(FormatError, match="do not hang together"):
        type(counts).from_arrays(arrays, "sentence")
    with pytest.raises(FormatError, match="context='page'"):
        type(counts).from_arrays(counts.to_arrays(), "page")  # type: ignore[arg-type]
