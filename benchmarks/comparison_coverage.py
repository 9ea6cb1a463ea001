"""How often intervals cover the truth, and equal models are called different.

The synthetic source (lmkit.corpora.synthetic) is a Markov chain whose bits a byte, and those of any
bigram model of it, are known exactly. 200 texts that do not overlap are cut from one long draw;
each gives an interval, and the truth should lie in 95% of them. Then four models that are equally
good on purpose are compared on each text, all pairs, with Holm's correction: at most 5% of the
texts may part any two of them.

    python benchmarks/comparison_coverage.py
"""

from __future__ import annotations

import argparse
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from lmkit.corpora.synthetic import END, MarkovSource
from lmkit.evaluation.intervals import ratio_interval
from lmkit.evaluation.pairs import compare_pairs
from lmkit.models.registry import fit
from lmkit.text.corpus import Corpus

Array = NDArray[np.float64]


def sentence_texts(events: NDArray[np.int32], texts: int) -> list[slice]:
    """Return where texts of whole sentences begin and end."""
    ends = np.flatnonzero(events == END) + 1
    marks = ends[np.linspace(0, len(ends) - 1, texts + 1).astype(int)]
    return [slice(int(a), int(b)) for a, b in pairwise(marks)]


def by_sentence(events: NDArray[np.int32], values: Array) -> Array:
    """Return the sums of one value for each event over sentences."""
    starts = np.concatenate(([0], np.flatnonzero(events == END)[:-1] + 1))
    return np.add.reduceat(values, starts)


def bytes_of(events: NDArray[np.int32]) -> Array:
    """Return the bytes of each event: w, a number, and the space or line end behind it."""
    digits = np.floor(np.log10(np.maximum(events, 1))) + 1
    return np.where(events == END, 0.0, digits + 2)


def transitions(source: MarkovSource) -> Array:
    """Return the probability of each event after each state, float64 (S, S)."""
    rows = zip(source.successors, source.weights, strict=True)
    size = source.types + 1
    return np.array([np.bincount(after, weights, size) for after, weights in rows]) / (1 << 24)


def truth(source: MarkovSource, nats: Array) -> float:
    """Return the nats a byte of a model, given those of each (state, event), float64 (S, S)."""
    p = np.zeros(nats.shape)
    np.put_along_axis(p, source.successors.astype(np.int64), source.weights / (1 << 24), axis=1)
    # Rows of fewer successors are filled up with the event 0, of no weight.
    for state in range(len(p)):
        p[state] = np.bincount(source.successors[state], source.weights[state] / (1 << 24), len(p))
    joint = source.stationary[:, None] * p
    size = joint @ bytes_of(np.arange(len(p), dtype=np.int32))
    return float((joint * np.where(p > 0, nats, 0)).sum() / size.sum())


def covered(
    source: MarkovSource, texts: list[NDArray[np.int32]], table: Array, level: float
) -> float:
    """Return the share of texts whose interval holds the truth."""
    exact = truth(source, table)
    hits = 0
    for events in texts:
        before = np.concatenate(([END], events[:-1]))
        x, y = by_sentence(events, table[before, events]), by_sentence(events, bytes_of(events))
        interval = ratio_interval(x, y, level=level)
        hits += interval.low <= exact <= interval.high
    return hits / len(texts)


def bigram_table(source: MarkovSource, text: str) -> Array:
    """Return the surprisals of a bigram model fitted on a text, float64 (S, S), by source event."""
    rules = {"normalize": "none", "sentences": "line"}
    model = fit("kneser-ney:order=2", Corpus.from_string(text, **rules))
    names = ["</s>", *(f"w{k}" for k in range(1, source.types + 1))]
    ids = [model.vocabulary_.id(name) for name in names]
    rows = [model.next_log_probs([] if k == 0 else [1, index])[ids] for k, index in enumerate(ids)]
    return -np.array(rows)


def false_alarms(texts: list[NDArray[np.int32]], size: float, skew: bool) -> float:
    """Return the share of texts on which equal models are parted, after Holm.

    Each model's surprisals are off by noise of mean 0, part of which a sentence shares.
    """
    random = np.random.default_rng(1)
    alarms = 0
    for events in texts:
        bytes_ = by_sentence(events, bytes_of(events))
        length = by_sentence(events, np.ones(len(events)))

        def noise(shape: int) -> Array:
            drawn = random.exponential(size=shape) - 1 if skew else random.normal(size=shape)
            return np.asarray(drawn)

        models = [
            size * (length * noise(len(length)) + by_sentence(events, noise(len(events))))
            for _ in range(4)
        ]
        pairs = compare_pairs(models, bytes_.astype(np.int64), flips=2000, resamples=100)
        alarms += any(not pair.tied for pair in pairs)
    return alarms / len(texts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--texts", type=int, default=200)
    parser.add_argument("--tokens", type=int, default=5000, help="of each text")
    options = parser.parse_args()
    source = MarkovSource(types=500, seed=3)
    events = source.events(tokens=(options.texts + 8) * options.tokens)
    cuts = sentence_texts(events, options.texts + 8)
    names = ["\n", *(f"w{k} " for k in range(1, source.types + 1))]
    train = "".join(names[event] for event in events[: cuts[8].start].tolist())
    texts = [events[cut] for cut in cuts[8:]]
    with np.errstate(divide="ignore"):
        own = -np.log(transitions(source))
    print(f"{len(texts)} texts of about {options.tokens:,} tokens")
    print(f"the source itself, covered: {covered(source, texts, own, 0.95):.1%}")
    table = bigram_table(source, train)
    print(f"a bigram model, covered:    {covered(source, texts, table, 0.95):.1%}")
    for skew in (False, True):
        name = "skewed" if skew else "normal"
        share = false_alarms(texts, 0.1, skew)
        print(f"four equal models, {name} noise, parted: {share:.1%}")


if __name__ == "__main__":
    main()
