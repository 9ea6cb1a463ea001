"""What every language model must hold, one function a property.

``PROPERTIES`` lists them. Each takes a :class:`Subject`, which names a registered model and makes
it; a model of your own is held to the contract by the same lines::

    for holds in PROPERTIES:
        holds(Subject("mine"))
"""

from __future__ import annotations

import dataclasses
import json
import math
import random
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lmkit
from lmkit.errors import (
    FormatError,
    NotFittedError,
    ParameterError,
    UnknownModelError,
    VocabularyError,
)
from lmkit.evaluation.completion import Spellers, complete
from lmkit.evaluation.spelling import speller_of
from lmkit.models.base import LanguageModel
from lmkit.models.ngram.backoff import BackoffModel
from lmkit.models.registry import create, model_class
from lmkit.text.corpus import Corpus
from lmkit.text.units import UNITS, join_tokens
from lmkit.text.vocabulary import Vocabulary

CONTEXTS = ("sentence", "stream")

# Blank lines, a literal <unk>, letters of one to four bytes, and words seen once.
TRAIN = """\
the cat sat on the mat
the dog sat on the log

a café , a naïve 漢 字 and an 😀
the <unk> cat saw the dog
the cat the cat the dog
on the mat a cat sat

the dog saw a cat on the log
a dog and a cat
the end
"""
# Unseen words and letters, known ones in new places, a blank line first, no line end last.
TEST = "\nthe dog sat on a zebra\nа Ω the <unk> log\n\n\na mat\nend the cat on 字 😀"
OTHER = "one fish two fish\nred fish blue fish\nthe sea is deep\n\nand blue is the sea\n" * 3


def corpus(text: str) -> Corpus:
    return Corpus.from_string(text, normalize="none", sentences="line")


@dataclass(frozen=True)
class Subject:
    """A registered model: `options` make it small, `bad` are options that fit must refuse.

    `tolerance` is what one token's nats may differ by between two ways to compute them.
    `remembers` tells whether the tokens before matter; `finite`, whether nothing is impossible.
    """

    name: str
    options: dict[str, Any] = field(default_factory=dict)
    bad: tuple[dict[str, Any], ...] = ()
    tolerance: float = 1e-12
    remembers: bool = True
    finite: bool = True
    units: tuple[str, ...] = UNITS

    def __hash__(self) -> int:
        return id(self)

    @property
    def cls(self) -> type[LanguageModel]:
        return model_class(self.name)

    def make(self, **options: Any) -> LanguageModel:
        return self.cls(**{**self.options, **options})

    def fresh(self, text: str = TRAIN, **options: Any) -> LanguageModel:
        return self.make(**options).fit(corpus(text), valid=corpus(TEST))

    @cache  # noqa: B019 - a subject lives as long as the tests
    def fitted(self, unit: str | None = None, context: str = "sentence") -> LanguageModel:
        """Return a fitted model, the same one to every property: scoring changes nothing."""
        return self.fresh(unit=unit or self.units[0], context=context)

    def each(self) -> Iterator[LanguageModel]:
        """Yield the model in every unit and with every context."""
        for unit in self.units:
            for context in CONTEXTS:
                yield self.fitted(unit, context)


PROPERTIES: list[Callable[[Subject], None]] = []


def contract(holds: Callable[[Subject], None]) -> Callable[[Subject], None]:
    PROPERTIES.append(holds)
    return holds


# ---------------------------------------------------------------------- help


def encoded(model: LanguageModel, text: str = TEST) -> np.ndarray:
    """Return a short text's ids with its last sentence end, <unk> and unseen words among them."""
    return model.encode(text + "\n")


