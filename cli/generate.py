"""`lmkit generate`: text drawn from a model."""

from __future__ import annotations

from typing import Any

import click

from . import options as o

INTERRUPTED = 130  # what shells call a program that Ctrl-C has ended


@click.command()
@click.argument("model")
@click.option("--prompt", default="", help="Text that the model reads first.")
@click.option(
    "--tokens",
    type=click.IntRange(0),
    default=50,
    show_default=True,
    help="How many tokens to draw.",
)
@click.option(
    "--temperature",
    type=float,
    default=1.0,
    show_default=True,
    help="Below 1 safer, above 1 wilder.",
)
@click.option("--top-k", type=click.IntRange(1), help="Draw from the K likeliest tokens.")
@click.option(
    "--top-p", type=float, help="Draw from the likeliest tokens that hold this much of the mass."
)
@click.option(
    "--beam",
    type=click.IntRange(1),
    help="Search for the most probable continuation, this many at a time; draw nothing.",
)
@click.option("--greedy", is_flag=True, help="Always take the likeliest token.")
@click.option(
    "--stop",
    type=click.Choice(["length", "sentence"]),
    default="length",
    show_default=True,
    help="Where to stop.",
)
@click.option("--allow-unk", is_flag=True, help="Also draw <unk>.")
@o.seed_option
def command(model: str, prompt: str, **options: Any) -> None:
    """Draw text from a model, shown token by token; Ctrl-C ends it.

    \b
    lmkit generate bigram.lmkit --tokens 30 --seed 1
    lmkit generate char-rnn.lmkit --prompt "the time" --tokens 200 --temperature 0.7
    lmkit generate word-rnn.lmkit --prompt "the time" --beam 8 --stop sentence
    """
    from lmkit.models.registry import load
    from lmkit.results.proper import improper

    loaded = load(model)
    if why := improper(loaded):
        o.note(f"Note: {why}; tokens are drawn in proportion to what it gives them.")
    pieces = loaded.generate_pieces(prompt, **options)
    try:
        for piece in pieces:
            click.echo(piece, nl=False)  # which shows each at once, through a pipe too
    except KeyboardInterrupt:
        click.echo()
        click.get_current_context().exit(INTERRUPTED)
    click.echo()
