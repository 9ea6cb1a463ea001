"""Texts and fitted models that the tests of commands share, in a folder that they work in."""

from __future__ import annotations

from pathlib import Path

import pytest

import lmkit
from tests.cli.commands import OTHER, TEXT


@pytest.fixture
def text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A text of 24 sentences."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "pets.txt"
    path.write_text(TEXT)
    return path


@pytest.fixture
def model(text: Path) -> Path:
    """The file of a bigram model of that text."""
    lmkit.fit("bigram", text).save("m.lmkit")
    return text.parent / "m.lmkit"


@pytest.fixture
def book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a training text and a test text of three events and words it lacks."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.txt").write_text(TEXT * 5 + "an owl\n")
    (tmp_path / "test.txt").write_text("the owl sat\na cat saw the zebra\n\n" * 40)
    return tmp_path


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two texts and a backoff model of the first."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text(TEXT)
    (tmp_path / "other.txt").write_text(OTHER)
    lmkit.fit("witten-bell", "text.txt").save("m.lmkit")
    return tmp_path
