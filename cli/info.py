"""`lmkit info`: what a model file holds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lmkit import tables

from . import options as o

if TYPE_CHECKING:
    from lmkit.models.base import LanguageModel


@click.command()
@click.argument("model")
@click.option(
    "--plot",
    type=click.Path(path_type=Path),
    help="Draw the learning curve of a neural model: .png, .svg or .pdf.",
)
@o.format_option
def command(model: str, plot: Path | None, output: str) -> None:
    """Show what a model file holds: hyper-parameters, vocabulary, training text.

    \b
    lmkit info bigram.lmkit
    lmkit info word-rnn.lmkit --plot curve.png
    """
    from lmkit.models.registry import load

    loaded = load(model)
    described = loaded.describe()
    curve = described.pop("learning_curve", None)
    if plot is not None:
        _draw(loaded, curve, plot)
    facts = _facts(loaded, model, described)
    if output == "json":
        o.print_json({"schema": 1, **facts})
        return
    rows = [{"name": name, "value": _shown(value)} for name, value in facts.items()]
    if output == "table":
        width = max(len(name) for name in facts)
        click.echo("\n".join(f"{row['name']:<{width}}  {row['value']}" for row in rows))
        return
    columns = [tables.Column(name, "", right=False) for name in ("name", "value")]
    click.echo(tables.text_table(columns, rows, output))


def _facts(model: LanguageModel, file: str, described: Mapping[str, Any]) -> dict[str, Any]:
    """Return the properties of a model, by name; `described` are those that its class adds."""
    from lmkit.results.proper import improper

    vocabulary = model.vocabulary_
    of_all = {
        "normalize": model.normalize_,
        "sentences": model.sentences_,
        "outcomes": len(vocabulary),
        "proper": not improper(model),
        "training_tokens": int(vocabulary.counts.sum()),
        "training_unknown": int(vocabulary.counts[vocabulary.unk_id]),
        "parameters": model.parameters,
        "fit_seconds": model.fit_seconds_,
        "train_sha256": model.train_sha256_,
    }
    own = {**model.get_parameters(), **described}
    facts = {"file": file, "bytes": Path(file).stat().st_size, "model": model.spec}
    # Names can clash (`dynamic` has a parameter `model`): the facts of all models take precedence.
    facts |= {name: value for name, value in own.items() if name not in {**facts, **of_all}}
    return {**facts, **of_all, "top_tokens": list(vocabulary.tokens[2:12])}


def _shown(value: object) -> str:
    if isinstance(value, bool) or value is None:
        return "none" if value is None else str(value).lower()
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.4g}"
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _draw(model: LanguageModel, curve: Mapping[str, Any] | None, path: Path) -> None:
    from lmkit.errors import ParameterError
    from lmkit.reporting.curve_plot import FORMATS, write_curve_plot
    from lmkit.reporting.zipf.plot import check_format

    if curve is None:
        raise ParameterError(f"{model.spec} was not trained in steps: it has no learning curve")
    check_format(path, FORMATS)
    o.check_output(path)
    tokens = int(model.vocabulary_.counts.sum())
    o.write_or_keep(
        path, lambda file: write_curve_plot(curve, file, tokens=tokens, title=model.spec)
    )
    o.note(f"wrote {path}")
