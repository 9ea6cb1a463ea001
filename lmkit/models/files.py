"""A fitted model to a file, and the content of a file back into a model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from lmkit import __version__
from lmkit.errors import ParameterError, shown
from lmkit.models.core import Core
from lmkit.storage import prefixed, under, write_model_file
from lmkit.text.compression import SUFFIXES
from lmkit.text.corpus import Text
from lmkit.text.passages import Passages
from lmkit.text.vocabulary import Vocabulary

_PASSAGES = {"train": "train_passages_", "valid": "valid_passages_"}


def names_arpa(path: str | Path) -> bool:
    """Return whether a file's name is that of an ARPA file: ``.arpa``, perhaps packed."""
    if not isinstance(path, (str, Path)):
        raise ParameterError(f"{shown(path)} names no file; give a path")
    name = Path(path)
    return (Path(name.stem) if name.suffix in SUFFIXES else name).suffix == ".arpa"


def no_backoff_form(model: Core) -> ParameterError:
    """Return the error of a model whose numbers are more than those of n-grams and contexts."""
    return ParameterError(
        f"{model.spec} has no backoff form, and so cannot be pruned or written as an ARPA file; "
        "kneser-ney, witten-bell, katz and the other smoothed n-gram models have one"
    )


def write_model(model: Core, path: str | Path) -> None:
    """Write a fitted model to one file, atomically (see :meth:`LanguageModel.save`).

    Its options and rules are the header, the rest arrays. Raises ParameterError for the name of an
    ARPA file: models that have that form override ``save``.
    """
    model._require_fit()
    if names_arpa(path):
        raise no_backoff_form(model)
    if not model.name:
        raise ParameterError(
            f"{type(model).__name__} has no name of its own; give the class one and "
            "@lmkit.register it, so that its file can be loaded"
        )
    arrays, values = model._state_to_save()
    header = {
        "lmkit": __version__,
        "model": model.name,
        "parameters": model.get_parameters(),
        "learned": values,
        "normalize": model.normalize_,
        "sentences": model.sentences_,
        "train_sha256": model.train_sha256_,
        "fit_seconds": model.fit_seconds_,
    }
    known: dict[str, Passages | None] = {
        part: getattr(model, attribute) for part, attribute in _PASSAGES.items()
    }
    passages = {part: one for part, one in known.items() if one is not None}
    header["passages"] = {part: one.to_header() for part, one in passages.items()}
    named = prefixed("vocabulary.", model.vocabulary_.to_arrays())
    if model.dropped_ is not None:
        named.update(prefixed("dropped.", model.dropped_.to_arrays()))
    hashes = {part: one.hashes for part, one in passages.items()}
    named.update(prefixed("passages.", hashes))
    named.update(prefixed("model.", arrays))
    write_model_file(path, named, header)


def restore_model(
    model: Core, arrays: Mapping[str, NDArray[Any]], header: Mapping[str, Any]
) -> None:
    """Give an unfitted model what a file holds. Raises an error where that does not fit."""
    model._check_common()
    model.vocabulary_ = Vocabulary.from_arrays(under(arrays, "vocabulary."))
    if dropped := under(arrays, "dropped."):
        model.dropped_ = Vocabulary.from_arrays(dropped)
    rules = Text("", (), header["normalize"], header["sentences"])  # which checks them
    model.normalize_, model.sentences_ = rules.normalize, rules.sentences
    model.train_sha256_ = header["train_sha256"]
    model.fit_seconds_ = header["fit_seconds"]
    hashes = under(arrays, "passages.")
    for part, described in header.get("passages", {}).items():  # none in files of older versions
        passages = Passages.from_header(described, hashes[part])
        setattr(model, _PASSAGES[part], passages)
    model._restore(under(arrays, "model."), header["learned"])
