"""char-rnn, word-rnn and mlp as language models: what the contract does not ask of every model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import lmkit
from lmkit.errors import FormatError, ParameterError
from lmkit.models.registry import create
from lmkit.models.rnn.models import CharRnn, Mlp, RecurrentModel, WordRnn
from lmkit.storage import read_model_file, write_model_file
from lmkit.text.corpus import Corpus
from tests.models.rnn import samples
from tests.models.rnn.samples import CORPUS, RARE, TEXT, VALID, corpus

SHORT, BEGINNING = corpus(TEXT), corpus(TEXT[:200])


def fitted(kind: type[RecurrentModel] = WordRnn, text: Corpus = SHORT, **options: Any) -> Any:
    return samples.fitted(kind, text, **{"valid": BEGINNING, **options})


def test_the_two_models_differ_in_unit_and_defaults() -> None:
    assert CharRnn().unit == "char"
    assert WordRnn().unit == "word"
    for model in (CharRnn(), WordRnn()):
        assert model.context == "stream"
        assert model.spec == model.name
    assert create("char-rnn:cell=gru,hidden=32,threads=1").hidden == 32


def test_a_device_that_is_not_there() -> None:
    missing = [d for d in ("cuda", "mps") if not getattr(torch, d).is_available()]
    for device in missing:
        with pytest.raises(ParameterError, match=f"device='{device}' is not there"):
            CharRnn(device=device).fit(SHORT)
    assert fitted(device="cpu").network_.device.type == "cpu"


def test_a_model_from_another_machine_runs_on_this_one(tmp_path: Path) -> None:
    model = fitted(device="cpu")
    model.save(tmp_path / "m.lmkit")
    arrays, header = read_model_file(tmp_path / "m.lmkit")
    for device in ("cuda", "mps"):
        header["parameters"]["device"] = device
        write_model_file(tmp_path / "other.lmkit", arrays, header)
        again = lmkit.load(tmp_path / "other.lmkit")
        ledger = again.score(SHORT)
        assert ledger.total_nats == pytest.approx(model.score(SHORT).total_nats, rel=1e-5)


def test_the_learning_curve() -> None:
    model = fitted(epochs=4)
    history = model.history_
    assert sorted(history) == ["best", "tokens", "train", "valid"]
    assert len(history["train"]) == len(history["valid"]) == 4
    assert history["train"][-1] < history["train"][0]
    assert 0 <= history["best"] < 4
    assert history["tokens"] == sorted(history["tokens"])
    valid = model.score(BEGINNING)
    assert history["valid"][history["best"]] == pytest.approx(valid.cross_entropy)
    assert json.loads(json.dumps(history)) == history


@pytest.mark.parametrize("options", [{}, {"tied": True}, {"embedding": 0}, {"cell": "gru"}])
def test_every_kind_of_network_learns_and_is_saved(options: dict[str, Any], tmp_path: Path) -> None:
    model = fitted(CharRnn, epochs=6, layers=2, learning_rate=0.02, **options)
    ledger = model.score(SHORT)
    assert ledger.perplexity < 0.5 * len(model.vocabulary_)
    model.save(tmp_path / "m.lmkit")
    again = lmkit.load(tmp_path / "m.lmkit")
    np.testing.assert_array_equal(again.score(SHORT).nats, ledger.nats)
    assert again.history_ == model.history_
    assert again.parameters == model.parameters


def test_unknown_words_are_learned_from_words_seen_once() -> None:
    """Half of the rare words are hidden, so <unk> gets about half of their share."""
    test = corpus("".join(f"the v{n} sat on z{n}\n" for n in range(40)))
    text, costs = corpus(RARE), {}
    for rate in (0.0, 0.5):
        model = fitted(text=text, valid=text, unk_rate=rate, epochs=10, learning_rate=0.02)
        ledger = model.score(test)
        assert ledger.oov_count == 80
        costs[rate] = ledger.nats[ledger.oov].mean()
        assert model.unk == ("trained" if rate else "model")
    assert costs[0.5] < 2 < 4 < costs[0.0]


def test_a_literal_unk_is_trained() -> None:
    assert fitted(text=corpus(TEXT + "the <unk> sat\n"), unk_rate=0.0).unk == "trained"


def test_explained_scores_have_the_entropy() -> None:
    ledger = fitted().score(SHORT, explain=True)
    assert ledger.extra["entropy"].shape == ledger.nats.shape
    assert (ledger.extra["entropy"] > 0).all()


def test_stream_and_sentence_are_different_models() -> None:
    text = "one two\nthree four\n" * 60  # which of the two lines comes is known from the last
    stream, sentence = (
        fitted(
            text=corpus(text),
            valid=corpus(text[:200]),
            context=context,
            epochs=12,
            learning_rate=0.02,
            dropout=0.0,
        )
        for context in ("stream", "sentence")
    )
    assert stream.score(corpus(text)).perplexity < 1.1
    assert sentence.score(corpus(text)).perplexity == pytest.approx(2 ** (1 / 3), rel=0.05)


def test_the_window_sees_its_order_and_no_more() -> None:
    model = Mlp(order=3, hidden=12, embedding=6, epochs=2).fit(CORPUS, valid=VALID)
    far, near = model.next_log_probs([2, 4, 5]), model.next_log_probs([3, 4, 5])
    np.testing.assert_allclose(far, near, atol=1e-6)
    assert not np.allclose(far, model.next_log_probs([3, 2, 5]))
    with pytest.raises(ParameterError, match="order=1; give a whole number, 2 or more"):
        Mlp(order=1).fit(CORPUS)


def test_the_window_learns_what_a_trigram_would() -> None:
    text = corpus("a b c d\nb b a d\nc b b d\n" * 60)
    model = Mlp(order=4, hidden=24, embedding=8, epochs=12, lanes=4, learning_rate=0.02)
    assert model.fit(text, valid=text).score(text).perplexity < 1.3  # three lines: 3 ** (1/5)


def test_damaged_weights_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.lmkit"
    model = fitted(CharRnn)
    model.save(path)
    arrays, header = read_model_file(path)
    name = "model.layers.0.weight_hh_l0"

    def saved(changed: dict[str, Any] | None = None, **parameters: Any) -> Path:
        kept = {
            key: value for key, value in {**arrays, **(changed or {})}.items() if value is not None
        }
        learned = header["learned"]
        settings = {**learned["settings_"], **parameters}
        write_model_file(path, kept, {**header, "learned": {**learned, "settings_": settings}})
        return path

    for broken in (
        {name: arrays[name][:-1]},
        {name: arrays[name].astype(np.float64)},
        {name: None},
        {"model.layers.7.weight_hh_l0": arrays[name]},
    ):
        with pytest.raises(FormatError, match="weights"):
            lmkit.load(saved(broken))
    for parameters in (
        {"hidden": 10**9},
        {"cell": "gru"},
        {"layers": 2},
        {"layers": 10**9},
        {"hidden": "12"},
    ):
        with pytest.raises(FormatError):
            lmkit.load(saved(**parameters))
    assert lmkit.load(saved()).parameters == model.parameters
