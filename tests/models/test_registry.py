"""Names, specs and model files back to models; what is wrong with them is said."""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lmkit
from lmkit.errors import FormatError, LmkitError, ParameterError, UnknownModelError
from lmkit.models import registry
from lmkit.models.registry import as_model, create, model_class, names, summary
from lmkit.storage import read_model_file, write_model_file
from lmkit.text.corpus import Corpus

CORPUS = Corpus.from_string("the cat sat\nthe dog sat\n", normalize="none")


class Flat(lmkit.LanguageModel):
    """Every outcome equally likely, with options of every kind.

    This line is no summary.
    """

    name = "flat"

    def __init__(
        self,
        *,
        order: int = 3,
        rate: float = 0.5,
        warm: bool = False,
        label: str = "a",
        limit: int | None = None,
        note: str | None = "x",
        alpha: float | str = 1.0,
        kind: Literal["gru", "lstm"] = "gru",
        plain=7,  # without an annotation
        **common: Any,
    ):
        super().__init__(**common)
        self.order, self.rate, self.warm, self.label = order, rate, warm, label
        self.limit, self.note, self.alpha, self.kind, self.plain = limit, note, alpha, kind, plain

    def _learn(self, ids: Any, valid_ids: Any, progress: Any) -> None:
        self.weights_ = np.full(len(self.vocabulary_), -np.log(len(self.vocabulary_)))
        self.seen_ = len(ids)

    def _next_log_probs(self, context: np.ndarray) -> np.ndarray:
        return self.weights_


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(registry, "_REGISTERED", {"flat": Flat})
    return None


# ---------------------------------------------------------------------- names


def test_every_name_has_a_class_and_a_summary() -> None:
    for name in names():
        cls = model_class(name)
        assert issubclass(cls, lmkit.LanguageModel)
        assert cls.name == name
        assert summary(name)
        assert "\n" not in summary(name)
        assert cls.__doc__
    assert names()[-1] == "flat"
    assert summary("flat") == "Every outcome equally likely, with options of every kind."


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("trigam", "unknown model 'trigam'; did you mean 'trigram'\\?; there are uniform, ngram"),
        ("", "unknown model ''"),
        ("Bigram", "did you mean 'bigram'"),
        ("flatt", "did you mean 'flat'"),
    ],
)
def test_an_unknown_name_brings_a_near_one(name: str, told: str) -> None:
    with pytest.raises(UnknownModelError, match=told):
        create(name)


def test_registering() -> None:
    class Other(Flat):
        name = "other"

    assert lmkit.register(Other) is Other
    assert isinstance(create("other:order=2"), Other)
    assert lmkit.register(Other) is Other  # again, as a notebook does
    for name in ("", "bigram", "a:b", "a,b", "a=b", "a b"):
        Other.name = name
        with pytest.raises(ParameterError, match="give a name"):
            lmkit.register(Other)


def test_a_name_belongs_to_one_class_or_its_new_definition() -> None:
    def define(qualname: str) -> type[Flat]:
        return type("Cls", (Flat,), {"name": "mine", "__qualname__": qualname})

    lmkit.register(define("First"))
    anew = lmkit.register(define("First"))
    assert model_class("mine") is anew
    with pytest.raises(ParameterError, match=r"'mine' is the name of .*First"):
        lmkit.register(define("Second"))
    assert model_class("mine") is anew


def test_a_class_must_name_itself() -> None:
    class Nameless(Flat):
        pass

    with pytest.raises(ParameterError, match=r"Nameless\.name = ''"):
        lmkit.register(Nameless)


class Point:
    """An entry point of an installed package."""

    value = "package:Model"

    def __init__(self, name: str, loaded: Any):
        self.name, self.loaded = name, loaded

    def load(self) -> Any:
        if isinstance(self.loaded, Exception):
            raise self.loaded
        return self.loaded


def test_installed_packages_bring_models(monkeypatch: pytest.MonkeyPatch) -> None:
    class Theirs(Flat):
        """Theirs."""

    points = [
        Point("theirs", Theirs),
        Point("broken", ImportError("no module named x")),
        Point("function", len),
        Point("bigram", Theirs),
    ]
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: points)
    assert names()[-3:] == ("theirs", "broken", "function")
    assert create("theirs:order=2").spec == "theirs:order=2"
    assert model_class("bigram") is not Theirs  # lmkit's own names stay its own
    with pytest.raises(LmkitError, match="'broken' cannot be imported from package:Model"):
        create("broken")
    with pytest.raises(LmkitError, match="not a LanguageModel class"):
        create("function")


