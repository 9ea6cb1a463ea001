"""N-gram models: speed and memory of counting, smoothing, scoring, beside NLTK and rustling.

    python -m benchmarks.ngram [--tokens N] [--skip-large]

The text is the Penn Treebank where `LMKIT_CORPORA` has it, else the embedded corpus. The peers are
given the same sentences, in this process, right before lmkit; kernels are compiled beforehand.
Large texts are a technical one, source code and Han characters (benchmarks/texts.py), each in a
fresh process, so that its memory is its own.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import texts
from benchmarks.timing import peak_memory, timed
from lmkit.errors import CorpusError
from lmkit.models.ngram.backoff import BackoffModel
from lmkit.models.ngram.counts import count_ngrams
from lmkit.models.registry import create, load
from lmkit.text.corpus import Corpus


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, default=14_000_000, help="of each technical text")
    parser.add_argument("--skip-large", action="store_true")
    parser.add_argument("--large", nargs=3, metavar=("SPEC", "PATH", "UNIT"), help="for itself")
    options = parser.parse_args()
    if options.large:
        large(*options.large)
        return
    print(f"python {sys.version.split()[0]}, numpy {np.__version__}, {os.cpu_count()} cores")
    corpus = treebank()
    laplace(corpus)
    kneser_ney(corpus)
    if not options.skip_large:
        large_texts(options.tokens)


def treebank() -> Corpus:
    try:
        return Corpus.open("ptb")
    except (CorpusError, OSError):
        return Corpus.open("python-reference")


def row(what: str, tokens: int, seconds: float, note: str = "") -> None:
    print(f"  {what:<38} {seconds:>9.3f} s {tokens / seconds / 1e6:>9.3f} M tokens/s  {note}")


def laplace(corpus: Corpus) -> None:
    model = create("trigram").fit(corpus)
    ids = model.encode(corpus.train.canonical())
    test = model.encode(corpus.test.canonical())  # type: ignore[union-attr]
    sentences = [line.split() for line in corpus.train.canonical().splitlines()]
    held_out = [line.split() for line in corpus.test.canonical().splitlines()]  # type: ignore[union-attr]
    print(f"\nLaplace trigram, {len(ids):,} training and {len(test):,} test tokens")
    size = len(model.vocabulary_)
    seconds, _ = timed(lambda: count_ngrams(ids, order=3, vocabulary_size=size), repeat=5)
    row("lmkit: fit, from ids", len(ids), seconds)
    seconds, _ = timed(lambda: create("trigram").fit(corpus), repeat=3)
    row("lmkit: fit, from text", len(ids), seconds)
    long = np.tile(test, 40)
    seconds, _ = timed(lambda: model.log_probs(long), repeat=5)
    row("lmkit: score, from ids, 40 times over", len(long), seconds)
    seconds, ledger = timed(lambda: model.score(corpus), repeat=3)
    row("lmkit: score, from text", len(test), seconds, f"perplexity {ledger.perplexity:.2f}")
    for name, peer in (("rustling", by_rustling), ("nltk", by_nltk)):
        fit, score = peer(sentences, held_out)
        row(f"{name}: fit", len(ids), fit)
        row(f"{name}: score", len(test), score)


def logscore_time(model: Any, test: list[list[str]]) -> float:
    """Return the seconds that a peer's trigram model takes to score the tokens of sentences."""

    def score() -> None:
        for sentence in test:
            padded = ["<s>", "<s>", *sentence, "</s>"]
            for index in range(2, len(padded)):
                model.logscore(padded[index], padded[index - 2 : index])

    return timed(score)[0]


def by_rustling(train: list[list[str]], test: list[list[str]]) -> tuple[float, float]:
    import rustling.lm

    model = rustling.lm.Laplace(order=3)
    return timed(lambda: model.fit(train))[0], logscore_time(model, test)


