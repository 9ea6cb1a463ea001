"""How `evaluate` and `compare` print their results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from lmkit.evaluation.comparison import report_dict
from lmkit.reporting import tables
from lmkit.reporting.tables import Column, number, perplexity, seconds, whole
from lmkit.text.corpus import TextSummary

_COLUMNS = (
    Column("rank", "", whole),
    Column("model", "model", right=False),
    Column("unit", "unit", right=False),
    Column("bits_per_byte", "bits/byte", number(4)),
    Column("perplexity", "ppl/unit", perplexity),
    Column("perplexity_per_word", "ppl/word", perplexity),
    Column("perplexity_without_oov", "w/o OOV", perplexity),
    Column("oov", "OOV", whole),
    Column("parameters", "parameters", whole),
    Column("fit_seconds", "fit s", seconds),
    Column("score_seconds", "score s", seconds),
)


def print_results(
    summary: TextSummary,
    results: Sequence[dict[str, Any]],
    output: str,
    *,
    remarks: Sequence[str] = (),
) -> None:
    """Print results on stdout in the format asked for; remarks follow a table."""
    if output == "json":
        click.echo(tables.to_json(report_dict(summary, results)))
    elif output == "csv":
        click.echo(tables.csv_table(results))
    else:
        ranked = any(result.get("rank") is not None for result in results)
        columns = _COLUMNS if ranked else _COLUMNS[1:]
        show = tables.markdown_table if output == "markdown" else tables.plain_table
        click.echo(describe(summary) + "\n")
        click.echo(show(columns, results))
        if remarks:
            click.echo()
        for remark in remarks:
            click.echo(f"- {remark}")
        click.echo("\nsignatures")
        for result in results:
            click.echo(
                f"  {result['signature']}" if output == "table" else f"- `{result['signature']}`"
            )


def describe(summary: TextSummary) -> str:
    """Return a line about the text that was scored."""
    return (
        f"{summary.name}: {summary.words:,} words, {summary.sentence_ends:,} sentence ends, "
        f"{summary.characters:,} characters, {summary.bytes:,} bytes "
        f"(normalize={summary.normalize}, sentences={summary.sentences}, "
        f"sha256 {summary.sha256[:12]})"
    )