# ---------------------------------------------------------------------- specs


@pytest.mark.parametrize(
    ("options", "name", "value"),
    [
        ("order=5", "order", 5),
        ("order= 5 ", "order", 5),
        ("rate=1e-3", "rate", 1e-3),
        ("rate=2", "rate", 2.0),
        ("warm=true", "warm", True),
        ("warm=No", "warm", False),
        ("warm=1", "warm", True),
        ("label=true", "label", "true"),
        ("label=5", "label", "5"),
        ("label=none", "label", "none"),
        ("label=a=b:c+d", "label", "a=b:c+d"),
        (r"label=a\,b", "label", "a,b"),
        (r"label=C:\data", "label", r"C:\data"),
        ("label=", "label", ""),
        ("limit=9", "limit", 9),
        ("limit=None", "limit", None),
        ("note=none", "note", None),
        ("alpha=auto", "alpha", "auto"),
        ("alpha=0.25", "alpha", 0.25),
        ("kind=lstm", "kind", "lstm"),
        ("plain=3", "plain", 3),
        ("plain=2.5", "plain", 2.5),
        ("plain=true", "plain", True),
        ("plain=none", "plain", None),
        ("plain=word", "plain", "word"),
        ("min-count=2", "min_count", 2),
        ("max_size=100", "max_size", 100),
        ("unit=char,", "unit", "char"),
        (",unit=char", "unit", "char"),
    ],
)
def test_options_are_read_by_their_types(options: str, name: str, value: Any) -> None:
    model = create(f"flat:{options}")
    assert getattr(model, name) == value
    assert type(getattr(model, name)) is type(value)
    assert create(model.spec).get_parameters() == model.get_parameters()


@pytest.mark.parametrize(
    ("options", "error", "told"),
    [
        ("ordre=5", UnknownModelError, "flat has no option 'ordre'; did you mean 'order'"),
        ("order", ParameterError, "'order' has no value; write order=VALUE"),
        ("order=x", ParameterError, "flat: order='x'; give a whole number"),
        ("order=2.0", ParameterError, "give a whole number"),
        ("rate=", ParameterError, "rate=''; give a number"),
        ("warm=maybe", ParameterError, "give true or false"),
        ("limit=few", ParameterError, "give a whole number or none"),
        ("kind=rnn", ParameterError, "give 'gru' or 'lstm'"),
        ("order=1,order=2", ParameterError, "'order' is given twice"),
        ("self=1", UnknownModelError, "no option 'self'"),
        ("common=1", UnknownModelError, "no option 'common'"),
    ],
)
def test_options_that_cannot_be_read(options: str, error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told):
        create(f"flat:{options}")


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "order": st.integers(-(10**20), 10**20),
            "rate": st.floats(allow_nan=False),
            "warm": st.booleans(),
            "label": st.text(
                st.characters(codec="utf-8", exclude_categories=["Z", "C"]), max_size=9
            ),
            "limit": st.one_of(st.none(), st.integers()),
            "alpha": st.one_of(st.just("auto"), st.floats(0, 10)),
            "kind": st.sampled_from(["gru", "lstm"]),
            "max_size": st.one_of(st.none(), st.integers(1, 9)),
        },
    )
)
def test_a_spec_holds_every_option(options: dict[str, Any]) -> None:
    model = Flat(**options)
    assert create(model.spec).get_parameters() == model.get_parameters()


def test_a_spec_names_what_is_not_the_default() -> None:
    assert create("flat").spec == "flat"
    assert create("flat:order=3,rate=.5").spec == "flat"
    assert create("flat:unit=char,order=2").spec == "flat:order=2,unit=char"
    assert create(r"flat:label=a\,b").spec == r"flat:label=a\,b"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"order": "3"}, "order='3'; give a whole number"),
        ({"order": True}, "order=True; give a whole number"),
        ({"order": 3.0}, "order=3.0"),
        ({"rate": "high"}, "rate='high'; give a number"),
        ({"rate": True}, "rate=True"),
        ({"warm": 1}, "warm=1; give true or false"),
        ({"limit": "none"}, "give a whole number or none"),
        ({"alpha": None}, "give a number or a text"),
        ({"kind": "rnn"}, "give 'gru' or 'lstm'"),
        ({"unit": None}, "unit=None; give a text"),
    ],
)
def test_options_of_another_type_are_refused_by_fit(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ParameterError, match=told):
        Flat(**options).fit(CORPUS)


