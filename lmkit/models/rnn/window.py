"""The fixed-window network: the step between n-grams and recurrence (Bengio et al. 2003)."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lmkit.models.rnn.cells import State
from lmkit.models.rnn.network import NO_DROPS, Network, Shape
from lmkit.models.rnn.regularisation import drop_features


class WindowNetwork(Network):
    """Predicts from the last `order` - 1 tokens: their embeddings side by side, and one layer.

    h = tanh(W [e(w_1), ..., e(w_n-1)] + b), scores = U h + c: Bengio et al. (2003), equation 1
    without its optional direct connections. The state is the last n - 1 ids, (B, n - 1), kept as
    float32, which holds them exactly up to 2^24; before a text they are all ``<s>``.
    """

    def __init__(self, shape: Shape, order: int) -> None:
        super().__init__(shape)
        self.window = order - 1
        self.layer = nn.Linear(self.window * shape.embedding, shape.hidden)

    def start(self, counts: NDArray[np.int64], *, forget_bias: float = 1.0) -> None:
        """Set the first weights."""
        nn.init.xavier_uniform_(self.layer.weight)
        nn.init.zeros_(self.layer.bias)
        super().start(counts, forget_bias=forget_bias)

    def initial_state(self, lanes: int) -> State:
        """Return the state before any token: ``<s>`` as far back as the window reaches."""
        bos = float(self.shape.outcomes)
        return (torch.full((lanes, self.window), bos, device=self.device),)

    def forward(self, inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """Return the hidden layer (T, B, H) for ids (T, B), and the last ids."""
        seen = torch.cat([state[0].long().T, inputs])  # (n-1 + T, B)
        x = self.embed(seen)  # (n-1 + T, B, E)
        drops = self.drops if self.training else NO_DROPS
        x = drop_features(x, drops.input, locked=drops.locked)
        steps = len(inputs)
        side_by_side = [x[1 + back : 1 + back + steps] for back in range(self.window)]
        outputs = torch.tanh(self.layer(torch.cat(side_by_side, dim=-1)))  # (T, B, H)
        return outputs, (seen[-self.window :].T.float(),)

    def step(self, inputs: Tensor, state: State) -> State:
        """Return the last ids after one id a lane, (B,)."""
        return (torch.cat([state[0][:, 1:], inputs[:, None].float()], dim=1),)

    def top(self, state: State) -> Tensor:
        """Return the hidden layer (B, H) after the ids of the state."""
        x = self.embed(state[0].long())  # (B, n-1, E)
        return torch.tanh(self.layer(x.flatten(1)))
