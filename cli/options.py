"""Options that several commands share, and the values made of them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import click

from lmkit.tables import FORMATS, to_json

from .streams import holds_unicode

if TYPE_CHECKING:
    from lmkit.errors import LmkitError
    from lmkit.models.base import LanguageModel
    from lmkit.text.corpus import Corpus
    from lmkit.types import Progress

F = TypeVar("F", bound=Callable[..., Any])

# Written out here so that `lmkit COMMAND --help` imports no text machinery.
_UNITS = ("word", "char", "byte")
_SENTENCES = ("line", "paragraph", "none")


def chain(*decorators: Callable[[F], F]) -> Callable[[F], F]:
    """Compose decorators into one; the first is the outermost."""

    def apply(function: F) -> F:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return apply


corpus_argument = click.argument("corpus", required=False, metavar="[CORPUS]")

encoding_options = chain(
    click.option("--encoding", default="utf-8", show_default=True, help="Encoding of files."),
    click.option(
        "--errors",
        type=click.Choice(["strict", "replace", "ignore"]),
        default="strict",
        show_default=True,
        help="What to do with bytes that are not valid in the encoding.",
    ),
    click.option(
        "--field",
        metavar="NAME",
        help="Field of JSON lines (.jsonl, .ndjson) that holds the text. [default: text]",
    ),
)

documents_option = click.option(
    "--documents",
    metavar="file|blank|line|REGEX",
    help="What a document is: a file, what stands between blank lines, a line, or what a line that "
    "the REGEX is found in begins. [default: rows of JSON lines, files where there are several]",
)

reading_options = chain(
    click.option(
        "--normalize",
        metavar="NAME",
        help="Normaliser: none, lower, letters, words, nfkc, composed with +. "
        "[default: the catalogue's, for files words]",
    ),
    click.option(
        "--sentences",
        type=click.Choice(_SENTENCES),
        help="What ends a sentence. [default: the catalogue's, for files line]",
    ),
    documents_option,
    encoding_options,
)

context_option = click.option(
    "--context",
    type=click.Choice(["sentence", "document", "stream"]),
    help="Where a model's state is reset: after each sentence end, at each document, or "
    "never. [default: the model's own]",
)

vocabulary_options = chain(
    click.option(
        "--unit", type=click.Choice(_UNITS), help="What a token is. [default: the model's]"
    ),
    click.option("--min-count", type=click.IntRange(1), help="Rarer types become <unk>."),
    click.option("--max-size", type=click.IntRange(1), help="Keep this many types at most."),
)

_TRAINING = ("budget", "epochs", "steps", "device", "threads")


def training_options(function: F) -> F:
    """Add the training options of neural models, from `lmkit.models.rnn.options.OPTIONS`."""
    from lmkit.models.rnn.options import OPTIONS

    for name in reversed(_TRAINING):
        row = OPTIONS[name]
        kinds: dict[str, Any] = {"metavar": "TIME"} if name == "budget" else {}
        if row.ranges:
            kinds["type"] = click.IntRange(row.ranges[0].least)
        elif choices := get_args(row.type) if row.default is not None else ():
            kinds["type"] = click.Choice(choices)
        default = "" if row.default is None else f" [default: {row.default}]"
        help_text = f"Neural models: {row.help}.{default}"
        function = click.option(f"--{name}", help=help_text, **kinds)(function)
    return function


format_option = click.option(
    "--format",
    "output",
    type=click.Choice(FORMATS),
    default="table",
    show_default=True,
    help="How results are printed.",
)


def target_option(default: str) -> Callable[[F], F]:
    """Return the ``--output`` option of a command that writes a model file."""
    kind = click.Path(path_type=Path)
    return click.option("-o", "--output", "target", type=kind, default=default,
                        show_default=True, help="Model file.")  # fmt: skip


vocabulary_file_option = click.option(
    "--vocabulary",
    type=click.Path(path_type=Path),
    help="Types to know: a file of `lmkit vocab -o`, or words by white space. Others are <unk>.",
)

progress_option = click.option(
    "--progress/--no-progress",
    default=None,
    help="Show progress on stderr. [default: only on a terminal]",
)

seed_option = click.option("--seed", type=int, help="Seed of everything random.")


def open_corpus(where: str | None, reading: dict[str, Any]) -> Any:
    """Open a corpus by catalogue name or path; the embedded one for None."""
    from lmkit.text.corpus import DEFAULT_CORPUS, Corpus

    return Corpus.open(where or DEFAULT_CORPUS, **reading)


def reading(options: dict[str, Any]) -> dict[str, Any]:
    """Remove the reading options from `options` and return them."""
    names = ("normalize", "sentences", "documents", "encoding", "errors", "field")
    return {name: options.pop(name) for name in names}


def training(spec: str, options: dict[str, Any]) -> dict[str, Any]:
    """Remove the training options from `options` and return them.

    Raises ParameterError where one is given and the spec's model does not train in steps.
    """
    from lmkit.models.registry import model_class

    given = {name: options.pop(name) for name in _TRAINING}
    name = spec.partition(":")[0]
    known = model_class(name).parameter_defaults()
    for option, value in given.items():
        if value is not None and option not in known:
            raise not_in_steps(option, name)
    return given


def not_in_steps(option: str, name: str) -> LmkitError:
    """Return the error for a training option that the model `name` lacks."""
    from lmkit.errors import ParameterError

    command = {"dynamic": "adapt", "mixture": "mix"}.get(name)
    if command is None:
        return ParameterError(f"--{option} is for models trained in steps; {name} is not one")
    return ParameterError(
        f"--{option} is for a network by itself; fit that with --{option}, and make {name} of it "
        f"with `lmkit {command}`"
    )


def note(message: str) -> None:
    """Print a message on stderr."""
    click.echo(message, err=True)


def print_json(value: Any) -> None:
    """Print strict JSON on stdout, escaped to ASCII unless stdout takes all of Unicode."""
    click.echo(to_json(value, ascii_only=not holds_unicode()))


def note_training_text(models: Sequence[LanguageModel], corpus: Corpus, harm: str) -> None:
    """Note each model that was trained on the validation text; `harm` names the consequence.

    The models must share their normaliser and sentence rule.
    """
    rules = {"normalize": models[0].normalize_, "sentences": models[0].sentences_}
    own = (corpus.valid or corpus.held_out).under(**rules)
    for model in models:
        if model.train_sha256_ == own.summary.sha256:
            note(
                f"Note: {own.name} is the text that {model.spec} was trained on, and so {harm}; "
                "give another text with --valid."
            )


def check_output(path: Path, *, appends: bool = False) -> None:
    """Raise WriteError if a file cannot be written; called before long computations.

    With `appends` the file may be a device, such as a terminal.
    """
    from lmkit.errors import WriteError
    from lmkit.storage import check_writable

    if path.is_dir():
        raise WriteError(f"cannot write {path}: it is a folder; name a file in it")
    if not path.parent.is_dir():
        raise WriteError(f"cannot write {path}: there is no folder {path.parent}; make it first")
    if not appends:
        check_writable(path)


def write_or_keep(path: Path, write: Callable[[Path], object]) -> None:
    """Call ``write(path)``; if that fails, write to a new folder in a temporary directory.

    Raises WriteError then too; its message names the file that was written instead.
    """
    import tempfile

    from lmkit.errors import WriteError

    try:
        write(path)
    except WriteError as error:
        problem = str(error).partition("; ")[0]
        for folder in (tempfile.gettempdir(), Path.cwd(), Path.home()):
            try:
                made = Path(tempfile.mkdtemp(prefix="lmkit-", dir=folder))
            except OSError:
                continue
            kept = made / path.name
            try:
                write(kept)
            except OSError:
                made.rmdir()
                continue
            raise WriteError(f"{problem}; it is kept as {kept}, move it from there") from None
        raise


@contextmanager
def progress_bar(wanted: bool | None) -> Iterator[Progress | None]:
    """Yield a progress function that draws a bar on stderr, or None if it is off.

    With `wanted` None the bar is on if stderr is a terminal.
    """
    if wanted is None:
        wanted = sys.stderr.isatty()
    if not wanted:
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(bar_width=20), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=1.0)

        def show(what: str, fraction: float) -> None:
            bar.update(task, description=what, completed=fraction)

        yield show
