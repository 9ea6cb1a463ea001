"""`lmkit adapt`: a neural model that goes on learning from the text it scores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from . import options as o


@click.command()
@click.argument("model")
@click.option(
    "--valid",
    metavar="CORPUS",
    required=True,
    help="Text that the rate is to suit; of a corpus with parts, its validation part.",
)
@o.target_option("dynamic.lmkit")
@click.option(
    "--stretch",
    type=click.IntRange(1),
    default=20,
    show_default=True,
    help="Tokens after which the weights take a step.",
)
@click.option("--rate", type=float, help="How far a weight moves. [default: what suits --valid]")
@click.option(
    "--decay", type=float, default=0.002, show_default=True, help="How far it is drawn back."
)
@o.encoding_options
@o.progress_option
def command(
    model: str,
    valid: str,
    target: Path,
    stretch: int,
    rate: float | None,
    decay: float,
    progress: bool | None,
    **reading: Any,
) -> None:
    """Let a neural model go on learning from the text it scores (dynamic evaluation).

    Each stretch of a text is scored, then learned from. The weights start anew with every text.
    Scores of such a model are labelled in every table.

    \b
    lmkit adapt word-rnn.lmkit --valid ptb -o dynamic.lmkit
    """
    from lmkit.errors import ParameterError
    from lmkit.models.combined.dynamic import adapt
    from lmkit.models.files import names_arpa
    from lmkit.models.registry import load

    o.check_output(target)
    if names_arpa(target):
        raise ParameterError(f"{target}: a network has no backoff form; name a .lmkit file")
    loaded = load(model)
    text = o.open_corpus(valid, reading)
    with o.progress_bar(progress) as show:
        dynamic = adapt(loaded, text, stretch=stretch, rate=rate, decay=decay, progress=show)
    o.write_or_keep(target, dynamic.save)
    o.note_training_text([loaded], text, "the rate suits a text that the network knows by heart")
    click.echo(f"{dynamic.spec}: rate {dynamic.rate_:g}; wrote {target}")
