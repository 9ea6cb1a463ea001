"""Exact scores: every token of a text once, and the same numbers however the text is cut.

What is measured at each token is a :data:`Measure` of the network's scores there: the
log-probability of the token that came, or the entropy of the distribution.
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

from lmkit.models.rnn.batches import Ids, Sentences
from lmkit.models.rnn.cells import State
from lmkit.models.rnn.network import Network
from lmkit.models.rnn.threads import torch_threads
from lmkit.text.vocabulary import EOS_ID

Measure = Callable[[Tensor, Tensor], Tensor]
"""From scores (N, V) and targets (N,) to one number a target (N,)."""
Values = NDArray[np.float64]

CHUNK = 4096
"""Steps of one stream that one call of the fused kernel reads."""
LANES, LENGTH = 32, 64
"""Sentences scored side by side, and steps that one call reads of them."""
SCORES = 2**24
"""How many scores, rows times outcomes, are held at once: 64 MB of float32."""


def log_prob(scores: Tensor, targets: Tensor) -> Tensor:
    """Return the log-probability of each target, (N,) nats."""
    return -cross_entropy(scores, targets, reduction="none")


def entropy(scores: Tensor, targets: Tensor) -> Tensor:
    """Return the entropy of each distribution, (N,) nats; the targets play no part."""
    log_probs = log_softmax(scores, dim=-1)
    return -(log_probs.exp() * log_probs).sum(dim=-1)


def first_state(network: Network) -> State:
    """Return the state after ``<s>``, in one lane."""
    return next_state(network, network.shape.outcomes, network.initial_state(1))


def next_state(network: Network, index: int, state: State) -> State:
    """Return the state, of one lane, after one more token; `state` itself is left as it is."""
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
    """Return the measure (T,) at each of `ids`, one stream from `state` on, and the state after.

    Numbers are computed in float32 and returned as float64, to be summed.
    """
    if len(ids) == 1:  # what a decoder asks for again and again
        values = _measured(network, network.top(state), _tensor(ids, network), measure)
        return values, next_state(network, int(ids[0]), state)
    values = np.empty(len(ids))
    chunk = max(1, min(CHUNK, SCORES // _input_width(network)))
    with torch.no_grad():
        for start in range(0, len(ids), chunk):
            targets = _tensor(ids[start : start + chunk], network)  # (T,)
            before = network.top(state)  # (1, H)
            with torch_threads(1):  # one lane leaves nothing to share out
                outputs, state = network(targets[:, None], state)  # (T, 1, H)
            outputs = torch.cat([before, outputs[:-1, 0]])  # (T, H)
            values[start : start + chunk] = _measured(network, outputs, targets, measure)
    return values, state


def read_hidden(
    network: Network, ids: Ids, state: State, *, sentences: bool
) -> tuple[NDArray[np.float32], State]:
    """Return the outputs (T + 1, H) that scores are computed from, and the state after the ids.

    Row t is that from which token t is predicted, the last that from which the next would be. With
    `sentences` the state begins anew after each ``</s>``.
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
    """Return the mean nats a token of one stream that is read in `lanes` parts side by side.

    Each part begins with the initial state, so that its first few tokens lack their context: an
    estimate, many times quicker than :func:`read_stream`, for choosing between weights.
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
    """Return the measure (T,) at each of `ids`, the state beginning anew after each ``</s>``.

    The first sentence goes on from `state`. The state returned is that after the last token: the
    state after ``<s>`` where that token is ``</s>``.
    """
    return read_apart(network, ids, np.flatnonzero(ids == EOS_ID) + 1, state, measure)


def read_apart(
    network: Network,
    ids: Ids,
    starts: NDArray[np.int64],
    state: State,
    measure: Measure = log_prob,
) -> tuple[Values, State]:
    """Return the measure (T,) at each of `ids`, the state beginning anew at each of `starts`.

    Those are rising places, 0 to T; what stands before the first goes on from `state`. The state
    returned is that after the last token: the state after ``<s>`` where T is a start.
    """
    values = np.empty(len(ids))
    fresh = len(starts) > 0 and starts[-1] == len(ids)
    runs = Sentences.between(starts, len(ids))
    count = len(runs)
    # The first may have a past of its own, and the last a future.
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
    """Put the measure at each token of whole sentences, read side by side, where it belongs."""
    order = which[np.argsort(sentences.lengths[which], kind="stable")]
    length = max(1, min(LENGTH, SCORES // (LANES * _input_width(network))))
    for group in sentences.groups(order, LANES, length):
        inputs, positions = sentences.padded(group, ids, network.shape.outcomes)
        state = network.initial_state(len(group))
        for start in range(0, len(inputs), length):
            places = positions[start : start + length]  # (T, B)
            real = places >= 0
            with torch.no_grad():
                outputs, state = network(_tensor(inputs[start : start + length], network), state)
                outputs = outputs[torch.from_numpy(real).to(network.device)]  # (N, H)
            targets = _tensor(ids[places[real]], network)  # (N,)
            values[places[real]] = _measured(network, outputs, targets, measure)


def _input_width(network: Network) -> int:
    return network.shape.embedding or network.shape.outcomes + 1


def _tensor(ids: NDArray[np.integer[Any]], network: Network) -> Tensor:
    return torch.from_numpy(np.asarray(ids, np.int64)).to(network.device)


def _measured(network: Network, outputs: Tensor, targets: Tensor, measure: Measure) -> Values:
    """Return the measure (N,) where the outputs (N, H) were followed by the targets (N,)."""
    block = max(1, SCORES // network.shape.outcomes)
    with torch.no_grad():
        parts = [
            measure(network.scores(some), wanted).cpu()
            for some, wanted in zip(
                torch.split(outputs, block), torch.split(targets, block), strict=True
            )
        ]
        return torch.cat(parts).numpy().astype(np.float64)
