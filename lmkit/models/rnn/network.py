"""The network: tokens -> embedding -> recurrent layers -> scores of the next token."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import dropout, linear, one_hot

from lmkit.models.rnn.cells import CELLS, State, weights_of

TIED_SCALE = 0.1


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


class Network(nn.Module):
    """A recurrent language model's tensors; B lanes, T steps, V outcomes, H hidden units."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.cell = CELLS[shape.cell]
        self.embedding: nn.Embedding | None = None
        if shape.embedding:
            self.embedding = nn.Embedding(shape.outcomes + 1, shape.embedding)
        width = shape.embedding or shape.outcomes + 1
        widths = [width] + [shape.hidden] * (shape.layers - 1)
        # One module a layer, so that dropout lies between layers and each can be stepped alone.
        self.layers = nn.ModuleList(self.cell.fused(width, shape.hidden) for width in widths)
        self.projection: nn.Linear | None = None
        if shape.tied and shape.embedding != shape.hidden:
            self.projection = nn.Linear(shape.hidden, shape.embedding, bias=False)
        self.output: nn.Linear | None = None
        if not shape.tied:
            self.output = nn.Linear(shape.hidden, shape.outcomes, bias=False)
        self.bias = nn.Parameter(torch.zeros(shape.outcomes))

    def start(self, counts: NDArray[np.int64]) -> None:
        """Set the first weights, drawn from torch's generator.

        The output's bias becomes the log of the relative frequency of each outcome, `counts` (V,)
        with one added, so that training begins at the unigram model, not at the uniform one.
        """
        for layer in self.layers:
            assert isinstance(layer, nn.RNNBase)
            self.cell.start(layer)
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

    def initial_state(self, lanes: int) -> State:
        """Return the state before any token: zeros, (B, H) for each layer's h (and c)."""
        zeros = torch.zeros(lanes, self.shape.hidden, device=self.device)
        return (zeros,) * (self.shape.layers * self.cell.states)

    def embed(self, inputs: Tensor) -> Tensor:
        """Return the input vectors (..., E) of ids (...); one-hot vectors are V + 1 wide."""
        if self.embedding is None:
            return one_hot(inputs, self.shape.outcomes + 1).float()
        vectors: Tensor = self.embedding(inputs)
        return vectors

    def forward(self, inputs: Tensor, state: State, *, drop: float = 0.0) -> tuple[Tensor, State]:
        """Return the top layer's outputs (T, B, H) for ids (T, B), and the state after them.

        Dropout of rate `drop` falls on the embedding and between the layers.
        """
        x = self.embed(inputs)  # (T, B, E)
        after: list[Tensor] = []
        for layer, old in zip(self.layers, self._by_layer(state), strict=True):
            x = dropout(x, drop, training=drop > 0)
            hx = tuple(part.unsqueeze(0) for part in old)  # torch wants (1, B, H)
            x, new = layer(x, hx if self.cell.states > 1 else hx[0])  # (T, B, H)
            new = new if self.cell.states > 1 else (new,)
            after.extend(part.squeeze(0) for part in new)
        return x, tuple(after)

    def step(self, inputs: Tensor, state: State) -> State:
        """Return the state after one id a lane, (B,), by the written-out equations."""
        x = self.embed(inputs)  # (B, E)
        after: list[Tensor] = []
        for layer, old in zip(self.layers, self._by_layer(state), strict=True):
            assert isinstance(layer, nn.RNNBase)
            new = self.cell.step(x, old, weights_of(layer))
            after.extend(new)
            x = new[0]  # (B, H)
        return tuple(after)

    def scores(self, outputs: Tensor) -> Tensor:
        """Return the unnormalised scores (..., V) of the next token, outputs being (..., H)."""
        if self.projection is not None:
            outputs = self.projection(outputs)  # (..., E)
        if self.output is not None:
            return linear(outputs, self.output.weight, self.bias)
        assert self.embedding is not None
        return linear(outputs, self.embedding.weight[:-1], self.bias)  # <s> is no outcome

    def top(self, state: State) -> Tensor:
        """Return the top layer's output (B, H) that `state` holds."""
        return state[-self.cell.states]

    def _by_layer(self, state: State) -> list[State]:
        step = self.cell.states
        return [state[at : at + step] for at in range(0, len(state), step)]


def parameter_count(network: Network) -> int:
    """Return the number of weights and biases; a matrix that serves twice counts once."""
    return sum(parameter.numel() for parameter in network.parameters())
