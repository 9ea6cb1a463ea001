"""Names of models, specs such as ``trigram:alpha=0.1``, and model files back to models.

A third party adds a model with :func:`register`, or with an entry point of the group
``lmkit.models`` whose name is the model's and whose value is its class.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias, TypeVar

from lmkit.errors import (
    FormatError,
    LmkitError,
    ParameterError,
    UnknownModelError,
    did_you_mean,
    shown,
)
from lmkit.models.base import LanguageModel
from lmkit.models.files import restore_model
from lmkit.models.hyperparameters import names_given, options_of, parsed, types_of
from lmkit.models.ngram.arpa.names import is_arpa
from lmkit.storage import read_model_file
from lmkit.text.corpus import Readable
from lmkit.text.source import seekable, uncompressed
from lmkit.text.vocabulary import Vocabulary
from lmkit.types import Progress

ENTRY_POINT_GROUP = "lmkit.models"


class Entry(NamedTuple):
    """Where a model's class is, and what it is in one line."""

    module: str
    class_name: str
    summary: str


_NGRAM, _RNN = "lmkit.models.ngram.additive", "lmkit.models.rnn.models"
REGISTRY: dict[str, Entry] = {
    "uniform": Entry("lmkit.models.uniform", "Uniform", "every outcome equally likely"),
    "ngram": Entry(_NGRAM, "Ngram", "counts of any order, smoothing=laplace|lidstone|mle"),
    "unigram": Entry(_NGRAM, "Unigram", "order 1, Laplace"),
    "bigram": Entry(_NGRAM, "Bigram", "order 2, Laplace"),
    "trigram": Entry(_NGRAM, "Trigram", "order 3, Laplace"),
    "kneser-ney": Entry(
        "lmkit.models.ngram.kneser_ney", "KneserNey", "interpolated modified Kneser-Ney, as lmplz"
    ),
    "absolute-discounting": Entry(
        "lmkit.models.ngram.absolute_discounting",
        "AbsoluteDiscounting",
        "a constant taken from every count, interpolated",
    ),
    "witten-bell": Entry(
        "lmkit.models.ngram.witten_bell", "WittenBell", "new words as often as before, interpolated"
    ),
    "jelinek-mercer": Entry(
        "lmkit.models.ngram.jelinek_mercer", "JelinekMercer", "orders mixed by held-out weights"
    ),
    "katz": Entry("lmkit.models.ngram.katz", "Katz", "Good-Turing discounts, backed off"),
    "stupid-backoff": Entry(
        "lmkit.models.ngram.stupid_backoff", "StupidBackoff", "scores, no probabilities: unranked"
    ),
    "char-rnn": Entry(_RNN, "CharRnn", "a recurrent network over characters"),
    "word-rnn": Entry(_RNN, "WordRnn", "a recurrent network over words"),
    "mlp": Entry(_RNN, "Mlp", "a network over a fixed window of words (Bengio)"),
    "dynamic": Entry(
        "lmkit.models.combined.dynamic",
        "Dynamic",
        "a network that learns on from the text it scores",
    ),
    "mixture": Entry(
        "lmkit.models.combined.mixture", "Mixture", "models joined by +, and caches, interpolated"
    ),
}
# Models that files hold and that no text is fitted to.
UNFITTED: dict[str, Entry] = {
    "backoff": Entry(
        "lmkit.models.ngram.standalone", "StandaloneBackoff", "read from an ARPA file, or pruned"
    ),
}

_REGISTERED: dict[str, type[LanguageModel]] = {}
Model: TypeAlias = LanguageModel | type[LanguageModel] | str | Path
Models: TypeAlias = Model | Iterable[Model]
Class = TypeVar("Class", bound=type[LanguageModel])


