"""The most probable next words, against a sort of the whole distribution."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lmkit.kernels.top import top_words
from tests.kernels.small_models import V, small_model


@given(st.integers(0, 50), st.integers(1, 4), st.integers(1, V), st.booleans())
def test_the_first_of_all_outcomes_sorted(seed, order, k, ties):
    model = small_model(seed, order)
    if ties:
        model.log_probs[:] = -1.0
        model.backoffs[:] = 0.0
    ranking = np.argsort(-model.log_probs[1 : V + 1], kind="stable").astype(np.int32)
    states = np.arange(model.contexts)
    words, values = np.empty((len(states), k), np.int32), np.empty((len(states), k))
    top_words(states, model.trie, model.scores, ranking, (words, values))
    for state in states:
        all_values = [model.log_prob(model.ngrams[state], word)[0] for word in range(V)]
        best = sorted(range(V), key=lambda word: (-all_values[word], word))[:k]
        assert words[state].tolist() == best
        assert values[state].tolist() == [all_values[word] for word in best]
