"""`lmkit curve`: how models get better as they read more."""

from __future__ import annotations

from typing import Any

import click

from . import options as o

DEFAULT_MODELS = ("trigram:alpha=0.003", "kneser-ney", "kneser-ney:order=6,unit=char")


def _fractions(_context: Any, _option: Any, value: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in value.split(","))
    except ValueError:
        raise click.BadParameter(f"{value!r}: numbers separated by commas, as 0.1,0.5,1") from None


@click.command()
@click.option(
    "--model",
    "specs",
    multiple=True,
    metavar="SPEC",
    help=f"A model to fit; repeat it. [default: {' '.join(DEFAULT_MODELS)}]",
)
@o.corpus_argument
@click.option(
    "--fractions",
    default="0.125,0.25,0.5,1",
    show_default=True,
    callback=_fractions,
    help="Shares of the training text's sentences.",
)
@o.vocabulary_options
@o.reading_options
@o.seed_option
@o.format_option
@o.progress_option
def command(
    specs: tuple[str, ...],
    corpus: str | None,
    fractions: tuple[float, ...],
    output: str,
    progress: bool | None,
    **options: Any,
) -> None:
    """Fit models on growing parts of a text and score each on the same test text.

    Every part is a beginning of the training text, and so a smaller one lies within a larger.
    Unknown words are spelled: what is compared are bits for each byte. A single file is cut into
    80% train, 10% valid and 10% test.

    \b
    lmkit curve
    lmkit curve --model kneser-ney:order=5 --model word-rnn --fractions 0.1,0.3,1 ptb
    """
    from lmkit import tables
    from lmkit.evaluation.comparison import with_test_part
    from lmkit.evaluation.curve import learning_curve
    from lmkit.tables import Column, number, seconds, whole

    from .results import describe

    reading = o.reading(options)
    opened = with_test_part(o.open_corpus(corpus, reading))
    assert opened.test is not None
    wanted = [_with_options(spec, options) for spec in specs or DEFAULT_MODELS]
    with o.progress_bar(progress) as show:
        curve = learning_curve(wanted, opened, fractions=fractions, progress=show)
    rows = [point.to_dict() for point in curve.points]
    if output == "json":
        summary = opened.test.summary.to_dict()
        o.print_json({"schema": 1, "corpus": summary, "seed": options["seed"] or 0, "points": rows})
    elif output == "csv":
        click.echo(tables.csv_table(rows))
    else:
        columns = (
            Column("model", "model", right=False),
            Column("fraction", "part", number(3)),
            Column("words", "words", whole),
            Column("bits_per_byte", "bits/byte", number(4)),
            Column("interval", "95%"),
            Column("oov", "OOV", whole),
            Column("fit_seconds", "fit s", seconds),
        )
        click.echo(describe(opened.test.summary) + "\n")
        click.echo(tables.text_table(columns, [_cells(row) for row in rows], output))
        for remark in curve.remarks:
            click.echo(f"\n- {remark}")


def _with_options(spec: str, options: dict[str, Any]) -> str:
    """Return the spec with `options` for the parameters that it does not set itself."""
    from lmkit.models.registry import create, open_options

    given = open_options(spec, options)
    return create(spec, **given).spec if given else spec


def _cells(row: dict[str, Any]) -> dict[str, Any]:
    """Return a table row: the point with its interval and marks as strings."""
    from lmkit.evaluation.columns import interval_of
    from lmkit.results.proper import marks

    return {**row, "interval": interval_of(row), "marks": marks(row["proper"], ["bits_per_byte"])}
