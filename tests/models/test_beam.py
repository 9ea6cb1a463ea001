"""Beam search: exhaustive where the beam is wide, greedy where it is one, and never wrong."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lmkit
from lmkit.errors import ParameterError
from lmkit.models.beam import Continuation, beam_search
from lmkit.text.corpus import Corpus

ROOT = str(Path(__file__).parents[2])
TEXT = "a b\nb a c\nc c\na a b c\n<unk> b\n"
MODELS = (
    "bigram:alpha=0.1",
    "trigram:alpha=0.3,context=stream",
    "bigram:smoothing=mle",
    "word-rnn:hidden=4,embedding=4,epochs=1,threads=1,learning_rate=0.5",
    r"mixture:models=bigram+unigram,caches=unigram",
)


@pytest.fixture(scope="module", params=MODELS)
def model(request: pytest.FixtureRequest) -> Any:
    corpus = Corpus.from_string(TEXT, normalize="none", sentences="line")
    return lmkit.fit(request.param, corpus, valid=corpus)


def exhaustive(model: Any, state: Any, length: int, *, ends: bool, unk: bool) -> Continuation:
    """Return the most probable of all continuations, each scored as a text is."""
    outcomes = range(0 if unk else 1, len(model.vocabulary_))
    best = Continuation((), -np.inf)
    for size in range(1, length + 1):
        for ids in itertools.product(outcomes, repeat=size):
            if ends and 1 in ids[:-1]:
                continue
            if size < length and not (ends and ids[-1] == 1):
                continue
            log_prob = float(model.log_probs(ids, state=state).sum())
            if log_prob > best.log_prob + 1e-9:
                best = Continuation(ids, log_prob)
    return best


@pytest.mark.parametrize("ends", [False, True])
@pytest.mark.parametrize("unk", [False, True])
def test_a_wide_beam_is_exhaustive(model: Any, ends: bool, unk: bool) -> None:
    for prompt in ([], [2, 3], [4, 4]):
        state = model.advance(prompt)
        expected = exhaustive(model, state, 4, ends=ends, unk=unk)
        found = beam_search(model, state, tokens=4, beam=5**4, to_sentence_end=ends, allow_unk=unk)
        assert found.log_prob == pytest.approx(expected.log_prob, abs=2e-5)
        own = float(model.log_probs(found.ids, state=state).sum())
        assert own == pytest.approx(found.log_prob, abs=2e-5)


def test_a_beam_of_one_is_greedy(model: Any) -> None:
    for prompt in ("", "a", "b a"):
        searched = model.generate(prompt, tokens=9, beam=1)
        assert searched == model.generate(prompt, tokens=9, greedy=True)


def test_wider_beams_that_find_all_are_not_worse(model: Any) -> None:
    state = model.initial_state()
    narrow, wide = (beam_search(model, state, tokens=4, beam=beam) for beam in (1, 5**4))
    assert wide.log_prob >= narrow.log_prob - 1e-9
    assert len(wide.ids) == 4


def test_a_sentence_ends_the_search(model: Any) -> None:
    text = model.generate("a", tokens=30, beam=4, stop="sentence")
    assert text.count("\n") <= 1
    assert "\n" not in text[:-1]


def test_no_tokens_and_no_possible_token() -> None:
    corpus = Corpus.from_string("<unk> <unk>", normalize="none", sentences="none")
    model = lmkit.fit("bigram:smoothing=mle", corpus)
    assert beam_search(model, model.initial_state(), tokens=5, beam=3) == Continuation((), 0.0)
    assert beam_search(model, model.initial_state(), tokens=0, beam=3) == Continuation((), 0.0)
    assert model.generate("", tokens=5, beam=3) == ""


@pytest.mark.parametrize(
    "options",
    [{"temperature": 0.5}, {"top_k": 3}, {"top_p": 0.5}, {"seed": 0}, {"greedy": True}],
)
def test_searching_is_not_drawing(options: dict[str, Any]) -> None:
    model = lmkit.fit("bigram", Corpus.from_string(TEXT))
    with pytest.raises(ParameterError, match=f"{next(iter(options))} says how to draw"):
        model.generate("a", beam=2, **options)
    with pytest.raises(ParameterError, match="beam=0"):
        model.generate("a", beam=0)


# ---------------------------------------------------------------------- streaming

SLOW = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # jobs in the background ignore it
import lmkit
from lmkit.models import registry
from lmkit.models.ngram.additive import Bigram
predict = Bigram._predict
def slowly(self, state):
    time.sleep(0.05)
    return predict(self, state)
Bigram._predict = slowly
from lmkit.cli.main import main
sys.argv = ["lmkit", "generate", sys.argv[1], "--tokens", "400", "--seed", "1"]
main()
"""


@pytest.fixture
def slow(tmp_path: Path) -> Any:
    """A process that generates 20 tokens a second into a pipe."""
    path = tmp_path / "m.lmkit"
    lmkit.fit("bigram", Corpus.from_string(TEXT)).save(path)
    checkout = f"import lmkit; lmkit.__path__.append({ROOT!r})\n"
    process = subprocess.Popen(
        [sys.executable, "-c", checkout + SLOW, str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": ROOT},
    )
    yield process
    process.kill()
    process.communicate()


def test_tokens_are_shown_as_they_are_drawn(slow: Any) -> None:
    pieces = [os.read(slow.stdout.fileno(), 1000) for _ in range(3)]
    assert all(0 < len(piece) < 30 for piece in pieces)
    assert slow.poll() is None  # 400 tokens take 20 seconds


def test_an_interrupt_ends_the_line(slow: Any) -> None:
    os.read(slow.stdout.fileno(), 10)
    slow.send_signal(signal.SIGINT)
    out, err = slow.communicate(timeout=20)
    assert out.endswith(b"\n")
    assert (slow.returncode, err) == (130, b"")


def test_a_reader_that_goes_is_no_error(slow: Any) -> None:
    os.read(slow.stdout.fileno(), 10)
    slow.stdout.close()
    assert slow.wait(timeout=20) == 0
    assert slow.stderr.read() == b""
