"""`lmkit compare`: models of all kinds, ranked on one text."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import options as o

if TYPE_CHECKING:
    from lmkit.evaluation.curve import LearningCurve
    from lmkit.models.base import LanguageModel
    from lmkit.results.ledger import SurprisalLedger
    from lmkit.text.corpus import Corpus, Text

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
    corpus: str | None,
    train: str | None,
    valid: str | None,
    test: str | None,
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
    from lmkit.evaluation.comparable import not_ranked
    from lmkit.evaluation.comparison import compare
    from lmkit.reporting.findings import findings
    from lmkit.results.proper import improper

    from .results import print_difference, print_results

    if curve and report is None:
        raise click.UsageError("--curve goes with --report")
    if report is not None:
        o.check_output(report)
    seed = options["seed"] or 0
    wanted = specs or (() if ledgers else DEFAULT_MODELS)
    reading = o.reading(options)
    prepared = [_prepared(spec, options) for spec in wanted]
    for model in prepared:  # before the others are fitted
        if reason := improper(model):
            raise not_ranked(reason)
    loaded = [model.spec for model in prepared if model.is_fitted]
    opened = _parts(corpus, train, valid, test, reading, fit=len(loaded) < len(prepared))
    text = opened.held_out
    with o.progress_bar(progress) as show:
        for place, model in enumerate(prepared):
            if not model.is_fitted:
                model.fit(opened, progress=_within(show, model.spec, place, len(prepared)))
        learning = _curve(prepared, loaded, opened) if curve else None
        comparison = compare(
            prepared,
            text,
            train=opened.train if opened.train is not text else None,
            ledgers=[_foreign(path, text) for path in ledgers],
            context=context,
            explain=why or report is not None,
            calibration_events=EVENTS if report is not None else 0,
            seed=seed,
            progress=show,
        )
    remarks = findings(comparison)
    printed = comparison.to_dict()
    parted = len(comparison.models) > 1 and not any(
        row.impossible for row in comparison.ledgers[:2]
    )
    difference = comparison.decompose() if why and parted else None
    if difference is not None:
        printed["decomposition"] = difference.to_dict(comparison.labels)
    print_results(comparison.summary, printed, output, remarks=remarks)
    if difference is not None and output in ("table", "markdown"):
        print_difference(difference, comparison.labels, output)
    if report is not None:
        from lmkit.reporting.report import write_report

        typed = shlex.join(["lmkit", *sys.argv[1:]])
        write_report(
            comparison,
            report,
            command=typed,
            models=prepared,
            curve=learning,
            remarks=remarks,
            seed=seed,
        )
        o.note(f"Wrote {report}.")


def _prepared(spec: str, options: dict[str, Any]) -> LanguageModel:
    """Return the model of a spec, unfitted, or that of a file."""
    from lmkit.models.registry import create, load, names

    if spec.partition(":")[0] not in names() and (Path(spec).exists() or spec.endswith(".lmkit")):
        return load(spec)
    return create(o.with_options(spec, **options))


def _curve(models: Sequence[LanguageModel], loaded: Sequence[str], corpus: Corpus) -> LearningCurve:
    """Return the learning curves of the counting models that were fitted here."""
    from lmkit.evaluation.curve import learning_curve

    fitted = [model for model in models if model.spec not in loaded]
    counting = [model.spec for model in fitted if not model.needs_validation]
    return learning_curve(counting, corpus)


def _foreign(path: Path, text: Text) -> SurprisalLedger:
    """Return the ledger of a text in a file, or by a model in a folder."""
    if path.is_dir():
        from lmkit.evaluation.huggingface import score_huggingface

        return score_huggingface(path, text)
    from lmkit.results.ledger_files import read_ledger

    return read_ledger(path, text)


def _parts(
    corpus: str | None,
    train: str | None,
    valid: str | None,
    test: str | None,
    reading: dict[str, Any],
    *,
    fit: bool,
) -> Corpus:
    """Return the corpus with the parts that the arguments name, cut from one file if need be."""
    from lmkit.text.corpus import Corpus

    if corpus and train:
        raise click.UsageError("give CORPUS or --train, not both")
    if test is None:
        if train or valid:
            raise click.UsageError("--train and --valid need --test")
        opened: Corpus = o.open_corpus(corpus, reading)
        if opened.test is not None:
            return opened
        return opened.split() if fit else opened
    text = o.open_corpus(test, reading).held_out
    if not fit and not (train or corpus):
        return Corpus(text.name, text)
    source = o.open_corpus(train or corpus, reading)
    named = o.open_corpus(valid, reading) if valid else None
    validation = source.valid if named is None else named.valid or named.held_out
    return Corpus(text.name, source.train, validation, text)


def _within(
    show: Callable[[str, float], None] | None, spec: str, place: int, total: int
) -> Callable[[str, float], None] | None:
    """Return a progress function for one model's share of the whole."""
    if show is None:
        return None

    def part(what: str, fraction: float) -> None:
        show(f"{spec}: {what}", (place + fraction) / (total + 1))

    part("fitting", 0.0)
    return part