def test_options_of_the_right_type_are_taken() -> None:
    given = {"rate": 1, "alpha": np.float64(2), "limit": 3, "note": None, "plain": object()}
    assert Flat(**given).fit(CORPUS).is_fitted


# ---------------------------------------------------------------------- files


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "model.lmkit"
    create("flat:order=2").fit(CORPUS).save(path)
    return path


def changed(path: Path, **header: Any) -> Path:
    arrays, known = read_model_file(path)
    copied = {name: array.copy() for name, array in arrays.items()}
    write_model_file(path, copied, {**known, **header})
    return path


def test_the_header_says_what_the_model_is(saved: Path) -> None:
    _, header = read_model_file(saved)
    assert header["model"] == "flat"
    assert header["lmkit"] == lmkit.__version__
    assert header["parameters"]["order"] == 2
    assert header["normalize"] == "none"
    assert header["sentences"] == "line"
    assert header["train_sha256"] == CORPUS.train.summary.sha256
    assert header["learned"] == {"seen_": 8}
    assert isinstance(lmkit.load(saved), Flat)


@pytest.mark.parametrize(
    "header",
    [
        {"model": 5},
        {"model": ["flat"]},
        {"parameters": None},
        {"parameters": ["order"]},
        {"parameters": {"nonsense": 1}},
        {"parameters": {"self": 1}},
        {"parameters": {"order": "3"}},
        {"parameters": {"unit": "letter"}},
        {"parameters": {"context": 1}},
        {"learned": None},
        {"learned": 5},
        {"learned": {"fit": 1}},
        {"learned": {"__class___": 1, "save": 1}},
        {"learned": {"a b_": 1}},
        {"normalize": "nonsense"},
        {"normalize": 3},
        {"normalize": ["none"]},
        {"sentences": "chapter"},
        {"sentences": None},
    ],
)
def test_a_header_that_does_not_fit_is_a_format_error(saved: Path, header: dict[str, Any]) -> None:
    with pytest.raises(FormatError, match=str(saved)) as caught:
        lmkit.load(changed(saved, **header))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "missing", ["model", "parameters", "learned", "normalize", "sentences", "train_sha256"]
)
def test_a_header_that_lacks_a_field_is_a_format_error(saved: Path, missing: str) -> None:
    arrays, header = read_model_file(saved)
    copied = {name: array.copy() for name, array in arrays.items()}
    del header[missing]
    write_model_file(saved, copied, header)
    with pytest.raises(FormatError, match=str(saved)):
        lmkit.load(saved)


def test_a_model_that_is_not_installed_here(saved: Path) -> None:
    with pytest.raises(UnknownModelError, match="unknown model 'theirs'"):
        lmkit.load(changed(saved, model="theirs"))


@pytest.mark.parametrize("name", ["blob", "offsets", "counts"])
def test_a_vocabulary_that_is_damaged(saved: Path, name: str) -> None:
    arrays, header = read_model_file(saved)
    copied = {key: array.copy() for key, array in arrays.items()}
    copied[f"vocabulary.{name}"] = copied[f"vocabulary.{name}"][:-1]
    write_model_file(saved, copied, header)
    with pytest.raises(FormatError, match=f"{saved}: the vocabulary"):
        lmkit.load(saved)
    del copied[f"vocabulary.{name}"]
    write_model_file(saved, copied, header)
    with pytest.raises(FormatError, match=f"{saved}: the vocabulary lacks"):
        lmkit.load(saved)


def raw_file(path: Path, description: Any, data: bytes = b"") -> Path:
    encoded = description if isinstance(description, bytes) else json.dumps(description).encode()
    path.write_bytes(len(encoded).to_bytes(8, "little") + encoded + data)
    return path


