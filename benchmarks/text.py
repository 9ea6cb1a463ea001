"""Reading a text: from a file to a vocabulary and ids, beside str.split with a dictionary.

    python -m benchmarks.text [--tokens N]

Both read the same file; lmkit's loops are compiled beforehand. Encoding with a known vocabulary
also computes the offset of each token.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from pathlib import Path

from benchmarks import texts
from benchmarks.timing import timed
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
        print("PTB: not found; LMKIT_CORPORA must name the folder that has it")


def measure(name: str, path: Path | None) -> None:
    assert path is not None
    text = Corpus.open(path, normalize="none").train
    learned = learn_text(text, "word")
    tokens = len(learned.ids)
    learning, _ = timed(lambda: learn_text(text, "word"), repeat=REPEATS)
    encoding, _ = timed(
        lambda: sum(len(c.ids) for c in encode_chunks(text, "word", learned.vocabulary)),
        repeat=REPEATS,
    )
    splitting, _ = timed(lambda: split(path))
    print(f"{name}: {tokens:,} tokens, {len(learned.vocabulary) - 2:,} types")
    print(f"  file to vocabulary and ids  {tokens / learning / 1e6:6.1f} M tokens/s")
    print(f"  file to ids and offsets     {tokens / encoding / 1e6:6.1f} M tokens/s")
    print(f"  str.split and a dictionary  {tokens / splitting / 1e6:6.1f} M tokens/s")
    print(f"  ratio                       {splitting / learning:6.1f}")


def split(path: Path) -> list[int]:
    words = path.read_text(encoding="utf-8").replace("\n", " </s> ").split()
    ids = {word: index for index, (word, _) in enumerate(Counter(words).most_common())}
    return [ids[word] for word in words]


if __name__ == "__main__":
    main()
