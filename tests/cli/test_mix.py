"""`lmkit mix`, and the other commands on what it writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from lmkit.cli.main import cli

TEXT = "the cat sat on the mat\nthe dog sat on the log\na cat saw a dog\n" * 8
RNN = "word-rnn:hidden=8,embedding=4,epochs=1,threads=1"

pytestmark = pytest.mark.filterwarnings("ignore::lmkit.models.ngram.discounts.DiscountWarning")


def run(*arguments: str, code: int = 0) -> Any:
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == code, result.output
    return result


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mix")
    (folder / "text.txt").write_text(TEXT)
    (folder / "valid.txt").write_text("the dog saw a dog\na dog sat\n" * 4)
    text = str(folder / "text.txt")
    run("fit", "--model", "kneser-ney", text, "-o", str(folder / "kn.lmkit"))
    run("fit", "--model", RNN, text, "-o", str(folder / "rnn.lmkit"))
    run("fit", "--model", "bigram", str(folder / "valid.txt"), "-o", str(folder / "other.lmkit"))
    return folder


@pytest.fixture
def inside(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(folder)
    return folder


MIX = ("mix", "kn.lmkit", "rnn.lmkit", "--valid", "valid.txt")
CACHES = ("--cache", "unigram", "--cache", "neural", "--window", "50")


def test_the_table_and_the_model(inside: Path) -> None:
    shown = run(*MIX, *CACHES, "-o", "m.lmkit").stdout
    for part in ("kneser-ney", "word-rnn", "unigram-cache:", "neural-cache:", "mixture", "weight"):
        assert part in shown
    table = run("evaluate", "m.lmkit", "kn.lmkit", "--test", "valid.txt").stdout
    assert "adapts" in table
    assert "|adapt:cache|" in table
    results = json.loads(
        run("evaluate", "m.lmkit", "--test", "valid.txt", "--format", "json").stdout
    )
    assert results["results"][0]["adapts"] == "cache"
    ranking = run("compare", "--model", "m.lmkit", "--model", "kn.lmkit", "--test", "valid.txt")
    assert "cache" in ranking.stdout
    assert run("generate", "m.lmkit", "--prompt", "the", "--seed", "1").stdout.startswith("the ")
    assert run("generate", "m.lmkit", "--prompt", "the", "--beam", "3", "--tokens", "4").stdout
    assert "components" in run("info", "m.lmkit").stdout
    assert "nats" in run("score", "m.lmkit", "valid.txt").stdout
    assert "adapts" not in run("evaluate", "kn.lmkit", "--test", "valid.txt").stdout


def test_json_holds_every_component(inside: Path) -> None:
    found = json.loads(run(*MIX, "--buckets", "3", "--format", "json").stdout)
    assert [part["component"].partition(":")[0] for part in found["components"]] == [
        "kneser-ney",
        "word-rnn",
    ]
    for bucket in zip(*(part["weights"] for part in found["components"]), strict=True):
        assert sum(bucket) == pytest.approx(1)
    assert found["mixture"]["file"] == "mixture.lmkit"
    best = min(part["perplexity"] for part in found["components"])
    assert found["mixture"]["perplexity"] <= best
    shown = run(*MIX, "--buckets", "3", "--format", "csv").stdout
    assert shown.splitlines()[0] == "component,perplexity,weights"


def test_a_mixture_from_a_spec(inside: Path) -> None:
    spec = r"mixture:models=kneser-ney:order=2\,context=stream+unigram,caches=unigram"
    out = run("fit", "--model", spec, "text.txt", "-o", "s.lmkit", "--unit", "char").stdout
    assert "unit=char" in out
    assert json.loads(run("info", "s.lmkit", "--format", "json").stdout)["unit"] == "char"


def test_the_training_text_is_no_validation_text(inside: Path) -> None:
    told = run("mix", "kn.lmkit", "--valid", "text.txt", "--cache", "unigram").stderr
    assert "is the text that kneser-ney was trained on" in told
    assert "trained on" not in run(*MIX).stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("mix", "kn.lmkit", "other.lmkit", "--valid", "valid.txt"), "--vocabulary"),
        (("mix", "kn.lmkit", "--valid", "valid.txt", "--cache", "neural"), "recurrent"),
        ((*MIX, "-o", "m.arpa"), "no backoff form"),
        ((*MIX, "-o", "nowhere/m.lmkit"), "make it first"),
        (("generate", "kn.lmkit", "--beam", "2", "--top-k", "3"), "draws nothing"),
    ],
)
def test_refusals_are_one_line(inside: Path, arguments: tuple[str, ...], told: str) -> None:
    lines = run(*arguments, code=1).stderr.strip().splitlines()
    assert len(lines) == 1
    assert told in lines[0]
