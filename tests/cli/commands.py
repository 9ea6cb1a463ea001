"""The command line as the tests run it: through click's runner, and as a process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner, Result

import lmkit
from lmkit.cli.main import cli

TEXT = "the cat sat on the mat\nthe dog sat on the log\na cat saw a dog\n" * 8
OTHER = "the dog saw the cat\na log sat on a zebra\n"
PARTS = ("--train", "train.txt", "--test", "test.txt")  # of the fixture `book`
# lmkit.cli is found as it is here, also where lmkit is not installed.
SCRIPT = f"import lmkit; lmkit.__path__ = {[*lmkit.__path__]}; "
PROCESS = [sys.executable, "-c", SCRIPT + "from lmkit.cli.main import main; main()"]


def run(*arguments: str | Path, stdin: str | bytes | None = None) -> Result:
    return CliRunner().invoke(cli, [str(a) for a in arguments], input=stdin)


def ok(*arguments: str | Path, stdin: str | bytes | None = None) -> str:
    result = run(*arguments, stdin=stdin)
    assert result.exit_code == 0, result.output
    return result.stdout


def error_line(*arguments: str | Path, code: int = 1) -> str:
    result = run(*arguments)
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("Error: ")
    if code == 1:
        assert len(result.stderr.strip().splitlines()) == 1
    return last


def lmkit_process(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROCESS, *map(str, arguments)], capture_output=True, text=True, check=False
    )
