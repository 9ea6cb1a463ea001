"""Making a mixture of fitted models."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from lmkit.errors import ParameterError, VocabularyError
from lmkit.models.base import LanguageModel
from lmkit.models.combined.cache import in_order
from lmkit.models.combined.mixture import Mixture, check_parts
from lmkit.models.combined.parts import adopted
from lmkit.models.fitting import validation_ids
from lmkit.models.registry import Models, as_models
from lmkit.text.corpus import Readable
from lmkit.text.passages import union
from lmkit.text.shared_vocabulary import numbering, shared_vocabulary
from lmkit.types import Progress


def mix(
    models: Models,
    valid: Readable,
    *,
    caches: Sequence[str] = (),
    window: int = 2000,
    buckets: int = 1,
    progress: Progress | None = None,
) -> Mixture:
    """Return the mixture of fitted models, with weights that suit a validation text best.

    `valid` is a Text, or a corpus whose validation part is used (its test part, or the whole, if it
    has none). `models` are fitted, or paths of model files. `caches` are ``unigram`` and
    ``neural``; they and `window` and `buckets` are options of
    :class:`~lmkit.models.combined.mixture.Mixture`. `progress(what, fraction)` is called now and
    then. The models are not changed.

    Raises VocabularyError for models of different vocabularies; ParameterError for models of
    different units, normalisers or sentence rules, for one whose probabilities do not sum to one,
    and for an option outside its range; CorpusError for a text that cannot be read.
    """
    models = as_models(models)
    if not models:
        raise ParameterError("a mixture of no models; give one or more")
    for model in models:
        model._require_fit()
        _check_alike(models[0], model)
    start = time.perf_counter()
    mixture = _unfitted(models, caches, window, buckets)
    _take_over(mixture, models)
    valid_ids = validation_ids(mixture, valid)
    parts = [adopted(mixture, model) for model in models]
    numberings = [numbering(mixture.vocabulary_, model.vocabulary_) for model in models]
    mixture.combine(parts, valid_ids, progress, numberings=numberings)
    spent = [model.fit_seconds_ for model in models if model.fit_seconds_ is not None]
    mixture.fit_seconds_ = sum(spent) + time.perf_counter() - start
    return mixture


def _unfitted(
    models: Sequence[LanguageModel], caches: Sequence[str], window: int, buckets: int
) -> Mixture:
    """Return the unfitted mixture, its options checked."""
    runs_on = bool(caches) or any(model.context == "stream" for model in models)
    mixture = Mixture(
        models="+".join(sorted(model.spec for model in models)),
        caches="+".join(in_order(caches)) or None,
        window=window,
        buckets=buckets,
        context="stream" if runs_on else "sentence",
        unit=models[0].unit,
        **_same_options(models, ("min_count", "max_size")),
    )
    mixture._check_common()
    check_parts(mixture, models)
    return mixture


def _same_options(models: Sequence[LanguageModel], names: Sequence[str]) -> dict[str, Any]:
    """Return those of the options that have the same value in all models."""
    first = models[0].get_parameters()
    return {
        name: first[name]
        for name in names
        if all(model.get_parameters()[name] == first[name] for model in models)
    }


def _take_over(mixture: Mixture, models: Sequence[LanguageModel]) -> None:
    """Give the mixture the vocabulary and the text rules that its models have in common."""
    first = models[0]
    known = [(model.vocabulary_, model.dropped_) for model in models]
    mixture.vocabulary_, mixture.dropped_ = shared_vocabulary(known)
    mixture.normalize_, mixture.sentences_ = first.normalize_, first.sentences_
    texts = {model.train_sha256_ for model in models}
    mixture.train_sha256_ = texts.pop() if len(texts) == 1 else None
    mixture.train_passages_ = union([model.train_passages_ for model in models])
    tuned = [model.valid_passages_ for model in models if model.valid_passages_ is not None]
    mixture.valid_passages_ = union(tuned)


def _check_alike(first: LanguageModel, other: LanguageModel) -> None:
    for name, mine, own in (
        ("unit", first.unit, other.unit),
        ("normalize", first.normalize_, other.normalize_),
        ("sentences", first.sentences_, other.sentences_),
    ):
        if mine != own:
            raise ParameterError(
                f"{first.spec} has {name}={mine!r}, {other.spec} has {own!r}: a mixture needs one; "
                "fit the second as the first"
            )
    a, b = first.vocabulary_, other.vocabulary_
    try:
        numbering(a, b)
    except KeyError as error:
        raise VocabularyError(
            f"{first.spec} and {other.spec} have different vocabularies ({len(a):,} and "
            f"{len(b):,} outcomes; {error} is not in both); fit both on one text, with the same "
            "validation text (without one, some hold out a part), or the second with the "
            "vocabulary of the first (--vocabulary)"
        ) from None
