"""Exact scoring: every token of a text once, with the same results however the text is divided.

At each token a :data:`Measure` of the network's scores is computed: the log-probability of the
token, or the entropy of the distribution. Shapes: T time steps, B lanes, V outcomes, H hidden
units, N rows.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy, log_softmax

from lmkit.models.rnn.batches import Sentences
from lmkit.models.rnn.cells import State
from lmkit.models.rnn.network import Network
from lmkit.models.rnn.threads import torch_threads
from lmkit.text.vocabulary import EOS_ID
from lmkit.types import Ids

Measure = Callable[[Tensor, Tensor], Tensor]
"""From scores (N, V) and targets (N,) to one number per target (N,)."""
Values = NDArray[np.float64]

CHUNK = 4096
"""Steps of one stream per call of the fused kernel."""
LANES, LENGTH = 32, 64
"""Sentences scored in parallel, and their steps per call of the fused kernel."""
SCORES = 2**24
"""Scores, rows times outcomes, in memory at once: 64 MB of float32."""


def log_prob(scores: Tensor, targets: Tensor) -> Tensor:
    """Return the log-probability of each target, (N,) nats."""
    return -cross_entropy(scores, targets, reduction="none")


def entropy(scores: Tensor, targets: Tensor) -> Tensor:
    """Return the entropy of each distribution, (N,) nats; the targets are not used."""
    log_probs = log_softmax(scores, dim=-1)
    return -(log_probs.exp() * log_probs).sum(dim=-1)


def first_state(network: Network) -> State:
    """Return the state after ``<s>``, in one lane."""
    return next_state(network, network.shape.outcomes, network.initial_state(1))


def next_state(network: Network, index: int, state: State) -> State:
    """Return the state, of one lane, after one more token; `state` itself is not changed."""
    with torch.no_grad():
        return network.step(torch.tensor([index], device=network.device), state)


def distribution(network: Network, state: State) -> Values:
    """Return the log-probabilities (V,) of the next token; normalised in float64."""
    with torch.no_grad():
        scores = network.scores(network.top(state))[0].cpu().double()
    log_probs: Values = log_softmax(scores, dim=-1).numpy()
    return log_probs


def read_stream(
    network: Network, ids: Ids, state: State, measure: Measure = log_prob
) -> tuple[Values, State]:
    """Return the measure (T,) at each of `ids`, one stream from `state` on, and the state after it.

    Values are computed in float32 and returned as float64, to be summed.
    """
    if len(ids) == 1:  # the steps of a decoder
        values = _measured(network, network.top(state), _tensor(ids, network), measure)
        return values, next_state(network, int(ids[0]), state)
    values = np.empty(len(ids))
    chunk = max(1, min(CHUNK, SCORES // _input_width(network)))
    with torch.no_grad():
        for start in range(0, len(ids), chunk):
            targets = _tensor(ids[start : start + chunk], network)  # (T,)
            before = network.top(state)  # (1, H)
            with torch_threads(1):  # one lane is no work for several
                outputs, state = network(targets[:, None], state)  # (T, 1, H)
            outputs = torch.cat([before, outputs[:-1, 0]])  # (T, H)
            values[start : start + chunk] = _measured(network, outputs, targets, measure)
    return values, state


def read_hidden(
    network: Network, ids: Ids, state: State, *, sentences: bool
) -> tuple[NDArray[np.float32], State]:
    """Return the outputs (T + 1, H) from which scores are computed, and the state after the ids.

    Token t is predicted from row t, the token after the ids from the last row. With `sentences` the
    state is reset after each ``</s>``.
    """
    hidden = np.empty((len(ids) + 1, network.top(state).shape[-1]), np.float32)
    ends = (np.flatnonzero(ids == EOS_ID) + 1).tolist() if sentences else []
    pieces = sorted({0, *ends, *range(0, len(ids), CHUNK), len(ids)})
    with torch.no_grad():
        for start, stop in pairwise(pieces):
            hidden[start] = network.top(state)[0].cpu().numpy()
            with torch_threads(1):  # as in `read_stream`
                outputs, state = network(_tensor(ids[start:stop], network)[:, None], state)
            hidden[start + 1 : stop + 1] = outputs[:, 0].cpu().numpy()  # (T, 1, H)
            if sentences and ids[stop - 1] == EOS_ID:
                state = first_state(network)
        hidden[-1] = network.top(state)[0].cpu().numpy()
    return hidden, state


def mean_nats_in_lanes(network: Network, ids: Ids, lanes: int) -> float:
    """Return the mean nats per token of one stream that is read in `lanes` parts in parallel.

    Each part begins with the initial state, so the first few tokens lack their context: an estimate
    for comparing weights, many times faster than :func:`read_stream`.
    """
    steps = -(-len(ids) // lanes)
    shape = (lanes, steps)
    padding = (0, lanes * steps - len(ids))
    before = np.append(np.int32(network.shape.outcomes), ids[:-1])
    inputs = np.pad(before, padding).reshape(shape).T  # (T, B)
    targets = np.pad(ids, padding).reshape(shape).T
    real = np.pad(np.ones(len(ids), bool), padding).reshape(shape).T
    state = network.initial_state(lanes)
    total = 0.0
    for start in range(0, steps, LENGTH):
        part = slice(start, start + LENGTH)
        with torch.no_grad():
            outputs, state = network(_tensor(inputs[part], network), state)  # (T, B, H)
            outputs = outputs[torch.from_numpy(real[part]).to(network.device)]  # (N, H)
        wanted = _tensor(targets[part][real[part]], network)
        total -= float(_measured(network, outputs, wanted, log_prob).sum())
    return total / len(ids)


def read_sentences(
    network: Network, ids: Ids, state: State, measure: Measure = log_prob
) -> tuple[Values, State]:
    """Return the measure (T,) at each of `ids`, with the state reset after each ``</s>``.

    The first sentence continues `state`. The state returned is that after the last token: the state
    after ``<s>`` if that token is ``</s>``.
    """
    return read_apart(network, ids, np.flatnonzero(ids == EOS_ID) + 1, state, measure)


def read_apart(
    network: Network,
    ids: Ids,
    starts: NDArray[np.int64],
    state: State,
    measure: Measure = log_prob,
) -> tuple[Values, State]:
    """Return the measure (T,) at each of `ids`, with the state reset at each of `starts`.

    These are positions from 0 to T in rising order; the tokens before the first continue `state`.
    The state returned is that after the last token: the state after ``<s>`` if T is a start.
    """
    values = np.empty(len(ids))
    fresh = len(starts) > 0 and starts[-1] == len(ids)
    runs = Sentences.between(starts, len(ids))
    count = len(runs)
    # The first may continue `state`, and the state after an unfinished last one is needed.
    alone = ({0} if count else set()) | (set() if fresh or not count else {count - 1})
    for index in sorted(alone):
        span = runs.span(index)
        before = first_state(network) if span.start in starts else state
        values[span], state = read_stream(network, ids[span], before, measure)
    whole = np.setdiff1d(np.arange(count), sorted(alone))
    _read_whole(network, ids, runs, whole, measure, values)
    return values, first_state(network) if fresh else state


def _read_whole(
    network: Network,
    ids: Ids,
    sentences: Sentences,
    which: NDArray[np.int64],
    measure: Measure,
    values: Values,
) -> None:
    """Write the measure at each token of whole sentences, scored in parallel, into `values`."""
    order = which[np.argsort(sentences.lengths[which], kind="stable")]
    length = max(1, min(LENGTH, SCORES // (LANES * _input_width(network))))
    for group in sentences.groups(order, LANES, length):
        inputs, positions = sentences.padded(group, ids, network.shape.outcomes)
        state = network.initial_state(len(group))
        for start in range(0, len(inputs), length):
            part = positions[start : start + length]  # (T, B)
            real = part >= 0
            with torch.no_grad():
                outputs, state = network(_tensor(inputs[start : start + length], network), state)
                outputs = outputs[torch.from_numpy(real).to(network.device)]  # (N, H)
            targets = _tensor(ids[part[real]], network)  # (N,)
            values[part[real]] = _measured(network, outputs, targets, measure)


def _input_width(network: Network) -> int:
    return network.shape.embedding or network.shape.outcomes + 1


def _tensor(ids: NDArray[np.integer[Any]], network: Network) -> Tensor:
    return torch.from_numpy(np.asarray(ids, np.int64)).to(network.device)


def _measured(network: Network, outputs: Tensor, targets: Tensor, measure: Measure) -> Values:
    """Return the measure (N,) of the targets (N,) given the outputs (N, H)."""
    block = max(1, SCORES // network.shape.outcomes)
    with torch.no_grad():
        parts = [
            measure(network.scores(rows), wanted).cpu()
            for rows, wanted in zip(
                torch.split(outputs, block), torch.split(targets, block), strict=True
            )
        ]
        return torch.cat(parts).numpy().astype(np.float64)
