"""`lmkit convert`: a model file to an ARPA file, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from . import options as o


@click.command()
@click.argument("model")
@click.argument("output", type=click.Path(path_type=Path), metavar="OUT.arpa|OUT.lmkit")
@click.option(
    "--normalize",
    metavar="NAME",
    help="Of an ARPA file: how its text was normalised. [default: none]",
)
@click.option(
    "--sentences",
    type=click.Choice(["line", "paragraph", "none"]),
    help="Of an ARPA file: what ended a sentence. [default: line]",
)
@click.option(
    "--unit",
    type=click.Choice(["word", "char", "byte"]),
    help="Of an ARPA file: what its words are. [default: word]",
)
@click.option(
    "--context",
    type=click.Choice(["sentence", "stream"]),
    help="Of an ARPA file: whether contexts run on across sentence ends. [default: sentence]",
)
@click.option("--encoding", help="Of an ARPA file. [default: utf-8]")
@o.progress_option
def command(model: str, output: Path, progress: bool | None, **rules: Any) -> None:
    """Convert a model file to an ARPA file, or an ARPA file to a model file.

    The name of OUT says which: .arpa, .arpa.gz, .arpa.xz and .arpa.zst are ARPA files, which
    KenLM, SRILM and others read. A model file also keeps how a text must be prepared, and opens at
    once, however large it is; an ARPA file holds words and numbers alone.

    \b
    lmkit convert kneser-ney.lmkit kneser-ney.arpa.gz
    lmkit convert from-kenlm.arpa from-kenlm.lmkit
    lmkit convert from-kenlm.arpa from-kenlm.lmkit --normalize words
    """
    from lmkit.models.files import names_arpa
    from lmkit.models.ngram.arpa.names import is_arpa
    from lmkit.models.registry import load
    from lmkit.text.source import seekable

    file = seekable(model)
    if not is_arpa(file) and not names_arpa(output):
        raise click.UsageError(f"neither {model} nor {output} is an ARPA file; name one .arpa")
    given = {name: value for name, value in rules.items() if value is not None}
    if given and not is_arpa(file):
        option = next(iter(given))
        raise click.UsageError(f"--{option} is for ARPA files; {model} knows its own {option}")
    o.check_output(output)
    with o.progress_bar(progress) as show:
        if is_arpa(file):
            from lmkit.models.ngram.arpa.files import load_arpa

            loaded: Any = load_arpa(file, name=model, progress=show, **given)
        else:
            loaded = load(file)
        if names_arpa(output):
            from lmkit.models.ngram.arpa.writer import save_arpa
            from lmkit.models.ngram.backoff import backoff_form

            form = backoff_form(loaded)
            o.write_or_keep(output, lambda path: save_arpa(form, path, progress=show))
        else:
            o.write_or_keep(output, loaded.save)
    tables = loaded.tables_
    orders = ", ".join(f"{tables.trie.size(k):,} {k}-grams" for k in range(1, tables.order + 1))
    size = output.stat().st_size
    click.echo(f"{model}: {orders}; wrote {output} ({size:,} bytes)")
    note_what_is_left_out(loaded, output)


def note_what_is_left_out(model: Any, path: Path) -> None:
    """Note the preprocessing that an ARPA file cannot record, where it is not the default."""
    from lmkit.models.files import names_arpa

    rules = {
        "normalize": (model.normalize_, "none"),
        "sentences": (model.sentences_, "line"),
        "unit": (model.unit, "word"),
        "context": (model.context, "sentence"),
    }
    lost = [f"{name}={value}" for name, (value, usual) in rules.items() if value != usual]
    if lost and names_arpa(path):
        o.note(
            f"Note: an ARPA file does not say {', '.join(lost)}; prepare texts that way, or name "
            "it when you convert back."
        )
