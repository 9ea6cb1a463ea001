"""The command line, through click's runner and as a real process."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

import lmkit
from lmkit.cli.main import COMMANDS, cli

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


# ---------------------------------------------------------------------- fit, evaluate, info


def test_fit_then_evaluate_agrees_with_the_library(text: Path, model: Path) -> None:
    printed = json.loads(ok("evaluate", model, "--test", text, "--format", "json"))
    corpus = lmkit.Corpus.open(text)
    ledger = lmkit.fit("bigram", corpus).score(corpus)
    (result,) = printed["results"]
    assert printed["schema"] == 1
    assert set(result) >= RESULT_KEYS
    assert result["rank"] is None
    assert result["perplexity"] == ledger.perplexity
    assert result["events"] == len(TEXT.split()) + TEXT.count("\n")
    assert printed["corpus"]["sha256"] == corpus.train.summary.sha256
    assert result["signature"] == ledger.signature.replace("|unk:model|", "|unk:spell|")


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


def test_evaluate_says_when_the_test_text_was_trained_on(text: Path, model: Path) -> None:
    said = ok("evaluate", model, "--test", text)
    assert "trained on it" in said
    assert "- Caveat: the test text is the training text of" in said


def test_evaluate_shows_the_bytes_of_the_source_and_what_is_lost(tmp_path: Path) -> None:
    text = tmp_path / "shout.txt"
    text.write_text("HELLO,  World 3!\n")
    ok("fit", "--model", "unigram", "--normalize", "letters", text, "-o", tmp_path / "m.lmkit")
    printed = ok("evaluate", tmp_path / "m.lmkit", "--test", text)
    assert "12 bytes of 17 raw (normalize=letters" in printed
    assert "; letters loses case, digits, punctuation\n" in printed
    corpus = json.loads(ok("evaluate", tmp_path / "m.lmkit", "--test", text, "--format", "json"))
    assert (corpus["corpus"]["bytes"], corpus["corpus"]["raw_bytes"]) == (12, 17)


def test_info_shows_what_the_file_holds(model: Path) -> None:
    facts = json.loads(ok("info", model, "--format", "json"))
    assert facts["model"] == "bigram"
    assert facts["training_tokens"] == len(TEXT.split()) + TEXT.count("\n")
    for output in ("table", "csv", "markdown"):
        assert "train_sha256" in ok("info", model, "--format", output)


# ---------------------------------------------------------------------- compare


def test_compare_ranks_by_bits_a_byte(text: Path) -> None:
    printed = json.loads(
        ok("compare", "--model", "uniform", "--model", "bigram", text, "--format", "json")
    )
    assert [result["model"] for result in printed["results"]] == ["bigram", "uniform"]
    assert [result["rank"] for result in printed["results"]] == [1, 2]
    bits = [result["bits_per_byte"] for result in printed["results"]]
    assert bits == sorted(bits)


def test_compare_formats_agree(text: Path) -> None:
    arguments = ("compare", "--model", "uniform", "--model", "unigram", text, "--format")
    rows = list(csv.DictReader(io.StringIO(ok(*arguments, "csv"))))
    results = json.loads(ok(*arguments, "json"))["results"]
    for row, result in zip(rows, results, strict=True):
        assert float(row["perplexity"]) == result["perplexity"]
        assert row["signature"] == result["signature"]
    table, markdown = ok(*arguments, "table"), ok(*arguments, "markdown")
    for result in results:
        assert result["signature"] in table
        assert result["signature"] in markdown
    assert markdown.splitlines()[3].startswith("| ---: | --- |")


def test_compare_mixes_files_and_specs_and_explains(text: Path, model: Path) -> None:
    out = ok("compare", "--model", model, "--model", "trigram", "--model", "bigram:unit=char",
             "--train", text, "--test", text)  # fmt: skip
    assert "bigram:unit=char" in out


def test_compare_explains_the_add_one_trigram() -> None:
    out = ok("compare", "--model", "bigram", "--model", "trigram", "--model", "trigram:alpha=0.01")
    assert "The add-one trigram loses to the bigram" in out
    assert "Adding 0.01 instead" in out


def test_compare_names_events_of_probability_zero(text: Path, tmp_path: Path) -> None:
    (tmp_path / "test.txt").write_text("mat mat\n")
    arguments = ("compare", "--model", "bigram:alpha=0", "--train", text, "--test", "test.txt")
    assert "infinite perplexity" in ok(*arguments)
    (result,) = json.loads(ok(*arguments, "--format", "json"))["results"]
    assert result["perplexity"] is None
    assert result["impossible"] > 0


def test_compare_refuses_another_normaliser(text: Path, model: Path) -> None:
    rules = ("--normalize", "letters", "--sentences", "none")
    line = error_line("compare", "--model", model, "--model", "bigram", text, *rules)
    assert "not the same canonical text" in line
    assert "--normalize" in line


def test_compare_spells_what_a_small_vocabulary_lacks(text: Path) -> None:
    printed = json.loads(
        ok("compare", "--model", "bigram", "--model", "bigram:min_count=9", "--train", text,
           "--test", text, "--model", "bigram:unit=char", "--format", "json")
    )  # fmt: skip
    results = {result["model"]: result for result in printed["results"]}
    whole, small = results["bigram"], results["bigram:min_count=9"]
    assert small["perplexity"] < whole["perplexity"], "of <unk>, which is easy"
    assert small["oov"] == 24
    assert small["bits_per_byte"] > whole["bits_per_byte"], "of the words themselves"
    assert "|unk:spell|" in small["signature"]


# ---------------------------------------------------------------------- score, generate, vocab


def test_score_per_token_sums_to_the_ledger(text: Path, model: Path) -> None:
    rows = json.loads(ok("score", model, text, "--per", "token", "--format", "json"))["rows"]
    ledger = lmkit.load(model).score(lmkit.Corpus.open(text))
    assert math.fsum(row["nats"] for row in rows) == pytest.approx(ledger.total_nats, rel=1e-12)
    assert [row["token"] for row in rows[:7]] == ["the", "cat", "sat", "on", "the", "mat", "</s>"]
    table = ok("score", model, text, "--per", "token").splitlines()
    assert len(table) == len(rows) + 1


def test_score_per_sentence_reads_standard_input(model: Path) -> None:
    out = ok("score", model, "-", stdin="the cat\n\na unicorn\n")
    rows = [line.split("\t") for line in out.splitlines()]
    assert rows[0] == ["sentence", "events", "oov", "nats", "perplexity", "proper", "text"]
    assert [(row[1], row[2], row[6]) for row in rows[1:]] == [
        ("3", "0", "the cat"), ("1", "0", ""), ("3", "1", "a unicorn"),
    ]  # fmt: skip


def test_generate_is_seeded_and_begins_with_the_prompt(model: Path) -> None:
    arguments = ("generate", model, "--prompt", "the cat", "--tokens", "12", "--seed", "7")
    first = ok(*arguments)
    assert first == ok(*arguments)
    assert first.startswith("the cat ")
    assert ok("generate", model, "--greedy") == ok("generate", model, "--greedy", "--seed", "5")


def test_vocab_counts_and_writes(text: Path) -> None:
    facts = json.loads(ok("vocab", text, "-o", "v.json", "--format", "json"))
    assert facts["types"] == len(set(TEXT.split()))
    assert facts["tokens"] == len(TEXT.split())
    vocabulary = lmkit.Vocabulary.load("v.json")
    assert vocabulary.tokens[2] == "the"
    out = ok("vocab", text, "--test", text, "--top", "2")
    assert "(0.00%)" in out


def test_corpora_lists_and_shows() -> None:
    assert "python-reference" in ok("corpora")
    listed = json.loads(ok("corpora", "list", "--format", "json"))["corpora"]
    assert {"timemachine", "ptb", "synthetic"} <= {entry["name"] for entry in listed}
    assert "true_perplexity" in ok("corpora", "show", "synthetic")
    assert "did you mean 'ptb'" in error_line("corpora", "show", "ptbb")


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
