"""What models that hold other models share: how their parts are made, adopted and saved."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from numpy.typing import NDArray

from lmkit.errors import ParameterError
from lmkit.models.base import LanguageModel
from lmkit.models.hyperparameters import names_given
from lmkit.models.ngram.base import NgramModel
from lmkit.models.registry import create

Model = TypeVar("Model", bound=LanguageModel)
VOCABULARY_OPTIONS = ("unit", "min_count", "max_size")
"""Options that a model and its parts have in common: they are given for the whole."""


def make_part(
    whole: Any, spec: str, shared: Sequence[str], fixed: Callable[[LanguageModel, str], bool]
) -> LanguageModel:
    """Return the unfitted model of a spec, with the options `shared` of the whole.

    It also gets the whole's `seed`, unless its spec names one. Raises ParameterError where an
    option differs from the whole's and `fixed` says that it must not be replaced.
    """
    part = create(spec)
    for name in shared:
        value, own = getattr(whole, name), getattr(part, name)
        if own != value and fixed(part, name):
            raise ParameterError(
                f"{spec} has {name}={own!r} in a {whole.name} model with {name}={value!r}; write "
                f"{name} for the {whole.name} model, once"
            )
        setattr(part, name, value)
    if whole.seed is not None and "seed" not in names_given(spec) and hasattr(part, "seed"):
        part.seed = whole.seed
    return part


def adopted(whole: LanguageModel, fitted: Model) -> Model:
    """Return a fitted model as a part of the whole; what it learned is shared, not copied."""
    part = copy.copy(fitted)
    whole._share_with(part)
    return part


def part_to_save(part: LanguageModel) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Return the arrays of a part, and its name, options and other learned values."""
    arrays, learned = part._state_to_save()
    described = {"model": part.name, "parameters": part.get_parameters(), "learned": learned}
    return arrays, described


def restored_part(
    whole: LanguageModel, kind: type[Model], described: Mapping[str, Any], arrays: Any
) -> Model:
    """Return the part of a class `kind` from what :func:`part_to_save` gave."""
    part = kind(**described["parameters"])
    part._check_common()
    whole._share_with(part)
    part._restore(arrays, described["learned"])
    return part


def are_states(models: Sequence[LanguageModel], states: Sequence[Any]) -> bool:
    """Return whether there is a state of each model, in order."""
    pairs = zip(models, states, strict=False)
    return len(models) == len(states) and all(model._is_state(state) for model, state in pairs)


def recurrent_part(models: Sequence[LanguageModel]) -> int:
    """Return the index of the recurrent model with the most parameters, the first of equal ones."""
    return _largest(models, [hasattr(model, "hidden_states") for model in models])


def ngram_part(models: Sequence[LanguageModel]) -> int:
    """Return the index of the n-gram model with the most parameters, the first of equal ones."""
    return _largest(models, [isinstance(model, NgramModel) for model in models])


def _largest(models: Sequence[LanguageModel], fit: Sequence[bool]) -> int:
    indices = [index for index, fits in enumerate(fit) if fits]
    return max(indices, key=lambda index: models[index].parameters)
