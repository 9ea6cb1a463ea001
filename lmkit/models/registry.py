"""Names of models, specs such as ``trigram:alpha=0.1``, and model files back to models.

A third party adds a model with :func:`register`, or with an entry point of the group
``lmkit.models`` whose name is the model's and whose value is its class.
"""

from __future__ import annotations

import types
import typing
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from lmkit.errors import FormatError, LmkitError, ParameterError, UnknownModelError, did_you_mean
from lmkit.models.base import LanguageModel, Progress, constructors
from lmkit.storage import read_model_file
from lmkit.text.corpus import Corpus, Text

ENTRY_POINT_GROUP = "lmkit.models"


class Entry(NamedTuple):
    """Where a model's class is, and what it is in one line."""

    module: str
    class_name: str
    summary: str


_NGRAM, _RNN = "lmkit.models.ngram.model", "lmkit.models.rnn.model"
REGISTRY: dict[str, Entry] = {
    "uniform": Entry("lmkit.models.uniform", "Uniform", "every outcome equally likely"),
    "ngram": Entry(_NGRAM, "Ngram", "counts of any order, smoothing=laplace|lidstone|mle"),
    "unigram": Entry(_NGRAM, "Unigram", "order 1, Laplace"),
    "bigram": Entry(_NGRAM, "Bigram", "order 2, Laplace"),
    "trigram": Entry(_NGRAM, "Trigram", "order 3, Laplace"),
    "char-rnn": Entry(_RNN, "CharRnn", "a recurrent network over characters"),
    "word-rnn": Entry(_RNN, "WordRnn", "a recurrent network over words"),
}

_REGISTERED: dict[str, type[LanguageModel]] = {}
Class = TypeVar("Class", bound=type[LanguageModel])


def register(cls: Class) -> Class:
    """Add a LanguageModel class under its ``name``; use it as a decorator.

    Raises ParameterError for a class without a name, or a name that a model of lmkit has.
    """
    if not cls.name or cls.name in REGISTRY or set(cls.name) & set(":,= "):
        raise ParameterError(
            f"{cls.__name__}.name = {cls.name!r}: give a name of its own, without ':', ',', '=' "
            "and blanks"
        )
    _REGISTERED[cls.name] = cls
    return cls


def names() -> tuple[str, ...]:
    """Return the names of all models, those of third parties last."""
    return tuple(dict.fromkeys((*REGISTRY, *_REGISTERED, *_entry_points())))


def summary(name: str) -> str:
    """Return what a model is, in one line."""
    if name in REGISTRY:
        return REGISTRY[name].summary
    return (model_class(name).__doc__ or "").strip().partition("\n")[0]


def _entry_points() -> dict[str, Any]:
    return {point.name: point for point in entry_points(group=ENTRY_POINT_GROUP)}


def model_class(name: str) -> type[LanguageModel]:
    """Return the class of a name. UnknownModelError for a name that no model has."""
    if name in _REGISTERED:
        return _REGISTERED[name]
    if name in REGISTRY:
        entry = REGISTRY[name]
        found: type[LanguageModel] = getattr(import_module(entry.module), entry.class_name)
        return found
    point = _entry_points().get(name)
    if point is None:
        known = names()
        raise UnknownModelError(
            f"unknown model {name!r}{did_you_mean(name, known)}; there are {', '.join(known)}"
        )
    loaded = point.load()
    if not (isinstance(loaded, type) and issubclass(loaded, LanguageModel)):
        raise LmkitError(f"the entry point {name!r} is {loaded!r}, not a LanguageModel class")
    loaded.name = name
    return loaded


def create(spec: str) -> LanguageModel:
    """Return the unfitted model of a spec: a name, and options after a colon.

    Raises UnknownModelError for a name or an option that does not exist, ParameterError for a
    value that an option cannot have.

    >>> create("trigram:alpha=0.1,unit=char").spec
    'trigram:alpha=0.1,unit=char'
    """
    name, _, options = spec.partition(":")
    cls = model_class(name)
    hints = _option_types(cls)
    values: dict[str, Any] = {}
    for option in filter(None, options.split(",")):
        key, equals, value = option.partition("=")
        key = key.strip().replace("-", "_")
        if key not in hints:
            raise UnknownModelError(
                f"{name} has no option {key!r}{did_you_mean(key, hints)}; it has {', '.join(hints)}"
            )
        if not equals:
            raise ParameterError(f"{name}: option {key!r} has no value; write {key}=VALUE")
        values[key] = _parsed(name, key, value.strip(), hints[key])
    return cls(**values)


def fit(
    spec: str,
    corpus: Corpus | Text | str | Path,
    *,
    valid: Corpus | Text | str | Path | None = None,
    progress: Progress | None = None,
) -> LanguageModel:
    """Return the model of a spec, fitted on a corpus (see :meth:`LanguageModel.fit`)."""
    return create(spec).fit(corpus, valid=valid, progress=progress)


def load(path: str | Path) -> LanguageModel:
    """Return the model in a file that ``save`` wrote. No code in the file is run: there is none.

    Raises FormatError, naming what is wrong, for a file that is damaged or no model file;
    UnknownModelError for a model that is not installed here.
    """
    arrays, header = read_model_file(path)
    try:
        cls = model_class(header["model"])
        known = cls.parameter_defaults()
        unknown = [name for name in header["parameters"] if name not in known]
        if unknown:
            raise FormatError(f"{path}: {header['model']} has no option {unknown[0]!r}")
        model = cls(**header["parameters"])
        model._load(arrays, header)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        if isinstance(error, LmkitError):
            if isinstance(error, FormatError) and str(path) not in str(error):
                raise FormatError(f"{path}: {error}") from None
            raise
        raise FormatError(
            f"{path}: its content does not fit together; fit the model again"
        ) from None
    return model


def _option_types(cls: type[LanguageModel]) -> dict[str, Any]:
    """Return the type of each hyper-parameter, from the annotations of the constructors."""
    found: dict[str, Any] = {}
    for constructor in constructors(cls):
        for name, hint in typing.get_type_hints(constructor).items():
            found.setdefault(name, hint)
    return {name: found.get(name, str) for name in cls.parameter_defaults()}


def _parsed(model: str, key: str, value: str, hint: Any) -> Any:
    union = typing.get_origin(hint) in (typing.Union, types.UnionType)
    allowed = typing.get_args(hint) if union else (hint,)
    for kind in allowed:
        if kind is type(None) and value.lower() == "none":
            return None
        if kind is bool and value.lower() in ("true", "false", "yes", "no", "1", "0"):
            return value.lower() in ("true", "yes", "1")
        if kind in (int, float):
            try:
                return kind(value)
            except ValueError:
                continue
        if kind is str or typing.get_origin(kind) is typing.Literal:
            return value
    what = " or ".join("none" if kind is type(None) else kind.__name__ for kind in allowed)
    raise ParameterError(f"{model}: {key}={value!r} is no {what}")
