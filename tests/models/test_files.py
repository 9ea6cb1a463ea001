"""A fitted model to a file, and back."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lmkit
from lmkit.errors import LmkitError, NotFittedError, ParameterError
from lmkit.models import registry
from lmkit.models.files import names_arpa
from tests.models.samples import Recorder, corpus


@pytest.fixture(autouse=True)
def registry_of_this_test(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(registry, "_REGISTERED", {})
    return None


def test_a_model_without_a_name_cannot_be_saved(tmp_path: Path) -> None:
    model = Recorder().fit(corpus())
    with pytest.raises(ParameterError, match="Recorder has no name of its own"):
        model.save(tmp_path / "m.lmkit")
    assert list(tmp_path.iterdir()) == []


class Keeper(lmkit.LanguageModel):
    """Learns what the test gives it."""

    name = "keeper"

    def _next_log_probs(self, context: np.ndarray) -> np.ndarray:
        return np.full(len(self.vocabulary_), -np.log(len(self.vocabulary_)))


def kept(value: Any, path: Path) -> Any:
    lmkit.register(Keeper)
    model = Keeper().fit(corpus())
    model.kept_ = value  # type: ignore[attr-defined]
    model.save(path)
    again = lmkit.load(path)
    return again.kept_  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        3,
        2**80,
        0.1,
        math.inf,
        -math.inf,
        "é\ud800",
        [1, [2.5, "x"], None],
        {"a": {"b": [1]}},
        [],
        {},
        np.float64(0.1),
    ],
    ids=repr,
)
def test_plain_values_come_back(value: Any, tmp_path: Path) -> None:
    assert kept(value, tmp_path / "m.lmkit") == value


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6).reshape(2, 3),
        np.arange(6).reshape(2, 3).T,
        np.arange(10)[::3],
        np.array(3.5),
        np.empty(0, np.float32),
        np.empty((0, 4), np.int8),
        np.array([True, False]),
        np.array([np.nan, -0.0, np.inf]),
        np.arange(3, dtype=np.uint64),
        np.arange(3, dtype=np.float16),
    ],
    ids=lambda array: f"{array.dtype}{array.shape}",
)
def test_arrays_come_back(array: np.ndarray, tmp_path: Path) -> None:
    again = kept(array, tmp_path / "m.lmkit")
    assert type(again) is np.ndarray
    assert again.dtype == array.dtype
    np.testing.assert_array_equal(again, array, strict=True)
    assert not again.flags.writeable


@pytest.mark.parametrize(
    "value",
    [
        (1, 2),
        {1: "a"},
        {("a", "b"): 1},
        {"deep": [{"deeper": {3}}]},
        {1, 2},
        np.int64(3),
        np.array(["a"]),
        np.array([None]),
        np.array([1j]),
        b"bytes",
        object(),
    ],
    ids=repr,
)
def test_what_would_not_come_back_is_refused(value: Any, tmp_path: Path) -> None:
    with pytest.raises(LmkitError, match=r"cannot save (model|learned)\.kept_"):
        kept(value, tmp_path / "m.lmkit")
    assert list(tmp_path.iterdir()) == []


def test_files_are_mapped_and_may_be_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "m.lmkit"
    array = np.arange(1000.0)
    again = kept(array, path)
    assert isinstance(again.base, np.ndarray)
    model = lmkit.load(path)
    kept(-array, path)  # the file that `model` has mapped
    np.testing.assert_array_equal(model.kept_, array)  # type: ignore[attr-defined]
    np.testing.assert_array_equal(lmkit.load(path).kept_, -array)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "is_arpa"),
    [("m.arpa", True), ("m.arpa.gz", True), ("m.arpa.zst", True), ("a/b.arpa.xz", True),
     ("m.lmkit", False), ("m.arpa.lmkit", False), ("m.gz", False), ("arpa", False)],
)  # fmt: skip
def test_the_name_says_what_kind_of_file_it_is(name: str, is_arpa: bool) -> None:
    assert names_arpa(name) is is_arpa
    assert names_arpa(Path(name)) is is_arpa


def test_a_model_without_backoff_form_is_no_arpa_file(tmp_path: Path) -> None:
    model = lmkit.fit("bigram:alpha=0.5", corpus())
    with pytest.raises(ParameterError, match=r"bigram:alpha=0\.5 has no backoff form"):
        model.save(tmp_path / "m.arpa")
    with pytest.raises(NotFittedError):
        Keeper().save(tmp_path / "m.lmkit")
    assert list(tmp_path.iterdir()) == []


def test_what_every_model_learned_comes_back(tmp_path: Path) -> None:
    lmkit.register(Keeper)
    text = corpus(
        "the cat sat where the dog sat and the owl saw them both\n" * 2, normalize="lower"
    )
    model = Keeper(min_count=3, context="stream").fit(text)
    model.save(tmp_path / "m.lmkit")
    again = lmkit.load(tmp_path / "m.lmkit")
    assert again.spec == model.spec == "keeper:min_count=3,context=stream"
    assert (again.normalize_, again.sentences_) == ("lower", "line")
    assert again.vocabulary_ == model.vocabulary_
    assert again.dropped_ == model.dropped_
    assert again.train_sha256_ == text.train.summary.sha256
    assert again.fit_seconds_ == model.fit_seconds_
    assert again.train_passages_ is not None
    np.testing.assert_array_equal(again.train_passages_.hashes, model.train_passages_.hashes)
    assert again.valid_passages_ is None
