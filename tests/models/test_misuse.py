"""What people mean is accepted, and the rest is refused in one line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lmkit
from lmkit.errors import LmkitError
from tests.models.rnn.samples import SMALL

TEXT = "the cat sat on the mat\nthe dog sat on the log\na cat saw a dog\n" * 8
CORPUS = lmkit.Corpus.from_string(TEXT)
MODEL = lmkit.fit("witten-bell:order=3", CORPUS)


def test_models_are_specs_classes_files_and_one_alone(tmp_path: Path) -> None:
    MODEL.save(tmp_path / "m.lmkit")
    by_spec = lmkit.fit("bigram", CORPUS)
    for given in (lmkit.Bigram, lmkit.Bigram()):
        assert lmkit.fit(given, CORPUS).spec == "bigram"
    for models in ("bigram", ["bigram"], [lmkit.Bigram], by_spec, iter([by_spec])):
        assert lmkit.compare(models, CORPUS.split()).labels == ("bigram",)
    mixed = lmkit.mix([tmp_path / "m.lmkit", str(tmp_path / "m.lmkit")], CORPUS)
    assert mixed.spec.startswith("mixture:models=witten-bell+witten-bell")
    assert lmkit.fit("bigram", CORPUS, vocabulary=["the", "cat"]).vocabulary_.tokens[2:] == (
        "the", "cat",
    )  # fmt: skip


REFUSED: dict[str, Callable[[], Any]] = {
    "3 is no model": lambda: lmkit.compare([3], CORPUS),
    "None is no model": lambda: lmkit.mix(None, CORPUS),
    "has not learned yet": lambda: lmkit.mix(["bigram"], CORPUS),
    "unknown model 'a'": lambda: lmkit.mix(["a"], CORPUS),
    r"\[\] is no model": lambda: lmkit.fit([], CORPUS),
    "'x' is no model": lambda: lmkit.prune("x", threshold=0.1),
    "b'x' is no text": lambda: MODEL.encode(b"x"),
    r"\['x'\] is no text": lambda: MODEL.generate(["x"]),
    "tokens='3': give a number": lambda: MODEL.generate(tokens="3"),
    "seed='a': give a number": lambda: MODEL.generate(seed="a"),
    "temperature=None": lambda: MODEL.generate(temperature=None),
    "None names no file": lambda: MODEL.save(None),
    "0 names no file": lambda: lmkit.load(0),
    "'the' is no vocabulary": lambda: lmkit.fit("bigram", CORPUS, vocabulary="the"),
    "is no comparison": lambda: lmkit.write_report(MODEL, "x.html"),
    "is no subclass": lambda: lmkit.register(3),
    "ngrams '3'": lambda: lmkit.measure_zipf(CORPUS, ngrams="3"),
    "'the' is no state": lambda: MODEL.step("the", 2),
    r"\(11,\) is no state": lambda: MODEL.advance([2], state=(11,)),
    "1000000000 is no state": lambda: MODEL.step(10**9, 2),
    "-5 is no state": lambda: MODEL.log_probs([2], state=-5),
    "is no state of this word-rnn": lambda: _network().next_log_probs(state=MODEL.initial_state()),
    r"tensor\(.* is no state of this word-rnn": lambda: _network().step(
        _network(hidden=14).initial_state(), 2
    ),
    "is no state of this mixture": lambda: lmkit.mix(MODEL, CORPUS).step(MODEL.initial_state(), 2),
}


def _network(**options: Any) -> Any:
    return lmkit.WordRnn(**{**SMALL, "epochs": 1, **options}).fit(CORPUS)


@pytest.mark.parametrize("message", REFUSED)
def test_what_nobody_can_mean_is_refused_in_one_line(message: str) -> None:
    with pytest.raises(LmkitError, match=message) as caught:
        REFUSED[message]()
    assert "\n" not in str(caught.value)


def test_none_is_the_state_at_the_start_of_a_text() -> None:
    nats, state = MODEL.step(None, 2)
    assert (nats, state) == MODEL.step(MODEL.initial_state(), 2)
    assert MODEL.step(np.int64(state), 3) == MODEL.step(state, 3)
