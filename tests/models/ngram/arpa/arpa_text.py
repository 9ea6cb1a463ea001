"""An ARPA file in the slow and obvious way: dictionaries of n-grams, and Katz's recursion.

The oracle of the tests of ARPA files and of pruning. It shares nothing with lmkit.
"""

from __future__ import annotations

import gzip
import math
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

Ngram = tuple[str, ...]


class SlowModel:
    """Natural log-probabilities and backoffs of n-grams, by tuples of words."""

    def __init__(self, log_probs: dict[Ngram, float], backoffs: dict[Ngram, float]):
        self.log_probs, self.backoffs = log_probs, backoffs
        self.order = max(map(len, log_probs))

    @classmethod
    def read(cls, path: Path) -> SlowModel:
        raw = path.read_bytes()
        text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode()
        log_probs: dict[Ngram, float] = {}
        backoffs: dict[Ngram, float] = {}
        order = 0
        for line in text.split("\n"):
            if line.startswith("\\"):
                order = int(line[1:].split("-")[0]) if "-grams" in line else 0
            elif order and line.strip():
                fields = line.split()
                ngram = tuple(fields[1 : order + 1])
                log_probs[ngram] = float(fields[0]) * math.log(10)
                if len(fields) > order + 1:
                    backoffs[ngram] = float(fields[order + 1]) * math.log(10)
        return cls(log_probs, backoffs)

    @property
    def outcomes(self) -> list[str]:
        return [ngram[0] for ngram in self.log_probs if len(ngram) == 1 and ngram != ("<s>",)]

    def log_prob(self, word: str, history: Ngram) -> float:
        history = history[max(0, len(history) - self.order + 1) :]
        if (*history, word) in self.log_probs:
            return self.log_probs[*history, word]
        if not history:
            return -math.inf
        return self.backoffs.get(history, 0.0) + self.log_prob(word, history[1:])

    def mass(self, history: Ngram) -> float:
        return math.fsum(math.exp(self.log_prob(word, history)) for word in self.outcomes)

    def score(self, lines: Iterable[str]) -> list[float]:
        """Return the log-probability of each word and sentence end; unknown words are <unk>."""
        known = set(self.outcomes)
        result = []
        for line in lines:
            words = ["<s>", *(word if word in known else "<unk>" for word in line.split()), "</s>"]
            for position, (_, word) in enumerate(pairwise(words), start=1):
                result.append(self.log_prob(word, tuple(words[:position])))
        return result


def arpa(*sections: str) -> str:
    """Return the text of an ARPA file whose sections hold these lines; counts are worked out."""
    lines = [[line for line in section.split("\n") if line.strip()] for section in sections]
    head = [f"ngram {order}={len(part)}" for order, part in enumerate(lines, start=1)]
    body = [f"\n\\{order}-grams:\n" + "\n".join(part) for order, part in enumerate(lines, start=1)]
    return "\n".join(["\\data\\", *head, *body, "\n\\end\\\n"])


SMALL = arpa(
    "-0.6\t<unk>\t0\n0\t<s>\t-0.3\n-0.6\t</s>\t0\n-0.6\ta\t-0.2\n-0.6\tb\t-0.1",
    "-0.5\t<s> a\t-0.4\n-0.7\ta b\t-0.3\n-0.9\tb </s>\t0",
    "-0.2\t<s> a b\n-0.1\ta b </s>",
)


# ---------------------------------------------------------------------- pruning


def renormalized(model: SlowModel) -> SlowModel:
    """Return the model with backoffs worked out anew, shortest contexts first."""
    result = SlowModel(model.log_probs, {})
    children: dict[Ngram, list[Ngram]] = {}
    for ngram in model.log_probs:
        children.setdefault(ngram[:-1], []).append(ngram)
    for history in sorted(children, key=len):
        if history:
            words = [ngram[-1] for ngram in children[history]]
            left = 1 - math.fsum(math.exp(model.log_probs[ngram]) for ngram in children[history])
            room = 1 - math.fsum(math.exp(result.log_prob(word, history[1:])) for word in words)
            result.backoffs[history] = math.log(max(left, 1e-300)) - math.log(max(room, 1e-300))
    return result


def cost(model: SlowModel, ngram: Ngram, context_model: SlowModel) -> float:
    """Return e^D - 1: D the relative entropy when the n-gram alone is deleted, word by word."""
    history = ngram[:-1]
    fewer = {other: value for other, value in model.log_probs.items() if other != ngram}
    mates = [other for other in fewer if other[:-1] == history]
    left = 1 - math.fsum(math.exp(fewer[other]) for other in mates)
    room = 1 - math.fsum(math.exp(model.log_prob(other[-1], history[1:])) for other in mates)
    changed = SlowModel(fewer, {**model.backoffs, history: math.log(left / room)})
    changed.order = model.order
    context = 0.0
    for position, word in enumerate(history):
        named = "</s>" if (position, word) == (0, "<s>") else word
        context += context_model.log_prob(named, history[:position])
    divergence = math.fsum(
        math.exp(model.log_prob(word, history))
        * (model.log_prob(word, history) - changed.log_prob(word, history))
        for word in model.outcomes
        if model.log_prob(word, history) > -math.inf
    )
    return math.expm1(math.exp(context) * divergence)


def pruned(model: SlowModel, threshold: float, context_model: SlowModel) -> SlowModel:
    """Return the model without n-grams cheaper than the threshold, the longest looked at first."""
    kept = dict(model.log_probs)
    for order in range(model.order, 1, -1):
        longer = [ngram for ngram in kept if len(ngram) == order + 1]
        needed = {part for ngram in longer for part in (ngram[:-1], ngram[1:])}
        for ngram in [ngram for ngram in kept if len(ngram) == order]:
            if ngram not in needed and cost(model, ngram, context_model) < threshold:
                del kept[ngram]
    result = renormalized(SlowModel(kept, {}))
    result.order = model.order
    return result


def rounded(path: Path, form: str) -> Path:
    """Write an ARPA file again, as ``rounded.arpa`` beside it, its numbers in a printf format."""
    lines = []
    for line in path.read_text().split("\n"):
        number, tab, rest = line.partition("\t")
        words, backed_off, backoff = rest.partition("\t")
        if tab:
            line = form % float(number) + tab + words + backed_off
            line += form % float(backoff) if backed_off else ""
        lines.append(line)
    target = path.with_name("rounded.arpa")
    target.write_text("\n".join(lines))
    return target
