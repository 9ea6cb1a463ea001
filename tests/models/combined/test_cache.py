"""Caches: each token's probability by the definition, token by token, and however a text is cut."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmkit.models.combined import cache as caches
from lmkit.models.combined.cache import (
    DECAYS,
    THETAS,
    Cache,
    Past,
    best_caches,
    check_cache,
    log_probs_of,
)
from lmkit.models.combined.weights import find_weights

V = 7
WIDTH = 3


def text(length: int, seed: int = 0) -> Past:
    rng = np.random.default_rng(seed)
    ids = rng.integers(0, V, length).astype(np.int32)
    return Past(ids, rng.normal(size=(length, WIDTH)).astype(np.float32))


def by_hand(cache: Cache, past: Past, *, sentence: bool) -> np.ndarray:
    """Return each token's log-probability from sums over the places before it."""
    result = []
    for t, token in enumerate(past.ids.tolist()):
        low = max(0, t - cache.window)
        if sentence:
            low = max([low, *(i + 1 for i in range(t) if past.ids[i] == 1)])
        weights = []
        for i in range(low, t):
            alike = math.exp(cache.theta * float(past.hidden[t] @ past.hidden[i]))
            weights.append(alike * cache.decay ** (t - i - 1))
        own = sum(w for i, w in zip(range(low, t), weights, strict=True) if past.ids[i] == token)
        if low == t:
            result.append(-math.log(V))
        else:
            result.append(math.log(own / sum(weights)) if own else -math.inf)
    return np.array(result)


@given(
    st.sampled_from(["unigram", "neural"]),
    st.integers(0, 40),
    st.integers(1, 50),
    st.sampled_from([0.3, 0.9, 1.0]),
    st.sampled_from([0.1, 1.3]),
    st.booleans(),
    st.integers(0, 10**6),
)
def test_by_the_definition(
    kind: str, length: int, window: int, decay: float, theta: float, sentence: bool, seed: int
) -> None:
    cache = Cache(kind, window, decay, theta if kind == "neural" else 0.0)
    past = text(length, seed)
    found = cache.log_probs(past, 0, size=V, sentence=sentence)
    np.testing.assert_allclose(found, by_hand(cache, past, sentence=sentence), atol=1e-5)


@pytest.mark.parametrize("cache", [Cache("unigram", 20, 0.9), Cache("neural", 20, 0.95, 0.7)])
@pytest.mark.parametrize("sentence", [False, True])
def test_however_the_text_is_cut(
    cache: Cache, sentence: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole_past = text(300)
    whole = cache.log_probs(whole_past, 0, size=V, sentence=sentence)
    monkeypatch.setattr(caches, "BLOCK", 13)
    past, parts = Past.empty(WIDTH), []
    for start in range(0, 300, 37):
        here = slice(start, start + 37)
        longer = past.then(whole_past.ids[here], whole_past.hidden[here])
        parts.append(cache.log_probs(longer, len(past.ids), size=V, sentence=sentence))
        past = longer.last(cache.window, sentence=sentence)
        assert len(past.ids) <= cache.window
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-5)


@pytest.mark.parametrize("cache", [Cache("unigram", 9, 0.8), Cache("neural", 9, 0.9, 1.1)])
def test_distributions_sum_to_one_and_hold_what_is_scored(cache: Cache) -> None:
    past = text(60, seed=3)
    scored = cache.log_probs(past, 0, size=V, sentence=False)
    for t in range(60):
        before = Past(past.ids[:t], past.hidden[:t])
        log_probs = cache.distribution(before, past.hidden[t], size=V)
        assert math.fsum(np.exp(log_probs)) == pytest.approx(1, abs=1e-12)
        assert log_probs[past.ids[t]] == pytest.approx(scored[t], abs=1e-5)


def test_several_at_once_are_each_alone() -> None:
    past = text(80)
    for several in (
        [Cache("unigram", 30, decay) for decay in (1.0, 0.9, 0.5)],
        [Cache("neural", 30, decay, theta) for decay in (1.0, 0.9) for theta in (0.1, 1.0)],
    ):
        together = log_probs_of(several, past, 5, size=V, sentence=False)
        for cache, row in zip(several, together, strict=True):
            np.testing.assert_array_equal(cache.log_probs(past, 5, size=V, sentence=False), row)


def test_large_products_do_not_overflow() -> None:
    past = text(50)
    huge = Past(past.ids, past.hidden * np.float32(100))
    found = Cache("neural", 50, 0.99, 2.0).log_probs(huge, 0, size=V, sentence=False)
    assert (found <= 0).all()
    assert not np.isnan(found).any()


@pytest.mark.parametrize(
    "numbers",
    [
        ("trigram", 5, 0.5, 0.0),
        ("unigram", 0, 0.5, 0.0),
        ("unigram", 2.5, 0.5, 0.0),
        ("unigram", 5, 0.0, 0.0),
        ("unigram", 5, 1.1, 0.0),
        ("unigram", 5, 1.0, 0.3),
        ("neural", 5, 1.0, 0.0),
        ("neural", 5, 1.0, math.inf),
        ("neural", 5, math.nan, 1.0),
    ],
)
def test_numbers_that_no_cache_has(numbers: tuple[Any, ...]) -> None:
    with pytest.raises(ValueError, match="no cache is"):
        check_cache(Cache(*numbers))


@pytest.mark.parametrize("kind", ["unigram", "neural"])
def test_no_single_setting_is_better_than_the_chosen_one(kind: str) -> None:
    past, model = text(200, seed=4), np.full(200, -math.log(V))
    (chosen,) = best_caches([model], past, [kind], window=40, size=V, sentence=False)

    def nats(cache: Cache) -> float:
        row = cache.log_probs(past, 0, size=V, sentence=False)
        return find_weights(np.column_stack([model, row])).nats

    changes = [{"decay": decay} for decay in DECAYS]
    changes += [{"theta": theta} for theta in THETAS] if kind == "neural" else []
    least = nats(chosen)
    assert all(nats(replace(chosen, **change)) >= least - 1e-4 for change in changes)