def frozen(value: Any) -> Any:
    """Return a copy of anything a model may hold that compares by what it holds."""
    if isinstance(value, Vocabulary):
        return frozen(value.to_arrays())
    if isinstance(value, np.ndarray):
        return (value.dtype.str, value.shape, value.tobytes())
    if isinstance(value, dict):
        return {key: frozen(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [frozen(item) for item in value]
    if hasattr(value, "detach"):  # a torch tensor
        return frozen(value.detach().cpu().numpy())
    if hasattr(value, "state_dict"):  # a torch module
        return (frozen(dict(value.state_dict())), value.training)
    if value is None or isinstance(value, (bool, int, float, str, bytes, np.generic)):
        return (type(value).__name__, repr(value))
    if dataclasses.is_dataclass(value):
        names = [item.name for item in dataclasses.fields(value)]
        return {name: frozen(getattr(value, name)) for name in names}
    return {name: frozen(item) for name, item in vars(value).items()}


def learned(model: LanguageModel) -> dict[str, Any]:
    """Return all that a model holds, without the time that it took."""
    return {name: frozen(item) for name, item in vars(model).items() if name != "fit_seconds_"}


def global_chance() -> Any:
    """Return the state of the generators that all of a program shares, and torch's threads."""
    torch = sys.modules.get("torch")
    shared = (random.getstate(), np.random.get_state())  # noqa: NPY002 - to see it left alone
    return frozen([shared, torch and (torch.get_rng_state(), torch.get_num_threads())])


def assert_close(a: Any, b: Any, subject: Subject, what: str = "") -> None:
    np.testing.assert_allclose(a, b, rtol=0, atol=subject.tolerance, err_msg=what)


def some_contexts(model: LanguageModel) -> dict[str, list[int]]:
    last = len(model.vocabulary_) - 1
    return {
        "empty": [],
        "a frequent token": [2],
        "a rare token": [last],
        "an unseen pair": [last, last],
        "<unk>": [0],
        "<unk> within": [2, 0, 3],
        "nothing but <unk>": [0] * 7,
        "after a sentence": [2, 3, 1],
        "after blank lines": [1, 1, 1],
        "long": [2, 3, 4, 1, 2, 0, last, 3] * 8,
    }


# ---------------------------------------------------------------------- probabilities


@contract
def sums_to_one_after_every_context(subject: Subject) -> None:
    for model in subject.each():
        for what, context in some_contexts(model).items():
            log_probs = model.next_log_probs(context)
            assert log_probs.shape == (len(model.vocabulary_),), what
            assert log_probs.dtype == np.float64, what
            assert not np.isnan(log_probs).any(), what
            assert (log_probs <= 0).all(), what
            if model.proper:
                total = math.fsum(np.exp(log_probs))
                assert abs(total - 1) <= 1e-12, (what, total)


@contract
def begin_of_sentence_is_never_an_outcome(subject: Subject) -> None:
    model = subject.fitted()
    state = model.initial_state()
    for wrong in (model.vocabulary_.bos_id, -1, 10**6, 2**32 + 2, -(2**62)):
        for ask in (
            lambda wrong=wrong: model.log_probs([2, wrong]),
            lambda wrong=wrong: model.next_log_probs([wrong]),
            lambda wrong=wrong: model.step(state, wrong),
        ):
            with pytest.raises(VocabularyError, match=r"id \S+ is outside 0\.\."):
                ask()


@contract
def ids_are_whole_numbers_on_one_axis(subject: Subject) -> None:
    model = subject.fitted()
    for wrong in ([2.0, 3.0], [[2, 3]], ["the"], 2, [True]):
        with pytest.raises(ParameterError, match="whole numbers"):
            model.log_probs(wrong)
    for kind in (list, tuple, np.int64, np.uint8):
        ids = kind([2, 3]) if kind in (list, tuple) else np.array([2, 3], kind)
        np.testing.assert_array_equal(model.log_probs(ids), model.log_probs([2, 3]))
    assert model.log_probs([]).shape == (0,)


@contract
def every_way_to_ask_gives_the_same_numbers(subject: Subject) -> None:
    for model in subject.each():
        ids = encoded(model)
        log_probs = model.log_probs(ids)
        assert log_probs.shape == ids.shape
        assert log_probs.dtype == np.float64
        state = model.initial_state()
        for place, index in enumerate(ids.tolist()):
            after_all = model.next_log_probs(state=state)
            assert_close(after_all[index], log_probs[place], subject, f"event {place}")
            if place % 7 == 0:
                asked = model.next_log_probs(ids[:place])
                assert_close(asked, after_all, subject, f"event {place}")
            log_prob, state = model.step(state, index)
            assert isinstance(log_prob, float)
            assert_close(log_prob, log_probs[place], subject, f"step {place}")


@contract
def a_text_in_pieces_scores_as_the_whole(subject: Subject) -> None:
    for model in subject.each():
        ids = encoded(model)
        whole, last = model._log_probs(ids, model.initial_state())
        for cut in range(0, len(ids) + 1, 1 + len(ids) // 25):
            first, between = model._log_probs(ids[:cut], model.initial_state())
            second, end = model._log_probs(ids[cut:], between)
            assert_close(np.concatenate([first, second]), whole, subject, f"cut at {cut}")
            if cut < len(ids):
                assert_close(model.log_probs(ids[cut:], state=between), second, subject)
            assert_close(model.next_log_probs(state=end), model.next_log_probs(state=last), subject)


@contract
def the_future_leaves_the_past_alone(subject: Subject) -> None:
    for model in subject.each():
        ids = encoded(model)
        before = model.log_probs(ids)
        for place in range(0, len(ids), 3):
            for future in ((ids[place:] + 2) % len(model.vocabulary_), 2, 0):
                changed = ids.copy()
                changed[place:] = future
                after = model.log_probs(changed)
                assert_close(after[:place], before[:place], subject, f"changed from {place}")


@contract
def a_sentence_end_empties_the_context_or_does_not(subject: Subject) -> None:
    for unit in subject.units:
        model = subject.fitted(unit, "sentence")
        for sentence in ([1], [2, 3, 1], [0, 1, 2, 1]):
            assert_close(model.next_log_probs(sentence), model.next_log_probs([]), subject)
        model = subject.fitted(unit, "stream")
        start = np.exp(model.next_log_probs([]))
        after = [np.exp(model.next_log_probs(ids)) for ids in ([1], [2, 3, 1], [3, 2, 1])]
        changed = max(np.abs(start - other).max() for other in after)
        assert (changed > 100 * subject.tolerance) == subject.remembers


@contract
def sentences_in_another_order_score_the_same(subject: Subject) -> None:
    model = subject.fitted(context="sentence")
    lines = TEST.split("\n")
    order = np.random.default_rng(5).permutation(len(lines))
    straight = model.score(corpus("\n".join(lines) + "\n"))
    mixed = model.score(corpus("\n".join(lines[i] for i in order) + "\n"))
    parts = [straight.nats[straight.sentence == number] for number in order]
    assert_close(mixed.nats, np.concatenate(parts), subject)


@contract
def asking_changes_nothing(subject: Subject) -> None:
    for model in subject.each():
        state = model.initial_state()
        _, state = model.step(state, 2)
        before, state_before = learned(model), frozen(state)
        first = model.next_log_probs(state=state)
        model.score(corpus(TEST + " what was never seen"), explain=True)
        model.log_probs(encoded(model, OTHER), state=state)
        model.step(state, 0)
        model.step(state, 1)
        model.next_log_probs([0, 1, 2], state=state)
        model.generate("the zebra ", tokens=5, seed=1)
        assert frozen(state) == state_before
        assert learned(model) == before
        again = model.next_log_probs(state=state)
        np.testing.assert_array_equal(again, first)
        again[:] = 0  # the caller's own array
        np.testing.assert_array_equal(model.next_log_probs(state=state), first)


# ---------------------------------------------------------------------- scoring


@contract
def the_total_is_the_sum_of_the_parts(subject: Subject) -> None:
    for model in subject.each():
        ledger = model.score(corpus(TEST))
        assert_close(-ledger.nats, model.log_probs(ledger.ids), subject)
        np.testing.assert_array_equal(ledger.ids, encoded(model))
        assert (ledger.nats >= 0).all()
        assert not np.signbit(ledger.nats).any()
        total = math.fsum(ledger.nats)
        assert ledger.total_nats == pytest.approx(total, rel=1e-12)
        assert ledger.cross_entropy == pytest.approx(total / len(ledger), rel=1e-12)
        assert ledger.perplexity == pytest.approx(math.exp(total / len(ledger)), rel=1e-12)
        assert ledger.bits_per_byte == pytest.approx(
            total / math.log(2) / ledger.summary.bytes, rel=1e-12
        )
        if subject.finite:
            assert math.isfinite(total)


@contract
def a_tally_has_the_totals_of_the_ledger(subject: Subject) -> None:
    for model in subject.each():
        ledger, tally = model.score(corpus(TEST)), model.tally(corpus(TEST))
        told = ledger.to_dict()
        for name, value in tally.to_dict().items():
            if isinstance(value, float):  # summed in another order
                told[name] = pytest.approx(told[name], rel=1e-12)
            assert name == "score_seconds" or value == told[name], (subject, name)


@contract
def scores_say_whether_they_are_probabilities(subject: Subject) -> None:
    for model in subject.each():
        for scored in (model.score(corpus(TEST)), model.tally(corpus(TEST))):
            sums = scored.outcome_sums
            assert sums is not None
            assert scored.proper == model.proper
            assert (scored.first_impossible is None) == (scored.impossible == 0)
            if model.proper:
                assert max(1 - sums.low, sums.high - 1) <= 1e-12
            else:
                assert not sums.are_one


@contract
def sentences_scored_apart_score_as_if_alone(subject: Subject) -> None:
    lines = TEST.split("\n")
    for model in subject.each():
        alone = [model.score(corpus(f"{line}\n"), context="sentence") for line in lines]
        for order in (range(len(lines)), reversed(range(len(lines)))):
            numbers = list(order)
            text = corpus("".join(f"{lines[number]}\n" for number in numbers))
            ledger = model.score(text, context="sentence", explain=True)
            parts = [alone[number].nats for number in numbers]
            assert_close(ledger.nats, np.concatenate(parts), subject, model.context)
            tally = model.tally(text, context="sentence")
            assert tally.total_nats == pytest.approx(ledger.total_nats, rel=1e-12)
            assert (ledger.context, tally.signature) == ("sentence", ledger.signature)
            assert "|ctx:sentence|" in ledger.signature
            assert all(len(column) == len(ledger) for column in ledger.extra.values())


@contract
def documents_scored_apart_score_as_if_alone(subject: Subject) -> None:
    documents = [f"{line}\n{line[::2]}\n" for line in TEST.split("\n") if line.strip()]
    for model in subject.each():
        alone = [model.score(corpus(document), explain=True) for document in documents]
        for order in (range(len(documents)), reversed(range(len(documents)))):
            numbers = list(order)
            text = Corpus.from_string(
                "\n".join(documents[number] for number in numbers),
                normalize="none", documents="blank",
            )  # fmt: skip
            ledger = model.score(text, context="document", explain=True)
            starts = np.searchsorted(ledger.offsets, ledger.document_offsets)
            for part, number in enumerate(numbers):
                own = slice(starts[part], starts[part] + len(alone[number]))
                assert_close(ledger.nats[own], alone[number].nats, subject, model.context)
                for name, column in alone[number].extra.items():
                    assert_close(ledger.extra[name][own], column, subject, name)
            assert ledger.context == ("document" if model.context == "stream" else "sentence")
            tally = model.tally(text, context="document")
            assert tally.total_nats == pytest.approx(ledger.total_nats, rel=1e-12)


@contract
def a_stream_is_scored_as_one_or_refused(subject: Subject) -> None:
    text = corpus(TEST)
    for unit in subject.units:
        model = subject.fitted(unit, "stream")
        np.testing.assert_array_equal(
            model.score(text, context="stream").nats, model.score(text).nats
        )
        model = subject.fitted(unit, "sentence")
        before = frozen(model.initial_state())
        try:
            running = model.score(text, context="stream")
        except ParameterError:
            with pytest.raises(ParameterError, match="cannot be scored with context=stream"):
                model.tally(text, context="stream")
            continue
        changed = bool(np.abs(running.nats - model.score(text).nats).max() > subject.tolerance)
        assert (changed, running.context) == (subject.remembers, "stream")
        assert (model.context, frozen(model.initial_state())) == ("sentence", before)


@contract
def the_counts_are_those_of_the_canonical_text(subject: Subject) -> None:
    for unit in subject.units:
        model = subject.fitted(unit)
        ledger = model.score(corpus(TEST))
        canonical = "".join(line.strip() + "\n" for line in TEST.split("\n"))
        assert ledger.text.canonical() == canonical
        words, ends = len(canonical.split()), canonical.count("\n")
        size = {
            "word": words + ends,
            "char": len(canonical),
            "byte": len(canonical.encode()),
        }[unit]
        assert len(ledger) == ledger.events == size
        assert ledger.summary.words == words
        assert ledger.summary.sentence_ends == ends == int((ledger.ids == 1).sum())
        assert ledger.summary.characters == len(canonical)
        assert ledger.summary.bytes == len(canonical.encode())
        assert ledger.oov_count == int((ledger.ids == 0).sum())
        spelled = (
            " ".join(token for token in ledger.tokens() if token != "</s>")
            if unit == "word"
            else "".join("\n" if token == "</s>" else token for token in ledger.tokens())
        )
        assert spelled.split() == canonical.split()
        assert ledger.lengths.sum() == len(canonical) - (unit == "word") * canonical.count(" ")


@contract
def odd_texts_are_scored(subject: Subject) -> None:
    for unit in subject.units:
        model = subject.fitted(unit)
        for text, words, ends in (
            ("", 0, 0),
            ("\n", 0, 1),
            ("\n\n\n", 0, 3),
            ("the", 1, 1),
            ("zebra", 1, 1),
            ("ΩΩ ΨΨ\nΩΩ\n", 3, 2),
            ("the cat " * 300, 600, 1),
        ):
            ledger = model.score(corpus(text))
            assert (ledger.summary.words, ledger.summary.sentence_ends) == (words, ends)
            if unit == "word":
                assert len(ledger) == words + ends
            assert np.isfinite(ledger.nats).all() or not subject.finite
            assert math.isnan(ledger.perplexity) == (len(ledger) == 0)


@contract
def what_is_explained_fits_what_is_scored(subject: Subject) -> None:
    for model in subject.each():
        plain = model.score(corpus(TEST))
        try:
            ledger = model.score(corpus(TEST), explain=True)
        except ValueError as error:
            raise AssertionError(f"its columns do not fit the text: {error}") from error
        assert plain.extra == {}
        np.testing.assert_array_equal(ledger.nats, plain.nats)
        for name, column in ledger.extra.items():
            assert column.shape == ledger.nats.shape, name
        if "entropy" in ledger.extra:
            for place in range(0, len(ledger), 5):
                log_probs = model.next_log_probs(ledger.ids[:place])
                shown = log_probs[np.isfinite(log_probs)]
                expected = -(np.exp(shown) * shown).sum()
                assert ledger.extra["entropy"][place] == pytest.approx(expected, abs=1e-5)
        if "order" in ledger.extra:
            assert (ledger.extra["order"] >= 0).all()


# ---------------------------------------------------------------------- fitting


@contract
def the_constructor_only_stores(subject: Subject) -> None:
    given = {name: object() for name in subject.cls.parameter_defaults()}
    model = subject.cls(**given)
    assert vars(model) == given
    assert model.get_parameters() == given
    assert not model.is_fitted


@contract
def before_fit_there_is_nothing_to_ask(subject: Subject) -> None:
    model = subject.make()
    with tempfile.TemporaryDirectory() as folder:
        for ask in (
            lambda: model.log_probs([2]),
            lambda: model.next_log_probs([]),
            lambda: model.initial_state(),
            lambda: model.step(None, 2),
            lambda: model.score(corpus(TEST)),
            lambda: model.encode("the"),
            lambda: model.generate(),
            lambda: model.generate_pieces(),
            lambda: model.describe(),
            lambda: speller_of(model),
            lambda: model.save(Path(folder) / "model.lmkit"),
        ):
            with pytest.raises(NotFittedError, match="call fit"):
                ask()
        assert list(Path(folder).iterdir()) == []


@contract
def bad_options_are_refused_by_fit(subject: Subject) -> None:
    common = (
        {"unit": "letter"},
        {"unit": 3},
        {"context": "page"},
        {"context": None},
        {"min_count": 0},
        {"min_count": "2"},
        {"max_size": 0},
        {"max_size": 2.5},
    )
    for options in (*common, *subject.bad):
        model = subject.make(**options)  # the constructor only stores
        with pytest.raises(ParameterError) as caught:
            model.fit(corpus(TRAIN), valid=corpus(TEST))
        assert "\n" not in str(caught.value)
        assert not model.is_fitted


@contract
def fit_keeps_options_and_returns_the_model(subject: Subject) -> None:
    heard: list[tuple[str, float]] = []
    model = subject.make()
    before = model.get_parameters()
    result = model.fit(
        corpus(TRAIN), valid=corpus(TEST), progress=lambda what, share: heard.append((what, share))
    )
    assert result is model
    assert model.get_parameters() == before
    assert all(what and 0 <= share <= 1 for what, share in heard)
    assert model.fit_seconds_ >= 0
    assert model.train_sha256_ == corpus(TRAIN).train.summary.sha256
    assert isinstance(model.parameters, int)
    assert model.parameters >= 0


@contract
def fitting_again_forgets(subject: Subject) -> None:
    fresh = subject.fitted()
    options = {"unit": fresh.unit, "context": fresh.context}
    model = subject.fresh(OTHER, **options)
    kept = subject.fresh(OTHER, **options)
    model.stale_ = "of the first text"  # type: ignore[attr-defined]
    model.fit(corpus(TRAIN), valid=corpus(TEST))
    assert learned(model) == learned(fresh)
    np.testing.assert_array_equal(model.log_probs(encoded(model)), fresh.log_probs(encoded(fresh)))
    # Nothing is shared between two models of one class.
    assert learned(kept) == learned(subject.fresh(OTHER, **options))


@contract
def a_failed_fit_leaves_no_half_model(subject: Subject) -> None:
    model = subject.fresh(OTHER)
    bad = Corpus.open(__file__, encoding="ascii").train  # this file has letters beyond ASCII
    for texts in ((bad, corpus(TEST)), (corpus(TRAIN), bad)):
        with pytest.raises(lmkit.LmkitError):
            model.fit(texts[0], valid=texts[1])
        assert not model.is_fitted
        with pytest.raises(NotFittedError):
            model.score(corpus(TEST))


@contract
def poor_training_texts_will_do(subject: Subject) -> None:
    for unit in subject.units:
        for text, options in (
            ("a", {}),
            ("a a a\n", {}),
            ("\n\na\n\n", {}),
            ("<unk>\n", {}),
            ("one two three\n", {"min_count": 2}),
            (TRAIN, {"max_size": 1}),
            (TRAIN, {"min_count": 10**6}),  # nothing but <unk> and </s> is left
        ):
            model = subject.fresh(text, unit=unit, **options)
            for context in ([], [1], [0], [len(model.vocabulary_) - 1] * 4):
                log_probs = model.next_log_probs(context)
                assert not np.isnan(log_probs).any(), (unit, text, options)
                if model.proper:
                    total = math.fsum(np.exp(log_probs))
                    assert abs(total - 1) <= 1e-12, (unit, text, options)
            assert not np.isnan(model.score(corpus(TEST)).nats).any()


@contract
def the_spec_makes_the_model_again(subject: Subject) -> None:
    changed = {"unit": "byte", "min_count": 3, "max_size": 17, "context": "stream"}
    for options in ({}, subject.options, changed, {"max_size": None}):
        model = subject.cls(**options)
        again = create(model.spec)
        assert type(again) is subject.cls
        assert again.get_parameters() == model.get_parameters()
        assert again.spec == model.spec
        assert subject.name in model.spec
    with pytest.raises(UnknownModelError, match="no option 'nonsense'"):
        create(f"{subject.name}:nonsense=1")


# ---------------------------------------------------------------------- chance


@contract
def chance_comes_from_the_seed_alone(subject: Subject) -> None:
    model = subject.fitted()
    before = global_chance()
    once = model.generate("the", tokens=20, seed=7)
    subject.fresh()
    assert global_chance() == before
    assert model.generate("the", tokens=20, seed=7) == once
    assert "".join(model.generate_pieces("the", tokens=20, seed=7)) == once
    drawn = {model.generate("the", tokens=20, seed=seed) for seed in range(5)}
    assert len(drawn) > 1 or model.vocabulary_.counts.size < 4


@contract
def every_unit_and_context_generates(subject: Subject) -> None:
    for model in subject.each():
        for prompt in ("", "the", "the ", "the cat\n", "zebra", "\n"):
            for options in ({}, {"greedy": True}, {"top_k": 2}, {"top_p": 0.5, "temperature": 2.0}):
                text = model.generate(prompt, tokens=4, seed=3, **options)
                assert text.startswith(prompt.rstrip(" ")), (prompt, text)
                assert "<unk>" not in text
        assert model.generate("the cat", tokens=0) == "the cat"


@contract
def the_greedy_token_is_the_most_probable(subject: Subject) -> None:
    for model in subject.each():
        log_probs = model.next_log_probs(model.encode("the"))
        log_probs[model.vocabulary_.unk_id] = -np.inf
        best = model.vocabulary_.token(int(log_probs.argmax()))
        expected = join_tokens([*(["the"] if model.unit == "word" else "the"), best], model.unit)
        assert model.generate("the", tokens=1, greedy=True) == expected


@contract
def text_without_spaces_is_read_and_written_without_them(subject: Subject) -> None:
    text = "床前明月光，疑是 地上 Moon 霜。\n举头望明月，低头思故乡。\n" * 3
    poem = Corpus.from_string(text, normalize="words")
    for unit in subject.units:
        model = subject.make(unit=unit).fit(poem, valid=poem)
        ledger = model.score(poem)
        canonical = text.replace(" ", "")
        assert ledger.text.canonical() == canonical
        if unit == "word":
            assert join_tokens(ledger.tokens(), unit, "words") == canonical
        else:
            assert "".join(ledger.tokens()).replace("</s>", "\n") == canonical
        assert ledger.lengths.sum() == len(canonical)
        drawn = model.generate("床 前", tokens=30, seed=1)
        assert " " not in drawn.replace("Moon Moon", "MoonMoon").replace("Moon Moon", "MoonMoon")


# ---------------------------------------------------------------------- files


@contract
def a_saved_model_is_the_same_model(subject: Subject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for number, model in enumerate(subject.each()):
            path = Path(folder) / f"{number}.lmkit"
            model.save(path)
            again = lmkit.load(path)
            assert type(again) is type(model)
            assert again.get_parameters() == model.get_parameters()
            assert learned(again) == learned(model)
            assert again.fit_seconds_ == model.fit_seconds_
            assert (again.parameters, again.unk) == (model.parameters, model.unk)
            assert json.dumps(again.describe()) == json.dumps(model.describe())
            a, b = model.score(corpus(TEST)), again.score(corpus(TEST))
            np.testing.assert_array_equal(a.nats, b.nats)
            assert a.signature == b.signature
            for context in some_contexts(model).values():
                np.testing.assert_array_equal(
                    model.next_log_probs(context), again.next_log_probs(context)
                )
            assert again.generate("the", tokens=9, seed=2) == model.generate(
                "the", tokens=9, seed=2
            )
            twice = Path(folder) / "twice.lmkit"
            again.save(twice)
            assert twice.read_bytes() == path.read_bytes()


@contract
def a_model_knows_a_text_that_it_was_trained_on(subject: Subject) -> None:
    rng = np.random.default_rng(8)
    words = ["the", "cat", "sat", "on", "mat", "dog", "log", "saw", "end", "and", "a"]
    lines = [" ".join(rng.choice(words, 20)) for _ in range(60)]
    model = subject.make().fit(corpus("\n".join(lines[:40])), valid=corpus(lines[40]))
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder) / "m.lmkit")
        again = lmkit.load(Path(folder) / "m.lmkit")
    for known in (model, again):
        for first, share, trained in ((10, 1.0, True), (30, 0.5, True), (41, 0.0, False)):
            # A part of the training text, and what it does not hold, and no short sentence.
            test = corpus("\n".join(["the end", *lines[first:][: 20 if first < 41 else 19]]))
            for scored in (known.score(test), known.tally(test)):
                assert (scored.seen.share, scored.trained_on_test) == (share, trained)
                assert not scored.tuned_on_test
    assert (model.valid_passages_ is not None) == model.needs_validation


@contract
def half_a_file_is_no_model(subject: Subject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.lmkit"
        subject.fitted().save(path)
        whole = path.read_bytes()
        for size in (0, 5, 8, 100, len(whole) // 2, len(whole) - 1):
            path.write_bytes(whole[:size])
            with pytest.raises(FormatError, match=path.name):
                lmkit.load(path)


# ---------------------------------------------------------------------- order of what is given


def ranking(models: list[LanguageModel]) -> dict[str, Any]:
    """Return a comparison of models on the test text, without the time that it took."""
    found = lmkit.compare(models, corpus(TEST)).to_dict()
    for result in found["results"]:
        result.pop("score_seconds")
        result.pop("fit_seconds")
    return found


def others(model: LanguageModel) -> list[LanguageModel]:
    """Return models with a model's vocabulary, of another text and with ids in another order."""
    types = model.vocabulary_.tokens[2:]
    return [
        create(spec + f",unit={model.unit}").fit(corpus(text), vocabulary=Vocabulary(order))
        for spec, text, order in (
            ("ngram:order=2,alpha=0.7", OTHER, types),
            ("kneser-ney:order=2", OTHER, types[::-1]),
            ("ngram:order=1,alpha=0.3", TRAIN, types[3:] + types[:3]),
        )
    ]


@contract
def a_ranking_is_the_same_in_whatever_order(subject: Subject) -> None:
    for unit in subject.units:
        model = subject.fitted(unit)
        if model.proper and subject.finite:
            models = [model, *others(model)]
            expected = ranking(models)
            assert ranking(models[::-1]) == expected
            assert ranking([*models[2:], *models[:2]]) == expected


@contract
def a_mixture_is_the_same_in_whatever_order(subject: Subject) -> None:
    for unit in subject.units:
        model = subject.fitted(unit)
        if not model.proper or hasattr(model, "models_"):
            continue
        models, valid = [model, *others(model)], corpus(TEST)
        mixtures = [
            lmkit.mix([models[place] for place in order], valid, buckets=2, caches=["unigram"])
            for order in ((0, 1, 2, 3), (3, 2, 1, 0), (2, 0, 3, 1))
        ]
        expected = learned(mixtures[0])
        nats = complete(mixtures[0].score(valid), partial(speller_of, mixtures[0])).spelled_nats
        for mixture in mixtures[1:]:
            assert learned(mixture) == expected
            again = complete(mixture.score(valid), partial(speller_of, mixture)).spelled_nats
            np.testing.assert_array_equal(again, nats)


@contract
def the_parts_of_a_mixture_add_up_in_their_own_ids(subject: Subject) -> None:
    model = subject.fitted()
    if not model.proper or hasattr(model, "models_"):
        return
    models, text = [model, *others(model)], corpus(TEST)
    mixture = lmkit.mix(models, text)
    weights = dict(zip((part.spec for part in mixture.models_), mixture.weights_[0], strict=True))
    total = sum(weights[part.spec] * np.exp(-part.score(text).nats) for part in models)
    np.testing.assert_allclose(np.exp(-mixture.score(text).nats), total, rtol=1e-5)
    with tempfile.TemporaryDirectory() as folder:
        mixture.save(Path(folder) / "m.lmkit")
        again = lmkit.load(Path(folder) / "m.lmkit")
    np.testing.assert_array_equal(again.score(text).nats, mixture.score(text).nats)
    state = mixture.initial_state()
    for index in encoded(mixture)[:12].tolist():
        after_all = mixture.next_log_probs(state=state)
        assert abs(math.fsum(np.exp(after_all)) - 1) <= 1e-12
        log_prob, state = mixture.step(state, index)
        assert_close(log_prob, after_all[index], subject)


@contract
def an_arpa_file_says_the_same_in_whatever_order(subject: Subject) -> None:
    model = subject.fitted()
    if not isinstance(model, BackoffModel):
        return
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in ("one.arpa", "two.arpa")]
        model.save(paths[0])
        paths[1].write_text(shuffled_arpa(paths[0].read_text()))
        one, two = (lmkit.load(path) for path in paths)
    assert one.vocabulary_.tokens != two.vocabulary_.tokens
    a, b = (arpa.score(corpus(TEST), explain=True) for arpa in (one, two))
    for mine, own in ((a.nats, b.nats), *((a.extra[name], b.extra[name]) for name in a.extra)):
        np.testing.assert_array_equal(mine, own)
    if model.proper:
        mixture = lmkit.mix([one, two], corpus(TEST))
        np.testing.assert_allclose(mixture.score(corpus(TEST)).nats, a.nats, rtol=1e-12, atol=1e-12)
    spellers = Spellers(corpus(TRAIN).train)
    spelled = [speller.log_probs(["zebra", "Ω"]) for speller in map(spellers.of, (one, two))]
    np.testing.assert_array_equal(spelled[0], spelled[1])


def shuffled_arpa(text: str) -> str:
    """Return an ARPA file with the n-grams of each order in another order."""
    blocks = text.split("\n\n")
    rng = random.Random(3)
    for place, block in enumerate(blocks):
        head, *lines = block.split("\n")
        if head.endswith("-grams:"):
            rng.shuffle(lines)
            blocks[place] = "\n".join([head, *lines])
    return "\n\n".join(blocks)