def register(cls: Class) -> Class:
    """Add a LanguageModel class under its ``name``; use it as a decorator.

    Raises ParameterError for a class without a name, or a name that a model of lmkit or another
    class has. A class defined anew, as in a notebook's cell, takes the place of the old one.
    """
    if not (isinstance(cls, type) and issubclass(cls, LanguageModel)):
        raise ParameterError(f"{shown(cls)} is no subclass of LanguageModel; register a class")
    if not cls.name or cls.name in {**REGISTRY, **UNFITTED} or set(cls.name) & set(":,= "):
        raise ParameterError(
            f"{cls.__name__}.name = {cls.name!r}: give a name of its own, without ':', ',', '=' "
            "and blanks"
        )
    holder = _REGISTERED.get(cls.name, cls)
    if _place(holder) != _place(cls):
        raise ParameterError(
            f"{cls.__name__}.name = {cls.name!r} is the name of {'.'.join(_place(holder))}; give "
            "another"
        )
    _REGISTERED[cls.name] = cls
    return cls


def _place(cls: type) -> tuple[str, str]:
    return cls.__module__, cls.__qualname__


def names() -> tuple[str, ...]:
    """Return the names of all models that can be fitted, those of third parties last."""
    return tuple(dict.fromkeys((*REGISTRY, *_REGISTERED, *_entry_points())))


def summary(name: str) -> str:
    """Return what a model is, in one line."""
    if name in REGISTRY:
        return REGISTRY[name].summary
    return (model_class(name).__doc__ or "").strip().partition("\n")[0]


def _entry_points() -> dict[str, Any]:
    from importlib.metadata import entry_points  # reads mail headers: a hundredth of a second

    return {point.name: point for point in entry_points(group=ENTRY_POINT_GROUP)}


def model_class(name: str) -> type[LanguageModel]:
    """Return the class of a name. UnknownModelError for a name that no model has."""
    if name in _REGISTERED:
        return _REGISTERED[name]
    entry = REGISTRY.get(name) or UNFITTED.get(name)
    if entry is not None:
        found: type[LanguageModel] = getattr(import_module(entry.module), entry.class_name)
        return found
    point = _entry_points().get(name)
    if point is None:
        known = names()
        raise UnknownModelError(
            f"unknown model {name!r}{did_you_mean(name, known)}; there are {', '.join(known)}"
        )
    try:
        loaded = point.load()
    except Exception as error:
        raise LmkitError(
            f"model {name!r} cannot be imported from {point.value} ({error}); mend that package"
        ) from error
    if not (isinstance(loaded, type) and issubclass(loaded, LanguageModel)):
        raise LmkitError(f"the entry point {name!r} is {loaded!r}, not a LanguageModel class")
    loaded.name = name
    return loaded


def create(spec: str, **overrides: Any) -> LanguageModel:
    """Return the unfitted model of a spec: a name, and options after a colon.

    `overrides` are options as Python values, in place of those of the spec.

    Raises UnknownModelError for a name or an option that does not exist, ParameterError for a
    value that an option cannot have.

    >>> create("trigram:alpha=0.1", unit="char").spec
    'trigram:alpha=0.1,unit=char'
    """
    if not isinstance(spec, str):
        raise _no_model(spec)
    name, _, options = spec.partition(":")
    cls = model_class(name)
    hints = types_of(cls)
    values: dict[str, Any] = {}
    for option in options_of(options):
        key, equals, value = option.partition("=")
        key = _known_option(name, key.strip().replace("-", "_"), hints)
        if not equals:
            raise ParameterError(f"{name}: option {key!r} has no value; write {key}=VALUE")
        if key in values:
            raise ParameterError(f"{name}: option {key!r} is given twice; give it once")
        values[key] = parsed(f"{name}: {key}", value.strip(), hints[key])
    for key, value in overrides.items():
        values[_known_option(name, key, hints)] = value
    return cls(**values)


def _known_option(name: str, key: str, known: Iterable[str]) -> str:
    if key not in known:
        raise UnknownModelError(
            f"{name} has no option {key!r}{did_you_mean(key, known)}; it has {', '.join(known)}"
        )
    return key


