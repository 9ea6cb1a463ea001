"""Calibration, against distributions worked out one by one."""

from __future__ import annotations

import numpy as np
import pytest

import lmkit
from lmkit.evaluation.calibration import calibrate
from tests.evaluation.small_texts import text

TRAIN = "the cat sat on the mat\nthe dog sat on the log\na cat saw a dog\n" * 5 + "an owl\n"
TEST = "the owl sat\n\na cat saw the zebra on the mat\n<unk> the dog\n"


@pytest.mark.parametrize("context", ["sentence", "stream"])
def test_calibration_is_read_off_the_distributions(context: str) -> None:
    model = lmkit.fit(f"witten-bell:order=2,context={context}", text(TRAIN))
    test = text(TEST)
    ledger = model.score(test)
    found = calibrate(model, ledger, index=3)
    entropies, tops, hits = [], [], []
    for event, index in enumerate(ledger.ids.tolist()):
        p = np.exp(model.next_log_probs(ledger.ids[:event]))
        entropies.append(-(p * np.log2(p)).sum())
        tops.append(p.max())
        hits.append(p.argmax() == index)
    assert found.model == 3
    assert found.events == len(ledger) == sum(part.events for part in found.top_guess)
    assert found.mean_surprisal == pytest.approx(ledger.nats.mean() / np.log(2))
    assert found.mean_entropy == pytest.approx(np.mean(entropies))
    assert found.confidence == pytest.approx(np.mean(tops))
    assert found.accuracy == pytest.approx(np.mean(hits))
    said = [part.expected for part in found.top_guess]
    assert said == sorted(said)


@pytest.mark.parametrize("context", ["sentence", "stream"])
def test_a_sample_knows_what_stands_before_it(context: str) -> None:
    """Sampled runs give the surprisals that the whole text has there."""
    model = lmkit.fit(f"witten-bell:order=3,context={context}", text(TRAIN))
    test = text(TEST * 80)
    ledger = model.score(test)
    sample = calibrate(model, ledger, events=400, seed=5)
    assert 300 <= sample.events <= 400
    whole = calibrate(model, ledger, events=len(ledger))
    assert sample.mean_surprisal == pytest.approx(whole.mean_surprisal, rel=0.15)
    assert calibrate(model, ledger, events=400, seed=5) == sample


def test_a_model_that_knows_its_source_is_calibrated() -> None:
    from lmkit.corpora.synthetic import MarkovSource

    source = MarkovSource(types=30, seed=2)
    content = source.text(tokens=60_000)
    half = content.index("\n", len(content) // 2) + 1
    model = lmkit.fit("witten-bell:order=2", text(content[:half]))
    found = calibrate(model, model.score(text(content[half:])), events=4000)
    assert found.error < 0.03
    assert found.accuracy == pytest.approx(found.confidence, abs=0.03)
    assert found.mean_entropy == pytest.approx(found.mean_surprisal, rel=0.03)
