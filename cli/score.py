"""`lmkit score`: where in a text the surprisal lies."""

from __future__ import annotations

import csv
import math
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from . import options as o

if TYPE_CHECKING:
    from lmkit.results.ledger import SurprisalLedger

_LARGE = 1e15  # beyond this a float64 has no six decimals
_HEADER = (
    "model", "signature", "context", "proper", "outcome_sum_low", "outcome_sum_mean",
    "outcome_sum_high", "outcome_sum_contexts", "impossible", "first_impossible",
)  # fmt: skip


@click.command()
@click.argument("model")
@click.argument("text", default="-", metavar="[TEXT|-]")
@click.option(
    "--per",
    type=click.Choice(["token", "sentence"]),
    default="sentence",
    show_default=True,
    help="What a row is.",
)
@o.context_option
@o.documents_option
@o.encoding_options
@click.option(
    "--format",
    "output",
    type=click.Choice(["table", "json", "csv"]),
    default="table",
    show_default=True,
    help="table: columns separated by tabs.",
)
def command(
    model: str, text: str, per: str, context: str | None, output: str, **reading: Any
) -> None:
    """Show the surprisal of each token or sentence of a text.

    Surprisal is -log p in nats, infinite for what has probability 0. Without TEXT, standard input
    is read.

    \b
    echo "the time machine" | lmkit score bigram.lmkit --per token
    lmkit score bigram.lmkit book.txt --format csv
    """
    from lmkit.models.registry import load
    from lmkit.results.proper import remarks

    from .results import check_events

    loaded = load(model)
    corpus = o.open_corpus(text, reading)
    ledger = loaded.score(corpus.held_out, context=context, explain=per == "token")
    check_events(ledger)
    rows = _token_rows(ledger) if per == "token" else _sentence_rows(ledger)
    if output == "json":
        metrics = ledger.to_dict()
        kept = {name: metrics[name] for name in _HEADER}
        o.print_json({"schema": 1, **kept, "rows": list(rows)})
        return
    for remark in remarks([ledger]):
        o.note(f"Note: {remark}")
    _print_rows(rows, output)


def _token_rows(ledger: SurprisalLedger) -> Iterator[dict[str, Any]]:
    extra = {name: column.tolist() for name, column in ledger.extra.items()}
    columns = zip(
        ledger.sentence.tolist(),
        ledger.position.tolist(),
        ledger.offsets.tolist(),
        ledger.tokens(),
        ledger.nats.tolist(),
        ledger.oov.tolist(),
        strict=True,
    )
    for index, (sentence, position, offset, token, nats, oov) in enumerate(columns):
        yield {
            "sentence": sentence,
            "position": position,
            "offset": offset,
            "token": token,
            "nats": nats,
            "oov": oov,
            **{name: column[index] for name, column in extra.items()},
        }


def _sentence_rows(ledger: SurprisalLedger) -> Iterator[dict[str, Any]]:
    import numpy as np

    from lmkit.results.metrics import perplexity

    if not len(ledger):
        return
    starts = np.flatnonzero(ledger.position == 0)
    nats = np.add.reduceat(ledger.nats, starts).tolist()
    oov = np.add.reduceat(ledger.oov.astype(np.int64), starts).tolist()
    events = np.diff(np.append(starts, len(ledger))).tolist()
    first = ledger.offsets[starts].tolist()
    last = [*first[1:], ledger.summary.characters]
    canonical = ledger.text.canonical()
    for number, total in enumerate(nats):
        yield {
            "sentence": number,
            "events": events[number],
            "oov": oov[number],
            "nats": total,
            "perplexity": perplexity(total, events[number]),
            "proper": ledger.proper,
            "text": canonical[first[number] : last[number]].rstrip("\n"),
        }


def _print_rows(rows: Iterator[dict[str, Any]], output: str) -> None:
    """Print rows as they are computed, after a header: CSV, or columns separated by tabs.

    Cells need no quoting there: a canonical text contains no tabs.
    """
    csv_writer = csv.writer(sys.stdout, lineterminator="\n")
    for index, row in enumerate(rows):
        lines = ([*row], [_shown(value, output) for value in row.values()])
        for cells in lines if index == 0 else lines[1:]:
            if output == "csv":
                csv_writer.writerow(cells)
            else:
                click.echo("\t".join(str(cell) for cell in cells))


def _shown(value: Any, output: str) -> Any:
    if isinstance(value, bool):
        return int(value)
    if not isinstance(value, float):
        return value
    if value == math.inf:
        return "∞" if output == "table" else "inf"
    return f"{value:z.6f}" if value < _LARGE else f"{value:.6e}"
