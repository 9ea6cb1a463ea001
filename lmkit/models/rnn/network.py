"""The network: tokens -> embedding -> recurrent layers -> scores of the next token."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import embedding, linear, one_hot

from lmkit.models.rnn.cells import CELLS, State, Weights, weights_of
from lmkit.models.rnn.regularisation import drop_features, drop_weights, drop_words

TIED_SCALE = 0.1
"""Standard deviation of a tied matrix at the start: scores of about the size of the bias."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Everything that decides which tensors a network has, and how they are joined.

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
    """The rates at which a network drops while it trains (:mod:`lmkit.models.rnn.regularisation`).

    `input` falls on the embedding's features, `layer` between layers, `output` on what the scores
    are computed from, `word` on whole types of the embedding, `weight` on recurrent weights.
    """

    input: float = 0.0
    layer: float = 0.0
    output: float = 0.0
    word: float = 0.0
    weight: float = 0.0
    locked: bool = False


NO_DROPS = Drops()


class Network(nn.Module, ABC):
    """A neural language model's tensors: what training and scoring know of it.

    Shapes: B lanes, T steps, V outcomes, H hidden units, E the width of the embedding. A state is
    a tuple of tensors whose first axis is the lane. What `drops` names is dropped only in
    training mode (``network.train()``).
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
        """Return the state after one id a lane, (B,)."""

    @abstractmethod
    def top(self, state: State) -> Tensor:
        """Return the top layer's output (B, H) after what the state has read."""

    def start(self, counts: NDArray[np.int64], *, forget_bias: float = 1.0) -> None:
        """Set the first weights, drawn from torch's generator.

        `forget_bias` is the first bias of the forget gates, where there are any.
        The output's bias becomes the log of the relative frequency of each outcome, `counts` (V,)
        with one added, so that training begins at the unigram model, not at the uniform one.
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
        return embedding(inputs, self._word_vectors())

    def _word_vectors(self) -> Tensor:
        assert self.embedding is not None
        return drop_words(self.embedding.weight, self.drops.word if self.training else 0.0)

    def drop_outputs(self, outputs: Tensor) -> Tensor:
        """Return the outputs (T, B, H) with the share `drops.output` dropped, in training mode."""
        rate = self.drops.output if self.training else 0.0
        return drop_features(outputs, rate, locked=self.drops.locked)

    def query(self, outputs: Tensor) -> Tensor:
        """Return what is multiplied with the output matrix, (..., E) if tied, for (..., H)."""
        return outputs if self.projection is None else self.projection(outputs)

    def output_matrix(self) -> Tensor:
        """Return the output matrix, one row an outcome: (V, E) if tied, else (V, H)."""
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
        # One module a layer, so that dropout lies between layers and each can be stepped alone.
        self.layers = nn.ModuleList(self.cell.module(width, shape.hidden) for width in widths)

    def start(self, counts: NDArray[np.int64], *, forget_bias: float = 1.0) -> None:
        """Set the first weights; those of the layers as the cell has them."""
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
        rate = drops.input
        for weights, old in zip(self._weights(), self._by_layer(state), strict=True):
            x = drop_features(x, rate, locked=drops.locked)
            weights = weights._replace(hidden=drop_weights(weights.hidden, drops.weight))
            x, new = self.cell.fused(x, old, weights)  # (T, B, H)
            after.extend(new)
            rate = drops.layer
        return x, tuple(after)

    def step(self, inputs: Tensor, state: State) -> State:
        """Return the state after one id a lane, (B,), by the written-out equations."""
        x = self.embed(inputs)  # (B, E)
        after: list[Tensor] = []
        for weights, old in zip(self._weights(), self._by_layer(state), strict=True):
            new = self.cell.step(x, old, weights)
            after.extend(new)
            x = new[0]  # (B, H)
        return tuple(after)

    def top(self, state: State) -> Tensor:
        """Return the top layer's output (B, H) that `state` holds."""
        return state[-self.cell.states]

    def _weights(self) -> list[Weights]:
        found = []
        for layer in self.layers:
            assert isinstance(layer, nn.RNNBase)
            found.append(weights_of(layer))
        return found

    def _by_layer(self, state: State) -> list[State]:
        step = self.cell.states
        return [state[at : at + step] for at in range(0, len(state), step)]


def parameter_count(network: Network) -> int:
    """Return the number of weights and biases; a matrix that serves twice counts once."""
    return sum(parameter.numel() for parameter in network.parameters())
