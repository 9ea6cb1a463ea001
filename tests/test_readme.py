"""The README's commands run as they are printed (its Python examples are doctests)."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from lmkit.cli.main import cli
from lmkit.corpora.synthetic import MarkovSource

README = Path(__file__).parents[1] / "README.md"


def commands() -> list[str]:
    blocks = re.findall(r"```console\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    return [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ ")]


def test_the_commands_run_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = MarkovSource(types=500, seed=2).text(tokens=4000)
    (tmp_path / "book.txt").write_text(text + "the time machine stood in the garden\n" * 3)
    (tmp_path / "other.txt").write_text("the time machine stood in the garden\n")
    assert len(commands()) >= 8
    for command in commands():
        program, *arguments = shlex.split(command)
        assert program == "lmkit"
        result = CliRunner().invoke(cli, arguments)
        assert result.exit_code == 0, f"{command}: {result.output}"
