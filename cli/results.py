"""Printing of scores and of differences, for the commands that score texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from lmkit import tables
from lmkit.errors import CorpusError
from lmkit.evaluation.columns import View, ranking_columns, ranking_row
from lmkit.results.proper import no_events
from lmkit.results.scored import Scored
from lmkit.tables import Column, number, whole
from lmkit.text.meter import TextSummary
from lmkit.text.normalize import losses

from .options import print_json

if TYPE_CHECKING:
    from lmkit.evaluation.decomposition import Decomposition


def print_results(
    summary: TextSummary,
    report: dict[str, Any],
    output: str,
    *,
    remarks: Sequence[str] = (),
) -> None:
    """Print the results of `report` on stdout, as JSON, CSV or a table.

    Remarks and signatures follow a table. Numbers of an improper model are marked in it; the
    caller's remarks should explain the marks.
    """
    results = report["results"]
    if output == "json":
        print_json(report)
    elif output == "csv":
        click.echo(tables.csv_table([_flat(row) for row in results]))
    else:
        columns = ranking_columns(View.TABLE, results)
        click.echo(describe(summary) + "\n")
        click.echo(tables.text_table(columns, [ranking_row(result) for result in results], output))
        if remarks:
            click.echo()
        for remark in remarks:
            click.echo(f"- {remark}")
        click.echo("\nsignatures")
        for result in results:
            click.echo(
                f"  {result['signature']}" if output == "table" else f"- `{result['signature']}`"
            )


def print_difference(difference: Decomposition, labels: Sequence[str], output: str) -> None:
    """Print a table for each split of the difference in bits, and the words that differ most."""
    a, b = labels[difference.a], labels[difference.b]
    saved = difference.bits_b - difference.bits_a
    click.echo(f"\nwhy: {a} saves {saved:,.0f} bits of the {difference.bits_b:,.0f} of {b}")
    for split in difference.splits:
        columns = (
            Column("label", split.by, right=False),
            Column("items", "items", whole),
            Column("bits_a", f"bits of {a}", number(0)),
            Column("bits_b", f"bits of {b}", number(0)),
            Column("difference", "difference", number(0)),
        )
        rows = [{**vars(part), "difference": part.difference} for part in split.parts]
        click.echo("\n" + tables.text_table(columns, rows, output))
    for winner, tokens in ((a, difference.tokens_a), (b, difference.tokens_b)):
        named = ", ".join(f"{token.token} ({abs(token.difference):,.0f})" for token in tokens[:8])
        click.echo(f"\nwords that {winner} saves most bits on: {named or 'none'}")


def _flat(result: dict[str, Any]) -> dict[str, Any]:
    """Return a CSV row: the result with its nested values written as strings."""
    first = result["first_impossible"]
    event = first and f"{first['token']} {first['sentence']}:{first['position']}"
    return {**result, "tied_with": "; ".join(result["tied_with"] or ()), "first_impossible": event}


def check_events(scored: Scored) -> None:
    """Raise CorpusError if no event was scored."""
    if not scored.events:
        raise CorpusError(no_events(scored.summary.name))


def describe(summary: TextSummary) -> str:
    """Return one line with the size, preprocessing and hash of a text."""
    count = summary.documents
    documents = "" if count is None else f"{count:,} document{'' if count == 1 else 's'}, "
    lost = losses(summary.normalize)
    return (
        f"{summary.name}: {documents}{summary.words:,} words, "
        f"{summary.sentence_ends:,} sentence ends, "
        f"{summary.characters:,} characters, {summary.bytes:,} bytes of {summary.raw_bytes:,} raw "
        f"(normalize={summary.normalize}, sentences={summary.sentences}, "
        f"sha256 {summary.sha256[:12]})" + (f"; {summary.normalize} loses {lost}" if lost else "")
    )
