"""The three recurrent cells, written out from their equations.

Shapes: B lanes (the streams of a batch), T time steps, E input features, H hidden units, G gates.
Parameters have the layout of torch's modules (`nn.RNN`, `nn.GRU`, `nn.LSTM`): the rows of the gates
are stacked in the order that each cell names. So the same weights serve these equations and
torch's fused kernels. The network is trained and long streams are scored with the fused kernels;
single steps are taken with these equations, which are several times faster for one token.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

State = tuple[Tensor, ...]
"""The tensors a cell carries from one token to the next, each (B, H): h, or h and c."""


class Weights(NamedTuple):
    """The parameters of one recurrent layer."""

    input: Tensor  # (G·H, E)
    hidden: Tensor  # (G·H, H)
    input_bias: Tensor  # (G·H,)
    hidden_bias: Tensor  # (G·H,)


def elman_step(
    x: Tensor, state: State, weights: Weights, *, unit: Callable[[Tensor], Tensor] = torch.tanh
) -> State:
    """Return the state of an Elman network after one input (Elman 1990).

    h' = tanh(W x + U h + b). `x` is (B, E), `state` is (h,) with h (B, H). The sum of the two
    products equals the one product [x, h] [W, U]ᵀ that textbooks also print. With torch.relu as
    `unit` it is the rectified network of Le et al. (2015).
    """
    (h,) = state  # (B, H)
    from_input = linear(x, weights.input, weights.input_bias)  # (B, E) · (E, H) -> (B, H)
    from_hidden = linear(h, weights.hidden, weights.hidden_bias)  # (B, H) · (H, H) -> (B, H)
    return (unit(from_input + from_hidden),)  # (B, H)


def gru_step(x: Tensor, state: State, weights: Weights) -> State:
    """Return the state of a gated recurrent unit after one input (Cho et al. 2014).

    r = σ(W_r x + U_r h), z = σ(W_z x + U_z h), n = tanh(W_n x + r ⊙ (U_n h)),
    h' = (1 - z) ⊙ n + z ⊙ h, without the biases. `x` is (B, E), `state` is (h,) with h (B, H).
    As in torch, r multiplies the product U_n h, its bias included, not h itself, so that the
    three products with h are one matrix product.
    """
    (h,) = state  # (B, H)
    from_input = linear(x, weights.input, weights.input_bias)  # (B, E) · (E, 3H) -> (B, 3H)
    from_hidden = linear(h, weights.hidden, weights.hidden_bias)  # (B, H) · (H, 3H) -> (B, 3H)
    r_x, z_x, n_x = from_input.chunk(3, dim=1)  # each (B, H)
    r_h, z_h, n_h = from_hidden.chunk(3, dim=1)  # each (B, H)
    r = torch.sigmoid(r_x + r_h)  # (B, H) reset
    z = torch.sigmoid(z_x + z_h)  # (B, H) update
    n = torch.tanh(n_x + r * n_h)  # (B, H) candidate
    return ((1 - z) * n + z * h,)  # (B, H)


def lstm_step(x: Tensor, state: State, weights: Weights) -> State:
    """Return the state of a long short-term memory after one input (Gers et al. 2000).

    i, f, o = σ(W x + U h + b), g = tanh(W x + U h + b), each with its own rows of W, U and b;
    c' = f ⊙ c + i ⊙ g, h' = o ⊙ tanh(c'). `x` is (B, E), `state` is (h, c), each (B, H).
    Rows are stacked in the order i, f, g, o.
    """
    h, c = state  # (B, H), (B, H)
    from_input = linear(x, weights.input, weights.input_bias)  # (B, E) · (E, 4H) -> (B, 4H)
    from_hidden = linear(h, weights.hidden, weights.hidden_bias)  # (B, H) · (H, 4H) -> (B, 4H)
    i, f, g, o = (from_input + from_hidden).chunk(4, dim=1)  # each (B, H)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)  # (B, H)
    h = torch.sigmoid(o) * torch.tanh(c)  # (B, H)
    return (h, c)


@dataclass(frozen=True, slots=True)
class Cell:
    """One kind of recurrent cell: its equations, its fused kernel, its gates and states."""

    name: str
    step: Callable[[Tensor, State, Weights], State]
    module: Callable[[int, int], nn.RNNBase]
    kernel: Callable[..., tuple[Tensor, ...]]
    gates: int
    states: int
    forget: int | None = None  # index of the forget gate among the blocks of rows

    def fused(self, x: Tensor, state: State, weights: Weights) -> tuple[Tensor, State]:
        """Return the outputs (T, B, H) for inputs (T, B, E), and the state after them.

        Torch's fused kernel computes what T calls of `step` would.
        """
        before = tuple(part.unsqueeze(0) for part in state)  # torch wants (1, B, H)
        y, *after = self.kernel(
            x,
            before if self.states > 1 else before[0],
            list(weights),
            has_biases=True,
            num_layers=1,
            dropout=0.0,
            train=torch.is_grad_enabled(),
            bidirectional=False,
            batch_first=False,
        )
        return y, tuple(part.squeeze(0) for part in after)

    def start(self, layer: nn.RNNBase, forget_bias: float = 1.0) -> None:
        """Initialise the weights of `layer`, a fused layer of this kind.

        Input weights are Glorot uniform (Glorot & Bengio 2010), recurrent weights orthogonal
        gate by gate (Saxe et al. 2014). Biases are zero except a forget gate's: with 1 an untrained
        cell keeps its content (Gers et al. 2000; Jozefowicz et al. 2015).
        """
        weights = weights_of(layer)
        for block in weights.input.detach().chunk(self.gates):
            nn.init.xavier_uniform_(block)
        for block in weights.hidden.detach().chunk(self.gates):
            nn.init.orthogonal_(block)
        nn.init.zeros_(weights.input_bias)
        nn.init.zeros_(weights.hidden_bias)
        if self.forget is not None:
            forget = weights.input_bias.detach().chunk(self.gates)[self.forget]
            nn.init.constant_(forget, forget_bias)


def weights_of(layer: nn.RNNBase) -> Weights:
    """Return the parameters of a one-layer fused module as `Weights`."""
    return Weights(*layer.all_weights[0])


CELLS: Mapping[str, Cell] = MappingProxyType(
    {
        "rnn": Cell("rnn", elman_step, nn.RNN, torch.rnn_tanh, gates=1, states=1),
        "rnn-relu": Cell(
            "rnn-relu",
            partial(elman_step, unit=torch.relu),
            partial(nn.RNN, nonlinearity="relu"),
            torch.rnn_relu,
            gates=1,
            states=1,
        ),
        "gru": Cell("gru", gru_step, nn.GRU, torch.gru, gates=3, states=1),
        "lstm": Cell("lstm", lstm_step, nn.LSTM, torch.lstm, gates=4, states=2, forget=1),
    }
)
"""The cells by the value of the option `cell`."""
