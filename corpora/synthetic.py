"""A Markov source: synthetic text whose true entropy is known, to test models against.

The source is a first-order Markov chain over words ``w1 w2 ...`` and the sentence end. Its words
are Zipfian: wk is a successor with frequency proportional to 1/k. After a sentence end the chain is
in its start state again, so that sentences are independent and a bigram model can represent the
source exactly. No model has a lower cross-entropy than the entropy rate of the chain,

    H = - sum_s pi(s) sum_e p(e | s) ln p(e | s)        pi: the stationary distribution

For example, one word that ends its sentence with probability 1/4 (and follows the start always) has
pi = (1/5, 4/5) of start and word, and H = 4/5 (1/4 ln 4 + 3/4 ln 4/3) = 0.450 nats per event.

Every probability is a multiple of 2^-24, and every draw uses the raw 64-bit output of PCG64, which
NumPy keeps stable between versions, so that a seed gives the same text everywhere.
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
_TOTAL = 1 << _BITS  # the sum of the weights of each state
_FAN_OUTS = (4, 8, 16, 32)  # possible numbers of successors of a word, equally likely
_END_SHARES = (32, 16, 8, 4)  # a word ends its sentence with probability 1/32, ..., 1/4
_BATCH = 4096  # sentences drawn at once
_WORD = re.compile(r"w([1-9][0-9]*)")


@dataclass(frozen=True)
class MarkovSource:
    """A source of `types` words, generated from a seed.

    State 0 is the start of a sentence and event 0 its end; state and event k are the word ``wk``.
    Raises ParameterError for fewer than two types or a negative seed.

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
        """The possible next events of each state, int32 (types + 1, K); see `weights`."""
        return self._chain[0]

    @property
    def weights(self) -> NDArray[np.int64]:
        """The probability of each successor in units of 2^-24, int64 (types + 1, K); 0 pads."""
        return self._chain[1]

    @cached_property
    def stationary(self) -> NDArray[np.float64]:
        """The stationary distribution of the events, float64 (types + 1,), sums to 1.

        The expected visits of each state in one sentence, normalised: the distribution after n
        words is multiplied by the transition matrix until all of its mass has reached the end.
        """
        probabilities = self.weights / _TOTAL
        visits = np.zeros(self.types + 1)
        mass: NDArray[np.float64] = np.zeros(self.types + 1)
        mass[END] = 1.0
        while mass.sum() > 1e-18:  # decreases by at least 1/32 with each word
            visits += mass
            flow = (mass[:, None] * probabilities).ravel()
            mass = np.bincount(self.successors.ravel(), flow, self.types + 1).astype(np.float64)
            mass[END] = 0.0
        share: NDArray[np.float64] = visits / visits.sum()
        return share

    @cached_property
    def entropy_rate(self) -> float:
        """The true entropy in nats per event (a word or a sentence end).

        The entropy of the next event in each state, weighted by the stationary distribution
        (Shannon 1948, section 7).
        """
        p = self.weights / _TOTAL
        conditional = -(p * np.log(np.where(p > 0, p, 1.0))).sum(axis=1)
        return float(self.stationary @ conditional)

    @property
    def perplexity(self) -> float:
        """The exponential of the entropy rate: the perplexity of the true model."""
        return float(np.exp(self.entropy_rate))

    # ------------------------------------------------------------------ text

    def events(self, *, tokens: int) -> NDArray[np.int32]:
        """Return whole sentences of at least `tokens` events, int32 (T,): words, and 0 for an end.

        A shorter text is a prefix of a longer one.
        """
        if tokens < 1:
            raise ParameterError(f"tokens={tokens}: a text has one token at least")
        # A separate random stream, so that texts do not depend on how the chain is generated.
        bits = np.random.PCG64(np.random.SeedSequence(self.seed, spawn_key=(1,)))
        pieces, length = [], 0
        while length < tokens:
            pieces.append(_draw(self.successors, self.weights, bits))
            length += len(pieces[-1])
        drawn = np.concatenate(pieces)
        last = tokens - 1 + int(np.argmax(drawn[tokens - 1 :] == END))
        return drawn[: last + 1]

    def text(self, *, tokens: int) -> str:
        """Return :meth:`events` as text, one sentence per line."""
        words = ["\n", *(f"w{index} " for index in range(1, self.types + 1))]
        events = self.events(tokens=tokens).tolist()
        return "".join([words[event] for event in events]).replace(" \n", "\n")

    def log_probs(self, events: Any) -> NDArray[np.float64]:
        """Return the true log-probability of each event of a text in nats, float64 (T,).

        `events` begin at the start of a sentence. Impossible events have -inf. The negative mean is
        the cross-entropy of the true model on the text.
        """
        event = np.asarray(events, np.int64)
        state = np.concatenate([[END], event[:-1]])
        p = np.where(self.successors[state] == event[:, None], self.weights[state], 0)
        with np.errstate(divide="ignore"):
            nats: NDArray[np.float64] = np.log(p.sum(axis=1) / _TOTAL)
        return nats

    def parse(self, text: str) -> NDArray[np.int32]:
        """Return the events of a text of the source, int32 (T,): the inverse of :meth:`text`.

        Raises CorpusError for any other word.
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
    """Return successors and weights of each state, both (types + 1, K), the start first."""
    popularity = np.cumsum((1 << 32) // np.arange(1, types + 1, dtype=np.int64))  # of 1, 1/2, ...
    # Every word follows one frequent state of a lower number, so that all words are reachable.
    parents = [_below(bits, min(index, types // 8) + 1) for index in range(types)]
    followers: list[list[int]] = [[] for _ in range(types + 1)]
    for index, parent in enumerate(parents):
        followers[parent].append(index + 1)
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
    """Return integers in the proportions 1, 1/2, 1/3, ... that sum to `total`; the first rounds up.

    >>> _zipfian(3, 110)
    [61, 30, 19]
    """
    shares = [(1 << 32) // (rank + 1) for rank in range(count)]
    whole = sum(shares)
    weights = [total * share // whole for share in shares]
    weights[0] += total - sum(weights)
    return weights


def _below(bits: np.random.PCG64, limit: int) -> int:
    """Return a random integer from 0 .. limit - 1, with a bias below limit / 2^64."""
    return (int(bits.random_raw()) * limit) >> 64


def _draw(
    successors: NDArray[np.int32], weights: NDArray[np.int64], bits: np.random.PCG64
) -> NDArray[np.int32]:
    """Return the events of 4,096 sentences, drawn in parallel and concatenated."""
    thresholds = np.cumsum(weights, axis=1)  # (types + 1, K)
    unfinished = np.arange(_BATCH)  # numbers of the sentences that have not ended
    state = np.zeros(_BATCH, np.int32)
    sentences, events = [], []
    while len(unfinished):
        draws = (bits.random_raw(len(unfinished)) >> np.uint64(64 - _BITS)).astype(np.int64)
        choice = (draws[:, None] >= thresholds[state]).sum(axis=1)
        state = successors[state, choice]
        sentences.append(unfinished)
        events.append(state)
        unfinished, state = unfinished[state != END], state[state != END]
    order = np.argsort(np.concatenate(sentences), kind="stable")
    return np.concatenate(events)[order]
