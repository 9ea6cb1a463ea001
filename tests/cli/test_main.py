"""The group of commands: help, errors in one line, and the process."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import warnings
from pathlib import Path

import click
import pytest

import lmkit
from lmkit.cli.main import COMMANDS, cli
from tests.cli.commands import PROCESS, TEXT, error_line, lmkit_process, ok, run


def test_help_lists_every_command_with_the_sentence_of_its_own_help() -> None:
    listing = ok("--help")
    for name, sentence in COMMANDS.items():
        assert name in listing
        own = ok(name, "--help")
        assert sentence.rstrip(".") in " ".join(own.split())
        assert f"lmkit {name}" in own, "help shows an example"


def test_unknown_command_and_option_are_usage_errors() -> None:
    assert "did you mean 'compare'" in error_line("comapre", code=2)
    assert "no such option" in error_line("fit", "--modle", "bigram", code=2).lower()


def test_bad_input_is_one_line(text: Path, model: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("")
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9\n" * 20)
    (tmp_path / "folder").mkdir()
    half = tmp_path / "half.lmkit"
    half.write_bytes(model.read_bytes()[: model.stat().st_size // 2])
    assert "no tokens" in error_line("fit", "--model", "bigram", "empty.txt")
    latin = error_line("fit", "--model", "bigram", "latin.txt")
    assert "latin.txt: line 1, byte offset 3: byte 0xE9 is not valid utf-8" in latin
    assert "--encoding" in latin
    ok("fit", "--model", "bigram", "latin.txt", "--encoding", "latin-1")
    assert "without texts" in error_line("fit", "--model", "bigram", "folder")
    assert "no such file" in error_line("vocab", "nowhere.txt")
    assert "cut off" in error_line("evaluate", half, "--test", text)
    assert "not an lmkit model file" in error_line("evaluate", text, "--test", text)
    assert "no such file" in error_line("info", "nothing.lmkit")
    assert "did you mean 'trigram'" in error_line("fit", "--model", "trigam", text)
    assert "no folder" in error_line("fit", "--model", "bigram", text, "-o", "no/where.lmkit")
    few = ("latin.txt", "--encoding", "latin-1", "--sentences", "paragraph")
    assert "too few to cut" in error_line("compare", "--model", "uniform", *few)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_an_unreadable_file_is_one_line(text: Path) -> None:
    text.chmod(0)
    assert "cannot be read" in error_line("vocab", text)


def test_the_process_keeps_stdout_for_results(text: Path) -> None:
    done = lmkit_process("compare", "--model", "uniform", text, "--format", "json", "--progress")
    assert done.returncode == 0
    assert json.loads(done.stdout)["results"][0]["model"] == "uniform"
    failed = lmkit_process("evaluate", "nothing.lmkit")
    assert (failed.returncode, failed.stdout) == (1, "")
    assert failed.stderr.startswith("Error: nothing.lmkit: no such file")


def test_a_reader_that_goes_away_is_no_error(model: Path, text: Path) -> None:
    text.write_text(TEXT * 500)
    command = shlex.join(PROCESS)
    done = subprocess.run(
        f"{command} score {model} {text} --per token | head -n 2",
        shell=True, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) == 2


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        (MemoryError(), "out of memory; take a smaller text, a lower order or --min-count"),
        (
            OSError(28, "No space left on device", "m.lmkit"),
            "No space left on device m.lmkit",
        ),
        (OSError("a disk gone"), "a disk gone"),
        (lmkit.LmkitError("what is wrong; the remedy"), "what is wrong; the remedy"),
    ],
    ids=["memory", "disk full", "no number", "lmkit"],
)
def test_what_a_command_raises_is_one_line(
    monkeypatch: pytest.MonkeyPatch, raised: Exception, told: str
) -> None:
    @click.command()
    def command() -> None:
        raise raised

    monkeypatch.setattr(cli, "get_command", lambda *_: command)
    result = run("info")
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", f"Error: {told}\n")


def test_a_warning_is_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    @click.command()
    def command() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn("few counts", UserWarning, stacklevel=1)

    monkeypatch.setattr(cli, "get_command", lambda *_: command)
    result = run("info")
    assert (result.exit_code, result.stderr) == (0, "Note: few counts\n")


def test_the_version_is_the_library_s() -> None:
    assert ok("--version") == f"lmkit, version {lmkit.__version__}\n"
