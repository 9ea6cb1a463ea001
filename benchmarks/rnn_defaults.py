"""How the defaults of word-rnn and char-rnn were chosen, and how to choose them again.

    python -m benchmarks.rnn_defaults [SPEC ...]

fits each model on the embedded corpus, one after the other, and prints a Markdown table. Without
SPECs it fits the two defaults and the alternatives listed below. Seconds of processor time are
those of all threads together.
"""

from __future__ import annotations

import sys
import time

from lmkit.models.registry import create
from lmkit.text.corpus import Corpus

SPECS: tuple[str, ...] = ("word-rnn", "char-rnn")


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
        f"{ledger.bits_per_byte:.4f}",
    ]


def main(specs: list[str]) -> None:
    columns = (
        "model", "parameters", "processor s", "fit s", "epochs", "train nats", "valid nats",
        "test perplexity", "without OOV", "bits per byte",
    )  # fmt: skip
    print("| " + " | ".join(columns) + " |")
    print("|" + " --- |" * len(columns))
    corpus = Corpus.open("python-reference")
    for spec in specs or SPECS:
        print("| " + " | ".join(measure(spec, corpus)) + " |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
