"""Coverage of the intervals, and false differences between equally good models.

Each row draws many texts of one kind, and surprisals of five equally good models for each, part of
which persist for a topic or a document. Printed are the share of texts for which the 95% interval
of the first model covers the truth (`covered`); the share for which any two of the five models
differ significantly after Holm's correction (`parted`: nominally 5%); the mean width of the
intervals relative to an oracle that knows the spread of the totals (`width`); and the population
that the intervals refer to (`scope`). Rows of real texts need LMKIT_CORPORA, except for the
embedded one.

`power` is the share of texts for which a true difference of 1% is significant, beside that of sign
flips over single sentences, which are valid only for independent sentences.

    python -m benchmarks.comparison_coverage
"""

from __future__ import annotations

import argparse
import os
import warnings
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmkit.corpora.synthetic import END, MarkovSource
from lmkit.evaluation.blocks import FEWEST_BLOCKS
from lmkit.evaluation.dependence import INDEPENDENT, find_dependence, residuals
from lmkit.evaluation.intervals import ratio_interval
from lmkit.evaluation.pairs import compare_pairs, holm
from lmkit.models.registry import fit
from lmkit.text.corpus import Corpus, Text

Array = NDArray[np.float64]
Random = np.random.Generator
MODELS = 5
LEVEL = 6.0  # nats a word of every model
OWN = 0.3  # of the noise of a model that the others do not share


class Sample(NamedTuple):
    """One text: nats (MODELS, B) and words (B,) of its blocks, and whether they are documents."""

    nats: Array
    words: Array
    documents: bool = False


class Case(NamedTuple):
    """A kind of text: how to draw one, and the nats a word that all models truly have."""

    name: str
    draw: Callable[[Random], Sample]
    truth: float = LEVEL


# ---------------------------------------------------------------------- synthetic texts


def lengths(random: Random, count: int, mean: float = 20.0) -> Array:
    return np.maximum(1, random.lognormal(np.log(mean) - 0.125, 0.5, count)).astype(int) * 1.0


def topic_of(random: Random, count: int, length: int, kind: str) -> Array:
    """Return a value of variance 1 for each sentence, which neighbours share."""
    if kind == "smooth":  # an autoregression whose correlations sum to those of a fixed length
        keep = np.exp(-2 / length)
        steps = random.normal(size=count) * np.sqrt(1 - keep**2)
        value, values = random.normal(), np.empty(count)
        for place, step in enumerate(steps):
            value = values[place] = keep * value + step
        return values
    if kind == "random":  # topics that end with probability 1 / length after each sentence
        number = np.cumsum(random.random(count) < 1 / length)
    else:
        number = (np.arange(count) + random.integers(length)) // length
    return np.asarray(random.normal(size=number[-1] + 1)[number])


def topics(
    count: int, length: int, strength: float, *, kind: str = "fixed", words: float = 20.0
) -> Callable[[Random], Sample]:
    """Return texts of `count` sentences whose topics last for `length` of them.

    A topic moves the nats of each of its words by `strength`, where one word moves by 1.
    """

    def draw(random: Random) -> Sample:
        size = lengths(random, count, words)

        def noise() -> Array:
            lasting = topic_of(random, count, length, kind) if length else np.zeros(count)
            own = np.sqrt(size) * random.normal(size=count)
            return size * strength * lasting + own

        shared = noise()
        models = [LEVEL * size + shared + OWN * noise() for _ in range(MODELS)]
        return Sample(np.array(models), size)

    return draw


