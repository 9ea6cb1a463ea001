"""Running commands in tests: through click's runner, and as a process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from lmkit.cli.main import cli

TEXT = "the cat sat on the mat\nthe dog sat on the log\na cat saw a dog\n" * 8


RESULT_KEYS = {
    "rank", "model", "signature", "unit", "context", "perplexity", "perplexity_low",
    "perplexity_high", "perplexity_without_oov", "cross_entropy", "bits_per_character",
    "bits_per_byte", "events", "oov", "tied_with", "parameters", "fit_seconds", "score_seconds",
}  # fmt: skip


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


def lmkit_process(*arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from lmkit.cli.main import main; main()"]
    return subprocess.run(
        [*command, *map(str, arguments)], capture_output=True, text=True, check=False, **options
    )
