"""A text and a model file for tests of commands."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.commands import TEXT, ok


@pytest.fixture
def text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "pets.txt"
    path.write_text(TEXT)
    return path


@pytest.fixture
def model(text: Path) -> Path:
    ok("fit", "--model", "bigram", text, "-o", "m.lmkit")
    return text.parent / "m.lmkit"
