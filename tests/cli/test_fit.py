"""`lmkit fit`: where the text and the options come from, and the file that is written."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

import lmkit
from tests.cli.commands import PROCESS, TEXT, error_line, lmkit_process, ok, run


def test_fit_names_the_file_after_the_model(text: Path) -> None:
    assert "bigram.lmkit" in ok("fit", "--model", "bigram:alpha=0.5", text)
    assert lmkit.load("bigram.lmkit").spec == "bigram:alpha=0.5"


def test_fit_takes_options_for_every_model_and_specs_win(text: Path) -> None:
    ok("fit", "--model", "bigram:min_count=1", text, "--unit", "char", "--min-count", "5")
    fitted = lmkit.load("bigram.lmkit")
    assert (fitted.unit, fitted.min_count) == ("char", 1)


def test_fit_takes_a_vocabulary_from_a_file(text: Path) -> None:
    Path("words.txt").write_text("<s> the dog\nunicorn cat </s>\n")
    ok("fit", "--model", "witten-bell:order=2", text, "--vocabulary", "words.txt")
    fitted = lmkit.load("witten-bell.lmkit")
    assert fitted.vocabulary_.tokens[2:] == ("the", "dog", "unicorn", "cat")
    words = TEXT.split()
    known = [words.count(word) for word in fitted.vocabulary_.tokens[2:]]
    assert fitted.vocabulary_.counts.tolist() == [
        len(words) - sum(known),
        TEXT.count("\n"),
        *known,
    ]
    assert np.exp(fitted.next_log_probs([2])).sum() == pytest.approx(1, abs=1e-12)
    ok("vocab", text, "-o", "v.json", "--max-size", "3")
    ok("fit", "--model", "bigram", text, "--vocabulary", "v.json")
    ok("fit", "--model", "bigram", text, "--max-size", "3", "-o", "same.lmkit")
    first, second = lmkit.load("bigram.lmkit"), lmkit.load("same.lmkit")
    assert first.vocabulary_ == second.vocabulary_
    rules = ("--vocabulary", "v.json", "--min-count", "2")
    assert "one is given" in error_line("fit", "--model", "bigram", text, *rules)
    assert "cannot be read" in error_line(
        "fit", "--model", "bigram", text, "--vocabulary", "no.txt"
    )


def test_fit_reads_standard_input(text: Path) -> None:
    ok("fit", "--model", "unigram", "-", "-o", "in.lmkit", stdin=TEXT)
    ok("fit", "--model", "unigram", text, "-o", "file.lmkit")
    first, second = lmkit.load("in.lmkit"), lmkit.load("file.lmkit")
    assert first.train_sha256_ == second.train_sha256_


def test_fit_bare_uses_the_embedded_corpus(text: Path) -> None:
    ok("fit", "--model", "unigram")
    assert lmkit.load("unigram.lmkit").normalize_ == "words"
    assert "python-reference/test" in ok("evaluate", "unigram.lmkit")


def test_fit_writes_arpa(here: Path) -> None:
    assert "wrote kn.arpa.gz" in ok("fit", "--model", "witten-bell", "text.txt", "-o", "kn.arpa.gz")
    assert lmkit.load("kn.arpa.gz").vocabulary_ is not None
    told = error_line("fit", "--model", "bigram", "text.txt", "-o", "b.arpa")
    assert "bigram has no backoff form" in told


def test_a_killed_fit_leaves_the_old_model_or_the_new(text: Path) -> None:
    target = text.parent / "m.lmkit"
    ok("fit", "--model", "unigram", text, "-o", target)
    old = target.read_bytes()
    seen = set()
    start = time.perf_counter()
    whole = lmkit_process("fit", "--model", "bigram", text, "-o", "other.lmkit")
    assert whole.returncode == 0, whole.stderr
    usual = time.perf_counter() - start
    for moment in range(6):
        process = subprocess.Popen(
            [*PROCESS, "fit", "--model", "bigram", str(text), "-o", str(target)],
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


def test_fit_refuses_before_it_learns(text: Path) -> None:
    fit = ("fit", "--model")
    assert "CORPUS or --train, not both" in error_line(
        *fit, "bigram", text, "--train", text, code=2
    )
    for option in ("--log", "--checkpoint", "--epochs"):
        told = error_line(*fit, "bigram", text, option, "2")
        assert told == f"Error: {option} is for models trained in steps; bigram is not one"
    one_file = ("--log", "run", "--checkpoint", "run")
    assert "--log and --checkpoint are one file, run" in error_line(
        *fit, "char-rnn", text, *one_file, code=2
    )
    told = error_line(*fit, "char-rnn", text, "--log", "char-rnn.lmkit", code=2)
    assert "--log and --output are one file" in told
    assert sorted(path.name for path in text.parent.iterdir()) == ["pets.txt"]


def test_a_network_keeps_its_run_while_it_trains(text: Path) -> None:
    small = "word-rnn:hidden=4,embedding=4,epochs=1,threads=1"
    result = run("fit", "--model", small, text, "--log", "run.jsonl", "--checkpoint", "run.ckpt")
    assert result.exit_code == 0, result.output
    assert "no validation text; the last tenth" in result.stderr
    assert json.loads(Path("run.jsonl").read_text().splitlines()[-1])
    assert not Path("run.ckpt").exists(), "the model has all that is left of the run"
    assert lmkit.load("word-rnn.lmkit").spec == small
