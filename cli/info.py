"""`lmkit info`: what a model file holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from lmkit.reporting import tables

from . import options as o


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
    if plot is not None:
        _draw(loaded, plot)
    vocabulary = loaded.vocabulary_
    facts = {
        "file": model,
        "bytes": Path(model).stat().st_size,
        "model": loaded.spec,
        **loaded.get_parameters(),
        **_decided(loaded),
        "normalize": loaded.normalize_,
        "sentences": loaded.sentences_,
        "outcomes": len(vocabulary),
        "training_tokens": int(vocabulary.counts.sum()),
        "training_unknown": int(vocabulary.counts[vocabulary.unk_id]),
        "parameters": loaded.parameters,
        "fit_seconds": loaded.fit_seconds_,
        "train_sha256": loaded.train_sha256_,
        **_of_mixture(loaded),
        "top_tokens": list(vocabulary.tokens[2:12]),
    }
    if output == "json":
        o.print_json({"schema": 1, **facts})
        return
    rows = [{"name": name, "value": _shown(value)} for name, value in facts.items()]
    if output == "csv":
        click.echo(tables.csv_table(rows))
        return
    columns = [tables.Column("name", "", right=False), tables.Column("value", "", right=False)]
    if output == "markdown":
        click.echo(tables.markdown_table(columns, rows))
    else:
        width = max(len(name) for name in facts)
        click.echo("\n".join(f"{row['name']:<{width}}  {row['value']}" for row in rows))


def _of_mixture(model: Any) -> dict[str, list[str]]:
    """Return what a mixture is made of, nothing for other models."""
    if not hasattr(model, "labels"):
        return {}
    weights = model.weights_.mean(axis=0).tolist()
    parts = zip(model.labels(), weights, strict=True)
    return {"components": [f"{weight:.3f}*{label}" for label, weight in parts]}


def _shown(value: object) -> str:
    if isinstance(value, bool) or value is None:
        return "none" if value is None else str(value).lower()
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.4g}"
    return " ".join(value) if isinstance(value, list) else str(value)


def _decided(model: Any) -> dict[str, Any]:
    """Return what a neural model chose for itself where its options left it open."""
    settings = getattr(model, "settings_", None)
    if settings is None:
        return {}
    given = model.get_parameters()
    return {
        name: value
        for name, value in settings.to_json().items()
        if name in given and given[name] is None and value is not None
    }


def _draw(model: Any, path: Path) -> None:
    from lmkit.errors import ParameterError
    from lmkit.reporting.curve_plot import check_curve_format, write_curve_plot

    history = getattr(model, "history_", None)
    if history is None:
        raise ParameterError(f"{model.spec} was not trained in steps: it has no learning curve")
    check_curve_format(path)
    o.check_output(path)
    tokens = int(model.vocabulary_.counts.sum())
    write_curve_plot(history, path, tokens=tokens, title=model.spec)
    o.note(f"wrote {path}")
