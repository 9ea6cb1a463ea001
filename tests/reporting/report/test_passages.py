"""The bits of every word, and the passage that is shown."""

from __future__ import annotations

import numpy as np
import pytest

from lmkit.reporting.report.passages import cells_of, typical
from tests.reporting import report_samples as samples


def test_words_sum_to_the_whole() -> None:
    ledgers = samples.comparison().ledgers
    cells = cells_of(ledgers)
    for row, ledger in zip(cells.bits, ledgers, strict=True):
        assert row.sum() == pytest.approx(ledger.total_nats / np.log(2))
    assert cells.bits.shape[1] == ledgers[0].summary.words + ledgers[0].summary.sentence_ends


def test_passage_is_whole_sentences_near_the_mean() -> None:
    cells = cells_of(samples.comparison().ledgers)
    first, last = typical(cells, words=120)
    assert 60 <= last - first <= 120
    assert first == 0 or cells.items.is_end[first - 1]
    assert cells.items.is_end[last - 1]
    mean = cells.bits.sum(axis=0)
    assert mean[first:last].mean() == pytest.approx(mean.mean(), rel=0.05)


def test_short_text_is_shown_whole() -> None:
    cells = cells_of(samples.comparison().ledgers)
    assert typical(cells, words=10**6) == (0, len(cells.items))
