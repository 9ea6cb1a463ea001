"""`lmkit mix`: fitted models, and caches, into one mixture."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lmkit.reporting import tables
from lmkit.reporting.tables import Column, perplexity

from . import options as o

if TYPE_CHECKING:
    from lmkit.models.base import LanguageModel
    from lmkit.models.mixture import Mixture
    from lmkit.text.corpus import Text


@click.command()
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@click.option(
    "--valid",
    metavar="CORPUS",
    help="Text that the weights are to suit; of a corpus with parts, its validation part. "
    "[default: the embedded corpus]",
)
@click.option(
    "-o",
    "--output",
    "target",
    type=click.Path(path_type=Path),
    default="mixture.lmkit",
    show_default=True,
    help="Model file.",
)
@click.option(
    "--cache",
    "caches",
    multiple=True,
    type=click.Choice(["unigram", "neural"]),
    help="Add a cache of the tokens just read; may be given twice. A neural one looks into the "
    "first recurrent model.",
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
    "first n-gram model knows.",
)
@click.option("--encoding", default="utf-8", show_default=True, help="Encoding of files.")
@click.option(
    "--errors",
    type=click.Choice(["strict", "replace", "ignore"]),
    default="strict",
    show_default=True,
    help="What to do with invalid bytes.",
)
@o.format_option
def command(
    models: tuple[str, ...],
    valid: str | None,
    target: Path,
    output: str,
    caches: tuple[str, ...],
    window: int,
    buckets: int,
    **reading: Any,
) -> None:
    """Mix fitted models, and caches, by weights that suit a validation text.

    The models share one vocabulary. Settings of caches are found on that text too. The mixture is
    a model like any other: evaluate, compare, score and generate take its file.

    \b
    lmkit mix kneser-ney.lmkit word-rnn.lmkit --valid ptb -o mixture.lmkit
    lmkit mix kneser-ney.lmkit word-rnn.lmkit --valid ptb --cache unigram --cache neural
    """
    from lmkit.errors import ParameterError
    from lmkit.models.mixing import mix
    from lmkit.models.ngram.arpa_names import names_arpa
    from lmkit.models.registry import load

    o.check_output(target)
    if names_arpa(target):
        raise ParameterError(f"{target}: a mixture has no backoff form; name a .lmkit file")
    loaded = [load(path) for path in models]
    text = o.open_corpus(valid, {"normalize": None, "sentences": None, **reading})
    mixture = mix(loaded, text, caches=caches, window=window, buckets=buckets)
    mixture.save(target)
    _note_training_text(loaded, text.valid or text.held_out)
    _print(mixture, target, output)


def _note_training_text(models: list[LanguageModel], held_out: Text) -> None:
    """Say where a model was trained on the text that the weights are to suit."""
    own = held_out.under(normalize=models[0].normalize_, sentences=models[0].sentences_)
    for model in models:
        if model.train_sha256_ == own.summary.sha256:
            o.note(
                f"Note: {own.name} is the text that {model.spec} was trained on, and so that "
                "model has too much weight; give another text with --valid."
            )


def _print(mixture: Mixture, target: Path, output: str) -> None:
    """Print what each component is worth alone, its weight, and what the mixture is worth."""
    nats = mixture.valid_nats_.tolist()
    weights = mixture.weights_.T.tolist()
    rows = [
        {"component": label, "perplexity": math.exp(own), "weights": row}
        for label, own, row in zip(mixture.labels(), nats, weights, strict=False)
    ]
    if output == "json":
        found = {"model": mixture.spec, "perplexity": math.exp(nats[-1]), "file": str(target)}
        o.print_json({"schema": 1, "components": rows, "mixture": found})
        return
    rows.append({"component": "mixture", "perplexity": math.exp(nats[-1]), "weights": []})
    if output == "csv":
        listed = [{**row, "weights": " ".join(map(str, row["weights"]))} for row in rows]
        click.echo(tables.csv_table(listed))
        return
    columns = [
        Column("component", "component", right=False),
        Column("perplexity", "validation ppl", perplexity),
        Column("weights", "weight", _range),
    ]
    show = tables.markdown_table if output == "markdown" else tables.plain_table
    click.echo(show(columns, rows))
    o.note(f"{mixture.spec}: wrote {target}")


def _range(weights: list[float]) -> str:
    """Return the weight that a component has, or the least and the most of its buckets."""
    if not weights:
        return ""
    ends = dict.fromkeys(f"{weight:.3f}" for weight in (min(weights), max(weights)))
    return "–".join(ends)
