"""The learning curve as a picture, and where the command line finds it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import lmkit
from lmkit.cli.main import cli
from lmkit.errors import ParameterError
from lmkit.reporting.curve_plot import write_curve_plot
from lmkit.text.corpus import Corpus

HISTORY = {"tokens": [100, 200, 300], "train": [3.0, 2.0, 1.5], "valid": [3.1, 2.6, 2.8], "best": 1}
CORPUS = Corpus.from_string("a b c\nb c a\n" * 40, normalize="none")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    spec = "word-rnn:hidden=6,embedding=4,epochs=2,threads=1"
    lmkit.fit(spec, CORPUS, valid=CORPUS).save(folder / "rnn.lmkit")
    lmkit.fit("bigram", CORPUS).save(folder / "bigram.lmkit")
    return folder


@pytest.mark.parametrize(
    ("name", "start"), [("c.png", b"\x89PNG"), ("c.svg", b"<?xml"), ("c.pdf", b"%PDF")]
)
def test_formats(name: str, start: bytes, tmp_path: Path) -> None:
    write_curve_plot(HISTORY, tmp_path / name, tokens=100)
    assert (tmp_path / name).read_bytes().startswith(start)


def test_the_same_picture_is_the_same_file(tmp_path: Path) -> None:
    for name in ("a.svg", "b.svg"):
        write_curve_plot(HISTORY, tmp_path / name, tokens=100, title="word-rnn")
    text = (tmp_path / "a.svg").read_text(encoding="utf-8")
    assert text == (tmp_path / "b.svg").read_text(encoding="utf-8")


def test_without_validation(tmp_path: Path) -> None:
    write_curve_plot({**HISTORY, "valid": []}, tmp_path / "c.png", tokens=100)


def test_another_ending(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r"cannot be written as '.gif'; choose from .png"):
        write_curve_plot(HISTORY, tmp_path / "c.gif", tokens=100)


def info(*arguments: Any) -> Any:
    return CliRunner().invoke(cli, ["info", *map(str, arguments)])


def test_info_draws_it_and_tells_what_was_decided(files: Path, tmp_path: Path) -> None:
    done = info(files / "rnn.lmkit", "--plot", tmp_path / "c.png", "--format", "json")
    assert done.exit_code == 0, done.output
    assert (tmp_path / "c.png").stat().st_size > 1000
    facts = json.loads(done.stdout)
    assert (facts["hidden"], facts["layers"], facts["lanes"]) == (6, 1, 16)


def test_what_has_no_curve(files: Path, tmp_path: Path) -> None:
    done = info(files / "bigram.lmkit", "--plot", tmp_path / "c.png")
    assert done.exit_code == 1
    assert "bigram was not trained in steps" in done.output
    assert info(files / "rnn.lmkit", "--plot", tmp_path / "c.gif").exit_code == 1
    assert not list(tmp_path.iterdir())
