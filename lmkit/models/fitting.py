"""Fitting: from a corpus to the ids that a model learns from."""

from __future__ import annotations

import time
from typing import Any

from lmkit.errors import CorpusError, ParameterError, shown
from lmkit.models.core import Core
from lmkit.results.proper import no_events
from lmkit.text.corpus import Readable, Text, as_corpus
from lmkit.text.encoding import encode_text, learn_text
from lmkit.text.meter import Meter
from lmkit.text.passages import Passages, PassageSink, union
from lmkit.text.vocabulary import Vocabulary
from lmkit.types import Ids, Progress


def fit_model(
    model: Core,
    corpus: Readable,
    *,
    valid: Readable | None,
    vocabulary: Vocabulary | None,
    progress: Progress | None,
    **training: Any,
) -> None:
    """Fit a model on a corpus (see :meth:`LanguageModel.fit`); on an error it is left unfitted.

    `training` is passed to the model's `_learn`.
    """
    opened = as_corpus(corpus)
    train, held_out = opened.train, opened.valid
    if valid is not None:
        given = as_corpus(valid)
        held_out = given.valid or given.held_out
    if isinstance(vocabulary, (list, tuple)):
        vocabulary = Vocabulary(vocabulary)
    if vocabulary is not None and not isinstance(vocabulary, Vocabulary):
        raise ParameterError(
            f"{shown(vocabulary)} is no vocabulary; give a Vocabulary, or a list of types"
        )
    model._check_common()
    model._check()
    model._forget()
    start = time.perf_counter()
    try:
        if model.needs_validation and held_out is None:
            train, held_out = train.cut((0.9, 0.1))
        learned = learn_text(
            train, model.unit, min_count=model.min_count, max_size=model.max_size, given=vocabulary
        )
        model.vocabulary_, model.dropped_ = learned.vocabulary, learned.dropped
        model.normalize_, model.sentences_ = train.normalize, train.sentences
        model.train_sha256_, model.train_passages_ = learned.summary.sha256, learned.passages
        valid_ids = None
        if held_out is not None:
            valid_ids, passages = _encoded(model, held_out)
            if model.needs_validation:
                model.valid_passages_ = passages
        model._learn(learned.ids, valid_ids, progress, **training)
    except BaseException:
        model._forget()
        raise
    model.fit_seconds_ = time.perf_counter() - start


def validation_ids(model: Core, valid: Readable) -> Ids:
    """Return the ids of a corpus's validation part under the rules of a fitted model.

    If it has none, its test part is used, or the whole. The text is added to those that the model
    was tuned on. Raises CorpusError for a text that holds no event.
    """
    opened = as_corpus(valid)
    text = opened.valid or opened.held_out
    ids, passages = _encoded(model, text)
    if not len(ids):
        raise CorpusError(no_events(text.name))
    known = model.valid_passages_
    model.valid_passages_ = passages if known is None else union([known, passages])
    return ids


def _encoded(model: Core, valid: Text) -> tuple[Ids, Passages]:
    """Return a text as ids under a model's rules, and the hashes of its long sentences."""
    text = valid.under(normalize=model.normalize_, sentences=model.sentences_)
    passages = PassageSink()
    ids = encode_text(text, model.unit, model.vocabulary_, Meter(passages=passages))
    return ids, passages.result(repeats=True)


def named_progress(
    progress: Progress | None, name: str, index: int = 0, count: int = 1
) -> Progress | None:
    """Return the progress function of one of `count` equal tasks, its messages after its name."""
    if progress is None:
        return None
    return lambda what, done: progress(f"{name}: {what}", (index + done) / count)
