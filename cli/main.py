"""The `lmkit` command: a group whose commands are imported when they are used."""

from __future__ import annotations

import atexit
import gc
import os
import sys
import warnings
from importlib import import_module
from typing import Any

import click

from lmkit import __version__
from lmkit.errors import LmkitError

from . import streams

# Every command is a module of this package; its help line is repeated here so that `lmkit --help`
# imports none of them.
COMMANDS = {
    "corpora": "List the catalogue of corpora, show one, or fetch it.",
    "vocab": "Count a text's vocabulary.",
    "fit": "Fit a model on a text and write it to a file.",
    "evaluate": "Score a text with fitted models.",
    "compare": "Fit or load several models and rank them on one text.",
    "curve": "Fit models on growing parts of a text and score each on the same test text.",
    "score": "Show the surprisal of each token or sentence of a text.",
    "generate": "Draw text from a model.",
    "zipf": "Measure Zipf's law in texts.",
    "mix": "Mix fitted models, and caches, by weights that suit a validation text.",
    "adapt": "Let a neural model go on learning from the text it scores.",
    "convert": "Convert a model file to an ARPA file, or an ARPA file to a model file.",
    "prune": "Prune an n-gram model by relative entropy and write it to a file.",
    "info": "Show what a model file holds.",
}


class LazyGroup(click.Group):
    """A group that imports a command's module when the command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"lmkit.cli.{cmd_name}").command
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        from lmkit.errors import did_you_mean

        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            ctx.fail(f"no command {args[0]!r}{did_you_mean(args[0], COMMANDS)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; an LmkitError becomes one line on stderr and exit status 1."""
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            try:
                return super().invoke(ctx)
            except LmkitError as error:
                raise click.ClickException(str(error)) from error
            except MemoryError:
                raise click.ClickException(
                    "out of memory; take a smaller text, a lower order or --min-count"
                ) from None
            except OSError as error:
                if isinstance(error, BrokenPipeError):
                    # The reader (head, less) closed the pipe: stop quietly, without a flush.
                    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
                    ctx.exit(0)
                where = f" {error.filename}" if error.filename else ""
                raise click.ClickException(f"{error.strerror or error}{where}") from error


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    click.echo(f"Note: {message}", err=True)


@click.group(name="lmkit", cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="lmkit")
def cli() -> None:
    """Fit language models to a text and rank them by perplexity, honestly.

    \b
    lmkit compare                              models of several kinds, ranked on the embedded text
    lmkit fit --model bigram book.txt -o m.lmkit
    lmkit evaluate m.lmkit --test other.txt
    """


def main() -> None:
    """Run the command line and exit the process."""
    # Imports create many long-lived objects; frequent garbage collection would only rescan them.
    gc.set_threshold(100_000, 20, 20)
    streams.prepare()
    if any(option.startswith("error") for option in sys.warnoptions):
        # UserWarnings are part of the output; other warnings are for developers.
        warnings.resetwarnings()
        warnings.simplefilter("ignore")
        warnings.simplefilter("default", UserWarning)
    status: Any = 0
    try:
        cli.main(prog_name="lmkit")
    except SystemExit as stop:
        status = stop.code or 0
    if note := streams.note_of_losses():
        click.echo(note, err=True)
    _leave(status)


def _leave(status: Any) -> None:
    """Exit without the interpreter's teardown, which takes about a tenth of a second."""
    if isinstance(status, int):
        atexit._run_exitfuncs()
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        except OSError:
            sys.exit(status)  # the normal exit reports the failed write
        os._exit(status)
    sys.exit(status)
