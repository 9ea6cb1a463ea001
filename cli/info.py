"""`lmkit info`: what a model file holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from lmkit.reporting import tables

from . import options as o


@click.command()
@click.argument("model")
@o.format_option
def command(model: str, output: str) -> None:
    """Show what a model file holds: hyper-parameters, vocabulary, training text.

    \b
    lmkit info bigram.lmkit
    """
    from lmkit.models.registry import load

    loaded = load(model)
    vocabulary = loaded.vocabulary_
    facts = {
        "file": model,
        "bytes": Path(model).stat().st_size,
        "model": loaded.spec,
        **loaded.get_parameters(),
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
