"""Models that saw the test text: what is hashed, what is found, and what is said of it."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

import lmkit
from lmkit.cli.main import cli
from lmkit.errors import FormatError
from lmkit.evaluation.comparison import compare
from lmkit.evaluation.leakage import leakage_remarks
from lmkit.results.ledger_files import read_ledger, write_ledger
from lmkit.storage import read_model_file, write_model_file
from lmkit.text.corpus import Corpus
from tests.text.random_sentences import lines, text

# ---------------------------------------------------------------------- models


def corpus(sentences: list[str]) -> Corpus:
    return Corpus("c", text(sentences))


def test_the_model_puts_the_test_text_through_its_own_rules() -> None:
    raw = [line.upper() + " !" for line in lines(1, 60)]
    train = Corpus.from_string("\n".join(raw), normalize="letters")
    test = Corpus.from_string("\n".join(raw[:20]).lower(), normalize="none")
    assert lmkit.fit("bigram", train).tally(test).trained_on_test


def test_files_of_older_versions_are_unknown(tmp_path: Path) -> None:
    path = tmp_path / "m.lmkit"
    lmkit.fit("bigram", corpus(lines(1, 50))).save(path)
    arrays, header = read_model_file(path)
    named = {name: np.array(array) for name, array in arrays.items()}
    hashes = named.pop("passages.train")
    assert hashes.nbytes == 8 * 50
    known = header.pop("passages")
    other = {"train": {**known["train"], "version": 0}}
    for told, more in (({}, {}), ({"passages": other}, {"passages.train": hashes})):
        write_model_file(path, {**named, **more}, {**header, **told})
        scored = lmkit.load(path).score(corpus(lines(1, 50)[:30]))
        assert (scored.seen, scored.trained_on_test) == (None, None)
        assert lmkit.load(path).score(corpus(lines(1, 50))).trained_on_test  # by its sha256
    write_model_file(path, {**named, "passages.train": hashes[::-1]}, {**header, "passages": known})
    with pytest.raises(FormatError, match="hashes of its training sentences"):
        lmkit.load(path)


@pytest.mark.filterwarnings("ignore::lmkit.models.ngram.discounts.DiscountWarning")
def test_mixtures_and_pruned_models_keep_what_they_saw(tmp_path: Path) -> None:
    first, other, valid, fresh = (lines(seed, 60) for seed in (1, 2, 3, 4))
    one = lmkit.fit("kneser-ney", corpus(first))
    two = lmkit.fit("kneser-ney", corpus(other), vocabulary=one.vocabulary_)
    mixture = lmkit.mix([one, two], corpus(valid))
    for test, trained, tuned in (
        (first[:20], True, False),
        (other[:20], True, False),
        (valid[:20], False, True),
        (fresh, False, False),
    ):
        scored = mixture.tally(corpus(test))
        assert (scored.trained_on_test, scored.tuned_on_test) == (trained, tuned)
    assert two.tally(corpus(valid)).tuned_on_test is False  # the parts are left as they are
    assert lmkit.prune(one, threshold=1e-3).tally(corpus(first[:20])).trained_on_test
    one.save(tmp_path / "one.arpa")
    arpa = lmkit.load(tmp_path / "one.arpa")
    assert arpa.tally(corpus(first)).trained_on_test is None
    half = lmkit.mix([arpa, one], corpus(valid))
    assert half.tally(corpus(first[:20])).trained_on_test is True
    assert half.tally(corpus(fresh)).trained_on_test is None  # the file's text may hold it


def test_other_tools_are_judged_by_the_training_text(tmp_path: Path) -> None:
    train, test = text(lines(1, 60)), text(lines(1, 60)[:30])
    model = lmkit.fit("bigram", Corpus("c", train))
    path = tmp_path / "l.jsonl"
    write_ledger(model.score(test), path)
    assert read_ledger(path, test).trained_on_test  # which lmkit's own ledgers say themselves
    told = path.read_text().splitlines()
    header = json.loads(told[0])
    for seen, message in ((7, "no list of seen"), ([1, "2", 3, 4], "no list of seen")):
        path.write_text("\n".join([json.dumps({**header, "seen": seen}), *told[1:]]))
        with pytest.raises(FormatError, match=message):
            read_ledger(path, test)
    header["seen"] = header["train_sha256"] = None
    path.write_text("\n".join([json.dumps(header), *told[1:]]))
    foreign = read_ledger(path, test)
    assert foreign.trained_on_test is None
    honest = lmkit.fit("unigram", Corpus("h", text(lines(9, 60))))
    found = compare([honest], test, train=train, ledgers=[foreign])
    marks = {one.label: one.scored.trained_on_test for one in found.models}
    assert marks == {"unigram": False, "bigram": True}
    assert str(found).count("trained on 100%") == 1


def test_remarks_name_the_models() -> None:
    train, test = lines(1, 60), text(lines(1, 60)[:30] + lines(2, 30))
    scored = [lmkit.fit(spec, corpus(train)).tally(test) for spec in ("unigram", "bigram")]
    names = ["a", "b"]
    (one,) = leakage_remarks(scored[:1], ["a"])
    assert one == (
        "Caveat: 50% of the test text's long sentences stand in the training text of a: its number "
        "says how well it remembers, not how well it predicts."
    )
    (two,) = leakage_remarks(scored, names)
    assert "training text of a and b: their numbers say how well they remember" in two
    (five,) = leakage_remarks(scored[:1] * 5, list("abcde"))
    assert "of a, b, c and 2 more:" in five
    less = lmkit.fit("bigram", corpus(train)).tally(text(lines(1, 60)[:10] + lines(2, 30)))
    assert "25% of" in leakage_remarks([less], ["a"])[0]
    assert "says in part how well" in leakage_remarks([less], ["a"])[0]
    assert leakage_remarks([lmkit.fit("bigram", corpus(lines(3, 60))).tally(test)], ["a"]) == []


# ---------------------------------------------------------------------- the command line


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(cli, list(arguments))
    assert result.exit_code == 0, result.output
    return result


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    whole = lines(1, 120)
    Path("whole.txt").write_text("\n".join(whole) + "\n")
    Path("part.txt").write_text("\n".join(whole[40:100]) + "\n")
    Path("fresh.txt").write_text("\n".join(lines(2, 120)) + "\n")
    run("fit", "--model", "bigram", "whole.txt", "-o", "leaked.lmkit")
    run("fit", "--model", "unigram", "fresh.txt", "-o", "honest.lmkit")
    return tmp_path


@pytest.mark.parametrize(
    "command",
    [
        ("evaluate", "leaked.lmkit", "honest.lmkit", "--test", "part.txt"),
        ("compare", "--model", "leaked.lmkit", "--model", "honest.lmkit", "--test", "part.txt"),
        ("compare", "--model", "bigram", "--model", "honest.lmkit", "--train", "whole.txt",
         "--test", "part.txt"),
    ],
)  # fmt: skip
def test_every_output_says_who_was_trained_on_the_test(
    folder: Path, command: tuple[str, ...]
) -> None:
    remark = "- Caveat: 100% of the test text's long sentences stand in the training text of bigram"
    for shape in ("table", "markdown"):
        shown = run(*command, "--format", shape).stdout
        assert remark in shown
        rows = [line for line in shown.splitlines() if " word " in line]
        assert ["trained on 100%" in line for line in rows] == ["bigram" in line for line in rows]
    results = json.loads(run(*command, "--format", "json").stdout)["results"]
    rows_of_csv = list(csv.DictReader(io.StringIO(run(*command, "--format", "csv").stdout)))
    for result, row in zip(results, rows_of_csv, strict=True):
        leaked = result["model"] == "bigram"
        assert result["trained_on_test"] is leaked
        assert row["trained_on_test"] == str(leaked)
        assert result["seen_in_training"] == float(leaked)
        assert (result["seen_sentences"], result["long_sentences"]) == (60 * leaked, 60)
        assert (result["seen_by_chance"], result["tuned_on_test"]) == (0.0, False)


def test_a_report_marks_the_row_and_says_why(folder: Path) -> None:
    models = ("--model", "leaked.lmkit", "--model", "honest.lmkit")
    run("compare", *models, "--test", "part.txt", "--report", "r.html")
    page = Path("r.html").read_text(encoding="utf-8")
    assert page.count("test text: trained on 100%") == 1
    assert "stand in the training text of bigram" in page
    assert '"trained_on_test":true' in page.replace(" ", "")
    run("compare", *models, "--test", "fresh.txt", "--report", "r.html")
    assert "test text: trained on" in Path("r.html").read_text(encoding="utf-8")  # honest's own
    Path("new.txt").write_text("\n".join(lines(3, 60)))
    run("compare", *models, "--test", "new.txt", "--report", "r.html")
    assert "test text:" not in Path("r.html").read_text(encoding="utf-8")


def test_arpa_files_are_judged_by_train(folder: Path) -> None:
    run("fit", "--model", "witten-bell", "--normalize", "none", "whole.txt", "-o", "m.arpa")
    command = ("evaluate", "m.arpa", "--test", "part.txt")
    (unknown,) = json.loads(run(*command, "--format", "json").stdout)["results"]
    assert (unknown["trained_on_test"], unknown["seen_in_training"]) == (None, None)
    assert "trained on 100%" in run(*command, "--train", "whole.txt").stdout
    assert "trained on" not in run(*command, "--train", "fresh.txt").stdout


def test_tuning_on_the_test_text_is_said(folder: Path) -> None:
    run("mix", "honest.lmkit", "--valid", "part.txt", "-o", "mixed.lmkit")
    shown = run("evaluate", "mixed.lmkit", "--test", "part.txt").stdout
    assert "tuned on it" in shown
    assert "was tuned on the test text" in shown
