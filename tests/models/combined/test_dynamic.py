"""Dynamic evaluation against a slow version by its definition."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from torch.nn.functional import cross_entropy

import lmkit
from lmkit.cli.main import cli
from lmkit.errors import CorpusError, FormatError, ParameterError
from lmkit.models.combined.dynamic import Dynamic, adapt
from lmkit.models.registry import create, open_options
from lmkit.models.rnn.models import WordRnn
from lmkit.storage import read_model_file, write_model_file
from lmkit.text.corpus import Corpus

SMALL = {"hidden": 12, "embedding": 6, "epochs": 2, "lanes": 4, "length": 16, "tied": False}
TEXT = "the cat sat on the mat\nthe dog sat on the log\na cat saw the dog\n\n" * 12
CORPUS = Corpus.from_string(TEXT, normalize="none")
REPEATED = Corpus.from_string("log the mat dog on\n" * 40, normalize="none")


@pytest.fixture(scope="module")
def model() -> Any:
    return WordRnn(**SMALL, threads=1).fit(CORPUS, valid=CORPUS)


def slow_log_probs(dynamic: Dynamic, ids: np.ndarray) -> np.ndarray:
    """Score stretch by stretch with a plain loop over single steps and single weights."""
    network = copy.deepcopy(dynamic.model_.network_).double()
    trained = [p.detach().clone() for p in network.parameters()]
    rms = [rms.double() for rms in dynamic.rms_.values()]
    mean = torch.cat([part.flatten() for part in rms]).mean()
    state = network.step(torch.tensor([len(dynamic.vocabulary_)]), network.initial_state(1))
    state = tuple(part.detach() for part in state)
    result: list[float] = []
    for start in range(0, len(ids), dynamic.stretch):
        losses = []
        for index in ids[start : start + dynamic.stretch].tolist():
            target = torch.tensor([index])
            losses.append(cross_entropy(network.scores(network.top(state)), target))
            state = network.step(target, state)
        result += [-float(loss.detach()) for loss in losses]
        if len(losses) < dynamic.stretch:
            break
        gradients = torch.autograd.grad(sum(losses) / len(losses), list(network.parameters()))
        with torch.no_grad():
            for p, gradient, first, size in zip(
                network.parameters(), gradients, trained, rms, strict=True
            ):
                p -= dynamic.rate_ * gradient / (size + mean)
                p += torch.clamp(dynamic.decay * size / mean, max=1) * (first - p)
        state = tuple(part.detach() for part in state)
    return np.array(result)


def test_equals_the_definition(model: Any) -> None:
    dynamic = adapt(model, CORPUS, stretch=7, rate=3e-3, decay=0.1)
    ids = model.encode("the cat sat on the log\n the log the dog saw a mat\n the end a cat sat on")
    with torch.random.fork_rng():
        torch.set_default_dtype(torch.float64)
        try:
            expected = slow_log_probs(dynamic, ids)
        finally:
            torch.set_default_dtype(torch.float32)
    np.testing.assert_allclose(dynamic.log_probs(ids), expected, atol=2e-5)
    assert not np.allclose(dynamic.log_probs(ids)[7:], model.log_probs(ids)[7:], atol=1e-4)
    np.testing.assert_allclose(dynamic.log_probs(ids)[:7], model.log_probs(ids)[:7], atol=1e-5)


def test_what_recurs_is_learned_and_then_forgotten(model: Any) -> None:
    dynamic = adapt(model, CORPUS, rate=3e-3, decay=0.0)
    before = {name: p.clone() for name, p in dynamic.model_.network_.state_dict().items()}
    plain, adapted = model.score(REPEATED), dynamic.score(REPEATED)
    assert adapted.perplexity < 0.8 * plain.perplexity
    np.testing.assert_array_equal(dynamic.score(REPEATED).nats, adapted.nats)
    for name, weights in dynamic.model_.network_.state_dict().items():
        assert torch.equal(weights, before[name])
    assert (plain.adapts, adapted.adapts) == ("", "dynamic")
    assert "adapt:dynamic" in str(lmkit.compare([model, dynamic], REPEATED).results())


def test_the_rate_suits_the_validation_text(model: Any) -> None:
    dynamic = adapt(model, REPEATED)
    ids = model.encode("log the mat dog on\n" * 40)
    found = -dynamic.log_probs(ids).mean()
    for rate in (3e-5, 1e-4, 3e-4, 1e-3):
        assert found <= -adapt(model, REPEATED, rate=rate).log_probs(ids).mean() + 1e-9


def test_a_dynamic_model_of_a_spec_and_its_file(tmp_path: Path) -> None:
    spec = r"dynamic:model=word-rnn:hidden=8\,embedding=4\,epochs=1,rate=0.001"
    dynamic = lmkit.fit(spec, CORPUS, valid=CORPUS)
    path = tmp_path / "d.lmkit"
    dynamic.save(path)
    again = lmkit.load(path)
    np.testing.assert_array_equal(again.score(CORPUS).nats, dynamic.score(CORPUS).nats)
    arrays, header = read_model_file(path)
    arrays = {name: np.array(array) for name, array in arrays.items()}
    for name in ("model.rms.bias", "model.model.bias"):
        write_model_file(path, {**arrays, name: arrays[name][:-1]}, header)
        with pytest.raises(FormatError):
            lmkit.load(path)


def test_the_seed_reaches_the_network() -> None:
    specs = ("dynamic", r"dynamic:model=word-rnn:hidden=8\,seed=7")
    parts = [create(spec, **open_options(spec, {"seed": 5})) for spec in specs]
    assert [part._component().seed for part in parts if isinstance(part, Dynamic)] == [5, 7]


@pytest.mark.parametrize(("spec", "made_by"), [("dynamic", "adapt"), ("mixture", "mix")])
def test_a_network_is_trained_by_itself_first(spec: str, made_by: str) -> None:
    done = CliRunner().invoke(cli, ["fit", "--model", spec, "--budget", "1m"])
    assert done.exit_code == 1
    assert "fit that with --budget" in done.stderr
    assert f"`lmkit {made_by}`" in done.stderr


def test_what_cannot_adapt(model: Any) -> None:
    with pytest.raises(ParameterError, match="does not learn by gradients"):
        adapt(lmkit.fit("bigram", CORPUS), CORPUS)
    with pytest.raises(CorpusError, match="no events to score"):
        adapt(model, Corpus.from_string("", normalize="none"))


def test_progress_and_time_of_adapting(model: Any) -> None:
    told: list[str] = []
    dynamic = adapt(model, REPEATED, progress=lambda what, fraction: told.append(what))
    assert set(told) == {"dynamic evaluation: trying rates"}
    assert dynamic.fit_seconds_ > model.fit_seconds_
    assert dynamic.model_.fit_seconds_ is None


def test_info_tells_the_model_from_its_option(model: Any, tmp_path: Path) -> None:
    dynamic = adapt(model, REPEATED)
    assert dynamic.rate is None
    dynamic.save(tmp_path / "d.lmkit")
    command = ["info", str(tmp_path / "d.lmkit"), "--format", "json"]
    facts = json.loads(CliRunner().invoke(cli, command).stdout)
    assert (facts["model"], facts["component"]) == (dynamic.spec, model.spec)
    assert facts["rate"] == dynamic.rate_
    assert facts["learning_rate"] == model.settings_.learning_rate  # what the network decided
    assert "learning_curve" not in facts
