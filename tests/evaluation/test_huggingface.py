"""Causal models of transformers, scored once a token; with a tiny one of random weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lmkit
from lmkit.errors import LmkitError, NotComparableError, ParameterError
from lmkit.evaluation.comparison import compare
from lmkit.evaluation.huggingface import _places, score_huggingface
from lmkit.text.corpus import Corpus, Text

CONTENT = "the cat sat on the mat\n\nthe dodo 漢字 saw a naïve café\n" * 3


def text(content: str = CONTENT) -> Text:
    return Corpus.from_string(content, normalize="none", sentences="line").train


@pytest.fixture(scope="module")
def tiny() -> tuple[Any, Any]:
    transformers = pytest.importorskip("transformers")
    import torch
    from tokenizers import ByteLevelBPETokenizer

    trained = ByteLevelBPETokenizer()
    trained.train_from_iterator([CONTENT], vocab_size=290, special_tokens=["<|start|>"])
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=trained._tokenizer, bos_token="<|start|>"
    )
    torch.manual_seed(1)
    config = transformers.GPT2Config(vocab_size=290, n_positions=64, n_embd=16, n_layer=2, n_head=2)
    return transformers.GPT2LMHeadModel(config).eval(), tokenizer


def test_each_token_is_scored_once_with_what_stands_before_it(tiny: tuple[Any, Any]) -> None:
    import torch

    model, tokenizer = tiny
    ledger = score_huggingface(model, text(), tokenizer=tokenizer, window=10)
    ids = ledger.extra["subword"].tolist()
    assert tokenizer.decode(ids) == CONTENT
    known = [tokenizer.bos_token_id, *ids]
    done = 0
    for place in range(len(ids)):
        if place >= done:  # a new window: ten at first, then five new tokens each
            done += min(10 if done == 0 else 5, len(ids) - done)
        context = known[max(0, done - 10) : place + 1]
        with torch.inference_mode():
            logits = model(torch.tensor([context])).logits[0, -1].double()
        expected = -torch.log_softmax(logits, 0)[ids[place]].item()
        assert ledger.nats[place] == pytest.approx(expected, rel=1e-4)


def test_a_short_text_has_the_loss_that_the_model_itself_gives(tiny: tuple[Any, Any]) -> None:
    import torch

    model, tokenizer = tiny
    ledger = score_huggingface(model, text("the cat sat\n"), tokenizer=tokenizer)
    ids = torch.tensor([[tokenizer.bos_token_id, *ledger.extra["subword"].tolist()]])
    with torch.inference_mode():
        loss = model(ids, labels=ids).loss.item()
    assert ledger.cross_entropy == pytest.approx(loss, rel=1e-5)


def test_it_ranks_beside_native_models_and_is_split_by_word(tiny: tuple[Any, Any]) -> None:
    model, tokenizer = tiny
    ledger = score_huggingface(model, text(), tokenizer=tokenizer, name="tiny")
    train = text("the cat sat on the mat\n" * 9)
    found = compare([lmkit.fit("bigram", train)], text(), ledgers=[ledger], train=train)
    assert set(found.labels) == {"tiny", "bigram"}
    assert all(row.is_open for row in found.ledgers)
    parts = found.decompose(0, 1)
    totals = [row.total_nats / np.log(2) for row in found.ledgers]
    assert [parts.bits_a, parts.bits_b] == pytest.approx(totals)


def test_a_folder_is_read_and_nothing_downloaded(tiny: tuple[Any, Any], tmp_path: Path) -> None:
    model, tokenizer = tiny
    model.save_pretrained(tmp_path / "gpt")
    tokenizer.save_pretrained(tmp_path / "gpt")
    ledger = score_huggingface(tmp_path / "gpt", text())
    own = score_huggingface(model, text(), tokenizer=tokenizer)
    assert ledger.model == "gpt"
    assert np.allclose(ledger.nats, own.nats, rtol=1e-4)
    with pytest.raises(LmkitError, match="no such folder"):
        score_huggingface("openai/gpt2", text())
    (tmp_path / "empty").mkdir()
    with pytest.raises(LmkitError, match="no causal language model"):
        score_huggingface(tmp_path / "empty", text())


def test_unknown_characters_and_slow_tokenizers_are_refused(tiny: tuple[Any, Any]) -> None:
    model, tokenizer = tiny
    with pytest.raises(ParameterError, match="fast tokenizer"):
        score_huggingface(model, text())
    with pytest.raises(ParameterError, match="window=1"):
        score_huggingface(model, text(), tokenizer=tokenizer, window=1)

    class Closed:
        """A tokenizer that knows no letter but a."""

        is_fast = True
        unk_token_id, bos_token_id, eos_token_id = 0, 1, None

        def __call__(self, content: str, **_: Any) -> dict[str, Any]:
            places = [(place, place + 1) for place in range(len(content))]
            return {"input_ids": [2 if c == "a" else 0 for c in content], "offset_mapping": places}

    with pytest.raises(NotComparableError, match="does not know 'b', at character 1"):
        score_huggingface(model, text("ab\n"), tokenizer=Closed())


def test_characters_of_several_tokens_are_covered_once() -> None:
    # a, three bytes of a character, the last one with the letter behind it, and a word.
    offsets, lengths = _places([(0, 1), (1, 2), (1, 2), (1, 3), (4, 7)])
    assert offsets.tolist() == [0, 1, 1, 2, 4]
    assert lengths.tolist() == [1, 1, 0, 1, 3]


def test_without_transformers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(__import__("sys").modules, "transformers", None)
    with pytest.raises(LmkitError, match="need transformers"):
        score_huggingface(tmp_path, text())
