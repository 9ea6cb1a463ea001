"""A text through a model: rules, batches, columns, and what stops it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lmkit
from lmkit.errors import CorpusError
from lmkit.models import scoring
from lmkit.text.corpus import Text
from tests.models.samples import Recorder, corpus


def test_a_text_is_scored_under_the_model_s_own_rules() -> None:
    model = Recorder(unit="char").fit(corpus("ab\n\nb\n", normalize="lower", sentences="paragraph"))
    ledger = model.score(corpus("AB\nA\n\n\nB"))
    assert ledger.text.canonical() == "ab a\nb\n"
    assert ledger.summary.sentences == "paragraph"
    assert ledger.model == "Recorder:unit=char"
    assert ledger.unit == "char"
    assert ledger.vocabulary_size == 4
    assert ledger.train_sha256 == model.train_sha256_
    assert ledger.fit_seconds == model.fit_seconds_
    assert ledger.score_seconds is not None
    assert ledger.score_seconds >= 0


@pytest.mark.parametrize("context", ["sentence", "stream"])
def test_a_text_of_many_files_is_one_text(
    context: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pieces = ["the cat\nsat", "the dog\n", "\n\n", "cat dog zebra\n"]
    for number, piece in enumerate(pieces):
        (tmp_path / f"{number}.txt").write_text(piece)
    whole = "the cat\nsat\nthe dog\n\n\ncat dog zebra\n"
    model = lmkit.fit(f"bigram:context={context}", corpus())
    parts, one = model.score(tmp_path), model.score(corpus(whole))
    np.testing.assert_array_equal(parts.nats, one.nats)
    np.testing.assert_array_equal(parts.offsets, one.offsets)
    assert parts.summary.sha256 == one.summary.sha256
    heard: list[tuple[str, float]] = []
    monkeypatch.setattr(scoring, "_BATCH", 2)
    model.score(tmp_path, progress=lambda what, share: heard.append((what, share)))
    assert {what for what, _ in heard} == {"scoring"}
    shares = [share for _, share in heard]
    assert len(shares) > 3
    assert shares[0] < 0.5
    assert all(0 < share <= 1 for share in shares)
    assert shares[-1] == 1


def test_columns_that_a_model_explains(monkeypatch: pytest.MonkeyPatch) -> None:
    class Explained(Recorder):
        def _explain(self, ids: Any, state: Any) -> dict[str, Any]:
            return {"order": np.full(len(ids), len(state), np.int8)}

    model = Explained().fit(corpus())
    assert model.score(corpus("the cat")).extra == {}
    whole = model.score(corpus("the cat"), explain=True)
    assert whole.extra["order"].tolist() == [1, 1, 1]
    monkeypatch.setattr(scoring, "_BATCH", 1)
    ledger = model.score(corpus("the cat"), explain=True)
    assert ledger.extra["order"].tolist() == [1, 2, 3]  # it is given in three pieces
    assert list(ledger.to_pandas().columns)[-1] == "order"


class Reusing(lmkit.LanguageModel):
    """Gives the same arrays again and again, filled with the number of the call."""

    needs_validation = False

    def __init__(self, **common: Any):
        super().__init__(**common)
        self.calls, self.rows = 0, np.empty((2, 1 << 20))

    def _learn(self, ids: Any, valid_ids: Any, progress: Any) -> None: ...

    def _next_log_probs(self, context: np.ndarray) -> Any:
        size = len(self.vocabulary_)
        return np.full(size, -np.log(size))

    def _log_probs(self, ids: Any, state: Any) -> tuple[Any, Any]:
        self.calls += 1
        self.rows[0, : len(ids)] = -self.calls
        return self.rows[0, : len(ids)], state

    def _explain(self, ids: Any, state: Any) -> dict[str, Any]:
        self.rows[1, : len(ids)] = self.calls + 1
        return {"call": self.rows[1, : len(ids)]}


def test_a_model_may_use_its_arrays_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "_BATCH", 1)
    model = Reusing().fit(corpus())
    text = Text("t", tuple(corpus("the cat sat\n" * 50_000).train.sources * 7), "none", "line")
    ledger = model.score(text, explain=True)
    assert model.calls > 6
    assert set(ledger.nats.tolist()) == set(range(1, model.calls + 1))
    np.testing.assert_array_equal(ledger.extra["call"], ledger.nats)


def test_an_error_while_a_batch_is_put_away(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(scoring._Columns, "add", fail)
    with pytest.raises(MemoryError):
        Recorder().fit(corpus()).score(corpus("the cat"))


def test_text_is_what_scores(tmp_path: Path) -> None:
    model = Recorder().fit(corpus())
    assert isinstance(model.score(corpus("the\n")).text, Text)
    with pytest.raises(CorpusError, match="no such file"):
        model.score(tmp_path / "none.txt")


def test_a_tally_has_the_totals_of_the_ledger(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "_BATCH", 2)
    model = lmkit.fit("bigram", corpus())
    text = corpus("the cat\nzebra sat\n\n" * 4)
    ledger, tally = model.score(text), model.tally(text)
    assert tally.total_nats == pytest.approx(ledger.total_nats, rel=1e-14)
    assert (tally.events, tally.oov_count) == (len(ledger), ledger.oov_count) == (28, 4)
    assert tally.perplexity == pytest.approx(ledger.perplexity, rel=1e-14)
    assert tally.summary == ledger.summary
    assert tally.signature == ledger.signature
