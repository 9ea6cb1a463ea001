"""The columns of a ranking: one list, from which every table of results is made."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Flag, auto
from typing import Any

from lmkit.evaluation.intervals import LEVEL
from lmkit.evaluation.leakage import leakage_mark
from lmkit.results.proper import marks
from lmkit.tables import Column, number, perplexity, seconds, whole

Result = Mapping[str, Any]
"""The metrics of one model by name: a row of :meth:`Comparison.results`."""

_OF_PROBABILITIES = (
    "bits_per_byte", "perplexity", "perplexity_per_word", "perplexity_without_oov"
)  # fmt: skip


class View(Flag):
    """Where a column is shown."""

    TABLE = auto()  # `lmkit evaluate` and `lmkit compare`, --format table and markdown
    PAGE = auto()  # the table of the HTML report
    NOTEBOOK = auto()  # a comparison as the last line of a notebook's cell
    TEXT = auto()  # str(comparison)
    ALL = TABLE | PAGE | NOTEBOOK | TEXT


@dataclass(frozen=True)
class RankingColumn(Column):
    """A column of a ranking.

    ``views`` are the places where it is shown; with ``needed``, only if a result of the table
    meets that condition.
    """

    views: View = View.ALL
    needed: Callable[[Result], bool] | None = None


def _ranked(result: Result) -> bool:
    return result["rank"] is not None


def _leaks(result: Result) -> bool:
    return bool(result["trained_on_test"] or result["tuned_on_test"])


_TABLES = View.TABLE | View.PAGE
_WITH_ENDS = View.PAGE | View.NOTEBOOK
RANKING = (
    RankingColumn("tier", "", views=View.ALL & ~View.PAGE, needed=_ranked),
    RankingColumn("model", "model", right=False),
    RankingColumn("unit", "unit", right=False, views=View.ALL & ~View.TEXT),
    RankingColumn("context", "context", right=False, views=_TABLES),
    RankingColumn("adapts", "adapts", lambda value: value or "no", right=False, views=_TABLES,
                  needed=lambda result: bool(result["adapts"])),
    RankingColumn("leakage", "test text", right=False, needed=_leaks),
    RankingColumn("bits_per_byte", "bits/byte", number(4)),
    RankingColumn("interval", "95%", views=View.TABLE | View.TEXT),
    RankingColumn("bits_per_byte_low", "from", number(4), views=_WITH_ENDS),
    RankingColumn("bits_per_byte_high", "to", number(4), views=_WITH_ENDS),
    RankingColumn("bits_per_character", "bits/char", number(4), views=View.PAGE),
    RankingColumn("perplexity", "ppl/unit", perplexity, views=View.ALL & ~View.TEXT),
    RankingColumn("perplexity_low", "from", perplexity, views=View.PAGE),
    RankingColumn("perplexity_high", "to", perplexity, views=View.PAGE),
    RankingColumn("perplexity_per_word", "ppl/word", perplexity),
    RankingColumn("perplexity_without_oov", "w/o OOV", perplexity, views=_TABLES),
    RankingColumn("oov", "OOV", whole, views=View.ALL & ~View.TEXT),
    RankingColumn("impossible", "p = 0", whole, views=View.PAGE),
    RankingColumn("parameters", "parameters", whole, views=_TABLES),
    RankingColumn("fit_seconds", "fit s", seconds, views=_TABLES),
    RankingColumn("score_seconds", "score s", seconds, views=_TABLES),
)  # fmt: skip


def ranking_columns(
    view: View, results: Sequence[Result], *, level: float = LEVEL
) -> list[RankingColumn]:
    """Return the columns that a view shows of these results, in order; intervals are at `level`."""
    return [
        replace(column, heading=f"{100 * level:g}%") if column.key == "interval" else column
        for column in RANKING
        if view in column.views and (column.needed is None or any(map(column.needed, results)))
    ]


def ranking_row(result: Result) -> dict[str, Any]:
    """Return a result with the cells that are made of several of its values.

    ``tier`` is the range of ranks, ``interval`` that of bits per byte, ``leakage`` what is known
    of the test text in training; ``marks`` flags numbers that are no perplexities.
    """
    return {
        **result,
        "tier": tier(result["rank_best"], result["rank_worst"]) if _ranked(result) else "",
        "interval": interval_of(result),
        "leakage": leakage_mark(result),
        "marks": marks(result["proper"], _OF_PROBABILITIES),
    }


def interval_of(result: Result) -> str:
    """Return the confidence interval of bits per byte as one cell, ``-`` for none.

    >>> interval_of({"bits_per_byte_low": 2.1, "bits_per_byte_high": 2.25})
    '2.1000–2.2500'
    """
    ends = result["bits_per_byte_low"], result["bits_per_byte_high"]
    return "-" if math.isnan(ends[0]) else "–".join(f"{end:.4f}" for end in ends)


def tier(best: int, worst: int) -> str:
    """Return the range of ranks that a model may hold.

    >>> tier(1, 1), tier(2, 4)
    ('1', '2–4')
    """
    return str(best) if best == worst else f"{best}–{worst}"
