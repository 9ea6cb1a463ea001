"""The network: ids -> embedding -> recurrent layers or a window -> scores of the next token.

Shapes: B lanes (the streams of a batch), T time steps, V outcomes, H hidden units, E the width of
the embedding, F features.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import dropout, embedding, linear, one_hot

from lmkit.models.rnn.cells import CELLS, State, Weights, weights_of
from lmkit.models.rnn.options import Settings

TIED_SCALE = 0.1
"""Standard deviation of a tied matrix at the start: the first scores are then small."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What determines the tensors of a network.

    `outcomes` is V; inputs are ids 0..V, the last of them ``<s>``. `embedding` 0 means one-hot
    inputs. `tied` uses one matrix for embedding and output (Press & Wolf 2017), with a
    projection between where `hidden` differs from `embedding`.
    """

    outcomes: int
    cell: str
    layers: int
    hidden: int
    embedding: int
    tied: bool


@dataclass(frozen=True, slots=True)
class Drops:
    """Dropout rates in training mode.

    The names are those of the options. With `locked`, features are dropped at all steps of a
    stretch alike.
    """

    input_dropout: float = 0.0
    layer_dropout: float = 0.0
    output_dropout: float = 0.0
    embedding_dropout: float = 0.0
    weight_drop: float = 0.0
    locked: bool = False


NO_DROPS = Drops()


class Network(nn.Module, ABC):
    """The tensors of a neural language model, behind the interface of training and scoring.

    A state is a tuple of tensors whose first axis is the lane. The dropout rates `drops` apply
    only in training mode (``network.train()``).
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.drops = NO_DROPS
        self.embedding: nn.Embedding | None = None
        if shape.embedding:
            self.embedding = nn.Embedding(shape.outcomes + 1, shape.embedding)
        self.projection: nn.Linear | None = None
        if shape.tied and shape.embedding != shape.hidden:
            self.projection = nn.Linear(shape.hidden, shape.embedding, bias=False)
        self.output: nn.Linear | None = None
        if not shape.tied:
            self.output = nn.Linear(shape.hidden, shape.outcomes, bias=False)
        self.bias = nn.Parameter(torch.zeros(shape.outcomes))

    @abstractmethod
    def initial_state(self, lanes: int) -> State:
        """Return the state before any token."""

    @abstractmethod
    def forward(self, inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """Return the top layer's outputs (T, B, H) for ids (T, B), and the state after them."""

    @abstractmethod
    def step(self, inputs: Tensor, state: State) -> State:
        """Return the state after one id per lane, (B,)."""

    @abstractmethod
    def top(self, state: State) -> Tensor:
        """Return the top layer's output (B, H) after the last id that led to `state`."""

    def start(self, counts: NDArray[np.int64], *, forget_bias: float = 1.0) -> None:
        """Initialise the weights, drawn from torch's generator.

        `forget_bias` is the initial bias of forget gates, where there are any. The output's bias
        becomes the log of the relative frequency of each outcome, `counts` (V,) with one added, so
        that training begins at the unigram model rather than the uniform one.
        """
        if self.embedding is not None:
            # Smaller where it is the output matrix too, so that the first scores are near zero.
            nn.init.normal_(self.embedding.weight, std=TIED_SCALE if self.shape.tied else 1.0)
        for linear_layer in (self.projection, self.output):
            if linear_layer is not None:
                nn.init.xavier_uniform_(linear_layer.weight)
        frequencies = (counts + 1) / (counts + 1).sum()
        with torch.no_grad():
            self.bias.copy_(torch.from_numpy(np.log(frequencies)))

    @property
    def device(self) -> torch.device:
        """Return the device that holds the tensors."""
        return self.bias.device

    def embed(self, inputs: Tensor) -> Tensor:
        """Return the input vectors (..., E) of ids (...); one-hot vectors are V + 1 wide."""
        if self.embedding is None:
            return one_hot(inputs, self.shape.outcomes + 1).float()
        rate = self.drops.embedding_dropout if self.training else 0.0
        return embedding(inputs, drop_words(self.embedding.weight, rate))

    def drop_outputs(self, outputs: Tensor) -> Tensor:
        """Return the outputs (T, B, H), with output dropout in training mode."""
        rate = self.drops.output_dropout if self.training else 0.0
        return drop_features(outputs, rate, locked=self.drops.locked)

    def query(self, outputs: Tensor) -> Tensor:
        """Return outputs (..., H) as they meet the output matrix: projected to (..., E) if tied."""
        return outputs if self.projection is None else self.projection(outputs)

    def output_matrix(self) -> Tensor:
        """Return the output matrix, one row per outcome: (V, E) if tied, else (V, H)."""
        if self.output is not None:
            return self.output.weight
        assert self.embedding is not None
        return self.embedding.weight[:-1]  # <s> is no outcome

    def scores(self, outputs: Tensor) -> Tensor:
        """Return the unnormalised scores (..., V) of the next token, outputs being (..., H)."""
        return linear(self.query(outputs), self.output_matrix(), self.bias)


class RecurrentNetwork(Network):
    """Recurrent layers over the embedding. The state is each layer's h (and c), (B, H)."""

    def __init__(self, shape: Shape) -> None:
        super().__init__(shape)
        self.cell = CELLS[shape.cell]
        width = shape.embedding or shape.outcomes + 1
        widths = [width] + [shape.hidden] * (shape.layers - 1)
        # One module per layer: dropout comes between them, and each can take a single step.
        self.layers = nn.ModuleList(self.cell.module(width, shape.hidden) for width in widths)

    def start(self, counts: NDArray[np.int64], *, forget_bias: float = 1.0) -> None:
        """Initialise the weights, those of the layers by :meth:`Cell.start`."""
        for layer in self.layers:
            assert isinstance(layer, nn.RNNBase)
            self.cell.start(layer, forget_bias)
        super().start(counts, forget_bias=forget_bias)

    def initial_state(self, lanes: int) -> State:
        """Return the state before any token: zeros, (B, H) for each layer's h (and c)."""
        zeros = torch.zeros(lanes, self.shape.hidden, device=self.device)
        return (zeros,) * (self.shape.layers * self.cell.states)

    def forward(self, inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """Return the top layer's outputs (T, B, H) for ids (T, B), and the state after them."""
        x = self.embed(inputs)  # (T, B, E)
        after: list[Tensor] = []
        drops = self.drops if self.training else NO_DROPS
        rate = drops.input_dropout
        for weights, old in zip(self._weights(), self._by_layer(state), strict=True):
            x = drop_features(x, rate, locked=drops.locked)
            weights = weights._replace(hidden=drop_weights(weights.hidden, drops.weight_drop))
            x, new = self.cell.fused(x, old, weights)  # (T, B, H)
            after.extend(new)
            rate = drops.layer_dropout
        return x, tuple(after)

    def step(self, inputs: Tensor, state: State) -> State:
        """Return the state after one id per lane, (B,), by the written-out equations."""
        x = self.embed(inputs)  # (B, E)
        after: list[Tensor] = []
        for weights, old in zip(self._weights(), self._by_layer(state), strict=True):
            new = self.cell.step(x, old, weights)
            after.extend(new)
            x = new[0]  # (B, H)
        return tuple(after)

    def top(self, state: State) -> Tensor:
        """Return the top layer's h (B, H), which is part of `state`."""
        return state[-self.cell.states]

    def _weights(self) -> list[Weights]:
        return [weights_of(layer) for layer in self.layers if isinstance(layer, nn.RNNBase)]

    def _by_layer(self, state: State) -> list[State]:
        step = self.cell.states
        return [state[index : index + step] for index in range(0, len(state), step)]


class WindowNetwork(Network):
    """One layer over the concatenated embeddings of the last `order` - 1 tokens.

    h = tanh(W [e(w_1), ..., e(w_n-1)] + b), scores = U h + c: Bengio et al. (2003), equation 1
    without its optional direct connections. The state is the last n - 1 ids, (B, n - 1), as
    float32, which is exact up to 2^24; before a text they are all ``<s>``.
    """

    def __init__(self, shape: Shape, order: int) -> None:
        super().__init__(shape)
        self.window = order - 1
        self.layer = nn.Linear(self.window * shape.embedding, shape.hidden)

    def start(self, counts: NDArray[np.int64], *, forget_bias: float = 1.0) -> None:
        """Initialise the weights."""
        nn.init.xavier_uniform_(self.layer.weight)
        nn.init.zeros_(self.layer.bias)
        super().start(counts, forget_bias=forget_bias)

    def initial_state(self, lanes: int) -> State:
        """Return the state before any token: ``<s>`` in every position of the window."""
        bos = float(self.shape.outcomes)
        return (torch.full((lanes, self.window), bos, device=self.device),)

    def forward(self, inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """Return the hidden layer (T, B, H) for ids (T, B), and the last ids."""
        seen = torch.cat([state[0].long().T, inputs])  # (n-1 + T, B)
        x = self.embed(seen)  # (n-1 + T, B, E)
        drops = self.drops if self.training else NO_DROPS
        x = drop_features(x, drops.input_dropout, locked=drops.locked)
        steps = len(inputs)
        columns = [x[1 + offset : 1 + offset + steps] for offset in range(self.window)]
        outputs = torch.tanh(self.layer(torch.cat(columns, dim=-1)))  # (T, B, H)
        return outputs, (seen[-self.window :].T.float(),)

    def step(self, inputs: Tensor, state: State) -> State:
        """Return the last ids after one more id per lane, (B,)."""
        return (torch.cat([state[0][:, 1:], inputs[:, None].float()], dim=1),)

    def top(self, state: State) -> Tensor:
        """Return the hidden layer (B, H) after the ids of the state."""
        x = self.embed(state[0].long())  # (B, n-1, E)
        return torch.tanh(self.layer(x.flatten(1)))


def parameter_count(network: Network) -> int:
    """Return the number of weights and biases; a tied matrix counts once."""
    return sum(parameter.numel() for parameter in network.parameters())


def make_network(settings: Settings, outcomes: int) -> Network:
    """Return the network that the settings describe, its weights not initialised."""
    shape = Shape(
        outcomes, settings.cell, settings.layers, settings.hidden, settings.embedding, settings.tied
    )
    network = WindowNetwork(shape, settings.order) if settings.order else RecurrentNetwork(shape)
    network.drops = Drops(**{row.name: getattr(settings, row.name) for row in fields(Drops)})
    return network


def size_of_network(settings: Settings, outcomes: int) -> int:
    """Return the number of parameters of the network that the settings describe."""
    with torch.device("meta"):
        return parameter_count(make_network(settings, outcomes))


# ---------------------------------------------------------------------- dropout


def mask(like: Tensor, shape: tuple[int, ...], rate: float) -> Tensor:
    """Return zeros with probability `rate` and 1/(1 - rate) otherwise, of `shape`."""
    kept = torch.empty(shape, device=like.device, dtype=like.dtype).bernoulli_(1 - rate)
    return kept.div_(1 - rate)


def drop_features(x: Tensor, rate: float, *, locked: bool) -> Tensor:
    """Return the features x (T, B, F) with dropout, scaled by 1/(1 - rate) so that means stay.

    `locked` drops the same features of a lane at every step of the stretch (Gal & Ghahramani
    2016); otherwise they are drawn at each step (Zaremba et al. 2014).
    """
    if not rate:
        return x
    if not locked:
        return dropout(x, rate)
    return x * mask(x, (1, *x.shape[1:]), rate)


def drop_words(weight: Tensor, rate: float) -> Tensor:
    """Return the embedding (V, F) with whole rows dropped: types, for the whole of a stretch.

    Gal & Ghahramani (2016), section 4.2.
    """
    if not rate:
        return weight
    return weight * mask(weight, (len(weight), 1), rate)


def drop_weights(weight: Tensor, rate: float) -> Tensor:
    """Return recurrent weights (G·H, H) with single weights dropped, the same at every step.

    DropConnect on the hidden-to-hidden matrix: Merity, Keskar & Socher (2018), section 2.
    """
    return dropout(weight, rate) if rate else weight
