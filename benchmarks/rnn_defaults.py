"""Choosing the defaults of word-rnn and char-rnn: fits with one or two options changed.

    python -m benchmarks.rnn_defaults [SPEC ...]

fits each model on the embedded corpus, one after the other, and prints a Markdown table. Without
SPECs it fits the two defaults and variants that differ in one or two options. Processor seconds are
the sum over all threads; with OMP_NUM_THREADS=1 they do not depend on other processes.
"""

from __future__ import annotations

import sys
import time

from lmkit.models.registry import create
from lmkit.text.corpus import Corpus

CHANGES: dict[str, tuple[str, ...]] = {
    "word-rnn": (
        "", "seed=2", "unk_rate=0", "dropout=0", "dropout=0.4", "learning_rate=0.01",
        "weight_decay=0", "tied=False", "embedding=128,epochs=4", "hidden=256,epochs=5",
        "length=16", "lanes=32", "cell=gru", "cell=rnn", "context=sentence",
    ),
    "char-rnn": (
        "", "seed=2", "hidden=128,epochs=5", "hidden=256,epochs=2", "dropout=0.1",
        "learning_rate=0.004", "learning_rate=0.03", "weight_decay=0", "embedding=0", "tied=True",
        "length=64", "lanes=32", "cell=gru", "cell=rnn", "context=sentence",
    ),
}  # fmt: skip
SPECS = [f"{name}:{change}".rstrip(":") for name in CHANGES for change in CHANGES[name]]


def measure(spec: str, corpus: Corpus) -> list[str]:
    processor = time.process_time()
    model = create(spec).fit(corpus)
    processor = time.process_time() - processor
    ledger = model.score(corpus)
    history = model.history_  # type: ignore[attr-defined]
    return [
        f"`{spec}`",
        f"{model.parameters:,}",
        f"{processor:.0f}",
        f"{model.fit_seconds_:.0f}",
        f"{len(history['train'])}",
        f"{history['train'][-1]:.3f}",
        f"{min(history['valid']):.3f}",
        f"{ledger.perplexity:.2f}",
        f"{ledger.perplexity_without_oov:.2f}",
    ]


def main(specs: list[str]) -> None:
    columns = (
        "model", "parameters", "processor s", "fit s", "epochs", "train nats", "valid nats",
        "test perplexity", "without OOV",
    )  # fmt: skip
    print("| " + " | ".join(columns) + " |")
    print("|" + " --- |" * len(columns))
    corpus = Corpus.open("python-reference")
    for spec in specs or SPECS:
        print("| " + " | ".join(measure(spec, corpus)) + " |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
