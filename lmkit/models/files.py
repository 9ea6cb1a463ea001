"""A fitted model to a file, and the content of a file back into a model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lmkit import __version__
from lmkit.errors import FormatError, ParameterError
from lmkit.models.ngram.arpa.names import names_arpa
from lmkit.storage import prefixed, under, write_model_file
from lmkit.text.corpus import Text
from lmkit.text.passages import Passages
from lmkit.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    from lmkit.models.base import LanguageModel


RULES = (
    "vocabulary_", "dropped_", "normalize_", "sentences_", "train_sha256_", "train_passages_",
    "valid_passages_",
)  # fmt: skip
"""What every model learns: what its ids mean, and which texts it has seen."""
_PASSAGES = {"train": "train_passages_", "valid": "valid_passages_"}


def write_model(model: LanguageModel, path: str | Path) -> None:
    """Write a fitted model to one file, atomically (see :meth:`LanguageModel.save`).

    Its options and rules are the header, the rest arrays.
    """
    if names_arpa(path):
        from lmkit.models.ngram.arpa.files import save_arpa

        save_arpa(model, path)
        return
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


def learned_of(model: LanguageModel) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Return the arrays and the other values that a model, and not every model, has learned."""
    learned = {
        name: value
        for name, value in vars(model).items()
        if name.endswith("_") and name not in (*RULES, "fit_seconds_")
    }
    arrays = {name: value for name, value in learned.items() if isinstance(value, np.ndarray)}
    values = {name: value for name, value in learned.items() if name not in arrays}
    return arrays, values


def set_learned(
    model: LanguageModel, arrays: Mapping[str, NDArray[Any]], values: Mapping[str, Any]
) -> None:
    """Set what :func:`learned_of` gave. Raises FormatError for a name that is not a learned one."""
    for name, value in {**values, **arrays}.items():
        if not name.endswith("_") or not name.isidentifier():
            raise FormatError(f"{name!r} is no learned name; the file is damaged")
        setattr(model, name, value)


def restore_model(
    model: LanguageModel, arrays: Mapping[str, NDArray[Any]], header: Mapping[str, Any]
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
