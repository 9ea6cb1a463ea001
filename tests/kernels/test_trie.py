"""Walks, links and checks of tries, against n-grams in dictionaries."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmkit.kernels import trie
from tests.kernels.small_models import EOS, V, small_model

texts = st.lists(st.integers(0, V - 1), max_size=30)
models = st.builds(small_model, st.integers(0, 50), st.integers(2, 4))


@given(models, texts, st.sampled_from([EOS, -1]))
def test_states_are_the_longest_known_suffixes(model, text, eos):
    ids, initial = np.array(text, np.int32), V + 1
    expected = [model.state(history) for history in model.histories(text, eos)]
    assert trie.walk_along(ids, initial, initial, eos, model.trie).tolist() == expected
    assert trie.walk(ids, initial, initial, eos, model.trie) == expected[-1]


@given(models)
def test_suffixes_are_linked(model):
    suffix, starts = model.suffix.copy(), model.starts
    for order in range(2, model.order + 1):
        begin, end = int(starts[order]), int(starts[order + 1])
        suffix[begin:] = -9
        middle = (begin + end) // 2
        for a, b in ((begin, middle), (middle, end)):
            parents = model.parents[a:b]
            trie.link_suffixes(a, b, parents, model.first, model.words, suffix)
        suffix[end:] = model.suffix[end:]
        assert suffix.tolist() == model.suffix.tolist()


@given(models)
def test_sound_children(model):
    arrays, starts = (model.words, model.first, model.suffix), model.starts
    for order in range(model.order):
        contexts = (int(starts[order]), int(starts[order + 1]))
        children = (int(starts[order + 1]), int(starts[order + 2]))
        assert trie.children_are_sound(contexts, children, V, arrays)


@pytest.mark.parametrize("what", ["words", "first", "suffix"])
@given(model=models, data=st.data())
def test_unsound_children(what, model, data):
    arrays = {"words": model.words, "first": model.first, "suffix": model.suffix}
    starts = [int(start) for start in model.starts]
    node = data.draw(st.integers(starts[2], max(starts[3] - 1, starts[2])))
    if starts[2] == starts[3]:
        return
    if what == "words":
        arrays["words"][node] = data.draw(st.sampled_from([-1, V + 1]))
    elif what == "suffix":
        arrays["suffix"][node] = data.draw(st.sampled_from([-1, starts[2]]))
    else:
        arrays["first"][data.draw(st.integers(1, V + 1))] = data.draw(st.sampled_from([-1, 10**6]))
    given_arrays = (arrays["words"], arrays["first"], arrays["suffix"])
    contexts, children = (starts[1], starts[2]), (starts[2], starts[3])
    assert not trie.children_are_sound(contexts, children, V, given_arrays)


@given(models, st.randoms())
def test_children_are_sorted_by_word_then_context(model, random):
    ranks = list(range(V + 1))
    random.shuffle(ranks)
    contexts = list(range(1, V + 2))
    random.shuffle(contexts)
    children = slice(int(model.starts[2]), int(model.starts[3]))
    found = trie.sort_children_by_word(
        np.array(contexts, np.int32), children, np.array(ranks, np.int32), model.first, model.words
    )
    nodes = [n for c in contexts for n in range(model.first[c], model.first[c + 1])]
    assert found.tolist() == sorted(nodes, key=lambda node: ranks[model.words[node]])
