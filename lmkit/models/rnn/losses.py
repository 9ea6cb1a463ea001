"""The loss of a stretch: cross-entropy, exact or sampled, and penalties on the activations.

Shapes: T time steps, B lanes, V outcomes, H hidden units, E the width of the output matrix, N
targets, S distinct sampled outcomes.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, embedding

from lmkit.models.rnn.batches import IGNORED
from lmkit.models.rnn.network import Network


def stretch_loss(network: Network, outputs: Tensor, targets: Tensor, *, samples: int) -> Tensor:
    """Return the mean cross-entropy, in nats, of targets (T, B) given outputs (T, B, H).

    Padding is left out. `samples` 0 is the exact loss; otherwise the other outcomes of the softmax
    are a sample of about that many, which costs less where V is large.
    """
    if samples:
        real = targets != IGNORED  # (T, B)
        return sampled_loss(network, outputs[real], targets[real], samples=samples)
    scores = network.scores(outputs).flatten(0, 1)  # (T·B, V)
    return cross_entropy(scores.float(), targets.flatten(), ignore_index=IGNORED)


def sampled_loss(network: Network, outputs: Tensor, targets: Tensor, *, samples: int) -> Tensor:
    """Return the sampled softmax loss of targets (N,) given outputs (N, H), a mean.

    All targets share the same `samples` draws (Jean et al. 2015, section 3). Ids are ordered by
    falling count, so they are drawn from a log-uniform (Zipf) distribution,
    P(k) = log((k + 2)/(k + 1)) / log(V + 1). From each score the log-probability that its outcome
    is in the sample is subtracted; with that correction the gradient tends to that of the full
    softmax as the sample grows.
    """
    outcomes = network.shape.outcomes
    uniform = torch.rand(samples, device=outputs.device)
    drawn = torch.exp(uniform * math.log(outcomes + 1)).long() - 1  # (S',)
    sample = torch.unique(drawn.clamp_(0, outcomes - 1))  # (S,)
    query = network.query(outputs)  # (N, E)
    matrix, bias = network.output_matrix(), network.bias
    others = query @ embedding(sample, matrix).T + bias[sample]  # (N, S)
    others = others.float() - _log_inclusion(sample, samples, outcomes)
    others = others.masked_fill(sample == targets[:, None], -math.inf)  # accidental hits
    own = (query * embedding(targets, matrix)).sum(-1) + bias[targets]  # (N,)
    own = own.float() - _log_inclusion(targets, samples, outcomes)
    scores = torch.cat([own[:, None], others], dim=1)  # (N, 1 + S), the target's in column 0
    return cross_entropy(scores, torch.zeros_like(targets))


def _log_inclusion(ids: Tensor, draws: int, outcomes: int) -> Tensor:
    """Return the log-probability that `draws` draws include each of the ids, (N,) or (S,).

    With p the probability of one draw it is log(1 - (1 - p)^draws).
    """
    once = torch.log1p(1 / (ids.float() + 1)) / math.log(outcomes + 1)
    return torch.log(-torch.expm1(draws * torch.log1p(-once)))


def activation_penalty(outputs: Tensor, rate: float) -> Tensor:
    """Return rate · mean(h²) of the outputs h (T, B, H) after dropout.

    Activation regularisation: Merity, McCann & Socher (2017), equation 1.
    """
    return rate * outputs.float().pow(2).mean()


def change_penalty(outputs: Tensor, rate: float) -> Tensor:
    """Return rate · mean((h_t - h_{t+1})²) of the outputs before dropout; 0 for a single step.

    Temporal activation regularisation: Merity, McCann & Socher (2017), equation 2.
    """
    if len(outputs) < 2:
        return outputs.new_zeros(())
    return rate * (outputs[1:] - outputs[:-1]).float().pow(2).mean()
