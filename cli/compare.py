"""`lmkit compare`: models of all kinds, ranked on one text."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import options as o

if TYPE_CHECKING:
    from lmkit.evaluation.comparison import Comparison
    from lmkit.text.corpus import Corpus

DEFAULT_MODELS = (
    "uniform",
    "unigram",
    "bigram",
    "trigram",
    "trigram:alpha=0.003",
    "kneser-ney:order=5",
    "word-rnn",
    "char-rnn",
)


@click.command()
@click.option(
    "--model",
    "specs",
    multiple=True,
    metavar="SPEC_OR_FILE",
    help="A model to fit, or a model file; repeat it. [default: eight models]",
)
@o.corpus_argument
@click.option("--train", metavar="CORPUS", help="Training text, in place of CORPUS.")
@click.option("--valid", metavar="CORPUS", help="Validation text.")
@click.option("--test", metavar="CORPUS", help="Test text.")
@click.option(
    "--ledger",
    "ledgers",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Scores of another tool (.jsonl, .parquet), or the folder of a causal language model of "
    "Hugging Face's transformers; repeat it.",
)
@click.option("--why", is_flag=True, help="Also split the difference of the first two models.")
@click.option(
    "--report",
    type=click.Path(path_type=Path),
    help="Also write a page with tables and pictures (.html).",
)
@click.option(
    "--curve",
    is_flag=True,
    help="With --report: also fit the counting models on growing parts of the training text.",
)
@o.context_option
@o.vocabulary_options
@o.reading_options
@o.seed_option
@o.format_option
@o.progress_option
def command(
    specs: tuple[str, ...],
    ledgers: tuple[Path, ...],
    why: bool,
    report: Path | None,
    curve: bool,
    context: str | None,
    output: str,
    progress: bool | None,
    **options: Any,
) -> None:
    """Fit or load several models and rank them on one text, by bits for each byte.

    CORPUS is a catalogue name, a file, a folder with train/valid/test, or - for standard input;
    without one the embedded corpus is used. A single file is cut into 80% train, 10% valid and
    10% test.

    Unknown words are spelled letter by letter, so that models of all units and vocabularies are
    ranked by what they make of the same string. Ranks that the text cannot decide are shown as a
    range. The training text also serves to spell for models that do not know theirs (ARPA files,
    ledgers).

    \b
    lmkit compare
    lmkit compare ptb --report ptb.html
    lmkit compare --model bigram --model trigram:alpha=0.01 book.txt
    lmkit compare --model bigram.lmkit --model word-rnn --train a.txt --valid b.txt --test c.txt
    """
    from lmkit.evaluation.calibration import EVENTS
    from lmkit.evaluation.comparison import compare
    from lmkit.models.registry import as_model, names_file
    from lmkit.reporting.findings import findings

    if curve and report is None:
        raise click.UsageError("--curve goes with --report")
    if report is not None:
        o.check_output(report)
    chosen = specs or (() if ledgers else DEFAULT_MODELS)
    # The corpus is opened first: importing a network's module takes seconds.
    opened = _open_parts(options, fit=any(not names_file(spec) for spec in chosen))
    models = [as_model(spec, **options) for spec in chosen]
    unfitted = [model for model in models if not model.is_fitted]
    growing = [model.spec for model in unfitted if curve and not model.needs_validation]
    with o.progress_bar(progress) as show:
        comparison = compare(
            models,
            opened,
            train=None if opened.train is opened.held_out else opened,
            ledgers=ledgers,
            context=context,
            explain=why or report is not None,
            calibration_events=EVENTS if report is not None else 0,
            seed=options["seed"] or 0,
            progress=show,
        )
    remarks = findings(comparison)
    _print(comparison, remarks, output, why=why)
    if report is not None:
        _write_report(comparison, report, remarks, growing, opened)


def _print(comparison: Comparison, remarks: Sequence[str], output: str, *, why: bool) -> None:
    """Print a comparison; with `why`, also decompose the difference of the first two models.

    There is no decomposition where one of them gives an event probability 0.
    """
    from .results import print_difference, print_results

    printed = comparison.to_dict()
    first = comparison.ledgers[:2]
    difference = None
    if why and len(first) == 2 and not any(ledger.impossible for ledger in first):
        difference = comparison.decompose()
        printed["decomposition"] = difference.to_dict(comparison.labels)
    print_results(comparison.summary, printed, output, remarks=remarks)
    if difference is not None and output in ("table", "markdown"):
        print_difference(difference, comparison.labels, output)


def _write_report(
    comparison: Comparison,
    report: Path,
    remarks: Sequence[str],
    growing: Sequence[str],
    corpus: Corpus,
) -> None:
    """Write the HTML report, with learning curves of the model specs in `growing`."""
    from lmkit.evaluation.curve import learning_curve
    from lmkit.reporting.report import write_report

    curve = learning_curve(growing, corpus) if growing else None
    o.write_or_keep(
        report,
        lambda path: write_report(
            comparison,
            path,
            command=shlex.join(["lmkit", *sys.argv[1:]]),
            curve=curve,
            remarks=remarks,
            seed=comparison.seed,
        ),
    )
    o.note(f"Wrote {report}.")


def _open_parts(options: dict[str, Any], *, fit: bool) -> Corpus:
    """Take the corpus and reading options out of a command's options; return the corpus."""
    named = {part: options.pop(part) for part in ("corpus", "train", "valid", "test")}
    return _parts(**named, reading=o.reading(options), fit=fit)


def _parts(
    corpus: str | None,
    train: str | None,
    valid: str | None,
    test: str | None,
    *,
    reading: dict[str, Any],
    fit: bool,
) -> Corpus:
    """Return the corpus with the given parts; `fit` also splits a single file for training."""
    from lmkit.evaluation.comparison import with_test_part
    from lmkit.text.corpus import Corpus

    if corpus and train:
        raise click.UsageError("give CORPUS or --train, not both")
    if test is None:
        if train or valid:
            raise click.UsageError("--train and --valid need --test")
        opened: Corpus = o.open_corpus(corpus, reading)
        return with_test_part(opened) if fit else opened
    text = o.open_corpus(test, reading).held_out
    if not fit and not (train or corpus):
        return Corpus(text.name, text)
    source = o.open_corpus(train or corpus, reading)
    named = o.open_corpus(valid, reading) if valid else None
    validation = source.valid if named is None else named.valid or named.held_out
    return Corpus(text.name, source.train, validation, text)
