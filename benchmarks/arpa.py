"""ARPA files and pruning: seconds to write and load, and perplexity after pruning.

    python -m benchmarks.arpa [SPEC]

The model is fitted on the Penn Treebank where `LMKIT_CORPORA` has it, else on the embedded corpus.
KenLM, where it is installed, loads the same file in this process after lmkit. Everything runs once
beforehand, so that kernels are compiled and files are in the page cache.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.timing import warm_time
from lmkit.errors import CorpusError
from lmkit.models.ngram.pruning import prune
from lmkit.models.registry import fit, load
from lmkit.text.corpus import Corpus

HISTORIES = ("katz:order=5", "witten-bell:order=5")


def main() -> None:
    spec = sys.argv[1] if len(sys.argv) > 1 else "kneser-ney:order=5"
    try:
        corpus = Corpus.open("ptb")
    except (CorpusError, OSError):
        corpus = Corpus.open("python-reference")
    model: Any = fit(spec, corpus)
    tables = model.tables_
    sizes = " ".join(f"{tables.trie.size(k):,}" for k in range(1, tables.order + 1))
    print(f"{model.spec} of {corpus.train.name}: {sizes} n-grams; {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as folder:
        times(model, Path(folder))
    losses(model, corpus)


def times(model: Any, folder: Path) -> None:
    for name in ("m.arpa", "m.arpa.gz", "m.lmkit"):
        path = folder / name
        writing = warm_time(lambda path=path: model.save(path), repeat=2)
        reading = warm_time(lambda path=path: load(path), repeat=2)
        size = path.stat().st_size / 1e6
        print(f"{name:<10} {size:7.1f} MB   write {writing:6.2f} s   load {reading:6.2f} s")
    if importlib.util.find_spec("kenlm"):
        import kenlm

        reading = warm_time(lambda: kenlm.Model(str(folder / "m.arpa")), repeat=2)
        print(f"m.arpa by kenlm.Model{'':26} load {reading:6.2f} s")


def losses(model: Any, corpus: Corpus) -> None:
    test = corpus.test or corpus.held_out
    total = len(model.tables_.log_probs) - 1
    print(f"\n{'n-grams':>10}  perplexity, contexts weighed by: the model  " + "  ".join(HISTORIES))
    print(f"{total:>10,}  {model.score(test).perplexity:.2f}")
    others = [fit(spec, corpus) for spec in HISTORIES]
    for share in (2, 5, 10, 20):
        pruned = [
            prune(model, ngrams=total // share, history=history) for history in (None, *others)
        ]
        shown = "  ".join(f"{each.score(test).perplexity:.2f}" for each in pruned)
        print(f"{total // share:>10,}  {shown}")


if __name__ == "__main__":
    main()
