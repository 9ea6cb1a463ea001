"""One order counted from the order below, against a dictionary of n-grams."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmkit.kernels import counting
from lmkit.kernels.counting import NodeArrays, Workspace

V = 4
texts = st.lists(st.integers(0, V - 1), min_size=1, max_size=40)


def test_keys_are_packed_as_the_docstring_says():
    ids = np.array([3], np.int32)
    workspace = Workspace.of(ids, ranks=True)
    sizes = np.zeros(3, np.int64)
    counting.assign_buckets(
        (0, 1), workspace, (5, -1), np.repeat([0, 1], 4).astype(np.uint16), sizes
    )
    assert sizes.tolist() == [0, 1, 0]
    bounds, bits = np.array([0, 4, 8]), (2, np.array([3, 3]))
    starts = np.array([0, 0])
    counting.pack_keys((0, 1), workspace, (5, -1), bounds, bits, np.array([0, -6]), starts)
    assert workspace.keys.tolist() == [62]
    assert starts.tolist() == [0, 0]


def counted_bigrams(ids: np.ndarray, limit: int, rule: tuple[int, int], step: int):
    """Run all passes over a text, its unigrams being the contexts."""
    workspace = Workspace.of(ids, ranks=True)
    unigrams = np.bincount(ids, minlength=V + 1).astype(np.int32)  # <s> last
    bounds, bucket_of = counting.divide_contexts(unigrams, limit)
    buckets = len(bounds) - 1
    parts = [(begin, min(begin + step, len(ids))) for begin in range(0, len(ids), step)]
    sizes = np.zeros((len(parts), buckets + 1), np.int64)
    for part, row in zip(parts, sizes, strict=True):
        counting.assign_buckets(part, workspace, rule, bucket_of, row)
    sizes = sizes[:, :-1]
    offsets = np.append(0, sizes.sum(0).cumsum())
    starts = offsets[:-1] + sizes.cumsum(0) - sizes
    index_bits = np.full(buckets, 10)
    for part, row in zip(parts, starts, strict=True):
        counting.pack_keys(part, workspace, rule, bounds, (3, index_bits), offsets, row)
    runs = [slice(a, b) for a, b in pairwise(offsets)]
    for run in runs:
        workspace.keys[run].sort()
    distinct = [counting.count_distinct(workspace.keys[run], 10) for run in runs]
    here = V + 2
    begins = here + np.append(0, np.cumsum(distinct))
    total = int(begins[-1])
    nodes = NodeArrays(*(np.zeros(total + 1, np.int32) for _ in range(5)))
    for b, run in enumerate(runs):
        contexts, spans = (1 + bounds[b], 1 + bounds[b + 1]), (begins[b], 1, here)
        keys, payload = workspace.keys[run], workspace.payload[run]
        counting.write_nodes(keys, payload, (3, 10), contexts, spans, nodes, ranks=True)
    nodes.first[here] = total
    for part, row in zip(parts, starts, strict=True):
        counting.collect_ranks(part, workspace, buckets, row)
    return nodes, workspace.ranks, total


@pytest.mark.parametrize("rule", [(V, 1), (V, -1), (-1, -1)])
@pytest.mark.parametrize(("limit", "step"), [(1, 7), (6, 40), (1000, 3)])
@given(text=texts)
def test_bigrams_are_those_of_a_dictionary(rule, limit, step, text):
    ids = np.array(text, np.int32)
    nodes, ranks, total = counted_bigrams(ids, limit, rule, step)
    bos, eos = rule
    before = [bos if t == 0 or text[t - 1] == eos else text[t - 1] for t in range(len(text))]
    plain = Counter(pair for pair in zip(before, text, strict=True) if pair[0] >= 0)
    here = V + 2
    assert total - here == len(plain)
    for node, (pair, count) in enumerate(sorted(plain.items()), start=here):
        assert (nodes.words[node], nodes.counts[node]) == (pair[1], count)
        assert nodes.suffix[node] == 1 + pair[1]
        assert nodes.first[1 + pair[0]] <= node < nodes.first[2 + pair[0]]
    for context in range(V + 1):
        follow = sum(count for pair, count in plain.items() if pair[0] == context)
        assert nodes.totals[1 + context] == follow
    numbered = {pair: rank for rank, pair in enumerate(sorted(plain))}
    assert ranks.tolist() == [numbered.get(pair, -1) for pair in zip(before, text, strict=True)]
