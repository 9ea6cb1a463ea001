"""Smoothing by definition: dictionaries of n-grams, and sums spelled out word by word."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable

import numpy as np

from lmkit.models.ngram.absolute_discounting import AbsoluteDiscounting
from lmkit.models.ngram.backoff import BackoffModel
from lmkit.models.ngram.jelinek_mercer import JelinekMercer
from lmkit.models.ngram.katz import Katz
from lmkit.models.ngram.kneser_ney import KneserNey
from lmkit.models.ngram.witten_bell import WittenBell
from tests.models.ngram.samples import TEXT

SMOOTHED = (
    KneserNey, AbsoluteDiscounting, WittenBell, JelinekMercer, Katz,
)  # fmt: skip
Gram = tuple[int, ...]
Amounts = list[dict[Gram, int]]
Direct = Callable[[int, int, int, int], float]  # amount, total, types, order -> probability
Rest = Callable[[list[int], int], float]  # amounts after a context, order -> what is left


def raw_counts(model: BackoffModel, text: str) -> Amounts:
    """Return the counts of each order by dictionary; n-grams begin with at most one <s>."""
    found: Amounts = [Counter() for _ in range(model.order + 1)]
    bos = model.vocabulary_.bos_id
    for line in text.splitlines():
        padded = [bos, *model.encode(line + "\n").tolist()]
        for end in range(1, len(padded)):
            for k in range(1, min(model.order, end + 1) + 1):
                found[k][tuple(padded[end - k + 1 : end + 1])] += 1
    return found


def left_neighbours(counts: Amounts, bos: int) -> Amounts:
    """Return the amounts of Kneser-Ney: below the highest order, different words before."""
    found: Amounts = [{} for _ in counts]
    found[-1] = counts[-1]
    for k in range(1, len(counts) - 1):
        before: dict[Gram, set[int]] = defaultdict(set)
        for gram in counts[k + 1]:
            before[gram[1:]].add(gram[0])
        for gram, count in counts[k].items():
            found[k][gram] = count if gram[0] == bos else len(before[gram])
    return found


def interpolated(
    amounts: Amounts, direct: Direct, rest: Rest, size: int, history: Gram
) -> np.ndarray:
    """Return p(.|history) as direct + rest * p(.|shorter history), from uniform upwards."""
    probs = np.full(size, 1 / size)
    for k in range(1, len(amounts)):
        context = history[len(history) - k + 1 :] if k > 1 else ()
        if len(context) < k - 1:
            break
        after = {gram[-1]: a for gram, a in amounts[k].items() if gram[:-1] == context}
        total = sum(after.values())
        if total == 0:
            continue
        probs = probs * rest(list(after.values()), k)
        for word, amount in after.items():
            probs[word] += direct(amount, total, len(after), k)
    return probs


def histories(model: BackoffModel) -> Iterable[Gram]:
    rng = np.random.default_rng(4)
    size = len(model.vocabulary_)
    for line in TEXT.splitlines():
        ids = model.encode(line).tolist()
        for length in range(len(ids) + 1):
            yield tuple(ids[:length])
    for _ in range(40):
        yield tuple(int(i) for i in rng.integers(0, size, rng.integers(1, 6)))


def assert_defined_by(model: BackoffModel, amounts: Amounts, direct: Direct, rest: Rest) -> None:
    size, bos = len(model.vocabulary_), model.vocabulary_.bos_id
    for history in histories(model):
        within = history
        for position, index in enumerate(history):
            if index == 1:
                within = history[position + 1 :]
        expected = interpolated(amounts, direct, rest, size, (bos, *within))
        got = np.exp(model.next_log_probs(history))
        np.testing.assert_allclose(got, expected, rtol=1e-12, err_msg=str(history))
