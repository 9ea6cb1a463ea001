"""Progress lines and logs, by a clock that the test sets."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from lmkit.errors import LmkitError
from lmkit.models.rnn.progress import Reporter, line_of

FACTS = {
    "epoch": 0.5, "epochs": 4, "step": 10, "tokens": 3000, "seconds": 2.0, "done": 0.125,
    "learning_rate": 0.0123456789, "train_nats": 4.0, "valid_nats": None, "last_valid_nats": None,
}  # fmt: skip


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_line_is_due_four_times_a_second() -> None:
    clock, lines = Clock(), []
    reporter = Reporter(lambda what, fraction: lines.append((what, fraction)), clock=clock)
    for clock.now in (0.0, 0.1, 0.2, 0.3, 0.5, 0.6):
        if reporter.is_due():
            reporter.step(FACTS)
    assert len(lines) == 3  # at 0.0, 0.3 and 0.6
    assert lines[0] == ("epoch 1 of 4, 1,500 tokens/s, perplexity train 54.60, 0:14 left", 0.125)


def test_the_log_has_a_line_every_five_seconds_and_at_validations(tmp_path: Path) -> None:
    clock, path = Clock(), tmp_path / "log.jsonl"
    reporter = Reporter(None, path, clock=clock)
    for clock.now in (0.0, 4.0, 6.0):
        reporter.step({**FACTS, "seconds": 2.0 + clock.now, "tokens": 3000 + 100 * clock.now})
    facts = {**FACTS, "seconds": 9.0, "valid_nats": 5.0, "last_valid_nats": math.inf}
    reporter.step(facts, check=True)
    reporter.close()
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert [line["check"] for line in lines] == [False, False, True]
    assert [line["seconds"] for line in lines] == [2.0, 8.0, 9.0]
    assert lines[0]["learning_rate"] == 0.0123457  # six digits
    assert lines[1]["tokens_per_second"] == 100
    assert "last_valid_nats" not in lines[0]
    assert lines[2]["last_valid_nats"] is None  # JSON has no infinity


def test_a_log_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(LmkitError, match=r"cannot write .*choose another place for the log"):
        Reporter(None, tmp_path / "no" / "log.jsonl")


def test_facts_that_are_not_known_are_left_out_of_the_line() -> None:
    facts = {**FACTS, "seconds": 0.0, "done": 0.0, "epochs": None, "train_nats": math.nan}
    assert line_of(facts) == "epoch 1"
