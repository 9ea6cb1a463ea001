"""What counting and backoff models share: pieces, steps, continuations, and other contexts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import lmkit
from lmkit.errors import ParameterError
from lmkit.kernels.scoring import TILE
from lmkit.models.ngram import base, hashing
from lmkit.models.ngram.additive import Ngram
from lmkit.models.ngram.witten_bell import WittenBell
from lmkit.text.corpus import Corpus
from tests.models.ngram.samples import TEXT, corpus, letters

pytestmark = pytest.mark.filterwarnings("ignore::lmkit.models.ngram.discounts.DiscountWarning")


@pytest.mark.parametrize("context", ["sentence", "stream"])
@pytest.mark.parametrize("spec", ["ngram:order=4,alpha=0.1", "witten-bell:order=4", "unigram"])
def test_many_pieces_score_as_one(monkeypatch: pytest.MonkeyPatch, spec: str, context: str) -> None:
    rng = np.random.default_rng(8)
    text = "\n".join(" ".join(rng.choice(list("abcdefgh"), rng.integers(0, 9))) for _ in range(900))
    separator = "," if ":" in spec else ":"
    model = lmkit.fit(f"{spec}{separator}context={context}", corpus(text))
    ids = model.encode(text + "\n")
    assert len(ids) < base.PIECE
    whole = model.log_probs(ids)
    monkeypatch.setattr(base, "PIECE", 100)
    np.testing.assert_array_equal(model.log_probs(ids), whole)


@pytest.mark.parametrize("context", ["sentence", "stream"])
@pytest.mark.parametrize("order", [1, 2, 5])
def test_one_step_is_the_score_of_one_token(order: int, context: str) -> None:
    """The last bit too: backoffs are added in the same order."""
    rng = np.random.default_rng(9)
    lines = [" ".join(rng.choice(list("abcdefgh"), rng.integers(0, 9))) for _ in range(900)]
    train = corpus("\n".join(lines[:500]))
    model = lmkit.fit(f"absolute-discounting:order={order},context={context}", train)
    ids = model.encode("\n".join(lines[500:]) + "\nzebra a b zebra\n")
    state, found = model.initial_state(), []
    for index in ids.tolist():
        log_prob, state = model.step(state, index)
        found.append(log_prob)
    np.testing.assert_array_equal(found, model.log_probs(ids))


@pytest.mark.parametrize("context", ["sentence", "stream"])
@pytest.mark.parametrize("spec", ["kneser-ney:order=5", "ngram:order=4,alpha=0.1"])
def test_a_text_may_begin_anywhere(
    monkeypatch: pytest.MonkeyPatch, spec: str, context: str
) -> None:
    text = Corpus.from_string(letters(3, 300), normalize="none")
    model: Any = lmkit.fit(f"{spec},context={context}", text)
    ids = model.encode(letters(4, 250, "abcdefghijk"))
    assert len(ids) > TILE
    monkeypatch.setattr(hashing, "_WORTH", 0)
    climbed, _ = model._log_probs(ids, model._initial_state())
    monkeypatch.setattr(hashing, "_WORTH", 1000)
    for cut in range(0, len(ids), 37):
        first, state = model._log_probs(ids[:cut], model._initial_state())
        rest, _ = model._log_probs(ids[cut:], state)
        np.testing.assert_array_equal(np.concatenate([first, rest]), climbed)
    assert hashing._USES[model._trie].table[2] > 0


SPECS = ["trigram", "witten-bell:order=3", "unigram"]


@pytest.mark.parametrize("spec", SPECS)
def test_a_state_is_the_longest_known_suffix(spec: str) -> None:
    model: Any = lmkit.fit(spec, corpus(TEXT))
    trie, ids = model._trie, model.encode("the cat saw the zebra\nthe dog dog\n")
    history = [model.vocabulary_.bos_id]
    for state, index in zip(model._states(ids, model.initial_state()), ids, strict=False):
        shorter = (history[begin:] for begin in range(len(history) + 1))
        known = next(node for ngram in shorter if -1 < (node := trie.find(ngram)) < trie.contexts)
        assert state == known
        history = [model.vocabulary_.bos_id] if index == 1 else [*history, int(index)]


@pytest.mark.parametrize("spec", SPECS)
def test_continuations_are_the_children_of_the_state(spec: str) -> None:
    model: Any = lmkit.fit(spec, corpus("a b\na c\n"))
    a, size = model.vocabulary_.id("a"), len(model.vocabulary_)
    found = model.continuations(np.array([a], np.int32), model.initial_state())
    # After <s>: a; after a: b and c. The root has all outcomes, and <s>.
    assert found.tolist() == ([size + 1] * 2 if spec == "unigram" else [1, 2])


@pytest.mark.parametrize("spec", SPECS)
def test_documents_apart_score_as_texts_of_their_own(spec: str) -> None:
    separator = "," if ":" in spec else ":"
    model: Any = lmkit.fit(f"{spec}{separator}context=stream", corpus(TEXT))
    ids = model.encode("the cat\nthe zebra sat\non the log\n")
    starts = np.array([3, 7])
    together, _ = model._log_probs_apart(ids, starts, model.initial_state())
    apart = [model.log_probs(part) for part in np.split(ids, starts)]
    np.testing.assert_array_equal(together, np.concatenate(apart))
    for name, column in model._explain_apart(ids, starts, model.initial_state()).items():
        parts = [
            model._explain(part, model.initial_state())[name] for part in np.split(ids, starts)
        ]
        np.testing.assert_array_equal(column, np.concatenate(parts))
    assert model._reset_id == -1  # the model itself is unchanged


@pytest.mark.parametrize("order", [0, 128, True, 2.0, "3"])
def test_orders_are_whole_numbers_from_1_to_127(order: Any) -> None:
    for cls in (Ngram, WittenBell):
        with pytest.raises(ParameterError, match=r"from 1 to 127|order="):
            cls(order=order).fit(corpus("a b\n"))
