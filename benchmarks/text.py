"""Reading a text: from a file to a vocabulary and ids, beside str.split with a dictionary.

    python -m benchmarks.text [--tokens N]

Both read the same file; lmkit's compiled loops are warm. A text that is read again with a known
vocabulary also gets the place of each token.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import texts
from lmkit.text.corpus import Corpus
from lmkit.text.encoding import encode_chunks, learn_text

REPEATS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, default=10_000_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure("technical", texts.technical(Path(folder) / "technical.txt", options.tokens))
        measure("source", texts.source(Path(folder) / "source.txt", options.tokens))
        measure("Han, spaced", texts.han(Path(folder) / "han.txt", options.tokens))
    try:
        measure("PTB", Corpus.open("ptb").train.sources[0].path)
    except OSError:
        print("PTB: not here; LMKIT_CORPORA names the folder that has it")


def measure(name: str, path: Path | None) -> None:
    assert path is not None
    text = Corpus.open(path, normalize="none").train
    learned = learn_text(text, "word")
    tokens = len(learned.ids)
    learning = best(lambda: learn_text(text, "word"))
    encoding = best(
        lambda: sum(len(c.ids) for c in encode_chunks(text, "word", learned.vocabulary))
    )
    splitting = best(lambda: split(path), repeats=1)
    print(f"{name}: {tokens:,} tokens, {len(learned.vocabulary) - 2:,} types")
    print(f"  file to vocabulary and ids  {tokens / learning / 1e6:6.1f} M tokens/s")
    print(f"  file to ids and places      {tokens / encoding / 1e6:6.1f} M tokens/s")
    print(f"  str.split and a dictionary  {tokens / splitting / 1e6:6.1f} M tokens/s")
    print(f"  ratio                       {splitting / learning:6.1f}")


def split(path: Path) -> list[int]:
    words = path.read_text(encoding="utf-8").replace("\n", " </s> ").split()
    ids = {word: index for index, (word, _) in enumerate(Counter(words).most_common())}
    return [ids[word] for word in words]


def best(run: Callable[[], Any], *, repeats: int = REPEATS) -> float:
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


if __name__ == "__main__":
    main()
