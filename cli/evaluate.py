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
@click.option(
    "--train",
    metavar="CORPUS",
    help="Training text of models that do not know theirs (ARPA): to spell unknown words, and to "
    "see whether it holds the test text.",
)
@o.context_option
@o.documents_option
@o.encoding_options
@o.seed_option
@o.format_option
@o.progress_option
def command(
    models: tuple[str, ...],
    test: str | None,
    train: str | None,
    context: str | None,
    output: str,
    progress: bool | None,
    **options: Any,
) -> None:
    """Score a text with fitted models, each through its own normaliser and sentence rule.

    Perplexities are those of the model's vocabulary, unknown words counted as <unk>; bits a byte
    and perplexities a word are of the whole text, unknown words spelled. Numbers of a model whose
    outcomes do not sum to one are marked with †: they are no perplexities.

    \b
    lmkit evaluate bigram.lmkit --test other.txt
    lmkit evaluate bigram.lmkit trigram.lmkit --test ptb --format json
    """
    from lmkit.evaluation.comparable import check_one_text
    from lmkit.evaluation.completion import Spellers
    from lmkit.evaluation.leakage import leakage_remarks
    from lmkit.evaluation.measuring import measure_all, report_dict, scope_remark, tally_all
    from lmkit.models.registry import load
    from lmkit.results.proper import MARK, remarks

    from .results import check_events, print_results

    options.pop("seed")  # nothing is random here; the shared options include it
    loaded = [load(path) for path in models]
    text = o.open_corpus(test, options).held_out
    source = o.open_corpus(train, options).train if train else None
    with o.progress_bar(progress) as show:
        tallies = tally_all(loaded, text, spellers=Spellers(source), context=context, progress=show)
    check_one_text(tallies)
    check_events(tallies[0])
    for tally in tallies:
        if not tally.is_open:
            o.note(
                f"Note: {tally.model} leaves {tally.oov_count:,} unknown words unspelled; give "
                "its training text with --train to have bits a byte of the whole text."
            )
    unranked = {"rank": None, "tied_with": None}
    measured = measure_all(loaded, tallies)
    results = [{**unranked, **each.to_dict()} for each in measured]
    summary = tallies[0].summary
    leaking = leakage_remarks(tallies, [tally.model for tally in tallies])
    said = [scope_remark(measured[0]), *leaking, *remarks(tallies, mark=MARK)]
    print_results(summary, report_dict(summary, results), output, remarks=said)
