"""Scores and counts of a text, against n-grams in dictionaries."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmkit.kernels import scoring
from lmkit.kernels.hashing import NO_TABLE, fill, layout_for, pack_table
from lmkit.kernels.scoring import TILE
from tests.kernels.small_models import EOS, V, small_model

INITIAL = V + 1  # the node of <s>
texts = st.lists(st.integers(0, V - 1), min_size=1, max_size=30)
models = st.builds(small_model, st.integers(0, 50), st.integers(1, 4))
rules = st.sampled_from([EOS, -1])


def table_of(model, highest):
    size, layout = layout_for(len(model.ngrams), V + 1, len(model.ngrams))
    slots = np.zeros(size, np.uint64)
    contexts = int(model.starts[highest])
    assert fill(model.first, model.words, contexts, slots, layout, slice(0, size))
    return pack_table(slots, layout, highest)


def scored(model, text, eos, table):
    out = (np.empty(len(text)), np.empty(len(text), np.int8), np.empty(len(text)))
    ids, initial = np.array(text, np.int32), model.state((V,))
    scoring.score_backoff(ids, initial, initial, eos, model.trie, table, model.scores, out)
    return out


@pytest.mark.parametrize("hashed", [0, 2, 4])
@given(model=models, text=texts, eos=rules)
def test_backoff_scores(hashed, model, text, eos):
    table = table_of(model, min(hashed, model.order)) if hashed and model.order > 1 else NO_TABLE
    histories = model.histories(text, eos)
    expected = [model.log_prob(*pair) for pair in zip(histories[:-1], text, strict=True)]
    log_probs, orders, weights = scored(model, text, eos, table)
    assert log_probs.tolist() == [each[0] for each in expected]
    assert orders.tolist() == [each[1] for each in expected]
    np.testing.assert_allclose(weights, [each[2] for each in expected], atol=1e-12)


def test_a_text_of_several_tiles():
    model = small_model(3, 4)
    text = np.random.default_rng(0).integers(0, V, 2 * TILE + 7).tolist()
    histories = model.histories(text, EOS)
    recent = [history[-3:] if len(history) > 3 else history for history in histories[:-1]]
    expected = [model.log_prob(*pair)[0] for pair in zip(recent, text, strict=True)]
    assert scored(model, text, EOS, NO_TABLE)[0].tolist() == expected


@given(models, texts, rules)
def test_steps_are_the_scores_of_a_text(model, text, eos):
    initial = state = model.state((V,))
    values = []
    for word, history in zip(text, model.histories(text, eos), strict=False):
        assert state == model.state(history)
        value, state = scoring.step_backoff(state, word, initial, eos, model.trie, model.scores)
        values.append(value)
    assert values == scored(model, text, eos, NO_TABLE)[0].tolist()


@given(models, texts, rules)
def test_counts_of_full_ngrams(model, text, eos):
    n, ids, initial = model.order, np.array(text, np.int32), model.state((V,))
    # Full contexts have n - 1 words, or begin with <s>, whose nodes are the last of their order.
    complete = [
        next((i for i, g in enumerate(model.ngrams) if len(g) == k and g[:1] == (V,)), 0)
        for k in range(n)
    ]
    for k in range(n - 1):
        if not any(len(g) == k and g[:1] == (V,) for g in model.ngrams):
            complete[k] = int(model.starts[k + 1])
    complete[n - 1] = int(model.starts[n - 1])
    counts = (model.counts, model.totals, np.array(complete))
    out = (np.empty(len(text), np.int32), np.empty(len(text), np.int32))
    scoring.look_up(ids, initial, initial, eos, model.trie, NO_TABLE, counts, out)
    for t, history in enumerate(model.histories(text, eos)[:-1]):
        context = history[-(n - 1) :] if n > 1 else ()
        node, full = model.find(context), model.find((*context, text[t]))
        assert out[1][t] == (model.totals[node] if node >= 0 else 0)
        assert out[0][t] == (model.counts[full] if full >= 0 else 0)


@given(models, texts, rules)
def test_counts_of_all_orders(model, text, eos):
    ids, initial = np.array(text, np.int32), model.state((V,))
    counts = (model.counts, model.totals)
    found, totals = scoring.look_up_all_orders(ids, initial, eos, model.trie, NO_TABLE, counts)
    for t, history in enumerate(model.histories(text, eos)[:-1]):
        for k in range(1, model.order + 1):
            if k - 1 > len(history):
                context, node = None, -1
            else:
                context = history[len(history) - (k - 1) :]
                node = model.find(context)
            full = model.find((*context, text[t])) if context is not None else -1
            assert totals[t, k - 1] == (model.totals[node] if node >= 0 else 0)
            assert found[t, k - 1] == (model.counts[full] if full >= 0 else 0)
