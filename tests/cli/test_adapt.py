"""`lmkit adapt`: a network that goes on learning, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

import lmkit
from tests.cli.commands import error_line, run


def test_adapt_refuses(text: Path, model: Path) -> None:
    assert "does not learn by gradients" in error_line("adapt", model, "--valid", text)
    assert "name a .lmkit file" in error_line("adapt", model, "--valid", text, "-o", "m.arpa")
    assert "no folder" in error_line("adapt", model, "--valid", text, "-o", "no/m.lmkit")
    assert "Missing option '--valid'" in error_line("adapt", model, code=2)
    assert not Path("dynamic.lmkit").exists()


@pytest.fixture
def network(text: Path) -> Path:
    """The file of a small network trained on that text."""
    spec = "word-rnn:hidden=4,embedding=4,epochs=1,threads=1"
    lmkit.fit(spec, text, valid=text).save("rnn.lmkit")
    return text.parent / "rnn.lmkit"


def test_adapt_writes_a_labelled_model(network: Path) -> None:
    Path("valid.txt").write_text("the dog sat on the mat\n" * 9)
    result = run("adapt", network, "--valid", "valid.txt", "--rate", "0.001", "--stretch", "5")
    assert result.exit_code == 0, result.output
    dynamic = lmkit.load("dynamic.lmkit")
    assert (dynamic.adapts, dynamic.stretch, dynamic.rate_) == ("dynamic", 5, 0.001)
    assert result.stdout == f"{dynamic.spec}: rate 0.001; wrote dynamic.lmkit\n"
    assert "trained on" not in result.stderr


def test_adapt_says_when_the_rate_suits_the_training_text(network: Path, text: Path) -> None:
    told = run("adapt", network, "--valid", text, "--rate", "0.001").stderr
    assert "pets.txt is the text that word-rnn:" in told
    assert "give another text with --valid" in told
