"""`lmkit vocab`: the vocabulary of a text."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lmkit import tables

from . import options as o

if TYPE_CHECKING:
    from lmkit.text.corpus import Text
    from lmkit.text.encoding import LearnedText


@click.command()
@o.corpus_argument
@click.option(
    "-o",
    "--output",
    "target",
    type=click.Path(path_type=Path),
    help="Write the vocabulary as JSON.",
)
@click.option(
    "--test",
    metavar="CORPUS",
    help="Second text, for the OOV rate. [default: the corpus's own test part]",
)
@click.option(
    "--top", type=click.IntRange(0), default=20, show_default=True, help="How many tokens to list."
)
@o.vocabulary_options
@o.reading_options
@o.format_option
def command(
    corpus: str | None,
    target: Path | None,
    test: str | None,
    top: int,
    output: str,
    unit: str | None,
    min_count: int | None,
    max_size: int | None,
    **options: Any,
) -> None:
    """Count a text's vocabulary: its size, its most frequent tokens, the OOV rate elsewhere.

    Of a corpus with parts the training part is counted.

    \b
    lmkit vocab book.txt --top 10
    lmkit vocab ptb -o vocab.json --min-count 2
    lmkit vocab book.txt --unit char --test other.txt
    """
    from lmkit.text.encoding import learn_text

    reading = o.reading(options)
    if target:
        o.check_output(target)
    opened = o.open_corpus(corpus, reading)
    learned = learn_text(opened.train, unit or "word", min_count=min_count or 1, max_size=max_size)
    facts = _facts(learned, unit or "word")
    second = o.open_corpus(test, reading).held_out if test else opened.test
    if second is not None:
        facts["second_text"] = _second(learned, second, unit or "word")
    if target:
        o.write_or_keep(target, learned.vocabulary.save)
    _print(facts, learned, top, output)
    if target:
        o.note(f"wrote {target}")


def _facts(learned: LearnedText, unit: str) -> dict[str, Any]:
    vocabulary, counts = learned.vocabulary, learned.vocabulary.counts
    tokens = int(counts.sum() - counts[vocabulary.eos_id])
    return {
        "unit": unit,
        "outcomes": len(vocabulary),
        "types": len(vocabulary) - 2,
        "tokens": tokens,
        "sentence_ends": int(counts[vocabulary.eos_id]),
        "unknown": int(counts[vocabulary.unk_id]),
        "hapaxes": int((counts[2:] == 1).sum()),
    }


def _second(learned: LearnedText, text: Text, unit: str) -> dict[str, Any]:
    from lmkit.text.encoding import encode_text

    ids = encode_text(text, unit, learned.vocabulary)
    tokens = int((ids != learned.vocabulary.eos_id).sum())
    oov = int((ids == learned.vocabulary.unk_id).sum())
    rate = oov / tokens if tokens else 0.0
    return {"name": text.name, "tokens": tokens, "oov": oov, "oov_rate": rate}


def _print(facts: dict[str, Any], learned: LearnedText, top: int, output: str) -> None:
    vocabulary = learned.vocabulary
    total = max(int(facts["tokens"]), 1)
    rows = [
        {"id": index, "token": vocabulary.tokens[index], "count": count, "share": count / total}
        for index, count in enumerate(vocabulary.counts[: top + 2].tolist())
        if index >= 2
    ]
    if output == "json":
        o.print_json({"schema": 1, "corpus": learned.summary.to_dict(), **facts, "top": rows})
        return
    if output == "csv":
        click.echo(tables.csv_table(rows, header=("id", "token", "count", "share")))
        return
    click.echo(
        f"{learned.summary.name}: {facts['types']:,} types in {facts['tokens']:,} {facts['unit']} "
        f"tokens and {facts['sentence_ends']:,} sentence ends; {facts['hapaxes']:,} types occur "
        f"once; {facts['unknown']:,} tokens are <unk>; {facts['outcomes']:,} outcomes"
    )
    if "second_text" in facts:
        second = facts["second_text"]
        click.echo(
            f"{second['name']}: {second['oov']:,} of {second['tokens']:,} tokens are not in the "
            f"vocabulary ({100 * second['oov_rate']:.2f}%)"
        )
    if rows:
        columns = [
            tables.Column("id", "id", tables.whole),
            tables.Column("token", "token", repr_token, right=False),
            tables.Column("count", "count", tables.whole),
            tables.Column("share", "%", lambda share: f"{100 * share:.2f}"),
        ]
        click.echo("\n" + tables.text_table(columns, rows, output))


def repr_token(token: str) -> str:
    """Return the token, as a Python literal if it is white space or unprintable."""
    return token if token.isprintable() and not token.isspace() else repr(token)
