"""What is dropped while a network trains, so that it does not lean on any one thing.

Shapes: T time, B lanes, F features, V outcomes. What stays is scaled by 1/(1 - rate), so that
nothing need be scaled when the network scores.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import dropout


def mask(like: Tensor, shape: tuple[int, ...], rate: float) -> Tensor:
    """Return zeros with probability `rate` and 1/(1 - rate) otherwise, of `shape`."""
    kept = torch.empty(shape, device=like.device, dtype=like.dtype).bernoulli_(1 - rate)
    return kept.div_(1 - rate)


def drop_features(x: Tensor, rate: float, *, locked: bool) -> Tensor:
    """Return the features x (T, B, F) with a share dropped.

    `locked` drops the same features of a lane at every step of the stretch (Gal & Ghahramani
    2016); otherwise each step draws its own (Zaremba et al. 2014).
    """
    if not rate:
        return x
    if not locked:
        return dropout(x, rate)
    return x * mask(x, (1, *x.shape[1:]), rate)


def drop_words(weight: Tensor, rate: float) -> Tensor:
    """Return the embedding (V, F) with whole rows dropped: a type is unseen all through a stretch.

    Gal & Ghahramani (2016), section 4.2.
    """
    if not rate:
        return weight
    return weight * mask(weight, (len(weight), 1), rate)


def drop_weights(weight: Tensor, rate: float) -> Tensor:
    """Return recurrent weights (G·H, H) with single ones dropped, the same at every step.

    DropConnect on the hidden-to-hidden matrix: Merity, Keskar & Socher (2018), section 2.
    """
    return dropout(weight, rate) if rate else weight


def activation_penalty(outputs: Tensor, rate: float) -> Tensor:
    """Return rate · mean(h²), outputs h being (T, B, H), dropped ones as zeros.

    Activation regularisation: Merity, McCann & Socher (2017), equation 1.
    """
    return rate * outputs.float().pow(2).mean()


def change_penalty(outputs: Tensor, rate: float) -> Tensor:
    """Return rate · mean((h_t - h_{t+1})²), nothing dropped; 0 for a single step.

    Temporal activation regularisation: Merity, McCann & Socher (2017), equation 2.
    """
    if len(outputs) < 2:
        return outputs.new_zeros(())
    return rate * (outputs[1:] - outputs[:-1]).float().pow(2).mean()
