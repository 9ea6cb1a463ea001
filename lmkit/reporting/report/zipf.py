"""Zipf's law: how the words of the text, and of the training text, are distributed."""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from lmkit.reporting.report.drawing import Axis, Series, around, plot
from lmkit.reporting.report.markup import Html, el, joined, numbers, table
from lmkit.reporting.report.material import Material, Section, figure
from lmkit.tables import Column, number, whole
from lmkit.text.vocabulary import EOS, EOS_ID, UNK

POINTS = 120  # ranks drawn of a curve, evenly on the log scale
_FEWEST = 3  # types that make a curve


def zipf(material: Material) -> Section | None:
    """Return the section with the rank-frequency curve of the text and of the training text."""
    curves = _curves(material)
    if not curves:
        return None
    thinned = {name: _thinned(counts) for name, counts in curves.items()}
    names = [el("span", name, class_=f"key z{index}") for index, name in enumerate(curves)]
    body = joined(
        figure(
            el("p", *names, class_="legend"),
            _plot(thinned),
            caption=_caption(next(iter(curves.values()))),
        ),
        numbers(*(_table(name, counts) for name, counts in curves.items())),
    )
    data = {name: {"rank": xs, "share": ys} for name, (xs, ys) in thinned.items()}
    return Section("zipf", "Zipf", "Zipf’s law in the text", body, data)


def _curves(material: Material) -> dict[str, NDArray[np.int64]]:
    """Return the counts of all word forms, largest first, of the text and of the training text.

    The latter are those of the best word model; types outside its vocabulary are left out.
    """
    words = Counter(material.comparison.items.tokens)
    for no_word in (UNK, EOS):  # the training counts lack them too
        del words[no_word]
    counts = {"this text": np.array(list(words.values()), np.int64)}
    models = (one.model for one in material.contestants if one.ledger.unit == "word")
    word_model = next((model for model in models if model is not None), None)
    if word_model is not None:
        counts["training text"] = word_model.vocabulary_.counts[EOS_ID + 1 :]
    largest_first = {name: np.sort(of[of > 0])[::-1] for name, of in counts.items()}
    return {name: of for name, of in largest_first.items() if len(of) >= _FEWEST}


def _plot(thinned: dict[str, tuple[list[float], list[float]]]) -> Html:
    series = [
        Series(name, f"z{index}", xs, ys, line=False, dots=True)
        for index, (name, (xs, ys)) in enumerate(thinned.items())
    ]
    ranks = [rank for xs, _ in thinned.values() for rank in xs]
    shares = [share for _, ys in thinned.values() for share in ys]
    return plot(
        Axis(around(ranks, log=True, room=0.02), "rank of the word"),
        Axis(around(shares, log=True, room=0.04), "share of all words"),
        series,
        label="Share of all words against rank, both on log scales",
    )


def _caption(counts: NDArray[np.int64]) -> str:
    tokens, types = int(counts.sum()), len(counts)
    once = int(np.count_nonzero(counts == 1))
    return (
        f"Each dot is a word form: the text has {types:,} of them in {tokens:,} words, and "
        f"{100 * once / types:.0f}% occur once. Both axes are logarithmic; a straight line going "
        "down one decade a decade is Zipf’s law, and the long tail of rare words is what makes "
        "prediction hard."
    )


def _thinned(counts: NDArray[np.int64]) -> tuple[list[float], list[float]]:
    """Return ranks, spread evenly on the log scale, and the share of the word at each."""
    ranks = np.unique(np.geomspace(1, len(counts), POINTS).round().astype(np.int64))
    share = counts[ranks - 1] / counts.sum()
    return [float(rank) for rank in ranks], [float(f"{value:.4g}") for value in share]


def _table(name: str, counts: NDArray[np.int64]) -> Html:
    columns = [
        Column("rank", "rank", whole),
        Column("count", "count", whole),
        Column("share", "% of words", number(4)),
    ]
    ranks = sorted({min(m * 10**p, len(counts)) for p in range(6) for m in (1, 2, 5)})
    rows = [
        {
            "rank": rank,
            "count": int(counts[rank - 1]),
            "share": 100 * float(counts[rank - 1] / counts.sum()),
        }
        for rank in ranks
    ]
    return table(columns, rows, caption=f"Rank and frequency: {name}")
