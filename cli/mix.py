"""`lmkit mix`: fitted models, and caches, into one mixture."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lmkit import tables
from lmkit.tables import Column, perplexity

from . import options as o

if TYPE_CHECKING:
    from lmkit.models.combined.mixture import Mixture


@click.command()
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@click.option(
    "--valid",
    metavar="CORPUS",
    required=True,
    help="Text that the weights are to suit; of a corpus with parts, its validation part.",
)
@o.target_option("mixture.lmkit")
@click.option(
    "--cache",
    "caches",
    multiple=True,
    type=click.Choice(["unigram", "neural"]),
    help="Add a cache of the tokens just read; may be given twice. A neural one looks into the "
    "largest recurrent model.",
)
@click.option(
    "--window",
    type=click.IntRange(1),
    default=2000,
    show_default=True,
    help="How many tokens a cache remembers at most.",
)
@click.option(
    "--buckets",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Sets of weights, chosen by how many ways the text went on after the context that the "
    "largest n-gram model knows.",
)
@o.encoding_options
@o.format_option
@o.progress_option
def command(
    models: tuple[str, ...],
    valid: str,
    target: Path,
    output: str,
    progress: bool | None,
    caches: tuple[str, ...],
    window: int,
    buckets: int,
    **reading: Any,
) -> None:
    """Mix fitted models, and caches, by weights that suit a validation text.

    The models know the same words, and their order changes nothing. Settings of caches are chosen
    on that text too. The mixture is a model like any other: evaluate, compare, score and generate
    take its file.

    \b
    lmkit mix kneser-ney.lmkit word-rnn.lmkit --valid ptb -o mixture.lmkit
    lmkit mix kneser-ney.lmkit word-rnn.lmkit --valid ptb --cache unigram --cache neural
    """
    from lmkit.errors import ParameterError
    from lmkit.models.combined.mixing import mix
    from lmkit.models.files import names_arpa
    from lmkit.models.registry import load
    from lmkit.results.proper import remarks

    o.check_output(target)
    if names_arpa(target):
        raise ParameterError(f"{target}: a mixture has no backoff form; name a .lmkit file")
    loaded = [load(path) for path in models]
    text = o.open_corpus(valid, reading)
    options: dict[str, Any] = {"caches": caches, "window": window, "buckets": buckets}
    with o.progress_bar(progress) as show:
        mixture = mix(loaded, text, **options, progress=show)
    o.write_or_keep(target, mixture.save)
    o.note_training_text(loaded, text, "that model has too much weight")
    _print(mixture, target, output)
    alone = [*mixture.valid_nats_[: len(loaded)], mixture.valid_nats_[-1]]
    pairs = zip([*loaded, mixture], alone, strict=True)
    broken = [model for model, nats in pairs if math.isinf(nats)]
    for remark in remarks(model.tally(text.valid or text.held_out) for model in broken):
        o.note(f"Note: {remark}")


def _print(mixture: Mixture, target: Path, output: str) -> None:
    """Print each component's perplexity and weight, and the mixture's perplexity."""
    from lmkit.results.metrics import perplexity as perplexity_of

    nats = mixture.valid_nats_.tolist()
    weights = mixture.weights_.T.tolist()
    rows = [
        {"component": label, "perplexity": perplexity_of(own, 1), "weights": row}
        for label, own, row in zip(mixture.labels(), nats, weights, strict=False)
    ]
    if output == "json":
        summary = {
            "model": mixture.spec,
            "perplexity": perplexity_of(nats[-1], 1),
            "file": str(target),
        }
        o.print_json({"schema": 1, "components": rows, "mixture": summary})
        return
    rows.append({"component": "mixture", "perplexity": perplexity_of(nats[-1], 1), "weights": []})
    if output == "csv":
        listed = [{**row, "weights": " ".join(map(str, row["weights"]))} for row in rows]
        click.echo(tables.csv_table(listed))
        return
    columns = [
        Column("component", "component", right=False),
        Column("perplexity", "validation ppl", perplexity),
        Column("weights", "weight", _range),
    ]
    click.echo(tables.text_table(columns, rows, output))
    o.note(f"{mixture.spec}: wrote {target}")


def _range(weights: list[float]) -> str:
    """Format the smallest and the largest weight over the buckets; one number if they agree."""
    if not weights:
        return ""
    ends = dict.fromkeys(f"{weight:.3f}" for weight in (min(weights), max(weights)))
    return "–".join(ends)
