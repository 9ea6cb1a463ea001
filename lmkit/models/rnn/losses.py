"""The loss of a stretch: over every outcome, or over a sample of them."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, embedding

from lmkit.models.rnn.batches import IGNORED
from lmkit.models.rnn.network import Network


def stretch_loss(network: Network, outputs: Tensor, targets: Tensor, *, samples: int) -> Tensor:
    """Return the mean cross-entropy, in nats, of targets (T, B) after outputs (T, B, H).

    Padding is left out. `samples` 0 is the exact loss; more than 0 takes the outcomes that are not
    the target from a sample of about that many, which costs less where V is large.
    """
    if samples:
        real = targets != IGNORED  # (T, B)
        return sampled_loss(network, outputs[real], targets[real], samples=samples)
    scores = network.scores(outputs).flatten(0, 1)  # (T·B, V)
    return cross_entropy(scores.float(), targets.flatten(), ignore_index=IGNORED)


def sampled_loss(network: Network, outputs: Tensor, targets: Tensor, *, samples: int) -> Tensor:
    """Return the sampled softmax loss of targets (N,) after outputs (N, H), a mean.

    The same `samples` draws serve all targets (Jean et al. 2015, section 3). Ids fall by count, so
    they are drawn by Zipf's law, P(k) = log((k + 2)/(k + 1)) / log(V + 1). Each score is lessened
    by the logarithm of how probably its outcome is in the sample, which makes the gradient that of
    the whole softmax in expectation as the sample grows.
    """
    outcomes = network.shape.outcomes
    uniform = torch.rand(samples, device=outputs.device)
    drawn = torch.exp(uniform * math.log(outcomes + 1)).long() - 1  # (S',)
    sample = torch.unique(drawn.clamp_(0, outcomes - 1))  # (S,)
    query = network.query(outputs)  # (N, E)
    matrix, bias = network.output_matrix(), network.bias
    others = query @ embedding(sample, matrix).T + bias[sample]  # (N, S)
    others = others.float() - _log_inclusion(sample, samples, outcomes)
    others = others.masked_fill(sample == targets[:, None], -math.inf)  # hits by accident
    own = (query * embedding(targets, matrix)).sum(-1) + bias[targets]  # (N,)
    own = own.float() - _log_inclusion(targets, samples, outcomes)
    scores = torch.cat([own[:, None], others], dim=1)  # (N, 1 + S), the target's first
    return cross_entropy(scores, torch.zeros_like(targets))


def _log_inclusion(ids: Tensor, draws: int, outcomes: int) -> Tensor:
    """Return the logarithm of the probability that `draws` draws hold each of the ids."""
    once = torch.log1p(1 / (ids.float() + 1)) / math.log(outcomes + 1)
    return torch.log(-torch.expm1(draws * torch.log1p(-once)))