META = {"format": "lmkit-model", "version": "1", "lmkit": "{}"}
HOSTILE = {
    "deep": b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "no object": b'{"a"',
    "not utf-8": b'{"\xff": 1}',
    "foreign": {"a": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}},
    "other format": {"__metadata__": {"format": "pt"}},
    "metadata a list": {"__metadata__": [1]},
    "later version": {"__metadata__": {**META, "version": "2"}},
    "header no text": {"__metadata__": {**META, "lmkit": {"model": "flat"}}},
    "header a list": {"__metadata__": {**META, "lmkit": "[]"}},
    "header deep": {"__metadata__": {**META, "lmkit": "[" * 100_000}},
    "header missing": {"__metadata__": {"format": "lmkit-model", "version": "1"}},
} | {
    f"array {number}": {"__metadata__": META, "x": entry}
    for number, entry in enumerate(
        [
            None,
            [],
            {},
            {"dtype": "F16", "shape": [2]},
            {"dtype": "F99", "shape": [1], "data_offsets": [0, 4]},
            {"dtype": ["F32"], "shape": [1], "data_offsets": [0, 4]},
            {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]},
            {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]},
            {"dtype": "F32", "shape": [-1, -1], "data_offsets": [0, 4]},
            {"dtype": "F32", "shape": [1], "data_offsets": [4, 0]},
            {"dtype": "F32", "shape": [1], "data_offsets": [-4, 0]},
            {"dtype": "F32", "shape": [1], "data_offsets": [0, 4, 8]},
            {"dtype": "F32", "shape": [1], "data_offsets": [8, 12]},
            {"dtype": "F32", "shape": [2**32, 2**32], "data_offsets": [0, 0]},
            {"dtype": "F32", "shape": [2**62, 0], "data_offsets": [0, 0]},
            {"dtype": "F32", "shape": [1] * 100, "data_offsets": [0, 4]},
            {"dtype": "F32", "shape": [float("inf")], "data_offsets": [0, 4]},
            {"dtype": "F32", "shape": [float("nan")], "data_offsets": [0, 4]},
            {"dtype": "F32", "shape": "12", "data_offsets": [0, 8]},
        ]
    )
}


@pytest.mark.parametrize("description", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_file_is_a_format_error(tmp_path: Path, description: Any) -> None:
    path = raw_file(tmp_path / "m.lmkit", description, bytes(8))
    with pytest.raises(FormatError, match=r"m\.lmkit: ") as caught:
        lmkit.load(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content", [b"", b"\0", bytes(8), b"\xff" * 64, b"PK\x03\x04" + bytes(60), bytes(10**5)]
)
def test_a_foreign_file_is_a_format_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "m.lmkit"
    path.write_bytes(content)
    with pytest.raises(FormatError, match=r"m\.lmkit: "):
        lmkit.load(path)


def test_no_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="no such file"):
        lmkit.load(tmp_path / "none.lmkit")
    with pytest.raises(FormatError, match="cannot be read"):
        lmkit.load(tmp_path)


def test_a_cut_of_a_file_is_noticed_wherever_it_is(saved: Path) -> None:
    whole = saved.read_bytes()
    for size in (*range(0, len(whole), 17), len(whole) - 1):
        saved.write_bytes(whole[:size])
        with pytest.raises(FormatError, match=str(saved)):
            lmkit.load(saved)


def test_overrides_are_values_and_stand_in_for_those_of_the_spec() -> None:
    assert create("trigram:alpha=0.1,unit=char", alpha=0.5).spec == "trigram:alpha=0.5,unit=char"
    with pytest.raises(UnknownModelError, match="bigram has no option 'seed'"):
        create("bigram", seed=1)
    model = create("word-rnn", budget="1,5h")
    assert model.get_parameters()["budget"] == "1,5h"
    assert create(model.spec).spec == model.spec
    with pytest.raises(ParameterError, match=r"^budget='1,5h'; give a duration such as 90s"):
        model.fit(Corpus.from_string("a b\n" * 20))


def test_a_value_names_a_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    fitted = create("unigram").fit(Corpus.from_string("a b\n"))
    assert as_model(fitted, unit="char") is fitted
    for name in ("m.lmkit", "other", "bigram"):
        fitted.save(name)
    for where in ("m.lmkit", "other", Path("bigram")):
        assert as_model(where, unit="char").unit == "word"
    assert not as_model("bigram").is_fitted  # the name of a model, though a file has it too
    made = as_model("bigram:unit=byte", unit="char", seed=1, min_count=2, max_size=None)
    assert made.spec == "bigram:unit=byte,min_count=2"
    with pytest.raises(FormatError, match="no such file"):
        as_model("none.lmkit")
    with pytest.raises(UnknownModelError, match="unknown model 'none'"):
        as_model("none")