def open_options(spec: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of some options that a spec's model has and the spec leaves open.

    An option whose value is None is not given. Options of several models at once can so be given
    to each.

    >>> open_options("trigram:unit=char", {"unit": "word", "min_count": 2, "seed": 1})
    {'min_count': 2}
    """
    known = model_class(spec.partition(":")[0]).parameter_defaults()
    named = names_given(spec)
    return {
        key: value
        for key, value in options.items()
        if value is not None and key in known and key not in named
    }


def as_model(model: Model, **options: Any) -> LanguageModel:
    """Return the model that a value names: itself, that of a file, or a new one of a spec.

    A string is the path of a file if it begins with no model's name, and a file has this path or
    it ends in ``.lmkit``. The model of a spec is unfitted; it takes the `options` that
    :func:`open_options` says. Raises as :func:`create` and :func:`load` do.
    """
    if isinstance(model, LanguageModel):
        return model
    if isinstance(model, type) and issubclass(model, LanguageModel):
        return model(**{name: value for name, value in options.items() if value is not None})
    if not isinstance(model, (str, Path)):
        raise _no_model(model)
    if isinstance(model, Path) or names_file(model):
        return load(model)
    return create(model, **open_options(model, options))


def as_models(models: Models) -> list[LanguageModel]:
    """Return the models that values name (see :func:`as_model`); one value alone is one model."""
    if isinstance(models, (LanguageModel, str, Path, type)):
        models = [models]
    if not isinstance(models, Iterable):
        raise _no_model(models)
    return [as_model(model) for model in models]


def _no_model(value: object) -> ParameterError:
    return ParameterError(
        f"{shown(value)} is no model; give a model, a spec such as 'bigram:alpha=0.1', or the path "
        "of a model file"
    )


def names_file(where: str) -> bool:
    """Return whether a string is the path of a model file, and no spec (see :func:`as_model`)."""
    if where.partition(":")[0] in names():
        return False
    return where.endswith(".lmkit") or Path(where).exists()


def fit(
    spec: str | LanguageModel | type[LanguageModel],
    corpus: Readable,
    *,
    valid: Readable | None = None,
    vocabulary: Vocabulary | None = None,
    progress: Progress | None = None,
) -> LanguageModel:
    """Return the model of a spec, fitted on a corpus (see :meth:`LanguageModel.fit`).

    `spec` may also be a model's class, or a model, which is fitted itself.
    """
    model = create(spec) if isinstance(spec, str) else as_model(spec)
    return model.fit(corpus, valid=valid, vocabulary=vocabulary, progress=progress)


def load(path: str | Path) -> LanguageModel:
    """Return the model in a file that ``save`` wrote, or in an ARPA file, packed or not.

    The file may be a pipe, as of ``<(zcat model.gz)``; a model that cannot be read from its file
    in place, from a pipe or compressed, is copied to a temporary file.

    No code in the file is run: there is none. Raises FormatError, naming what is wrong, for a file
    that is damaged or no model file; UnknownModelError for a model that is not installed here.
    """
    if not isinstance(path, (str, Path)):
        raise ParameterError(f"{shown(path)} names no file; give a path")
    file = seekable(path)
    if is_arpa(file):
        from lmkit.models.ngram.arpa.files import load_arpa

        read = load_arpa(file, name=str(path))
        read.source = read.source if file == Path(path) else "pipe"
        return read
    arrays, header = read_model_file(uncompressed(file), name=str(path))
    try:
        cls = model_class(header["model"])
        known = cls.parameter_defaults()
        unknown = [name for name in header["parameters"] if name not in known]
        if unknown:
            raise FormatError(f"{path}: {header['model']} has no option {unknown[0]!r}")
        model = cls(**header["parameters"])
        restore_model(model, arrays, header)
    except UnknownModelError:
        raise
    except LmkitError as error:
        told = str(error) if str(path) in str(error) else f"{path}: {error}"
        raise FormatError(told) from error
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise FormatError(
            f"{path}: its content does not fit together; fit the model again"
        ) from error
    return model
