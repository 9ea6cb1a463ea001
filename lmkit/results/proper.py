"""Whether scores are probabilities: the one rule for all commands, and its messages.

A model is *proper* where its outcomes sum to one after every context. Perplexity is defined for
proper models alone: if the outcomes sum to 1.28, every event gains ln 1.28 = 0.25 nats unearned. A
model declares whether it is proper (``proper``); its outcomes are summed after a sample of contexts
to check that, and to measure the error. :class:`Distribution` is what is used of a model.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lmkit.text.corpus import Text
from lmkit.text.vocabulary import EOS

if TYPE_CHECKING:
    from lmkit.results.scored import Scored

TOLERANCE = 1e-3
"""Tolerance of a sum of probabilities around 1: the digits of ARPA files are rounded."""
CHECKED = 8
"""Number of contexts at which a model that declares itself proper is checked."""
PROBES = 64
"""Number of contexts at which an improper one is measured; more change the range little."""
LONGEST = 16  # tokens of a context
MARK = "†"
"""The mark of numbers that are no perplexities."""


class Distribution(Protocol):
    """What is used here of a model (see :class:`lmkit.models.base.LanguageModel`)."""

    @property
    def proper(self) -> bool: ...  # noqa: D102 - as the model has it
    @property
    def spec(self) -> str: ...  # noqa: D102
    @property
    def is_fitted(self) -> bool: ...  # noqa: D102
    def next_log_probs(self, context: Any = ()) -> NDArray[np.float64]: ...  # noqa: D102


@dataclass(frozen=True)
class OutcomeSums:
    """Minimum, mean and maximum over some contexts of the sum of all outcomes' probabilities."""

    low: float
    mean: float
    high: float
    contexts: int

    @property
    def are_one(self) -> bool:
        """Whether all sums are 1, but for rounding."""
        return max(1 - self.low, self.high - 1) <= TOLERANCE

    def __str__(self) -> str:
        ends = dict.fromkeys(f"{end:.4g}" for end in (self.low, self.high))
        mean = f", {self.mean:.4g} on average," if len(ends) > 1 else ""
        return f"{' to '.join(ends)}{mean} after {self.contexts:,} contexts"


@dataclass(frozen=True)
class Impossible:
    """An event of probability 0: its token, its sentence and its position in it, both from 0."""

    token: str
    sentence: int
    position: int

    def __str__(self) -> str:
        return f"{self.token!r} (sentence {self.sentence}, position {self.position}, from 0)"


# ---------------------------------------------------------------------- measuring


def outcome_sums(model: Distribution, ids: NDArray[np.int32] | None = None) -> OutcomeSums:
    """Return the sums of a fitted model's outcomes after contexts that occur in a text.

    `ids` (T,) are the beginning of the text. The contexts are its start, and the up to 16 tokens
    before positions drawn from it with a fixed seed: 63, or 7 for a model that is proper and
    whose outcomes do sum to one there. Without `ids`, they are the start of a text and its most
    frequent first tokens. `nan` is taken as infinite.
    """
    contexts = _frequent(model) if ids is None else _sampled(ids)
    few = _sums(model, contexts[:CHECKED])
    return few if model.proper and few.are_one else _sums(model, contexts)


def _sampled(ids: NDArray[np.int32]) -> Sequence[Any]:
    """Return contexts of a text, sampled in random order, so that the first few are a sample."""
    positions = np.random.default_rng(0).choice(len(ids), min(PROBES - 1, len(ids)), replace=False)
    return [ids[:0], *(ids[max(0, last + 1 - LONGEST) : last + 1] for last in positions)]


def _frequent(model: Distribution) -> Sequence[Any]:
    """Return contexts of no token and of one."""
    outcomes = len(model.next_log_probs())
    return [(), *((index,) for index in islice(range(outcomes), 2, PROBES + 1))]


def _sums(model: Distribution, contexts: Iterable[Any]) -> OutcomeSums:
    with np.errstate(over="ignore"):
        sums = [float(np.exp(model.next_log_probs(context)).sum()) for context in contexts]
    known = [math.inf if math.isnan(total) else total for total in sums]
    return OutcomeSums(min(known), math.fsum(known) / len(known), max(known), len(known))


# ---------------------------------------------------------------------- the rule, and its words


def improper(model: Distribution) -> str:
    """Return why a model's scores are no probabilities, as a clause; empty where they are.

    Before fitting, only what the model declares is known; a fitted model is checked as well.
    """
    if not model.is_fitted:
        return "" if model.proper else no_distribution(model.spec, None)
    sums = outcome_sums(model)
    return "" if model.proper and sums.are_one else no_distribution(model.spec, sums)


def no_distribution(name: str, sums: OutcomeSums | None) -> str:
    """Return the clause that says that a model is improper, and by how much as far as is known."""
    if sums is None:
        how = "do not sum to one"
    elif sums.are_one:  # elsewhere they do not: the model says so
        how = f"sum to {sums}, but not after every context"
    else:
        how = f"sum to {sums}"
    return f"{name} is no probability distribution: its outcomes {how}"


def no_perplexity(name: str, sums: OutcomeSums | None) -> str:
    """Return the sentences that say what an improper model's numbers are worth."""
    return (
        f"{no_distribution(name, sums)}. Its numbers are no perplexities and no bits, and "
        "cannot be compared with those of other models."
    )


def zero_probability(scored: Scored) -> str:
    """Return the sentence about the events that a model gave probability 0."""
    first = scored.first_impossible
    where = "" if first is None else f", the first of them {first}"
    return (
        f"{scored.model} gives {scored.impossible:,} of {scored.events:,} events probability 0"
        f"{where}, and so has an infinite perplexity: it needs smoothing."
    )


def remarks(scored: Iterable[Scored], *, mark: str = "") -> list[str]:
    """Return the sentences about improper models, and about events of probability 0.

    `mark` begins the sentence that explains the marks of a table.
    """
    lines = []
    for each in scored:
        if not each.proper:
            lines.append(f"{mark} {no_perplexity(each.model, each.outcome_sums)}".strip())
        if each.impossible:
            lines.append(zero_probability(each))
    return lines


def marks(proper: bool, keys: Iterable[str]) -> dict[str, str]:
    """Return the marks of a table's cells by key: `MARK` for all `keys` of an improper model."""
    return {} if proper else dict.fromkeys(keys, MARK)


def no_events(name: str) -> str:
    """Return the message about a text that holds nothing to score."""
    return f"{name}: no events to score; give another text"


def token_at(text: Text, unit: str, sentence: int, position: int) -> str:
    """Return the token at a position of a sentence, both from 0; ``</s>`` for a sentence end.

    Of a byte it is the character that the byte belongs to. The text is read again.
    """
    line = text.canonical().split("\n")[sentence]
    tokens: Sequence[str] = line.split(" ") if line and unit == "word" else line
    if unit == "byte":
        tokens = [char for char in line for _ in char.encode()]
    return tokens[position] if position < len(tokens) else EOS
