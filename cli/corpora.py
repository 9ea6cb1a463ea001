"""`lmkit corpora`: the catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from lmkit import tables

from . import options as o

if TYPE_CHECKING:
    from lmkit.corpora.catalogue import Entry


@click.group(invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """List the catalogue of corpora, show one, or fetch it.

    A corpus of the catalogue can be named wherever a CORPUS is wanted. Files are kept in the
    user's cache, or taken from the folder that the environment variable LMKIT_CORPORA names.

    \b
    lmkit corpora
    lmkit corpora show ptb
    lmkit corpora fetch timemachine
    """
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_, output="table")


@command.command("list")
@o.format_option
def list_(output: str) -> None:
    """List all corpora."""
    from lmkit.corpora import catalogue

    entries = catalogue.entries()
    if output == "json":
        o.print_json({"schema": 1, "corpora": [entry.to_dict() for entry in entries]})
        return
    rows = [
        {
            "name": entry.name,
            "here": "yes" if entry.is_available() else "no",
            "normalize": entry.normalize,
            "sentences": entry.sentences,
            "title": entry.title,
        }
        for entry in entries
    ]
    columns = [tables.Column(key, key, right=False) for key in rows[0]]
    click.echo(tables.text_table(columns, rows, output))


@command.command("show")
@click.argument("name")
@click.option("--format", "output", type=click.Choice(["table", "json"]), default="table")
def show_(name: str, output: str) -> None:
    """Show one corpus: what it is, its licence, where it comes from."""
    from lmkit.corpora import catalogue

    entry: Entry = catalogue.entry(name)
    if output == "json":
        o.print_json({"schema": 1, **entry.to_dict()})
        return
    facts: dict[str, Any] = {
        "licence": entry.licence,
        "normalize": entry.normalize,
        "sentences": entry.sentences,
        "parts": entry.splits,
        "here": "yes" if entry.is_available() else f"no; `lmkit corpora fetch {name}` gets it",
        **entry.details(),
    }
    click.echo(f"{entry.name}: {entry.title}\n\n{click.wrap_text(entry.description, 80)}\n")
    width = max(len(fact) for fact in facts)
    for fact, value in facts.items():
        shown = f"{value:.6f}" if isinstance(value, float) else value
        click.echo(f"{fact:<{width}}  {shown}")
    for file in entry.files:
        click.echo(
            f"\n{file.path}\n  from    {file.address}\n  sha256  {file.sha256 or 'not known'}"
        )


@command.command("fetch")
@click.argument("name")
@o.progress_option
def fetch(name: str, progress: bool | None) -> None:
    """Download a corpus into the user's cache, and check it."""
    from lmkit.corpora import catalogue

    with o.progress_bar(progress) as show:
        paths = catalogue.entry(name).fetch(progress=show)
    if not paths:
        click.echo(f"{name} is made on the spot: there is nothing to fetch")
    for path in paths:
        click.echo(str(path))
