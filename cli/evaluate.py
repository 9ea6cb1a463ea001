"""`lmkit evaluate`: the perplexity of fitted models on a text."""

from __future__ import annotations

from typing import Any

import click

from . import options as o


@click.command()
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@click.option(
    "--test",
    metavar="CORPUS",
    help="Text to score; of a corpus with parts, its test part. [default: the embedded corpus]",
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
@o.progress_option
def command(
    models: tuple[str, ...], test: str | None, output: str, progress: bool | None, **reading: Any
) -> None:
    """Score a text with fitted models, each through its own normaliser and sentence rule.

    \b
    lmkit evaluate bigram.lmkit --test other.txt
    lmkit evaluate bigram.lmkit trigram.lmkit --test ptb --format json
    """
    from lmkit.evaluation.comparison import check_one_text
    from lmkit.models.registry import load

    from .results import print_results

    loaded = [load(path) for path in models]
    text = o.open_corpus(test, {"normalize": None, "sentences": None, **reading}).held_out
    with o.progress_bar(progress) as show:
        ledgers = [model.score(text, progress=show) for model in loaded]
    check_one_text(ledgers)
    for ledger in ledgers:
        if ledger.train_sha256 == ledger.summary.sha256:
            o.note(f"Note: {ledger.summary.name} is the text that {ledger.model} was trained on.")
    print_results(
        ledgers[0].summary, [{"rank": None, **ledger.to_dict()} for ledger in ledgers], output
    )
