"""The section with the training curves of the networks."""

from __future__ import annotations

import numpy as np
import pytest

from lmkit.reporting.report.training import training
from tests.reporting import report_samples as samples


def test_curve_is_in_bits_by_readings_of_the_text() -> None:
    section = training(samples.material())
    assert section is not None
    rows = samples.rows_of(section.body, "bigram: bits a word by readings of the training text")
    train, valid = [5.0, 4.0, 3.5], [5.1, 4.3, 4.4]  # nats
    assert rows == [
        [f"{read:.2f}", f"{a / np.log(2):.4f}", f"{b / np.log(2):.4f}"]
        for read, a, b in zip((1, 2, 3.5), train, valid, strict=True)
    ]
    assert "the weights of 2.00 readings were kept" in section.body


def test_only_models_that_have_a_curve_are_shown() -> None:
    section = training(samples.material())
    assert section is not None
    assert list(section.data) == ["B"]
    assert training(samples.single()) is None


def test_without_validation_there_is_one_line_and_no_word_of_kept_weights(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = samples.models()[0]
    history = {"tokens": [100], "train": [5.0], "valid": [], "best": 0}
    monkeypatch.setattr(model, "describe", lambda: {"learning_curve": history})
    section = training(samples.material())
    assert section is not None
    assert "were kept" not in section.body
    assert [row[2] for row in samples.rows_of(section.body, "bigram")] == ["-"]
