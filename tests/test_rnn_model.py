"""char-rnn and word-rnn as language models: what the contract does not ask of every model."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import lmkit
from lmkit.errors import FormatError, ParameterError
from lmkit.models.registry import create
from lmkit.models.rnn.learning import thread_chooser
from lmkit.models.rnn.model import CharRnn, RecurrentModel, WordRnn
from lmkit.models.rnn.threads import torch_threads
from lmkit.storage import read_model_file, write_model_file
from lmkit.text.corpus import Corpus

SMALL = {"hidden": 12, "embedding": 6, "epochs": 3, "lanes": 4, "length": 16, "tied": False}
TEXT = "the cat sat on the mat\nthe dog sat on the log\na cat saw the dog\n\n" * 12
RARE = "".join(f"the w{n} sat on x{n}\n" for n in range(60))


def corpus(text: str) -> Corpus:
    return Corpus.from_string(text, normalize="none")


def fitted(kind: type[RecurrentModel] = WordRnn, text: str = TEXT, **options: Any) -> Any:
    return kind(**{**SMALL, **options}).fit(corpus(text), valid=corpus(text[:200]))


def test_the_two_models_differ_in_unit_and_defaults() -> None:
    assert CharRnn().unit == "char"
    assert WordRnn().unit == "word"
    for model in (CharRnn(), WordRnn()):
        assert model.context == "stream"
        assert model.spec == model.name
    assert create("char-rnn:cell=gru,hidden=32,threads=1").hidden == 32


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cell": "lstmm"}, "cell='lstmm'; give 'rnn' or 'rnn-relu' or 'gru' or 'lstm'"),
        ({"hidden": 0}, "hidden=0; give a whole number, 1 or more"),
        ({"embedding": -1}, "embedding=-1; give a whole number, 0 or more"),
        ({"threads": 0}, "threads=0; give a whole number, 1 or more"),
        ({"dropout": 1.0}, "dropout=1.0; give a number from 0 to below 1"),
        ({"unk_rate": -0.1}, "unk_rate=-0.1; give a number from 0 to below 1"),
        ({"learning_rate": math.nan}, "learning_rate=nan; give a number above 0"),
        ({"clip": 0.0}, r"clip=0.0; give a number above 0"),
        ({"weight_decay": -1.0}, "weight_decay=-1.0; give a number, 0 or more"),
        (
            {"tied": True, "embedding": 0},
            "tied=True shares the embedding, and embedding=0 has none",
        ),
    ],
)
def test_options_out_of_range(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        CharRnn(**options).fit(corpus(TEXT))


def test_a_device_that_is_not_there() -> None:
    missing = [d for d in ("cuda", "mps") if not getattr(torch, d).is_available()]
    for device in missing:
        with pytest.raises(ParameterError, match=f"device='{device}' is not there"):
            CharRnn(device=device).fit(corpus(TEXT))
    assert fitted(device="cpu").network_.device.type == "cpu"


def test_a_model_from_another_machine_runs_on_this_one(tmp_path: Path) -> None:
    model = fitted(device="cpu")
    model.save(tmp_path / "m.lmkit")
    arrays, header = read_model_file(tmp_path / "m.lmkit")
    for device in ("cuda", "mps"):
        header["parameters"]["device"] = device
        write_model_file(tmp_path / "other.lmkit", arrays, header)
        again = lmkit.load(tmp_path / "other.lmkit")
        ledger = again.score(corpus(TEXT))
        assert ledger.total_nats == pytest.approx(model.score(corpus(TEXT)).total_nats, rel=1e-5)


def test_the_learning_curve() -> None:
    model = fitted(epochs=4)
    history = model.history_
    assert sorted(history) == ["best", "tokens", "train", "valid"]
    assert len(history["train"]) == len(history["valid"]) == 4
    assert history["train"][-1] < history["train"][0]
    assert 0 <= history["best"] < 4
    assert history["tokens"] == sorted(history["tokens"])
    valid = model.score(corpus(TEXT[:200]))
    assert history["valid"][history["best"]] == pytest.approx(valid.cross_entropy)
    assert json.loads(json.dumps(history)) == history


def test_without_a_validation_text_the_tail_of_the_training_text_serves() -> None:
    model = WordRnn(**SMALL).fit(Corpus.from_string(TEXT, normalize="none").train)
    assert len(model.history_["valid"]) == 3


def test_an_empty_validation_text_means_none() -> None:
    model = WordRnn(**SMALL).fit(corpus(TEXT), valid=corpus(""))
    assert model.history_["valid"] == []


def test_same_seed_same_weights_other_seed_others() -> None:
    one, two, other = fitted(seed=5), fitted(seed=5), fitted(seed=6)
    for name, weights in one.network_.state_dict().items():
        assert torch.equal(weights, two.network_.state_dict()[name])
    assert not torch.equal(one.network_.bias, other.network_.bias)


def test_fitting_leaves_torch_as_it_was() -> None:
    generator, threads = torch.random.get_rng_state(), torch.get_num_threads()
    for options in ({}, {"threads": threads + 1}):  # few steps: threads may wait for one another
        fitted(text="a b\n" * 8, dropout=0.3, epochs=1, **options)
        assert torch.equal(torch.random.get_rng_state(), generator)
        assert torch.get_num_threads() == threads


def test_little_networks_do_not_try_threads() -> None:
    model = fitted()
    with torch_threads():
        assert thread_chooser(model.network_, model.settings_, None).candidates == (1,)
        assert thread_chooser(model.network_, model.settings_, 2).candidates == (2,)


def test_large_networks_do(monkeypatch: pytest.MonkeyPatch) -> None:
    model = fitted()
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    monkeypatch.setattr(torch, "set_num_threads", lambda count: None)
    monkeypatch.setattr("lmkit.models.rnn.learning.LITTLE_WORK", 0)
    assert thread_chooser(model.network_, model.settings_, None).candidates == (1, 4)


@pytest.mark.parametrize("options", [{}, {"tied": True}, {"embedding": 0}, {"cell": "gru"}])
def test_every_kind_of_network_learns_and_is_saved(options: dict[str, Any], tmp_path: Path) -> None:
    model = fitted(CharRnn, epochs=6, layers=2, learning_rate=0.02, **options)
    ledger = model.score(corpus(TEXT))
    assert ledger.perplexity < 0.5 * len(model.vocabulary_)
    model.save(tmp_path / "m.lmkit")
    again = lmkit.load(tmp_path / "m.lmkit")
    np.testing.assert_array_equal(again.score(corpus(TEXT)).nats, ledger.nats)
    assert again.history_ == model.history_
    assert again.parameters == model.parameters


def test_unknown_words_are_learned_from_words_seen_once() -> None:
    """Half of the rare words are hidden, so <unk> gets about half of their share."""
    test = corpus("".join(f"the v{n} sat on z{n}\n" for n in range(40)))
    costs = {}
    for rate in (0.0, 0.5):
        model = fitted(text=RARE * 1, unk_rate=rate, epochs=10, learning_rate=0.02)
        ledger = model.score(test)
        assert ledger.oov_count == 80
        costs[rate] = ledger.nats[ledger.oov].mean()
        assert model.unk == ("trained" if rate else "model")
    assert costs[0.5] < 2 < 4 < costs[0.0]


def test_a_literal_unk_is_trained() -> None:
    assert fitted(text=TEXT + "the <unk> sat\n", unk_rate=0.0).unk == "trained"


def test_explained_scores_have_the_entropy() -> None:
    ledger = fitted().score(corpus(TEXT), explain=True)
    assert ledger.extra["entropy"].shape == ledger.nats.shape
    assert (ledger.extra["entropy"] > 0).all()


def test_stream_and_sentence_are_different_models() -> None:
    text = "one two\nthree four\n" * 60  # which of the two lines comes is known from the last
    stream, sentence = (
        fitted(text=text, context=context, epochs=12, learning_rate=0.02, dropout=0.0)
        for context in ("stream", "sentence")
    )
    assert stream.score(corpus(text)).perplexity < 1.1
    assert sentence.score(corpus(text)).perplexity == pytest.approx(2 ** (1 / 3), rel=0.05)


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
