"""Sums of probabilities over a backoff model's n-grams, and what leaving one out costs.

``model`` is (log_probs, backoffs, first, suffix, starts) of a backoff model: the log-probabilities
of all nodes and the log backoff weights of all contexts, float64 nats, and arrays of its trie. A
context h is a node, hw one of its children; h' is h without its first word.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from lmkit.kernels.compiled import compiled
from lmkit.kernels.trie import _find_child
from lmkit.types import FloatArray, IntArray

Model: TypeAlias = tuple[FloatArray, FloatArray, IntArray, IntArray, NDArray[np.int64]]
Other: TypeAlias = tuple[FloatArray, FloatArray, IntArray, IntArray, IntArray]


def explicit_sums(contexts: slice, model: Model, inside: FloatArray, below: FloatArray) -> None:
    """Write the sums of p(w|h) and of p(w|h') over the n-grams hw of each context of the slice.

    ``inside`` and ``below`` have an entry for each of the contexts, all of one order.
    """
    _explicit_sums(contexts.start, contexts.stop, model, inside, below)


def pruning_costs(
    contexts: slice,
    model: Model,
    sums: tuple[FloatArray, FloatArray],
    probs: FloatArray,
    costs: FloatArray,
) -> None:
    """Write the share by which leaving out each n-gram of some contexts raises the perplexity.

    ``sums`` are (inside, below) of `explicit_sums`, ``probs`` the probabilities of the contexts;
    ``costs`` has an entry for each node of the trie. The share is e^D - 1, D of Stolcke (1998),
    section 3, at least 0.
    """
    _pruning_costs(contexts.start, contexts.stop, model, *sums, probs, costs)


def raise_within(first: IntArray, suffix: IntArray, costs: FloatArray) -> None:
    """Raise the cost of each n-gram to that of any longer one that begins or ends with it."""
    _raise_within(first, suffix, costs)


def follow(
    nodes: slice,
    parents: IntArray,
    words: IntArray,
    model: Other,
    states: IntArray,
    log_probs: FloatArray,
) -> None:
    """Write the states and log-probabilities of another model for the n-grams of one order.

    ``parents`` are the contexts of the n-grams ``nodes``; ``words`` the last words of all nodes.
    ``model`` is (log_probs, backoffs, first, suffix, words) of the other model. ``states`` and
    ``log_probs`` have an entry for each node; those of the order below are known.
    """
    _follow(nodes.start, nodes.stop, parents, words, model, states, log_probs)


@compiled(inline="always")
def _lower_log_prob(node, lower, log_probs, backoffs, suffix, starts):
    """Return ln p(w|h') of the n-gram hw; `lower` is the longest known suffix of h."""
    match = np.int64(suffix[node])
    order = 1
    while match >= starts[order + 1]:
        order += 1
    weights = 0.0
    while lower >= starts[order]:
        weights += backoffs[lower]
        lower = np.int64(suffix[lower])
    return weights + log_probs[match]


@compiled
def _explicit_sums(begin, end, model, inside, below):
    log_probs, backoffs, first, suffix, starts = model
    for context in range(begin, end):
        here, lower = 0.0, 0.0
        for node in range(first[context], first[context + 1]):
            here += np.exp(log_probs[node])
            shorter = np.int64(suffix[context])
            lower += np.exp(_lower_log_prob(node, shorter, log_probs, backoffs, suffix, starts))
        inside[context - begin] = here
        below[context - begin] = lower


@compiled
def _pruning_costs(begin, end, model, inside, below, probs, costs):
    log_probs, backoffs, first, suffix, starts = model
    for context in range(begin, end):
        left = max(1 - inside[context - begin], 0.0)  # the mass that is backed off
        room = max(1 - below[context - begin], 0.0)  # the lower order's mass of the same words
        for node in range(first[context], first[context + 1]):
            lower = _lower_log_prob(
                node, np.int64(suffix[context]), log_probs, backoffs, suffix, starts
            )
            prob = np.exp(log_probs[node])
            # The backoff weight without this n-gram.
            weight = np.log(left + prob) - np.log(room + np.exp(lower))
            change = 0.0
            if prob > 0:
                change += prob * (lower + weight - log_probs[node])
            if left > 0 and room > 0:
                change += left * (weight - np.log(left) + np.log(room))
            costs[node] = max(np.expm1(-probs[context - begin] * change), 0.0)


@compiled
def _raise_within(first, suffix, costs):
    for context in range(len(first) - 2, 0, -1):
        for node in range(first[context], first[context + 1]):
            costs[context] = max(costs[context], costs[node])
            costs[suffix[node]] = max(costs[suffix[node]], costs[node])


@compiled
def _follow(begin, end, parents, words, model, states, log_probs):
    known_log_probs, backoffs, children, suffix, known = model
    contexts = len(children) - 1
    for node in range(begin, end):
        parent = parents[node - begin]
        state, weights = np.int64(states[parent]), 0.0
        child = _find_child(children, known, state, words[node])
        while child < 0:
            weights += backoffs[state]
            state = np.int64(suffix[state])
            child = _find_child(children, known, state, words[node])
        log_probs[node] = log_probs[parent] + weights + known_log_probs[child]
        states[node] = child if child < contexts else suffix[child]
