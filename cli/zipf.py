"""`lmkit zipf`: Zipf's law, vocabulary growth and lexical diversity of texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lmkit import tables

from . import options as o

if TYPE_CHECKING:
    from lmkit.statistics.generated import GeneratedComparison
    from lmkit.statistics.zipf import ZipfReport


@click.command()
@click.argument("corpora", nargs=-1, metavar="[CORPUS]...")
@click.option(
    "--ngrams",
    type=click.IntRange(1),
    default=3,
    show_default=True,
    help="The highest order of n-grams.",
)
@click.option(
    "--bootstrap",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Repetitions for the p-value of the power law; 1000 take a second or so.",
)
@click.option(
    "--plot",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Draw into FILE: .png, .svg, .pdf or .html.",
)
@click.option(
    "--model",
    metavar="FILE",
    help="Compare text that this model generates with the corpus.",
)
@click.option("--unit", type=click.Choice(["word", "char", "byte"]), default="word",
              show_default=True, help="What a token is.")  # fmt: skip
@o.reading_options
@o.seed_option
@o.format_option
@o.progress_option
def command(
    corpora: tuple[str, ...],
    ngrams: int,
    bootstrap: int,
    plot: Path | None,
    model: str | None,
    unit: str,
    seed: int | None,
    output: str,
    progress: bool | None,
    **options: Any,
) -> None:
    """Measure Zipf's law in texts.

    Fits by maximum likelihood, goodness of fit, vocabulary growth and diversity.

    All parts of a corpus are measured as one text, its n-grams over the running text without
    sentence ends. Several corpora are shown side by side; without one, the embedded corpus is
    measured. With --model, its test part (or all of it, if it has none) is what generated text is
    held against.

    \b
    lmkit zipf book.txt --bootstrap 1000 --plot zipf.html
    lmkit zipf ptb timemachine --format markdown
    lmkit zipf --model trigram.lmkit book.txt
    """
    reading = o.reading(options)
    if plot:
        from lmkit.reporting.zipf.plot import check_format, write_zipf_plot

        check_format(plot)  # fails now, not after the measurement
        o.check_output(plot)
    if model and (plot or bootstrap):
        raise click.UsageError(
            "--model compares statistics; it takes neither --plot nor --bootstrap"
        )
    opened = [o.open_corpus(where, reading) for where in corpora or (None,)]
    with o.progress_bar(progress) as show:
        if model:
            _print_generated(_generated(model, opened, unit, ngrams, seed or 0, show), output)
            return
        from lmkit.models.fitting import named_progress
        from lmkit.statistics.zipf import measure_zipf

        reports = [
            measure_zipf(
                corpus, unit=unit, ngrams=ngrams, bootstrap=bootstrap, seed=seed or 0,
                progress=named_progress(show, corpus.name, index, len(opened)),
            )
            for index, corpus in enumerate(opened)
        ]  # fmt: skip
    if plot:
        o.write_or_keep(plot, lambda path: write_zipf_plot(reports, path))
    _print(reports, output, picture=plot is None)
    if plot:
        o.note(f"wrote {plot}")


def _print(reports: Sequence[ZipfReport], output: str, *, picture: bool) -> None:
    if output == "json":
        printed = [report.to_dict() for report in reports]
        o.print_json(printed[0] if len(printed) == 1 else {"schema": 1, "corpora": printed})
    elif output == "csv":
        rows = [row for report in reports for row in report.rows()]
        keys = dict.fromkeys(key for row in rows for key in row)
        click.echo(tables.csv_table([{key: row.get(key) for key in keys} for row in rows]))
    else:
        from lmkit.reporting.zipf.tables import zipf_tables

        from .results import describe

        for report in reports:
            click.echo(describe(report.summary))
        click.echo("\n" + zipf_tables(reports, markdown=output == "markdown"))
        if picture and output == "table":
            from lmkit.reporting.zipf.terminal import draw_all

            click.echo("\n" + draw_all(reports))


def _generated(
    model: str,
    corpora: Sequence[Any],
    unit: str,
    ngrams: int,
    seed: int,
    show: Callable[[str, float], None] | None,
) -> list[GeneratedComparison]:
    from lmkit.models.registry import load
    from lmkit.statistics.generated import compare_generated

    loaded = load(model)
    return [
        compare_generated(
            loaded, corpus.test or corpus.whole, unit=unit, ngrams=ngrams, seed=seed, progress=show
        )
        for corpus in corpora
    ]


def _print_generated(comparisons: Sequence[GeneratedComparison], output: str) -> None:
    if output == "json":
        o.print_json(
            {"schema": 1, "generated": [comparison.to_dict() for comparison in comparisons]}
        )
    elif output == "csv":
        rows = [
            {"model": comparison.model, "text": comparison.text, **vars(row)}
            for comparison in comparisons
            for row in comparison.statistics
        ]
        click.echo(tables.csv_table(rows))
    else:
        from lmkit.reporting.zipf.tables import generated_table

        markdown = output == "markdown"
        click.echo("\n\n".join(generated_table(c, markdown=markdown) for c in comparisons))
