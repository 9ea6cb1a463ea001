"""Whether scores are probabilities: one rule, one mark, the same words in every command."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

import lmkit
from lmkit.cli.main import cli
from lmkit.errors import FormatError, NotComparableError, ParameterError
from lmkit.evaluation.curve import CurvePoint, LearningCurve, learning_curve
from lmkit.models import scoring
from lmkit.models.ngram.arpa.files import load_arpa
from lmkit.results import proper
from lmkit.results.ledger_files import read_ledger, write_ledger
from lmkit.results.proper import OutcomeSums, improper, outcome_sums, token_at
from lmkit.text.corpus import Corpus
from tests.models.ngram.arpa.arpa_text import SlowModel, arpa

TRAIN = "the cat sat on the mat\nthe dog sat on the log\na cat saw a dog\n" * 20 + "an owl\n"
TEST = "the cat saw\n\nthe zebra sat\na mat\n"
# <unk> .1, </s> .3, a .35, b .25, times a backoff of 20 after b: p(a | b) is 7, ln 7 above 0.
POSITIVE = arpa(
    "-1\t<unk>\t0\n-99\t<s>\t0\n-0.5228787\t</s>\t0\n-0.455932\ta\t0\n-0.60206\tb\t1.30103",
    "-0.30103\t<s> b\t0\n-0.30103\tb </s>\t0",
    "-0.1\t<s> b </s>",
)
REASON = "is no probability distribution"

pytestmark = pytest.mark.filterwarnings("ignore::lmkit.models.ngram.discounts.DiscountWarning")


def corpus(text: str) -> Corpus:
    return Corpus.from_string(text, normalize="none", sentences="line")


def run(*arguments: str | Path, code: int = 0, stdin: str | None = None) -> Result:
    result = CliRunner().invoke(cli, [str(each) for each in arguments], input=stdin)
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result


def parsed(*arguments: str | Path) -> Any:
    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    return json.loads(run(*arguments, "--format", "json").stdout, parse_constant=refuse)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("proper")
    for name, text in (("train.txt", TRAIN), ("test.txt", TEST), ("empty.txt", "")):
        (folder / name).write_text(text)
    (folder / "positive.arpa").write_text(POSITIVE)
    for name, spec in (
        ("kn", "kneser-ney"), ("stupid", "stupid-backoff"), ("mle", "bigram:alpha=0"),
    ):  # fmt: skip
        lmkit.fit(spec, corpus(TRAIN)).save(folder / f"{name}.lmkit")
    return folder


@pytest.fixture
def inside(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(folder)
    return folder


# ---------------------------------------------------------------------- measuring


def test_sums_are_those_of_the_contexts_of_the_text() -> None:
    model = lmkit.fit("stupid-backoff:order=2,factor=0.5", corpus("a b a\na c\n"))
    ids = model.encode("a b\n")
    # The start, and what stands before each place and behind the last.
    contexts = [[], *(ids[: place + 1] for place in range(len(ids)))]
    sums = [math.fsum(np.exp(model.next_log_probs(context))) for context in contexts]
    found = outcome_sums(model, ids)
    assert found.contexts == len(contexts)
    assert (found.low, found.high) == (pytest.approx(min(sums)), pytest.approx(max(sums)))
    assert found.mean == pytest.approx(math.fsum(sums) / len(sums))
    # After a: </s>, b and c have a third each; a and <unk> half of 3/7 and of 0.5/7.
    assert sums[1] == pytest.approx(1 + 0.5 * (3 / 7 + 0.5 / 7))
    assert str(found).startswith(f"{min(sums):.4g} to {max(sums):.4g}, ")


def test_a_proper_model_is_asked_at_few_contexts_and_the_sample_is_the_same() -> None:
    model = lmkit.fit("kneser-ney", corpus(TRAIN))
    found = model.score(corpus(TRAIN)).outcome_sums
    assert found is not None
    assert found.are_one
    assert found.contexts == proper.CHECKED
    stupid = lmkit.fit("stupid-backoff", corpus(TRAIN))
    ledger, tally = stupid.score(corpus(TRAIN)), stupid.tally(corpus(TRAIN))
    assert ledger.outcome_sums == tally.outcome_sums
    assert ledger.outcome_sums is not None
    assert ledger.outcome_sums.contexts == proper.PROBES


class Boasting(lmkit.LanguageModel):
    """Says that it is proper, and gives every outcome twice its share."""

    def _next_log_probs(self, context: np.ndarray) -> Any:
        size = len(self.vocabulary_)
        return np.full(size, np.log(2 / size))


def test_a_model_that_only_says_so_is_not_believed() -> None:
    model = Boasting().fit(corpus(TRAIN))
    assert model.proper
    ledger = model.score(corpus(TEST))
    assert not ledger.proper
    assert ledger.outcome_sums == OutcomeSums(*[pytest.approx(2)] * 3, contexts=len(ledger) + 1)
    assert "sum to 2 after" in improper(model)
    with pytest.raises(NotComparableError, match="its outcomes sum to 2 after"):
        lmkit.compare([model], corpus(TEST))
    with pytest.raises(ParameterError, match="its outcomes sum to 2 after"):
        lmkit.mix([model], corpus(TEST))


def test_sums_that_cannot_be_told_are_infinite() -> None:
    class Broken(Boasting):
        def _next_log_probs(self, context: np.ndarray) -> Any:
            return np.full(len(self.vocabulary_), np.nan)

    found = outcome_sums(Broken().fit(corpus(TRAIN)))
    assert (found.low, found.high) == (math.inf, math.inf)


# ---------------------------------------------------------------------- above 0


def test_log_probabilities_above_0_are_what_the_file_says(folder: Path) -> None:
    model = load_arpa(folder / "positive.arpa")
    slow = SlowModel.read(folder / "positive.arpa")
    lines = ["b a b", "a b a c", "", "b"]
    expected = slow.score(lines)
    assert max(expected) == pytest.approx(math.log(7), abs=1e-5)
    text = corpus("\n".join(lines) + "\n")
    ledger, tally = model.score(text), model.tally(text)
    np.testing.assert_allclose(-ledger.nats, expected, rtol=0, atol=1e-12)
    assert tally.total_nats == pytest.approx(-math.fsum(expected))
    state = model.initial_state()
    for place, index in enumerate(ledger.ids.tolist()):
        after = model.next_log_probs(ledger.ids[:place])
        nats, state = model.step(state, index)
        assert nats == pytest.approx(expected[place], abs=1e-12)
        assert after[index] == pytest.approx(expected[place], abs=1e-12)
        words, best = model.top_next([ledger.ids[:place]], k=len(after))
        np.testing.assert_array_equal(best[0], after[words[0]])
    assert not model.proper
    assert not ledger.proper
    assert ledger.outcome_sums is not None
    # After b its </s> has .5, the others 20 times their unigrams, and after <s> b it has 10^-0.1.
    after_b = 20 * (0.1 + 0.35 + 0.25)
    expected_sums = (after_b + 0.5, after_b + 10**-0.1)
    assert slow.mass(("b",)) == pytest.approx(expected_sums[0], rel=1e-5)
    assert ledger.outcome_sums.high == pytest.approx(expected_sums[1], rel=1e-5)


def test_they_are_those_of_kenlm(folder: Path) -> None:
    kenlm = pytest.importorskip("kenlm", reason="kenlm needs a C++ compiler to install")
    judge = kenlm.Model(str(folder / "positive.arpa"))
    model = load_arpa(folder / "positive.arpa")
    for line in ("b a b", "a b a c", "b", "b a b a b a"):
        ledger = model.score(corpus(line + "\n"))
        theirs = [nats for nats, _, _ in judge.full_scores(line)]
        np.testing.assert_allclose(-ledger.nats / math.log(10), theirs, rtol=0, atol=1e-5)
        perplexity = 10 ** (-judge.score(line) / len(ledger))
        assert ledger.perplexity == pytest.approx(perplexity, rel=1e-5)


def test_the_search_goes_on_where_continuations_grow_likelier(folder: Path) -> None:
    model = load_arpa(folder / "positive.arpa")
    # </s> at once has .3, more than b with .25; but b b b a has .25 * 5 * 5 * 7.
    text = model.generate("a", beam=50, tokens=4, stop="sentence")
    assert text.split() == ["a", "b", "b", "b", "a"]


def test_the_ledger_of_an_improper_model_is_written_and_read(folder: Path, tmp_path: Path) -> None:
    text = corpus("b a b\n")
    own = load_arpa(folder / "positive.arpa").score(text)
    write_ledger(own, tmp_path / "l.jsonl")
    again = read_ledger(tmp_path / "l.jsonl", text)
    assert (again.proper, again.outcome_sums) == (False, own.outcome_sums)
    np.testing.assert_array_equal(again.nats, own.nats)
    for old, new, message in (
        ('"proper": false', '"proper": true', "check the sign"),
        ('"outcome_sums": [', '"outcome_sums": [1, ', "outcome_sums="),
    ):
        content = (tmp_path / "l.jsonl").read_text().replace(old, new)
        (tmp_path / "wrong.jsonl").write_text(content)
        with pytest.raises(FormatError, match=message):
            read_ledger(tmp_path / "wrong.jsonl", text)


# ---------------------------------------------------------------------- probability 0


@pytest.mark.parametrize("unit", ["word", "char", "byte"])
def test_the_first_impossible_event(unit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = lmkit.fit(f"bigram:alpha=0,unit={unit}", corpus("ab ab\nab\n"))
    for batch in (1 << 16, 1):
        monkeypatch.setattr(scoring, "_FIRST", batch)
        monkeypatch.setattr(scoring, "_BATCH", batch)
        for scored in (model.score(corpus("ab\nab éab\n")), model.tally(corpus("ab\nab éab\n"))):
            first = scored.first_impossible
            assert first is not None
            token = "éab" if unit == "word" else "é"
            position = 1 if unit == "word" else 3
            assert vars(first) == {"token": token, "sentence": 1, "position": position}
            assert scored.to_dict()["first_impossible"] == vars(first)
    fine = model.tally(corpus("ab\n"))
    assert fine.first_impossible is None
    # After ab there is no end of a sentence that begins with one.
    assert model.score(corpus("\n")).first_impossible == proper.Impossible("</s>", 0, 0)


def test_what_stands_at_a_place() -> None:
    text = corpus("a é\n\nc\n").train
    assert [token_at(text, "word", 0, place) for place in range(3)] == ["a", "é", "</s>"]
    assert [token_at(text, "byte", 0, place) for place in (2, 3, 4)] == ["é", "é", "</s>"]
    assert token_at(text, "char", 1, 0) == "</s>"
    assert token_at(text, "char", 2, 0) == "c"


def test_a_perplexity_too_large_for_a_float_is_infinite(tmp_path: Path) -> None:
    # Each `a` pays three backoffs of 10^-90 and has 10^-90: 829 nats, e^829 being no float.
    low = "-90\ta\t-90\n-99\t<s>\t-90\n-0.001\t</s>\n-0.002\tb\t-90\n-90\t<unk>"
    bigrams, trigrams = "-90\tb b\t-90", "-90\tb b b\t-90"
    path = tmp_path / "low.arpa"
    path.write_text(arpa(low, bigrams, trigrams, "-90\tb b b b"))
    (tmp_path / "t.txt").write_text("b b b a\nb b b a\n")
    rows = parsed("score", path, tmp_path / "t.txt", "--per", "token")["rows"]
    nats = [row["nats"] for row in rows]
    assert nats[3] == pytest.approx(4 * 90 * math.log(10))
    (result,) = parsed("evaluate", path, "--test", tmp_path / "t.txt")["results"]
    assert result["cross_entropy"] == pytest.approx(math.fsum(nats) / len(nats))
    ledger = load_arpa(path).score(corpus("b b b a b b b a\n" * 3))
    assert math.isfinite(ledger.cross_entropy)


# ---------------------------------------------------------------------- every command


def test_evaluate_marks_it_in_every_format(inside: Path) -> None:
    files = ("stupid.lmkit", "kn.lmkit", "positive.arpa", "mle.lmkit")
    arguments = ("evaluate", *files, "--test", "test.txt")
    stupid, kn, positive, mle = parsed(*arguments)["results"]
    assert [row["proper"] for row in (stupid, kn, positive, mle)] == [False, True, False, True]
    assert stupid["outcome_sum_low"] < stupid["outcome_sum_mean"] < stupid["outcome_sum_high"]
    assert stupid["outcome_sum_high"] > 1.01
    assert kn["outcome_sum_low"] == pytest.approx(1)
    assert mle["perplexity"] is None
    assert mle["impossible"] > 0
    assert mle["first_impossible"] == {"token": "</s>", "sentence": 0, "position": 3}
    for output in ("table", "markdown"):
        shown = run(*arguments, "--format", output).stdout
        marked = {line.split()[0 if output == "table" else 1]: line.count("†")
                  for line in shown.splitlines() if "word " in line}  # fmt: skip
        assert marked["stupid-backoff"] == 4
        assert marked["kneser-ney"] == marked["bigram:alpha=0.0"] == 0
        assert f"- † stupid-backoff {REASON}: its outcomes sum to " in shown
        assert "- bigram:alpha=0.0 gives " in shown
        assert "the first of them '</s>' (sentence 0, position 3, from 0)" in shown
    rows = list(csv.DictReader(io.StringIO(run(*arguments, "--format", "csv").stdout)))
    assert [row["proper"] for row in rows] == ["False", "True", "False", "True"]
    assert float(rows[0]["outcome_sum_high"]) == stupid["outcome_sum_high"]
    assert rows[3]["first_impossible"] == "</s> 0:3"
    assert rows[3]["perplexity"] == "inf"


def test_score_says_it_and_infinite_is_infinite(inside: Path) -> None:
    told = parsed("score", "mle.lmkit", "test.txt")
    assert told["proper"] is True
    assert told["first_impossible"]["token"] == "</s>"
    assert told["rows"][1]["nats"] is None
    assert told["rows"][1]["perplexity"] is None
    result = run("score", "mle.lmkit", "test.txt")
    assert result.stdout.splitlines()[2].split("\t")[:6] == ["1", "1", "0", "∞", "∞", "1"]
    assert "probability 0, the first of them '</s>'" in result.stderr
    lines = run("score", "mle.lmkit", "test.txt", "--format", "csv").stdout.splitlines()
    assert lines[2] == "1,1,0,inf,inf,1,"
    result = run("score", "stupid.lmkit", "test.txt", "--format", "csv")
    assert {row["proper"] for row in csv.DictReader(io.StringIO(result.stdout))} == {"0"}
    assert f"Note: stupid-backoff {REASON}" in result.stderr
    assert parsed("score", "stupid.lmkit", "test.txt")["proper"] is False


def test_what_needs_probabilities_refuses_in_the_same_words(inside: Path) -> None:
    for arguments in (
        ("compare", "--model", "stupid.lmkit", "--test", "test.txt"),
        ("compare", "--model", "positive.arpa", "--test", "test.txt"),
        ("compare", "--model", "word-rnn", "--model", "stupid-backoff", "train.txt"),
        ("mix", "kn.lmkit", "stupid.lmkit", "--valid", "test.txt"),
        ("prune", "stupid.lmkit", "--ngrams", "20", "-o", "p.lmkit"),
        ("prune", "kn.lmkit", "--history", "stupid.lmkit", "--ngrams", "30", "-o", "p.lmkit"),
    ):
        (line,) = run(*arguments, code=1).stderr.splitlines()
        assert line.startswith("Error: ")
        assert f"{REASON}: its outcomes " in line


def test_mix_tells_of_impossible_events(inside: Path) -> None:
    result = run("mix", "mle.lmkit", "kn.lmkit", "--valid", "test.txt", "--format", "json")
    told = json.loads(result.stdout)
    assert told["components"][0]["perplexity"] is None
    assert told["mixture"]["perplexity"] > 0
    assert result.stderr.count("probability 0, the first of them '</s>'") == 1
    result = run("mix", "mle.lmkit", "--valid", "test.txt")
    assert result.stdout.count("∞") == 2
    assert result.stderr.count("probability 0, the first of them '</s>'") == 2


def test_prune_tells_of_impossible_events(inside: Path) -> None:
    lmkit.fit("kneser-ney:unk=excluded", corpus(TRAIN)).save("closed.lmkit")
    options = ("--ngrams", "40", "-o", "p.lmkit", "--test", "test.txt")
    result = run("prune", "closed.lmkit", *options)
    assert result.stdout.count("∞") == 2
    assert result.stderr.count("the first of them 'zebra' (sentence 2, position 1") == 2


def test_curve_marks_it(inside: Path) -> None:
    arguments = ("curve", "--model", "stupid-backoff", "--model", "bigram:alpha=0", "train.txt")
    options = ("--fractions", "0.5,1")
    points = parsed(*arguments, *options)["points"]
    assert [point["proper"] for point in points] == [False, False, True, True]
    assert points[1]["outcome_sum_high"] > 1.01
    assert points[3]["bits_per_byte"] is None
    assert points[3]["impossible"] > 0
    shown = run(*arguments, *options).stdout
    assert shown.count("†") == 3
    assert f"- † stupid-backoff {REASON}" in shown
    assert "- bigram:alpha=0 gives " in shown


def test_the_report_marks_it() -> None:
    from lmkit.reporting.report import render_report

    train = corpus(TRAIN)
    split = Corpus("t", train.train, None, corpus(TEST).train)
    model = lmkit.fit("bigram", train)
    curve = learning_curve(["stupid-backoff", "bigram"], split, fractions=[1.0])
    page = render_report(lmkit.compare([model], corpus(TEST)), curve=curve)
    assert page.count("†") >= 5
    assert f"† stupid-backoff {REASON}" in page
    plain = LearningCurve(tuple(each for each in curve.points if each.measured.scored.proper))
    assert "†" not in render_report(lmkit.compare([model], corpus(TEST)), curve=plain)
    assert all(isinstance(point, CurvePoint) for point in plain.points)


def test_generate_and_info_say_it(inside: Path) -> None:
    result = run("generate", "stupid.lmkit", "--tokens", "3", "--seed", "1")
    assert f"Note: stupid-backoff {REASON}" in result.stderr
    assert not run("generate", "kn.lmkit", "--tokens", "3", "--seed", "1").stderr
    assert parsed("info", "stupid.lmkit")["proper"] is False
    assert parsed("info", "positive.arpa")["proper"] is False
    assert parsed("info", "kn.lmkit")["proper"] is True


def test_an_empty_text_is_one_line_in_every_command(inside: Path) -> None:
    (inside / "parts").mkdir(exist_ok=True)
    (inside / "parts" / "train.txt").write_text(TRAIN)
    (inside / "parts" / "test.txt").write_text("")
    for arguments in (
        ("evaluate", "kn.lmkit", "stupid.lmkit", "--test", "empty.txt"),
        ("evaluate", "kn.lmkit", "--test", "empty.txt", "--format", "json"),
        ("score", "kn.lmkit", "empty.txt"),
        ("score", "kn.lmkit", "empty.txt", "--per", "token", "--format", "csv"),
        ("compare", "--model", "kn.lmkit", "--test", "empty.txt"),
        ("mix", "kn.lmkit", "--valid", "empty.txt"),
        ("prune", "kn.lmkit", "--ngrams", "30", "-o", "p.lmkit", "--test", "empty.txt"),
        ("curve", "--model", "bigram", "parts"),
    ):
        (line,) = run(*arguments, code=1).stderr.splitlines()
        assert line.endswith(": no events to score; give another text"), arguments