def by_nltk(train: list[list[str]], test: list[list[str]]) -> tuple[float, float]:
    from nltk.lm import Laplace
    from nltk.lm.preprocessing import padded_everygram_pipeline

    model = Laplace(3)
    fitting, _ = timed(lambda: model.fit(*padded_everygram_pipeline(3, train)))
    return fitting, logscore_time(model, test)


def kneser_ney(corpus: Corpus) -> None:
    print("\nmodified Kneser-Ney")
    for order in (3, 5):
        model = create(f"kneser-ney:order={order}")
        assert isinstance(model, BackoffModel)
        model.fit(corpus)
        seconds, _ = timed(lambda model=model: model.fit(corpus), repeat=3)  # type: ignore[misc]
        tokens = int(model.vocabulary_.counts.sum())
        row(f"order {order}: fit, from text", tokens, seconds, f"{model.parameters:,} numbers")
        test = model.encode(corpus.test.canonical())  # type: ignore[union-attr]
        long = np.tile(test, 40)
        seconds, _ = timed(lambda: model.log_probs(long), repeat=5)  # noqa: B023
        note = f"perplexity {model.score(corpus).perplexity:.4f}"
        row(f"order {order}: score, from ids", len(long), seconds, note)
    seconds, _ = timed(lambda: model.top_along(test, k=10), repeat=3)
    print(f"  top 10 of each context {len(test) / seconds:>28,.0f} contexts/s")
    steps = test[:2000].tolist()

    def step() -> None:
        state = model.initial_state()
        for index in steps:
            _, state = model.step(state, index)

    print(f"  step by step {len(steps) / timed(step, repeat=3)[0]:>38,.0f} tokens/s")


def large_texts(tokens: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        technical = texts.technical(Path(folder) / "technical.txt", tokens)
        source = texts.source(Path(folder) / "source.txt", tokens)
        characters = 18_000_000 * tokens // 14_000_000
        han = texts.han(Path(folder) / "han.txt", characters, spaced=False)
        for path, unit in ((technical, "word"), (source, "word"), (han, "char")):
            for order in (3, 5):
                spec = f"kneser-ney:order={order},unit={unit}"
                command = [sys.executable, "-m", "benchmarks.ngram", "--large"]
                subprocess.run([*command, spec, str(path), unit], check=True)


def large(spec: str, path: str, unit: str) -> None:
    """Fit, save, load and score one large text, and print what each takes."""
    warm = Corpus.from_string("a b c\nb c a\n", normalize="none")
    corpus = Corpus.open(path, normalize="none")
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "model.lmkit"
        model: Any = create(spec)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a text of six words has no discounts
            model.fit(warm).save(target)
        before = peak_memory()
        seconds, _ = timed(lambda: model.fit(corpus))
        saving, _ = timed(lambda: model.save(target))
        peak = peak_memory()
        tokens = int(model.vocabulary_.counts.sum())
        trie = model.tables_.trie
        sizes = " ".join(f"{trie.size(k):,}" for k in range(1, trie.order + 1))
        print(f"\n{spec} on {tokens:,} tokens of {Path(path).name}; n-grams: {sizes}")
        row("fit, from text", tokens, seconds)
        row("save", tokens, saving, f"{target.stat().st_size / 1e6:.0f} MB")
        row("from text to model file", tokens, seconds + saving)
        print(f"  memory above the imports {(peak - before) / 2**20:>20,.0f} MB")
        loading, loaded = timed(lambda: load(target))
        print(f"  load {loading:>42.3f} s")
        seconds, _ = timed(lambda: loaded.score(corpus))
        row("score, from text", tokens, seconds)
        ids = loaded.encode(corpus.train.canonical())[:10_000_000]
        seconds, _ = timed(lambda: loaded.log_probs(ids))
        row("score, from ids, once more", len(ids), seconds)
        # Enough tokens for the hash table to hold all orders.
        seconds, _ = timed(lambda: loaded.log_probs(ids), repeat=10)
        row("score, from ids, again and again", len(ids), seconds)


if __name__ == "__main__":
    main()
