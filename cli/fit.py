"""`lmkit fit`: a model from a text, into a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from . import options as o
from .convert import note_what_is_left_out


@click.command()
@click.option(
    "--model",
    "spec",
    required=True,
    metavar="SPEC",
    help="What to fit: NAME or NAME:option=value,...",
)
@o.corpus_argument
@click.option("--train", metavar="CORPUS", help="Training text, in place of CORPUS.")
@click.option("--valid", metavar="CORPUS", help="Validation text, for models that use one.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Model file, or ARPA file (.arpa, .arpa.gz). [default: NAME.lmkit]",
)
@o.vocabulary_options
@o.vocabulary_file_option
@o.training_options
@click.option(
    "--checkpoint",
    type=click.Path(path_type=Path),
    help="Neural models: keep the whole training run in this file, and go on from it if it is "
    "there.",
)
@click.option(
    "--log",
    type=click.Path(path_type=Path),
    help="Neural models: write how training goes to this file, a JSON object a line.",
)
@o.reading_options
@o.seed_option
@o.progress_option
def command(
    spec: str,
    corpus: str | None,
    train: str | None,
    valid: str | None,
    output: Path | None,
    vocabulary: Path | None,
    checkpoint: Path | None,
    log: Path | None,
    progress: bool | None,
    **options: Any,
) -> None:
    """Fit a model on a text and write it to a file.

    CORPUS is a catalogue name, a file, a folder with train/valid/test, or - for standard input;
    without one the embedded corpus is used. Of a corpus with parts the training part is used; a
    single file is used whole.

    \b
    lmkit fit --model bigram book.txt -o bigram.lmkit
    lmkit fit --model trigram:alpha=0.01 ptb
    lmkit fit --model kneser-ney:order=5 book.txt -o book.arpa.gz
    lmkit fit --model char-rnn:cell=lstm,hidden=256 --train a.txt --valid b.txt
    lmkit fit --model word-rnn ptb --budget 30m --checkpoint run.ckpt --log run.jsonl
    """
    from lmkit.models.files import names_arpa
    from lmkit.models.registry import create, open_options
    from lmkit.text.vocabulary import read_vocabulary

    if corpus and train:
        raise click.UsageError("give CORPUS or --train, not both")
    reading = o.reading(options)
    given = {**o.training(spec, options), **options}
    model = create(spec, **open_options(spec, given))
    target = output or Path(f"{model.name}.lmkit")
    o.check_output(target)
    if names_arpa(target):
        from lmkit.models.ngram.backoff import backoff_form

        backoff_form(model)  # fails now, not after a long fit
    traces = _traces(model, target, checkpoint, log)
    known = None if vocabulary is None else read_vocabulary(vocabulary)
    opened = o.open_corpus(train or corpus, reading)
    held_out = o.open_corpus(valid, reading) if valid else opened.valid
    if model.needs_validation and held_out is None:
        o.note("Note: no validation text; the last tenth of the training sentences is held out.")
    with o.progress_bar(progress) as show:
        model.fit(opened, valid=held_out, vocabulary=known, progress=show, **traces)
    if known is not None:
        _note_absent_words(model, vocabulary)
    o.write_or_keep(target, model.save)
    if checkpoint is not None:
        checkpoint.unlink(missing_ok=True)  # the saved model replaces it
    note_what_is_left_out(model, target)
    click.echo(
        f"{model.spec} fitted on {opened.train.name} in {model.fit_seconds_:.2f} s: "
        f"{len(model.vocabulary_):,} outcomes, {model.parameters:,} parameters; wrote {target}"
    )


def _note_absent_words(model: Any, vocabulary: Path | None) -> None:
    """Note how many words of a vocabulary file the training text lacks."""
    absent = (model.vocabulary_.counts[2:] == 0).nonzero()[0] + 2
    if len(absent):
        o.note(
            f"Note: {len(absent):,} of {len(model.vocabulary_) - 2:,} words in {vocabulary} are "
            f"not in the training text, such as {model.vocabulary_.token(int(absent[0]))!r}."
        )


def _traces(model: Any, target: Path, checkpoint: Path | None, log: Path | None) -> dict[str, Any]:
    """Return the paths of the checkpoint and the log that were given.

    Raises ParameterError for a model not trained in steps, WriteError for a path that cannot be
    written, UsageError for two options with the same path.
    """
    given = {"checkpoint": checkpoint, "log": log}
    traces = {name: path for name, path in given.items() if path is not None}
    taken = {target.resolve(): "output"}
    for name, path in traces.items():
        if not model.resumable:
            raise o.not_in_steps(name, model.name)
        o.check_output(path, appends=name == "log")
        other = taken.setdefault(path.resolve(), name)
        if other != name:
            raise click.UsageError(f"--{name} and --{other} are one file, {path}; name two")
    return traces
