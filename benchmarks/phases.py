"""The time of each phase of `lmkit fit`: start, reading, counting, smoothing, writing.

    python -m benchmarks.phases [--tokens N] [--orders 3 5]

Each run is a process of its own, with the kernels compiled beforehand; the least time of each phase
is reported. The start is the time for a text of one line. Reading and encoding run in parallel, and
take less time than their sum.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

from benchmarks import texts
from benchmarks.kenlm import ENVIRONMENT, LMKIT, run

RUNS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, default=10_000_000)
    parser.add_argument("--orders", type=int, nargs="+", default=[3, 5])
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(phases(options.one[0], int(options.one[1]))))
        return
    with tempfile.TemporaryDirectory() as place:
        here = Path(place)
        for name in texts.KINDS:
            text = getattr(texts, name)(here / f"{name}.txt", options.tokens)
            for order in options.orders:
                print(f"{name}, order {order}", flush=True)
                show(text, order, here / "m.lmkit")


def show(text: Path, order: int, target: Path) -> None:
    """Print the phases of one text and order, in seconds."""
    one = [sys.executable, "-m", "benchmarks.phases", "--one", str(text), str(order)]
    fit = [*LMKIT, "fit", "--model", f"kneser-ney:order={order}", "--normalize", "none"]
    fit += ["-o", str(target)]
    line = text.with_suffix(".line")
    line.write_text(text.open(encoding="utf-8").readline(), encoding="utf-8")
    found, start, whole = [], [], []
    for _ in range(RUNS):
        done = subprocess.run(one, capture_output=True, check=True, env=ENVIRONMENT)
        found.append(json.loads(done.stdout))
        start.append(run([*fit, str(line)]))
        whole.append(run([*fit, str(text)]))
    for name, seconds in {
        "start and end of the process": min(start),
        **{name: min(each[name] for each in found) for name in found[0]},
        "lmkit fit, the whole process": min(whole),
    }.items():
        print(f"  {name:<32} {seconds:6.2f}")
    print(flush=True)


def phases(path: str, order: int) -> dict[str, float]:
    """Return the seconds of each phase of fitting in this process, by name."""
    from lmkit.models.ngram.counts import count_ngrams
    from lmkit.models.ngram.kneser_ney import KneserNey
    from lmkit.storage import write_model_file
    from lmkit.text.corpus import Corpus
    from lmkit.text.encoding import learn_text

    warnings.simplefilter("ignore")  # the Han text's unigrams have no discounts
    marks = [time.perf_counter()]
    text = Corpus.open(path, normalize="none").train
    learned = learn_text(text, "word")
    marks.append(time.perf_counter())
    counts = count_ngrams(learned.ids, order=order, vocabulary_size=len(learned.vocabulary))
    marks.append(time.perf_counter())
    tables = KneserNey(order=order)._estimate(counts, learned.ids, None)
    marks.append(time.perf_counter())
    with tempfile.TemporaryDirectory() as place:
        write_model_file(Path(place) / "m.lmkit", tables.to_arrays(), {})
        marks.append(time.perf_counter())
    for _ in text.chunks():
        pass
    marks.append(time.perf_counter())
    names = (
        "reading and encoding", "counting (dealing, sorting)", "smoothing", "writing",
        "of which reading alone",
    )  # fmt: skip
    return {name: marks[k + 1] - marks[k] for k, name in enumerate(names)}


if __name__ == "__main__":
    main()
