"""What commands share: options taken apart, files checked, notes and progress."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

import lmkit
from lmkit.cli import options as o
from lmkit.errors import LmkitError, ParameterError
from tests.cli.commands import error_line, ok, run


def test_decorators_are_chained_the_first_outermost() -> None:
    def mark(letter: str) -> Any:
        return lambda function: lambda: letter + function()

    assert o.chain(mark("a"), mark("b"), mark("c"))(lambda: ".")() == "abc."


def test_reading_options_are_taken_out() -> None:
    names = ("normalize", "sentences", "documents", "encoding", "errors", "field")
    options: dict[str, Any] = {**dict.fromkeys(names), "unit": "char", "encoding": "latin-1"}
    assert o.reading(options) == {**dict.fromkeys(names), "encoding": "latin-1"}
    assert options == {"unit": "char"}


def test_training_options_are_for_models_trained_in_steps() -> None:
    none = dict.fromkeys(("budget", "epochs", "steps", "device", "threads"))
    assert o.training("bigram", {**none, "unit": None}) == none
    given = {**none, "epochs": 3, "threads": 1}
    assert o.training("char-rnn:hidden=8", dict(given)) == given
    for spec, remedy in (
        ("bigram:alpha=1", "--epochs is for models trained in steps; bigram is not one"),
        ("mixture", "make mixture of it with `lmkit mix`"),
        ("dynamic", "make dynamic of it with `lmkit adapt`"),
    ):
        with pytest.raises(ParameterError, match=remedy):
            o.training(spec, dict(given))


def test_help_has_the_choices_of_the_table_of_options() -> None:
    @click.command()
    @o.training_options
    def command(**options: Any) -> None:
        click.echo(str(options["epochs"]))

    shown = CliRunner().invoke(command, ["--help"]).stdout
    assert "--budget TIME" in shown
    refused = CliRunner().invoke(command, ["--epochs", "0"])
    assert refused.exit_code == 2
    assert CliRunner().invoke(command, ["--epochs", "2"]).stdout == "2\n"


def test_a_file_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    o.check_output(tmp_path / "m.lmkit")
    with pytest.raises(LmkitError, match="it is a folder; name a file in it"):
        o.check_output(tmp_path)
    with pytest.raises(LmkitError, match=r"there is no folder .*no; make it first"):
        o.check_output(tmp_path / "no" / "m.lmkit")


def test_a_note_names_the_model_that_knows_the_validation_text(
    capsys: pytest.CaptureFixture[str],
) -> None:
    train, other = (lmkit.Corpus.from_string(text, normalize="none") for text in ("a b\n", "b\n"))
    model = lmkit.fit("bigram", train)
    o.note_training_text([model], other, "it overfits")
    assert capsys.readouterr().err == ""
    o.note_training_text([model], train, "it overfits")
    told = capsys.readouterr().err
    assert "is the text that bigram was trained on, and so it overfits; give another" in told


@pytest.mark.parametrize(("wanted", "terminal"), [(False, True), (None, False)])
def test_progress_is_shown_where_it_is_wanted(
    monkeypatch: pytest.MonkeyPatch, wanted: bool | None, terminal: bool
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal, raising=False)
    with o.progress_bar(wanted) as show:
        assert show is None


def test_progress_is_drawn_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    with o.progress_bar(True) as show:
        assert show is not None
        show("scoring", 0.5)
    assert capsys.readouterr().out == ""


def test_a_value_with_a_comma_is_one_value(text: Path) -> None:
    result = run("fit", "--model", "word-rnn", "--budget", "1,5h", text)
    assert result.exit_code == 1
    last = result.stderr.splitlines()[-1]  # behind the note that a part is held out
    assert last == "Error: budget='1,5h'; give a duration such as 90s, 10m or 1.5h"


def test_model_files_have_a_default_name(text: Path) -> None:
    assert "dynamic.lmkit" in ok("adapt", "--help")
    assert "mixture.lmkit" in ok("mix", "--help")
    assert "folder" in error_line("mix", "x.lmkit", "--valid", text, "-o", text.parent)
