"""The written-out cells against a worked example, torch's fused kernels and finite differences."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from lmkit.models.rnn.cells import CELLS, Cell, State, Weights, elman_step, weights_of

T, B, E, H = 7, 3, 5, 4


@pytest.fixture(params=CELLS.values(), ids=lambda cell: cell.name)
def cell(request: pytest.FixtureRequest) -> Cell:
    found: Cell = request.param
    return found


def fused_layer(cell: Cell, seed: int = 0) -> torch.nn.RNNBase:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return cell.module(E, H).double()


def random_state(cell: Cell, seed: int = 1) -> State:
    draw = torch.Generator().manual_seed(seed)
    return tuple(torch.randn(B, H, generator=draw, dtype=torch.double) for _ in range(cell.states))


def unrolled(cell: Cell, inputs: Tensor, state: State, weights: Weights) -> tuple[Tensor, State]:
    outputs = []
    for x in inputs:
        state = cell.step(x, state, weights)
        outputs.append(state[0])
    return torch.stack(outputs), state


def fused(layer: torch.nn.RNNBase, inputs: Tensor, state: State) -> tuple[Tensor, State]:
    parts = tuple(part[None] for part in state)
    outputs, after = layer(inputs, parts if len(parts) > 1 else parts[0])
    return outputs, tuple(part[0] for part in (after if len(parts) > 1 else (after,)))


def test_worked_example() -> None:
    """A character RNN of 3 units over h, e, l, o, computed by hand for the letter h."""
    w_x = [[0.1, -0.2, 0.3, 0.4], [-0.5, 0.6, 0.7, -0.8], [0.9, -1.0, 0.2, 0.3]]
    w_h = [[0.5, -0.1, 0.2], [0.3, 0.4, -0.6], [-0.2, 0.7, 0.1]]
    w_y = [[0.2, -0.3, 0.1], [-0.4, 0.5, 0.2], [0.3, 0.1, -0.5], [0.6, -0.2, 0.4]]
    b_h, b_y = [0.1, -0.2, 0.3], [0.1, 0.2, -0.3, 0.4]

    def tensor(values: list[float] | list[list[float]]) -> Tensor:
        return torch.tensor(values, dtype=torch.double)

    weights = Weights(tensor(w_x), tensor(w_h), tensor(b_h), torch.zeros(3, dtype=torch.double))
    state: State = (torch.zeros(1, 3, dtype=torch.double),)
    by_hand = [0.0, 0.0, 0.0]
    for letter in (0, 1, 2, 2):  # h e l l
        x = torch.eye(4, dtype=torch.double)[[letter]]
        state = elman_step(x, state, weights)
        by_hand = [
            math.tanh(w_x[i][letter] + sum(w_h[i][j] * by_hand[j] for j in range(3)) + b_h[i])
            for i in range(3)
        ]
        assert state[0][0].tolist() == pytest.approx(by_hand, abs=1e-12)
        if letter == 0:
            # tanh([.1 + .1, -.5 - .2, .9 + .3]) = tanh([.2, -.7, 1.2])
            assert state[0][0].tolist() == pytest.approx([0.197, -0.604, 0.834], abs=5e-4)
            scores = state[0][0] @ tensor(w_y).T + tensor(b_y)
            # .2 · .197375 + .3 · .604368 + .1 · .833655 + .1, and so on down the rows of W_y
            expected = [0.404151, -0.014403, -0.718051, 0.972761]
            assert scores.tolist() == pytest.approx(expected, abs=1e-6)


def test_equals_the_fused_kernel(cell: Cell) -> None:
    layer = fused_layer(cell)
    inputs = torch.randn(T, B, E, generator=torch.Generator().manual_seed(2), dtype=torch.double)
    state = random_state(cell)
    ours, our_state = unrolled(cell, inputs, state, weights_of(layer))
    theirs, their_state = fused(layer, inputs, state)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-10)
    for a, b in zip(our_state, their_state, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-10)


def test_gradients_equal_the_fused_kernel(cell: Cell) -> None:
    layer = fused_layer(cell)
    draw = torch.Generator().manual_seed(3)
    inputs = torch.randn(T, B, E, generator=draw, dtype=torch.double, requires_grad=True)
    state = tuple(part.requires_grad_() for part in random_state(cell))
    upstream = torch.randn(T, B, H, generator=draw, dtype=torch.double)
    leaves = (inputs, *state, *weights_of(layer))

    def gradients(outputs: Tensor, after: State) -> tuple[Tensor, ...]:
        loss = (outputs * upstream).sum() + sum(part.square().sum() for part in after)
        return torch.autograd.grad(loss, leaves)

    ours = gradients(*unrolled(cell, inputs, state, weights_of(layer)))
    theirs = gradients(*fused(layer, inputs, state))
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-8)


def test_gradients_equal_finite_differences(cell: Cell) -> None:
    weights = weights_of(fused_layer(cell))
    x = torch.randn(B, E, generator=torch.Generator().manual_seed(4), dtype=torch.double)
    leaves = [leaf.detach().requires_grad_() for leaf in (x, *random_state(cell), *weights)]

    def step(x: Tensor, *rest: Tensor) -> State:
        return cell.step(x, rest[: cell.states], Weights(*rest[cell.states :]))

    assert torch.autograd.gradcheck(step, leaves, eps=1e-6, atol=1e-6)


def test_one_product_of_the_concatenation_equals_the_sum_of_two() -> None:
    weights = weights_of(fused_layer(CELLS["rnn"]))
    (h,) = random_state(CELLS["rnn"])
    x = torch.randn(B, E, generator=torch.Generator().manual_seed(5), dtype=torch.double)
    joined = torch.cat([x, h], dim=1)  # (B, E + H)
    stacked = torch.cat([weights.input, weights.hidden], dim=1).T  # (E + H, H)
    concatenated = torch.tanh(joined @ stacked + weights.input_bias + weights.hidden_bias)
    torch.testing.assert_close(concatenated, elman_step(x, (h,), weights)[0], rtol=0, atol=1e-12)


def test_a_step_leaves_the_state_it_was_given(cell: Cell) -> None:
    state = random_state(cell)
    before = [part.clone() for part in state]
    cell.step(torch.ones(B, E, dtype=torch.double), state, weights_of(fused_layer(cell)))
    assert all(torch.equal(a, b) for a, b in zip(state, before, strict=True))


def test_first_weights(cell: Cell) -> None:
    layer = fused_layer(cell)
    with torch.random.fork_rng():
        cell.start(layer)
    weights = weights_of(layer)
    for block in weights.hidden.detach().chunk(cell.gates):
        torch.testing.assert_close(block @ block.T, torch.eye(H, dtype=torch.double))
    assert not weights.hidden_bias.any()
    biases = weights.input_bias.detach().reshape(cell.gates, H)
    expected = torch.zeros(cell.gates, H, dtype=torch.double)
    if cell.name == "lstm":
        expected[1] = 1  # i, f, g, o: the forget gate stands second
    assert torch.equal(biases, expected)
    assert float(weights.input.detach().abs().max()) <= math.sqrt(6 / (E + H))


def test_the_forget_gate_is_the_one_that_forgets() -> None:
    """With f near 1 and i near 0 an LSTM keeps its cell; with f near 0 it does not."""
    cell = CELLS["lstm"]
    zeros = Weights(*(torch.zeros_like(part) for part in weights_of(fused_layer(cell))))
    h, c = random_state(cell)
    x = torch.zeros(B, E, dtype=torch.double)
    for bias, kept in ((50.0, 1.0), (-50.0, 0.0)):
        biases = zeros.input_bias.clone()
        biases.reshape(4, H)[0] = -50.0
        biases.reshape(4, H)[cell.forget] = bias
        _, after = cell.step(x, (h, c), zeros._replace(input_bias=biases))
        torch.testing.assert_close(after, kept * c)
