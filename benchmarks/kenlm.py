"""Estimating and scoring beside KenLM's programs, as whole processes.

    LMPLZ=.../bin python -m benchmarks.kenlm [--tokens N] [--orders 3 5] [--texts technical ...]

`LMPLZ` names the folder with `lmplz`, `build_binary` and `query`, built from KenLM's source.
Estimating: lmkit from the text file to a model file, KenLM to an ARPA file and then a probing
binary. Scoring: from the text file to its perplexity, KenLM by `query` and, where its Python module
is installed, by `kenlm.Model.score` line by line, summing the scores alone or also counting the
words for the perplexity. The programs run alternately; the least wall time of each is reported.
lmkit's kernels and bytecode are compiled beforehand. Finally, lmkit loads the model and scores one
line.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from benchmarks import texts

RUNS = 3  # of estimating; scoring, which is quicker, has two more
BY_LINE = """
import sys, kenlm
model = kenlm.Model(sys.argv[1])
print(sum(model.score(line[:-1]) for line in open(sys.argv[2], encoding="utf-8")))
"""
# The same, and the number of events, as the perplexity needs it.
TO_PERPLEXITY = """
import sys, kenlm
model = kenlm.Model(sys.argv[1])
total = events = 0
for line in open(sys.argv[2], encoding="utf-8"):
    total += model.score(line[:-1])
    events += len(line.split()) + 1
print(10 ** (-total / events))
"""
# Write bytecode even where the environment forbids it: else each process compiles all its imports.
ENVIRONMENT = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
LMKIT = [sys.executable, "-c", "from lmkit.cli.main import main; main()"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, default=14_000_000)
    parser.add_argument("--orders", type=int, nargs="+", default=[3, 5])
    parser.add_argument("--texts", nargs="+", default=list(texts.KINDS))
    options = parser.parse_args()
    folder = os.environ.get("LMPLZ")
    if not folder:
        print("LMPLZ names no folder with lmplz, build_binary and query: nothing to stand beside")
        return
    with tempfile.TemporaryDirectory() as place:
        here = Path(place)
        for name in options.texts:
            text = getattr(texts, name)(here / f"{name}.txt", options.tokens)
            for order in options.orders:
                beside(Path(folder), here, name, text, order)


def beside(kenlm: Path, here: Path, name: str, text: Path, order: int) -> None:
    arpa, binary, model = here / "m.arpa", here / "m.bin", here / "m.lmkit"
    lmplz = [str(kenlm / "lmplz"), "-o", str(order), "-S", "4G", "-T", str(here)]
    lmplz += ["--discount_fallback", "--text", str(text), "--arpa", str(arpa)]
    fit = [*LMKIT, "fit", "--model", f"kneser-ney:order={order}", str(text), "--normalize", "none"]
    fit += ["-o", str(model)]
    small = here / "small.txt"
    small.write_text("".join(text.open(encoding="utf-8").readlines()[:2000]), encoding="utf-8")
    run([*LMKIT, "fit", "--model", f"kneser-ney:order={order}", str(small), "-o", str(model)])
    ours, theirs, built = [], [], []
    for _ in range(RUNS):
        ours.append(run(fit))
        theirs.append(run(lmplz))
        built.append(run([str(kenlm / "build_binary"), str(arpa), str(binary)]))
    total = min(theirs) + min(built)
    print(f"{name}, order {order}: {text.stat().st_size / 1e6:.0f} MB of text")
    print(f"  lmkit fit            {min(ours):6.2f} s")
    print(f"  lmplz, build_binary  {min(theirs):6.2f} + {min(built):.2f} s")
    print(f"  ratio                {total / min(ours):6.2f}")
    scoring(kenlm, text, model, binary)
    line = here / "line.txt"
    line.write_text(text.open(encoding="utf-8").readline(), encoding="utf-8")
    started = min(run([*LMKIT, "score", str(model), str(line)]) for _ in range(RUNS + 1))
    print(f"  start, load {model.stat().st_size / 1e6:,.0f} MB, score a line {started:.2f} s")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"  peak memory of any process so far {peak:,.0f} MB", flush=True)


def scoring(kenlm: Path, text: Path, model: Path, binary: Path) -> None:
    """Print how long each program takes from a text file to its perplexity."""
    evaluate = [*LMKIT, "evaluate", str(model), "--test", str(text), "--format", "json"]
    query = [str(kenlm / "query"), "-v", "summary", str(binary)]
    peers = {"query": lambda: run(query, stdin=text)}
    if find_spec("kenlm"):
        for name, script in (("kenlm.Model.score", BY_LINE), ("to perplexity", TO_PERPLEXITY)):
            by_line = [sys.executable, "-c", script, str(binary), str(text)]
            peers[name] = partial(run, by_line)
    run(evaluate)
    ours: list[float] = []
    theirs: dict[str, list[float]] = {name: [] for name in peers}
    for _ in range(RUNS + 2):
        ours.append(run(evaluate))
        for name, work in peers.items():
            theirs[name].append(work())
    print(f"  lmkit evaluate       {min(ours):6.2f} s ({max(ours):.2f} at most)")
    for name, took in theirs.items():
        low, ratio = min(took), min(took) / min(ours)
        print(f"  {name:20} {low:6.2f} s ({max(took):.2f} at most), ratio {ratio:.2f}")


def run(command: list[str], *, stdin: Path | None = None) -> float:
    with (stdin or Path(os.devnull)).open("rb") as given:
        start = time.perf_counter()
        done = subprocess.run(
            command, stdin=given, capture_output=True, check=False, env=ENVIRONMENT
        )
        seconds = time.perf_counter() - start
    if done.returncode:
        sys.exit(f"{command[0]} failed: {done.stderr.decode(errors='replace')[-300:]}")
    return seconds


if __name__ == "__main__":
    main()
