"""False alarms and detection rate of the leakage mark: see reports/comparison.md.

    python benchmarks/leakage.py FOLDER

FOLDER holds texts (timemachine.txt, tinyshakespeare.txt, ptb/ptb.train.txt and
tang-song-poems/train.txt; missing ones are skipped). Each is split into ten contiguous tenths, and
each tenth is the test text of a model of the other nine (honest splits, which should not be
marked). Then parts of the last tenth are copied into the middle of the training text, which should.
"""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path

import lmkit
from lmkit.results.tally import Tally
from lmkit.tables import Column, markdown_table
from lmkit.text.corpus import Corpus

TEXTS = {
    "The Time Machine": "timemachine.txt",
    "Tiny Shakespeare": "tinyshakespeare.txt",
    "Penn Treebank": "ptb/ptb.train.txt",
    "Tang and Song poems": "tang-song-poems/train.txt",
    "Python reference": "python-reference",
}
COPIED = (1.0, 0.5, 0.1, 0.02)
FOLDS = 10


def tallied(train: str, test: str, sentences: str) -> Tally:
    """Return the tally of a text under a model of another."""
    rules = {"normalize": "none", "sentences": sentences}
    model = lmkit.fit("unigram", Corpus.from_string(train, **rules))
    return model.tally(Corpus.from_string(test, **rules))


def joined(units: list[str], sentences: str) -> str:
    return (" " if sentences == "none" else "\n").join(units)


def row(name: str, text: str, sentences: str) -> dict[str, str]:
    """Return the shares of seen passages, for the honest splits and for texts with copies."""
    units = text.split() if sentences == "none" else text.split("\n")
    cuts = [len(units) * k // FOLDS for k in range(FOLDS + 1)]
    honest = []
    for start, stop in pairwise(cuts):
        rest = joined(units[:start] + units[stop:], sentences)
        honest.append(tallied(rest, joined(units[start:stop], sentences), sentences))
    shares = sorted(one.seen.share or 0.0 for one in honest if one.seen is not None)
    marked = sum(one.trained_on_test is True for one in honest)
    train, test = units[: cuts[-2]], units[cuts[-2] :]
    cells = {
        "text": name,
        "sentences": "one stream" if sentences == "none" else "lines",
        "honest": f"{shares[0]:.1%} to {shares[-1]:.1%}",
        "marked": f"{marked} of {FOLDS}",
    }
    for copied in COPIED:
        part, middle = test[: int(copied * len(test))], len(train) // 2
        within = joined([*train[:middle], *part, *train[middle:]], sentences)
        one = tallied(within, joined(test, sentences), sentences)
        assert one.seen is not None
        mark = "" if one.trained_on_test else " (no mark)"
        cells[f"{copied:g}"] = f"{one.seen.share or 0.0:.1%}{mark}"
        cells["passages"] = f"{one.seen.passages:,}"
    return cells


def main(folder: Path) -> None:
    columns = [
        Column("text", "text", right=False),
        Column("sentences", "sentences", right=False),
        Column("passages", "long sentences"),
        Column("honest", "seen, honest splits"),
        Column("marked", "of them marked"),
        *(Column(f"{copied:g}", f"{copied:.0%} copied") for copied in COPIED),
    ]
    rows = []
    for name, file in TEXTS.items():
        where = folder / file
        if where.exists() or file == "python-reference":
            corpus = Corpus.open(file if file == "python-reference" else where, sentences="line")
            text = corpus.whole.canonical()
            rows += [row(name, text, sentences) for sentences in ("line", "none")]
    print(markdown_table(columns, rows))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
