"""A Markov source: text whose true perplexity is known, to hold models against.

The source is a first-order Markov chain over words ``w1 w2 ...`` and the sentence end. Its words
are Zipfian: how often a word is chosen as a successor falls with its number. After a sentence end
the chain is back at its start, so that sentences are independent, and a bigram model knows all
there is to know. What it cannot know better than is the entropy rate.

Every probability is a whole number of 2^-24ths, and every draw comes from the raw 64-bit output of
PCG64, which NumPy keeps unchanged between versions: one seed gives the same text everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmkit.errors import CorpusError, ParameterError

END = 0  # the sentence end as an event, and the start of a sentence as a state
_BITS = 24
_TOTAL = 1 << _BITS  # what the weights of each state sum to
_FAN_OUTS = (4, 8, 16, 32)  # numbers of successors of a word, equally likely
_END_SHARES = (32, 16, 8, 4)  # a word ends its sentence with probability 1/32, ..., 1/4
_SENTENCES = 4096  # drawn at once
_WORD = re.compile(r"w([1-9][0-9]*)")


@dataclass(frozen=True)
class MarkovSource:
    """A source of `types` words, made from a seed.

    State and event 0 are the sentence's start and its end, k is the word ``wk``. Raises
    ParameterError for fewer than two types or a negative seed.

    >>> source = MarkovSource(types=100, seed=7)
    >>> source.text(tokens=12).splitlines()[0]
    'w8 w29 w2 w40 w5 w36 w2 w22 w6'
    >>> round(source.entropy_rate, 3), round(source.perplexity, 2)
    (2.231, 9.31)
    """

    types: int = 2000
    seed: int = 1

    def __post_init__(self) -> None:
        """Check the two numbers."""
        if self.types < 2:
            raise ParameterError(f"types={self.types}: a source needs two words at least")
        if self.seed < 0:
            raise ParameterError(f"seed={self.seed}: a seed is 0 or more")

    # ------------------------------------------------------------------ the chain

    @cached_property
    def _chain(self) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        return _make_chain(self.types, np.random.PCG64(self.seed))

    @property
    def successors(self) -> NDArray[np.int32]:
        """The events that can follow each state, int32 (types + 1, K); see `weights`."""
        return self._chain[0]

    @property
    def weights(self) -> NDArray[np.int64]:
        """The probability of each successor in units of 2^-24, int64 (types + 1, K); 0 is none."""
        return self._chain[1]

    @cached_property
    def stationary(self) -> NDArray[np.float64]:
        """The long-run share of each event, float64 (types + 1,), sums to 1."""
        probabilities = self.weights / _TOTAL
        visits = np.zeros(self.types + 1)
        mass: NDArray[np.float64] = np.zeros(self.types + 1)
        mass[END] = 1.0
        while mass.sum() > 1e-18:  # falls by a 32nd at least with each word
            visits += mass
            flow = (mass[:, None] * probabilities).ravel()
            mass = np.bincount(self.successors.ravel(), flow, self.types + 1).astype(np.float64)
            mass[END] = 0.0
        share: NDArray[np.float64] = visits / visits.sum()
        return share

    @cached_property
    def entropy_rate(self) -> float:
        """The true entropy in nats an event (a word or a sentence end): no model can do better.

        The entropies of what follows each state, weighted by the stationary distribution
        (Shannon 1948, section 7).
        """
        p = self.weights / _TOTAL
        conditional = -(p * np.log(np.where(p > 0, p, 1.0))).sum(axis=1)
        return float(self.stationary @ conditional)

    @property
    def perplexity(self) -> float:
        """The exponential of the entropy rate: the perplexity of a model that knows the source."""
        return float(np.exp(self.entropy_rate))

    # ------------------------------------------------------------------ text

    def events(self, *, tokens: int) -> NDArray[np.int32]:
        """Return whole sentences of at least `tokens` events, int32 (T,): words and ends (0).

        A shorter text is the beginning of a longer one.
        """
        if tokens < 1:
            raise ParameterError(f"tokens={tokens}: a text has one token at least")
        # A stream of its own: drawing text does not depend on how the chain was made.
        bits = np.random.PCG64(np.random.SeedSequence(self.seed, spawn_key=(1,)))
        pieces, length = [], 0
        while length < tokens:
            pieces.append(_draw(self.successors, self.weights, bits))
            length += len(pieces[-1])
        drawn = np.concatenate(pieces)
        last = tokens - 1 + int(np.argmax(drawn[tokens - 1 :] == END))
        return drawn[: last + 1]

    def text(self, *, tokens: int) -> str:
        """Return the same as text, one sentence a line."""
        words = ["\n", *(f"w{index} " for index in range(1, self.types + 1))]
        events = self.events(tokens=tokens).tolist()
        return "".join([words[event] for event in events]).replace(" \n", "\n")

    def log_probs(self, events: Any) -> NDArray[np.float64]:
        """Return the true log-probability of each event of a text in nats, float64 (T,).

        `events` begin at a sentence's start. What the source cannot produce gets -inf. Minus the
        mean of it over a text is what a model that knows the source would score there.
        """
        after = np.asarray(events, np.int64)
        before = np.concatenate([[END], after[:-1]])
        p = np.where(self.successors[before] == after[:, None], self.weights[before], 0)
        with np.errstate(divide="ignore"):
            nats: NDArray[np.float64] = np.log(p.sum(axis=1) / _TOTAL)
        return nats

    def parse(self, text: str) -> NDArray[np.int32]:
        """Return the events of a text of the source, int32 (T,): the inverse of :meth:`text`.

        Raises CorpusError for a word that is not one of the source's.
        """
        return np.fromiter(self._parse(text), np.int32)

    def _parse(self, text: str) -> Iterator[int]:
        for line in text.splitlines():
            for word in line.split():
                match = _WORD.fullmatch(word)
                if match is None or int(match[1]) > self.types:
                    raise CorpusError(
                        f"{word!r} is none of the source's words w1 ... w{self.types}"
                    )
                yield int(match[1])
            yield END


def _make_chain(types: int, bits: np.random.PCG64) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return successors and weights of each state, the start first."""
    popularity = np.cumsum((1 << 32) // np.arange(1, types + 1, dtype=np.int64))
    # Each word follows one frequent state of a lower number: so all can be reached, none too rare.
    homes = [_below(bits, min(index, types // 8) + 1) for index in range(types)]
    followers: list[list[int]] = [[] for _ in range(types + 1)]
    for index, home in enumerate(homes):
        followers[home].append(index + 1)
    chosen, weights = [], []
    for state in range(types + 1):
        fan_out = _FAN_OUTS[_below(bits, len(_FAN_OUTS))] if state != END else max(_FAN_OUTS)
        draws = [_below(bits, int(popularity[-1])) for _ in range(fan_out)]
        popular = np.searchsorted(popularity, draws, side="right") + 1
        successors = list(dict.fromkeys([*popular.tolist(), *followers[state]]))
        share = _TOTAL // _END_SHARES[_below(bits, len(_END_SHARES))] if state != END else 0
        chosen.append([END, *successors])
        weights.append([share, *_zipfian(len(successors), _TOTAL - share)])
    width = max(map(len, chosen))
    table = np.zeros((2, types + 1, width), np.int64)
    for state, (row, row_weights) in enumerate(zip(chosen, weights, strict=True)):
        table[0, state, : len(row)], table[1, state, : len(row)] = row, row_weights
    return table[0].astype(np.int32), table[1]


def _zipfian(count: int, total: int) -> list[int]:
    """Return whole numbers in the proportions 1, 1/2, 1/3, ... that sum to `total`."""
    shares = [(1 << 32) // (rank + 1) for rank in range(count)]
    whole = sum(shares)
    weights = [total * share // whole for share in shares]
    weights[0] += total - sum(weights)
    return weights


def _below(bits: np.random.PCG64, limit: int) -> int:
    """Return a whole number of 0 .. limit - 1; its bias is below limit / 2^64."""
    return (int(bits.random_raw()) * limit) >> 64


def _draw(
    successors: NDArray[np.int32], weights: NDArray[np.int64], bits: np.random.PCG64
) -> NDArray[np.int32]:
    """Return the events of 4,096 sentences, all drawn side by side and laid end to end."""
    thresholds = np.cumsum(weights, axis=1)
    alive = np.arange(_SENTENCES)
    state = np.zeros(_SENTENCES, np.int32)
    owners, events = [], []
    while len(alive):
        draws = (bits.random_raw(len(alive)) >> np.uint64(64 - _BITS)).astype(np.int64)
        choice = (draws[:, None] >= thresholds[state]).sum(axis=1)
        state = successors[state, choice]
        owners.append(alive)
        events.append(state)
        alive, state = alive[state != END], state[state != END]
    order = np.argsort(np.concatenate(owners), kind="stable")
    return np.concatenate(events)[order]