def documents(
    sizes: Callable[[Random], Array], strength: float, *, sentences: bool = False
) -> Callable[[Random], Sample]:
    """Return texts of documents of these sizes, each of which moves its words by `strength`.

    `sentences` are of 20 words, in place of the documents: what is seen of too few documents. The
    models are then equal on this text, as nothing can be said of others.
    """

    def draw(random: Random) -> Sample:
        size = sizes(random)
        per = np.maximum(1, size // 20).astype(int) if sentences else np.ones(len(size), int)
        words = np.repeat(size / per, per)

        def noise() -> Array:
            lasting = np.repeat(random.normal(size=len(size)), per)
            if sentences:  # what all have on this text is their truth here
                lasting -= lasting @ words / words.sum()
            return words * strength * lasting + np.sqrt(words) * random.normal(size=len(words))

        shared = noise()
        models = [LEVEL * words + shared + OWN * noise() for _ in range(MODELS)]
        return Sample(np.array(models), words, not sentences)

    return draw


def alike(count: int, words: int = 2130) -> Callable[[Random], Array]:
    return lambda random: np.full(count, float(words))


def pareto(count: int, shape: float) -> Callable[[Random], Array]:
    return lambda random: np.round(300 * (random.pareto(shape, count) + 1))


def lognormal(count: int) -> Callable[[Random], Array]:
    return lambda random: np.round(2000 * random.lognormal(0, 0.8, count)) + 50


FEW = [
    Case(f"{count} sentences, a topic each", topics(count, 1, 0.3)) for count in (5, 10, 30, 59, 60)
] + [Case("10 sentences of 500 words, a topic each", topics(10, 1, 0.3, words=500))]
ONE_TEXT = [
    Case("1,000 sentences, independent", topics(1000, 0, 0.0)),
    *(
        Case(f"1,000 sentences, topics of 100, strength {strength}", topics(1000, 100, strength))
        for strength in (0.02, 0.05, 0.3)
    ),
    Case("1,000 sentences, smooth, 50", topics(1000, 50, 0.3, kind="smooth")),
    Case("1,000 sentences, random topics, 25", topics(1000, 25, 0.1, kind="random")),
    Case("1,000 sentences, topics of 200 (a fifth)", topics(1000, 200, 0.1)),
    Case("1,000 sentences, topics of 500 (a half)", topics(1000, 500, 0.1)),
    Case("3,000 sentences, topics of 100", topics(3000, 100, 0.05)),
    Case("3,000 sentences, topics of 20", topics(3000, 20, 0.05)),
    Case("300 sentences, topics of 30", topics(300, 30, 0.1)),
    Case("60 sentences, topics of 6", topics(60, 6, 0.3)),
    # As `blocks_of` cuts streams: 1,000 stretches of 20 and of 100 words.
    Case("stream of 20,000 words, topics of 1,000", topics(1000, 50, 0.1)),
    Case("stream of 100,000 words, topics of 5,000", topics(1000, 50, 0.1, words=100)),
]
OF_DOCUMENTS = [
    Case("2 documents of 500 sentences", documents(alike(2, 10_000), 0.1, sentences=True)),
    *(
        Case(f"{count} documents of 2,130 words", documents(alike(count), 0.1))
        for count in (5, 10, 30, 60, 300)
    ),
    *(
        Case(f"{count} documents, log-normal sizes", documents(lognormal(count), 0.1))
        for count in (5, 10, 30)
    ),
    *(
        Case(f"{count} documents, Pareto({shape}) sizes", documents(pareto(count, shape), 0.1))
        for shape in (2.0, 1.2)
        for count in (5, 10, 30, 100)
    ),
]


# ---------------------------------------------------------------------- real texts


def centred(nats: Array, size: Array) -> Array:
    """Return the surprisals of models moved so that all have the total of the first."""
    ratios = nats.sum(1) / size.sum()
    return np.asarray(nats - (ratios - ratios[0])[:, None] * size)


def surprisals(train: Text, test: Text) -> tuple[Array, Array, list[slice]]:
    """Return nats (MODELS, S) and bytes (S,) of the sentences, and which make each document."""
    specs = (
        "unigram",
        "bigram",
        "kneser-ney",
        "kneser-ney:order=5",
        "kneser-ney:order=5,unit=char",
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ledgers = [fit(spec, Corpus(train.name, train)).score(test) for spec in specs]
    nats = np.array([np.bincount(ledger.sentence, ledger.nats) for ledger in ledgers])
    starts = ledgers[0].document_starts
    marks = [] if starts is None else [slice(int(a), int(b)) for a, b in pairwise(starts)]
    sizes = np.asarray(ledgers[0].sentence_bytes, np.float64)
    return centred(nats, sizes), sizes, marks


def contiguous(nats: Array, size: Array, count: int) -> Callable[[Random], Sample]:
    def draw(random: Random) -> Sample:
        begin = int(random.integers(len(size) - count + 1))
        return Sample(nats[:, begin : begin + count], size[begin : begin + count])

    return draw


def some_documents(
    nats: Array, size: Array, marks: list[slice], count: int
) -> Callable[[Random], Sample]:
    sums = np.array([nats[:, mark].sum(1) for mark in marks]).T
    sizes = np.array([size[mark].sum() for mark in marks])

    def draw(random: Random) -> Sample:
        picked = random.integers(len(marks), size=count)
        return Sample(sums[:, picked], sizes[picked], documents=True)

    return draw


def topics_of_the_reference() -> Iterator[Case]:
    # The topics of the reference: each is underlined with a row of stars.
    halves = Corpus.open(documents=r"^\*{6,}$").whole.cut((0.5, 0.5))
    nats, size, marks = surprisals(*halves)
    truth = float(nats[0].sum() / size.sum())
    for count in (5, 10, 30, 60):
        name = f"{count} of {len(marks)} topics of the Python reference"
        yield Case(name, some_documents(nats, size, marks, count), truth)


def windows(folder: Path) -> Iterator[Case]:
    """Yield windows of long texts, against the whole text: more than this text."""
    for name, paths in REAL.items():
        if not all((folder / path).exists() for path in paths):
            continue
        texts = [Corpus.open(folder / path, normalize="words").train for path in paths]
        if len(texts) == 1:
            texts = list(texts[0].cut((0.5, 0.5)))
        nats, size, _ = surprisals(*texts)
        truth = float(nats[0].sum() / size.sum())
        for count in (300, 1000):
            yield Case(f"{name}, {count:,} neighbours", contiguous(nats, size, count), truth)


REAL = {
    "PTB": ("ptb/ptb.test.txt", "ptb/ptb.train.txt"),  # fitted on the one, drawn from the other
    "Tiny Shakespeare": ("tinyshakespeare.txt",),
    "poems": ("tang-song-poems/test.txt", "tang-song-poems/train.txt"),
}


# ---------------------------------------------------------------------- measuring


def measure(case: Case, runs: int, seed: int) -> str:
    """Return a row of the table."""
    random = np.random.default_rng(seed)
    values, widths, covered, parted, seen = [], [], 0, 0, 0
    for _ in range(runs):
        sample = case.draw(random)
        dependence = INDEPENDENT
        if not sample.documents:
            dependence = find_dependence(residuals(sample.nats[0], sample.words)[None])
        seen += dependence.terms is not None
        found = ratio_interval(sample.nats[0], sample.words, dependence=dependence)
        pairs = compare_pairs(
            list(sample.nats), sample.words.astype(np.int64), independent=sample.documents
        )
        values.append(found.value)
        widths.append(found.high - found.low)
        covered += found.low <= case.truth <= found.high
        parted += any(not pair.tied for pair in pairs)
    if len(sample.words) < FEWEST_BLOCKS:
        return f"| {case.name} | no interval | | | | |"
    oracle = 2 * 1.96 * float(np.sqrt(np.mean((np.array(values) - case.truth) ** 2)))
    scope = "texts like these" if sample.documents else "this text"
    shown = "" if sample.documents else f"{seen / runs:.0%}"
    return (
        f"| {case.name} | {covered / runs:.3f} | {parted / runs:.1%} "
        f"| {np.mean(widths) / oracle:.2f} | {shown} | {scope} |"
    )


def sign_flip(differences: Array, random: Random, flips: int = 2000) -> float:
    """Return the p-value of a total under random signs (Fisher 1935)."""
    signs = random.integers(0, 2, (flips, len(differences))) * 2.0 - 1
    extreme = np.abs(signs @ differences) >= abs(differences.sum()) - 1e-9
    return float((extreme.sum() + 1) / (flips + 1))


def power(count: int, runs: int, seed: int) -> str:
    """Return how often a model that is 1% worse than four equal ones is parted from each."""
    random = np.random.default_rng(seed)
    draw = topics(count, 0, 0.0)
    ours = theirs = 0
    for _ in range(runs):
        nats, words, _ = draw(random)
        # Noise between models as between orders 3 and 5 on PTB: 0.26 nats a word by sentence.
        nats = LEVEL * words + (nats - LEVEL * words) * 3.0
        nats[-1] += 0.01 * LEVEL * words
        pairs = compare_pairs(list(nats), words.astype(np.int64))
        ours += sum(not pair.tied for pair in pairs if pair.b == MODELS - 1)
        flipped = [sign_flip(nats[pair.a] - nats[pair.b], random) for pair in pairs]
        adjusted = holm(flipped)
        theirs += sum(
            p <= 0.05 for p, pair in zip(adjusted, pairs, strict=True) if pair.b == MODELS - 1
        )
    tests = runs * (MODELS - 1)
    return f"| {count:,} | {ours / tests:.3f} | {theirs / tests:.3f} | {ours / theirs:.2f} |"


# ---------------------------------------------------------------------- a source of known entropy


def source_rows(runs: int, tokens: int) -> Iterator[str]:
    """Yield rows for texts of the synthetic source, whose bits a byte are known exactly."""
    source = MarkovSource(types=500, seed=3)
    events = source.events(tokens=runs * tokens)
    nats = -source.log_probs(events)
    ends = np.flatnonzero(events == END)
    starts = np.concatenate(([0], ends[:-1] + 1))
    totals = np.add.reduceat(nats, starts)
    sizes = np.diff(np.append(starts, len(events))).astype(np.float64)
    hits, widths, values = 0, [], []
    for x, y in zip(np.array_split(totals, runs), np.array_split(sizes, runs), strict=True):
        found = ratio_interval(x, y)
        hits += found.low <= source.entropy_rate <= found.high
        widths.append(found.high - found.low)
        values.append(found.value)
    width = np.mean(widths) / (2 * 1.96 * np.std(values))
    name = f"synthetic source, {tokens:,} tokens"
    yield f"| {name} | {hits / runs:.3f} | | {width:.2f} | | this text |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--corpora", type=Path, help="folder of texts; default LMKIT_CORPORA")
    options = parser.parse_args()
    names = ("text", "covered", "parted", "width", "seen", "scope")
    heading = f"| {' | '.join(names)} |\n| --- | ---: | ---: | ---: | ---: | --- |"
    print(heading)
    for row in source_rows(options.runs, 5000):
        print(row, flush=True)
    for case in (*FEW, *ONE_TEXT, *OF_DOCUMENTS, *topics_of_the_reference()):
        print(measure(case, options.runs, options.seed), flush=True)
    folder = options.corpora or os.environ.get("LMKIT_CORPORA")
    if folder is not None:
        print(f"\nWindows, against the whole text they are cut from\n\n{heading}")
        for case in windows(Path(folder)):
            print(measure(case, options.runs, options.seed), flush=True)
    print("\n| independent sentences | power | sign flips | ratio |")
    print("| ---: | ---: | ---: | ---: |")
    for count in (100, 300, 1000):
        print(power(count, options.runs, options.seed), flush=True)


if __name__ == "__main__":
    main()
