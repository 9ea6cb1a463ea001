"""The command line, through click's runner and as a real process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import lmkit
from lmkit.cli.main import COMMANDS
from tests.cli.commands import TEXT, error_line, lmkit_process, ok

# ---------------------------------------------------------------------- help


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


# ---------------------------------------------------------------------- bad input


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


# ---------------------------------------------------------------------- as a process


def test_the_process_keeps_stdout_for_results(text: Path) -> None:
    done = lmkit_process("compare", "--model", "uniform", text, "--format", "json", "--progress")
    assert done.returncode == 0
    assert json.loads(done.stdout)["results"][0]["model"] == "uniform"
    failed = lmkit_process("evaluate", "nothing.lmkit")
    assert (failed.returncode, failed.stdout) == (1, "")
    assert failed.stderr.startswith("Error: nothing.lmkit: no such file")


def test_a_reader_that_goes_away_is_no_error(model: Path, text: Path) -> None:
    text.write_text(TEXT * 500)
    command = f"{sys.executable} -c 'from lmkit.cli.main import main; main()'"
    done = subprocess.run(
        f"{command} score {model} {text} --per token | head -n 2",
        shell=True, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) == 2


def test_a_killed_fit_leaves_the_old_model_or_the_new(text: Path) -> None:
    target = text.parent / "m.lmkit"
    ok("fit", "--model", "unigram", text, "-o", target)
    old = target.read_bytes()
    command = [sys.executable, "-c", "from lmkit.cli.main import main; main()"]
    seen = set()
    start = time.perf_counter()
    lmkit_process("fit", "--model", "bigram", text, "-o", "other.lmkit")
    usual = time.perf_counter() - start
    for moment in range(6):
        process = subprocess.Popen(
            [*command, "fit", "--model", "bigram", str(text), "-o", str(target)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(usual * (0.75 + 0.07 * moment))
        process.send_signal(signal.SIGKILL)
        process.wait()
        seen.add(lmkit.load(target).name)
        if seen == {"unigram"}:
            assert target.read_bytes() == old
    assert seen <= {"unigram", "bigram"}
