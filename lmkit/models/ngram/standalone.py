"""Backoff models that are not fitted: read from an ARPA file, or pruned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn, Self

import numpy as np
from numpy.typing import NDArray

from lmkit.errors import ParameterError
from lmkit.models.ngram.backoff import BackoffModel
from lmkit.models.ngram.counts import NgramCounts
from lmkit.models.ngram.masses import mass_error
from lmkit.models.ngram.tables import BackoffTables
from lmkit.results.proper import TOLERANCE
from lmkit.text.normalize import check_normalizer
from lmkit.text.passages import Passages
from lmkit.text.vocabulary import UNK_ID, Vocabulary
from lmkit.types import Ids


class StandaloneBackoff(BackoffModel):
    """A backoff model whose tables are given, from a file or another model; it cannot be fitted.

    Hyper-parameters name its origin: ``source``, a file's name or the spec of the model that was
    pruned, and ``sha256``, the first 12 digits of that file's. ``unk`` is ``file`` where the
    source gives ``<unk>`` a probability, and ``excluded`` where it does not: unknown tokens then
    score -inf nats, and only the perplexity without them is finite.
    """

    name = "backoff"

    mass_error_: float
    """How far from 1 the probabilities after any context sum, at most."""

    def __init__(self, *, source: str = "", sha256: str = "", unk: str = "file", **options: Any):
        super().__init__(unk=unk, **options)
        self.source = source
        self.sha256 = sha256

    @classmethod
    def of(
        cls,
        tables: BackoffTables,
        vocabulary: Vocabulary,
        *,
        source: str,
        sha256: str = "",
        unit: str = "word",
        normalize: str = "none",
        sentences: str = "line",
        context: str = "sentence",
        unk: str | None = None,
        train_sha256: str | None = None,
        train_passages: Passages | None = None,
        valid_passages: Passages | None = None,
        dropped: Vocabulary | None = None,
    ) -> Self:
        """Return the model of these tables. `unk` is read from them where it is not given."""
        if unk is None:
            unk = "excluded" if np.isneginf(tables.log_probs[1 + UNK_ID]) else "file"
        model = cls(
            source=source,
            sha256=sha256[:12],
            order=tables.order,
            unit=unit,
            context=context,
            unk=unk,
        )
        model._check_common()
        check_normalizer(normalize)
        model.vocabulary_, model.dropped_ = vocabulary, dropped
        model.normalize_, model.sentences_ = normalize, sentences
        model.train_sha256_, model.fit_seconds_ = train_sha256, None
        model.train_passages_, model.valid_passages_ = train_passages, valid_passages
        model.tables_ = tables
        model.mass_error_ = mass_error(tables, context=context)
        return model

    @property
    def proper(self) -> bool:  # type: ignore[override]
        """Whether the probabilities sum to one, but for rounding."""
        return self.mass_error_ <= TOLERANCE

    def _check(self) -> NoReturn:
        raise ParameterError(
            "a backoff model is not fitted: it is read from a file, or is what pruning leaves; "
            "fit kneser-ney, or give the file itself in place of a spec"
        )

    def _estimate(self, counts: NgramCounts, ids: Ids, valid_ids: Ids | None) -> BackoffTables:
        self._check()

    def _state_to_save(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        arrays, values = super()._state_to_save()
        return arrays, {**values, "mass_error": self.mass_error_}

    def _restore(self, arrays: Mapping[str, NDArray[Any]], values: Mapping[str, Any]) -> None:
        super()._restore(arrays, values)
        self.mass_error_ = values["mass_error"]
