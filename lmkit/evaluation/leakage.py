"""Test text in the training data: how it is detected, and how tables and remarks report it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from lmkit.results.ledger import SurprisalLedger
from lmkit.results.scored import Scored
from lmkit.results.tally import Tally
from lmkit.text.corpus import Text
from lmkit.text.meter import Meter
from lmkit.text.passages import PassageSink

S = TypeVar("S", bound=SurprisalLedger | Tally)
_NAMED = 3  # models that a sentence names
_HALF = 0.5  # of the test text


def with_training_text(scored: S, train: Text | None) -> S:
    """Return scores with the overlap of training and test text; `train` is used if none is known.

    Models that record their training text keep it: `train` is for ARPA files and for ledgers of
    other tools.
    """
    if train is None or scored.seen is not None:
        return scored
    rules = {"normalize": scored.text.normalize, "sentences": scored.text.sentences}
    sink, meter = _read(train.under(**rules))
    if scored.train_sha256 not in (None, meter.digest.hexdigest()):
        return scored
    own = _read(scored.text)[0].result()
    return replace(scored, seen=sink.result(repeats=True).overlap(own))


def _read(text: Text) -> tuple[PassageSink, Meter]:
    sink = PassageSink()
    meter = Meter(passages=sink)
    for _ in text.chunks(meter):
        pass
    return sink, meter


def leakage_mark(result: Mapping[str, Any]) -> str:
    """Return the cell of a table that says whether a model saw the test text (`Scored.to_dict`).

    >>> result = {"trained_on_test": True, "seen_in_training": 0.834, "tuned_on_test": False}
    >>> leakage_mark(result), leakage_mark({**result, "trained_on_test": None})
    ('trained on 83%', 'unknown')
    """
    marks = []
    if result["trained_on_test"]:
        share = result["seen_in_training"]
        marks.append("trained on it" if share is None else f"trained on {share:.0%}")
    if result["tuned_on_test"]:
        marks.append("tuned on it")
    if marks:
        return ", ".join(marks)
    return "unknown" if result["trained_on_test"] is None else "no"


def leakage_remarks(scored: Sequence[Scored], labels: Sequence[str]) -> list[str]:
    """Return a sentence about models trained on the test text, and one about those tuned on it."""
    pairs = list(zip(labels, scored, strict=True))
    trained = [(label, one) for label, one in pairs if one.trained_on_test]
    tuned = [label for label, one in pairs if one.tuned_on_test and not one.trained_on_test]
    remarks = []
    if trained:
        seen = [one.seen.share for _, one in trained if one.seen is not None]
        shares = sorted(share for share in seen if share is not None)
        ends = dict.fromkeys(f"{share:.0%}" for share in (*shares[:1], *shares[-1:]))
        what = f"{' to '.join(ends)} of the test text's long sentences stand in"
        if all(one.train_sha256 == one.summary.sha256 for _, one in trained):
            what = "the test text is"
        names = _listed([label for label, _ in trained])
        says = "its number says" if len(trained) == 1 else "their numbers say"
        them = "it remembers, not how well it predicts"
        if len(trained) > 1:
            them = "they remember, not how well they predict"
        part = "in part " if shares and shares[-1] < _HALF else ""
        remarks.append(
            f"Caveat: {what} the training text of {names}: {says} {part}how well {them}."
        )
    if tuned:
        was = "was" if len(tuned) == 1 else "were"
        remarks.append(
            f"Caveat: {_listed(tuned)} {was} tuned on the test text (early stopping, weights or "
            "other settings that suit it): other texts are likely to be predicted worse."
        )
    return remarks


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    shown = list(names) if more <= 1 else [*names[:_NAMED], f"{more} more"]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
