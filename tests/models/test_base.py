"""A new model in ten lines has everything that every model has."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import lmkit
from lmkit.models import registry
from tests.models.samples import corpus


@pytest.fixture(autouse=True)
def registry_of_this_test(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(registry, "_REGISTERED", {})
    return None


def test_ten_lines_make_a_model(tmp_path: Path) -> None:
    @lmkit.register
    class Parrot(lmkit.LanguageModel):
        """Half of the probability on the token before, the rest shared evenly."""

        name = "parrot"

        def _next_log_probs(self, context: np.ndarray) -> np.ndarray:
            size = len(self.vocabulary_)
            probabilities = np.full(size, 0.5 / size)
            probabilities[context[-1] if context[-1] < size else 0] += 0.5
            return np.log(probabilities)

    model = lmkit.fit("parrot", corpus())
    assert isinstance(model, Parrot)
    # Ids: <unk> 0, </s> 1, the 2, sat 3, cat 4, dog 5; six outcomes share one half.
    ledger = model.score(corpus("cat cat zebra\n"))
    low, high = 1 / 12, 1 / 12 + 1 / 2
    np.testing.assert_allclose(np.exp(-ledger.nats), [low, high, low, low], rtol=1e-12)
    assert ledger.perplexity == pytest.approx((low**3 * high) ** (-1 / 4), rel=1e-12)
    assert ledger.oov_count == 1
    assert model.generate("cat", tokens=3, greedy=True) == "cat cat cat cat"
    assert model.parameters == 0
    model.save(tmp_path / "parrot.lmkit")
    again = lmkit.load(tmp_path / "parrot.lmkit")
    np.testing.assert_array_equal(again.score(corpus("cat cat zebra\n")).nats, ledger.nats)
    ranked = lmkit.compare([model, lmkit.fit("bigram", corpus())], corpus("the dog sat\n"))
    assert [row.model for row in ranked.ledgers] == ["bigram", "parrot"]
