"""Scoring with the state reset at sentences, at documents, or never."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

import lmkit
from lmkit.cli.main import cli
from lmkit.errors import ParameterError
from lmkit.evaluation.calibration import calibrate
from lmkit.models import scoring
from lmkit.models.base import LanguageModel
from lmkit.text.corpus import Corpus

RNN = "char-rnn:hidden=8,embedding=4,layers=1,steps=20,lanes=2,length=8"
SPECS = ["witten-bell:order=3,context=stream", "trigram:context=stream", RNN,
         "mixture:models=unigram+bigram,caches=unigram"]  # fmt: skip
TRAIN = "the cat sat on the mat\nthe dog sat on the log\na cat saw the dog\n" * 5


def documents(count: int) -> list[str]:
    random = np.random.default_rng(1)
    words = ["the", "cat", "sat", "dog", "on", "zebra"]
    return [
        "".join(
            " ".join(random.choice(words, random.integers(1, 9))) + "\n"
            for _ in range(random.integers(1, 5))
        )
        for _ in range(count)
    ]


def fit(spec: str, **rules: str) -> LanguageModel:
    valid = Corpus.from_string("zebra zebra zebra the the\n" * 3 + "zebra cat cat\n", **rules)
    return lmkit.fit(spec, Corpus.from_string(TRAIN, **rules), valid=valid)


@pytest.fixture(scope="module", params=SPECS)
def model(request: pytest.FixtureRequest) -> LanguageModel:
    return fit(request.param)


@pytest.mark.parametrize("batch", [1, 100, 1 << 16])
@pytest.mark.parametrize("sentences", ["line", "none"])
def test_documents_wherever_batches_end(
    model: LanguageModel,
    sentences: str,
    batch: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scoring, "_FIRST", batch)
    monkeypatch.setattr(scoring, "_BATCH", batch)
    if sentences == "none":
        model = fit(model.spec, sentences="none")
    parts = documents(40)
    for number, part in enumerate(parts):
        (tmp_path / f"{number:02}.txt").write_text(part)
    text = Corpus.open(tmp_path, sentences=sentences).train
    ledger = model.score(text, context="document", explain=True)
    assert ledger.document_offsets is not None
    starts = np.searchsorted(ledger.offsets, ledger.document_offsets)
    for number, part in enumerate(parts):
        if sentences == "line":
            expected = model.score(Corpus.from_string(part)).nats
        else:  # in characters, a document begins with the blank that parts it from the last one
            blank = [model.vocabulary_[" "]] if number and model.unit == "char" else []
            expected = -model.log_probs([*blank, *model.encode(part.strip())])
        own = ledger.nats[starts[number] : starts[number] + len(expected)]
        np.testing.assert_allclose(own, expected, rtol=0, atol=2e-6)
    straight = model.score(text)
    assert np.abs(straight.nats - ledger.nats).max() > 1e-3  # it does make a difference
    assert "|ctx:document|" in ledger.signature
    assert "|ctx:stream|" in straight.signature


def test_two_sentences_in_either_order() -> None:
    corpus = Corpus.from_string(TRAIN)
    model = lmkit.fit(RNN, corpus, valid=corpus)
    a, b = "the zebra sat\n", "a dog\n"

    def nats(text: str, context: str | None) -> tuple[float, float]:
        ledger = model.score(Corpus.from_string(text), context=context)
        sums = np.bincount(ledger.sentence, ledger.nats)
        return float(sums[0]), float(sums[1])

    first, second = nats(a + b, "sentence")
    np.testing.assert_allclose(nats(b + a, "sentence"), (second, first), rtol=1e-6)
    running = nats(a + b, None)
    assert abs(running[1] - nats(b + a, None)[0]) > 1e-3
    assert running == nats(a + b, "stream")


def test_what_cannot_be() -> None:
    corpus = Corpus.from_string(TRAIN)
    bigram = lmkit.fit("bigram", corpus)
    with pytest.raises(ParameterError, match="unknown context 'documents'; did you mean"):
        bigram.score(corpus, context="documents")
    with pytest.raises(ParameterError, match="what a document of string is, is not known"):
        bigram.tally(corpus, context="document")
    with pytest.raises(ParameterError, match=r"bigram was fitted on sentences apart"):
        lmkit.compare([bigram], corpus, context="stream")
    unigram = lmkit.fit("unigram", corpus)
    ledger = unigram.score(corpus, context="stream")
    np.testing.assert_array_equal(ledger.nats, unigram.score(corpus).nats)


def test_a_comparison_of_items(model: LanguageModel) -> None:
    lines = "".join(documents(60))
    corpus = Corpus.from_string(lines, documents="line")
    bigram = lmkit.fit("bigram", Corpus.from_string(TRAIN))
    ranked = lmkit.compare([model, bigram], corpus, context="document", calibration_events=20)
    contexts = {result["model"]: result["context"] for result in ranked.results()}
    assert contexts == {model.spec: "document", "bigram": "sentence"}
    apart = lmkit.compare([model, bigram], corpus, context="sentence")
    for one in ranked.ledgers:  # a line is a document here
        other = next(ledger for ledger in apart.ledgers if ledger.model == one.model)
        np.testing.assert_allclose(one.nats, other.nats, rtol=0, atol=2e-6)


@pytest.mark.parametrize("context", ["sentence", "document", None])
def test_calibration_is_of_what_was_scored(model: LanguageModel, context: str | None) -> None:
    corpus = Corpus.from_string("\n".join(documents(10)), documents="blank")
    ledger = model.score(corpus, context=context)
    found = calibrate(model, ledger, events=10**6)
    assert found.events == len(ledger)
    mean = float(ledger.nats.mean()) / np.log(2)
    assert found.mean_surprisal == pytest.approx(mean, rel=1e-5)


# ---------------------------------------------------------------------- the command line


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def test_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text(TRAIN)
    test = tmp_path / "test.txt"
    test.write_text("\n".join(documents(20)))
    model = tmp_path / "kn.lmkit"
    fitted = run("fit", "--model", "witten-bell:order=2,context=stream,unit=char",
                 tmp_path / "train.txt", "-o", model)  # fmt: skip
    assert fitted.exit_code == 0, fitted.output
    asked = ("--context", "document", "--documents", "blank", "--format", "json")
    for command in (
        ("evaluate", model, "--test", test),
        ("compare", "--model", model, "--test", test),
    ):
        told = json.loads(run(*command, *asked).stdout)["results"][0]
        assert told["context"] == "document"
        assert "|ctx:document|" in told["signature"]
        plain = run(*command, "--context", "sentence")
        assert plain.exit_code == 0
        assert "context" in plain.stdout
        assert "  sentence  " in plain.stdout
    told = json.loads(run("score", model, test, *asked).stdout)
    assert told["context"] == "document"
    failed = run("score", model, test, "--context", "document")
    assert failed.exit_code == 1
    assert failed.stderr.count("\n") == 1
    assert "say it with --documents" in failed.stderr
