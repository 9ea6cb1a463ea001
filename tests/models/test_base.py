"""What the base class does for a model that has one hook, and for one that has more."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lmkit
from lmkit.errors import CorpusError, LmkitError, NotFittedError, ParameterError
from lmkit.models import registry, scoring
from lmkit.text.corpus import Corpus, Text

TRAIN = "the cat sat\nthe dog sat\n\n"


def corpus(text: str = TRAIN, **rules: Any) -> Corpus:
    return Corpus.from_string(text, **{"normalize": "none", "sentences": "line", **rules})


@pytest.fixture(autouse=True)
def registry_of_this_test(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(registry, "_REGISTERED", {})
    return None


class Recorder(lmkit.LanguageModel):
    """Uniform, and keeps what it was asked."""

    needs_validation = False

    def __init__(self, *, fail: bool = False, **common: Any):
        super().__init__(**common)
        self.fail = fail
        self.asked: list[list[int]] = []
        self.given: list[Any] = []

    def _check(self) -> None:
        if self.fail:
            raise ParameterError("fail=True; give False")

    def _learn(self, ids: Any, valid_ids: Any, progress: Any) -> None:
        self.given.append((ids, valid_ids))

    def _next_log_probs(self, context: np.ndarray) -> Any:
        assert context.dtype == np.int32
        self.asked.append(context.tolist())
        return np.full(len(self.vocabulary_), -np.log(len(self.vocabulary_)))


# ---------------------------------------------------------------------- a model in ten lines


def test_ten_lines_make_a_model(tmp_path: Path) -> None:
    @lmkit.register
    class Parrot(lmkit.LanguageModel):
        """Half of the probability on the token before, the rest shared evenly."""

        name = "parrot"

        def _next_log_probs(self, context: np.ndarray) -> np.ndarray:
            size = len(self.vocabulary_)
            probabilities = np.full(size, 0.5 / size)
            probabilities[context[-1] if context[-1] < size else 0] += 0.5
            return np.log(probabilities)

    model = lmkit.fit("parrot", corpus())
    assert isinstance(model, Parrot)
    # Ids: <unk> 0, </s> 1, the 2, sat 3, cat 4, dog 5; six outcomes share one half.
    ledger = model.score(corpus("cat cat zebra\n"))
    low, high = 1 / 12, 1 / 12 + 1 / 2
    np.testing.assert_allclose(np.exp(-ledger.nats), [low, high, low, low], rtol=1e-12)
    assert ledger.perplexity == pytest.approx((low**3 * high) ** (-1 / 4), rel=1e-12)
    assert ledger.oov_count == 1
    assert model.generate("cat", tokens=3, greedy=True) == "cat cat cat cat"
    assert model.parameters == 0
    model.save(tmp_path / "parrot.lmkit")
    again = lmkit.load(tmp_path / "parrot.lmkit")
    np.testing.assert_array_equal(again.score(corpus("cat cat zebra\n")).nats, ledger.nats)
    ranked = lmkit.compare([model, lmkit.fit("bigram", corpus())], corpus("the dog sat\n"))
    assert [row.model for row in ranked.ledgers] == ["bigram", "parrot"]


# ---------------------------------------------------------------------- what hooks are given


@pytest.mark.parametrize(
    ("context", "asked"),
    [
        ("sentence", [[6], [6, 2], [6, 2, 4], [6], [6], [6, 5]]),
        ("stream", [[6], [6, 2], [6, 2, 4], [6, 2, 4, 1], [6, 2, 4, 1, 1], [6, 2, 4, 1, 1, 5]]),
    ],
)
def test_the_hook_is_given_the_context_that_counts(context: str, asked: list[list[int]]) -> None:
    model = Recorder(context=context).fit(corpus())
    model.log_probs([2, 4, 1, 1, 5, 3])
    assert model.asked == asked
    model.asked.clear()
    model.next_log_probs([2, 4, 1, 1, 5])
    assert model.asked == asked[-1:]


def test_a_state_is_a_value() -> None:
    model = Recorder().fit(corpus())
    start = model.initial_state()
    _, after = model.step(start, 2)
    assert start == (6,)
    assert after == (6, 2)
    assert model.step(after, 1)[1] == start


def test_probabilities_may_come_in_another_dtype() -> None:
    class Short(Recorder):
        def _next_log_probs(self, context: np.ndarray) -> Any:
            return super()._next_log_probs(context).astype(np.float32).tolist()

    model = Short().fit(corpus())
    assert model.next_log_probs([]).dtype == np.float64
    assert model.log_probs([2]).dtype == np.float64
    assert model.generate(tokens=3, seed=1)


# ---------------------------------------------------------------------- fitting


@pytest.mark.parametrize("kind", ["corpus", "text", "path", "string"])
def test_fit_takes_whatever_names_a_text(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text(TRAIN)
    where = {"corpus": corpus(), "text": corpus().train, "path": path, "string": str(path)}[kind]
    model = Recorder().fit(where)
    assert model.given[0][0].tolist() == [2, 4, 3, 1, 2, 5, 3, 1, 1]
    assert model.given[0][1] is None
    assert model.sentences_ == "line"
    assert model.normalize_ == ("words" if kind in ("path", "string") else "none")


def test_rules_and_vocabulary_come_from_the_training_text() -> None:
    model = Recorder(min_count=2).fit(
        corpus("The the\ncat\n", normalize="lower"), valid=corpus("THE CAT dog", sentences="none")
    )
    assert model.vocabulary_.tokens == ("<unk>", "</s>", "the")
    assert model.vocabulary_.counts.tolist() == [1, 2, 2]
    ids, valid_ids = model.given[0]
    assert ids.tolist() == [2, 2, 1, 0, 1]
    assert valid_ids.tolist() == [2, 0, 0, 1]  # under lower and line
    assert model.unk == "trained"
    assert Recorder().fit(corpus()).unk == "model"


def test_the_parts_of_a_corpus_have_their_uses() -> None:
    parts = Corpus("c", *(corpus(text).train for text in ("a a b\n", "b\n", "a\n")))
    model = Recorder().fit(parts)
    assert [ids.tolist() for ids in model.given[0]] == [[2, 2, 3, 1], [3, 1]]
    assert len(model.score(parts)) == 2
    assert model.score(parts).ids.tolist() == [2, 1]
    # A corpus with parts that is given as validation text is not asked for its test part.
    model.fit(corpus("a a b\n"), valid=parts)
    assert model.given[1][1].tolist() == [3, 1]
    assert len(model.score(Corpus("c", parts.train, parts.valid))) == 2  # never what it learned
    model.fit(parts, valid=corpus("a b\n"))
    assert model.given[2][1].tolist() == [2, 3, 1]


def test_a_tenth_is_held_out_where_validation_is_needed() -> None:
    class Early(Recorder):
        needs_validation = True

    text = "".join(f"w{number}\n" for number in range(20))
    model = Early().fit(corpus(text))
    ids, valid_ids = model.given[0]
    assert len(ids) == 36
    assert valid_ids.tolist() == [0, 1, 0, 1]  # the last two lines, of words not in the others
    assert model.train_sha256_ == corpus(text).train.cut((0.9, 0.1))[0].summary.sha256
    with pytest.raises(CorpusError, match="too few to cut"):
        model.fit(corpus("a\nb\n"))
    assert not model.is_fitted
    model.fit(corpus("a\nb\n"), valid=corpus("a\n"))
    assert model.given[1][0].tolist() == [2, 1, 3, 1]


def test_a_text_without_tokens_cannot_be_learned() -> None:
    for text in ("", "\n\n", "  \n"):
        with pytest.raises(CorpusError, match="no tokens"):
            Recorder().fit(corpus(text))


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, MemoryError])
def test_what_stops_the_learning_leaves_nothing(error: type[BaseException]) -> None:
    class Stopped(Recorder):
        def _learn(self, ids: Any, valid_ids: Any, progress: Any) -> None:
            self.half_ = 1
            raise error

    model = Stopped()
    with pytest.raises(error):
        model.fit(corpus())
    assert not model.is_fitted
    assert [name for name in vars(model) if name.endswith("_")] == []
    with pytest.raises(NotFittedError, match="Stopped has not learned yet; call fit"):
        model.score(corpus())


def test_options_are_checked_before_anything_is_forgotten() -> None:
    model = Recorder().fit(corpus())
    for name, value in (("fail", True), ("unit", "letter"), ("context", "page")):
        before = getattr(model, name)
        setattr(model, name, value)
        with pytest.raises(ParameterError, match=name):
            model.fit(corpus("other\n"))
        assert model.vocabulary_.tokens[2] == "the"
        setattr(model, name, before)


# ---------------------------------------------------------------------- scoring


def test_a_text_is_scored_under_the_model_s_own_rules() -> None:
    model = Recorder(unit="char").fit(corpus("ab\n\nb\n", normalize="lower", sentences="paragraph"))
    ledger = model.score(corpus("AB\nA\n\n\nB"))
    assert ledger.text.canonical() == "ab a\nb\n"
    assert ledger.summary.sentences == "paragraph"
    assert ledger.model == "Recorder:unit=char"
    assert ledger.unit == "char"
    assert ledger.vocabulary_size == 4
    assert ledger.train_sha256 == model.train_sha256_
    assert ledger.fit_seconds == model.fit_seconds_
    assert ledger.score_seconds is not None
    assert ledger.score_seconds >= 0


@pytest.mark.parametrize("context", ["sentence", "stream"])
def test_a_text_of_many_files_is_one_text(
    context: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pieces = ["the cat\nsat", "the dog\n", "\n\n", "cat dog zebra\n"]
    for number, piece in enumerate(pieces):
        (tmp_path / f"{number}.txt").write_text(piece)
    whole = "the cat\nsat\nthe dog\n\n\ncat dog zebra\n"
    model = lmkit.fit(f"bigram:context={context}", corpus())
    parts, one = model.score(tmp_path), model.score(corpus(whole))
    np.testing.assert_array_equal(parts.nats, one.nats)
    np.testing.assert_array_equal(parts.offsets, one.offsets)
    assert parts.summary.sha256 == one.summary.sha256
    heard: list[tuple[str, float]] = []
    monkeypatch.setattr(scoring, "_BATCH", 2)
    model.score(tmp_path, progress=lambda what, share: heard.append((what, share)))
    assert {what for what, _ in heard} == {"scoring"}
    shares = [share for _, share in heard]
    assert len(shares) > 3
    assert shares[0] < 0.5
    assert all(0 < share <= 1 for share in shares)
    assert shares[-1] == 1


def test_columns_that_a_model_explains(monkeypatch: pytest.MonkeyPatch) -> None:
    class Explained(Recorder):
        def _explain(self, ids: Any, state: Any) -> dict[str, Any]:
            return {"order": np.full(len(ids), len(state), np.int8)}

    model = Explained().fit(corpus())
    assert model.score(corpus("the cat")).extra == {}
    whole = model.score(corpus("the cat"), explain=True)
    assert whole.extra["order"].tolist() == [1, 1, 1]
    monkeypatch.setattr(scoring, "_BATCH", 1)
    ledger = model.score(corpus("the cat"), explain=True)
    assert ledger.extra["order"].tolist() == [1, 2, 3]  # it is given in three pieces
    assert list(ledger.to_pandas().columns)[-1] == "order"


class Reusing(lmkit.LanguageModel):
    """Gives the same arrays again and again, filled with the number of the call."""

    needs_validation = False

    def __init__(self, **common: Any):
        super().__init__(**common)
        self.calls, self.rows = 0, np.empty((2, 1 << 20))

    def _learn(self, ids: Any, valid_ids: Any, progress: Any) -> None: ...

    def _next_log_probs(self, context: np.ndarray) -> Any:
        size = len(self.vocabulary_)
        return np.full(size, -np.log(size))

    def _log_probs(self, ids: Any, state: Any) -> tuple[Any, Any]:
        self.calls += 1
        self.rows[0, : len(ids)] = -self.calls
        return self.rows[0, : len(ids)], state

    def _explain(self, ids: Any, state: Any) -> dict[str, Any]:
        self.rows[1, : len(ids)] = self.calls + 1
        return {"call": self.rows[1, : len(ids)]}


def test_a_model_may_use_its_arrays_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "_BATCH", 1)
    model = Reusing().fit(corpus())
    text = Text("t", tuple(corpus("the cat sat\n" * 50_000).train.sources * 7), "none", "line")
    ledger = model.score(text, explain=True)
    assert model.calls > 6
    assert set(ledger.nats.tolist()) == set(range(1, model.calls + 1))
    np.testing.assert_array_equal(ledger.extra["call"], ledger.nats)


def test_an_error_while_a_batch_is_put_away(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(scoring._Columns, "add", fail)
    with pytest.raises(MemoryError):
        Recorder().fit(corpus()).score(corpus("the cat"))


# ---------------------------------------------------------------------- names and files


def test_a_name_is_not_inherited() -> None:
    class Mine(type(registry.create("bigram"))):  # type: ignore[misc]
        pass

    assert Mine.name == ""
    assert Mine().spec == "Mine"
    assert repr(Mine(alpha=0.5)) == "<Mine(alpha=0.5)>"
    assert repr(Mine().fit(corpus())) == "<Mine(), fitted, V=6>"


def test_a_model_without_a_name_cannot_be_saved(tmp_path: Path) -> None:
    model = Recorder().fit(corpus())
    with pytest.raises(ParameterError, match="Recorder has no name of its own"):
        model.save(tmp_path / "m.lmkit")
    assert list(tmp_path.iterdir()) == []


class Keeper(lmkit.LanguageModel):
    """Learns what the test gives it."""

    name = "keeper"

    def _next_log_probs(self, context: np.ndarray) -> np.ndarray:
        return np.full(len(self.vocabulary_), -np.log(len(self.vocabulary_)))


def kept(value: Any, path: Path) -> Any:
    lmkit.register(Keeper)
    model = Keeper().fit(corpus())
    model.kept_ = value  # type: ignore[attr-defined]
    model.save(path)
    again = lmkit.load(path)
    return again.kept_  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        3,
        2**80,
        0.1,
        math.inf,
        -math.inf,
        "é\ud800",
        [1, [2.5, "x"], None],
        {"a": {"b": [1]}},
        [],
        {},
        np.float64(0.1),
    ],
    ids=repr,
)
def test_plain_values_come_back(value: Any, tmp_path: Path) -> None:
    assert kept(value, tmp_path / "m.lmkit") == value


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6).reshape(2, 3),
        np.arange(6).reshape(2, 3).T,
        np.arange(10)[::3],
        np.array(3.5),
        np.empty(0, np.float32),
        np.empty((0, 4), np.int8),
        np.array([True, False]),
        np.array([np.nan, -0.0, np.inf]),
        np.arange(3, dtype=np.uint64),
        np.arange(3, dtype=np.float16),
    ],
    ids=lambda array: f"{array.dtype}{array.shape}",
)
def test_arrays_come_back(array: np.ndarray, tmp_path: Path) -> None:
    again = kept(array, tmp_path / "m.lmkit")
    assert type(again) is np.ndarray
    assert again.dtype == array.dtype
    np.testing.assert_array_equal(again, array, strict=True)
    assert not again.flags.writeable


@pytest.mark.parametrize(
    "value",
    [
        (1, 2),
        {1: "a"},
        {("a", "b"): 1},
        {"deep": [{"deeper": {3}}]},
        {1, 2},
        np.int64(3),
        np.array(["a"]),
        np.array([None]),
        np.array([1j]),
        b"bytes",
        object(),
    ],
    ids=repr,
)
def test_what_would_not_come_back_is_refused(value: Any, tmp_path: Path) -> None:
    with pytest.raises(LmkitError, match=r"cannot save (model|learned)\.kept_"):
        kept(value, tmp_path / "m.lmkit")
    assert list(tmp_path.iterdir()) == []


def test_files_are_mapped_and_may_be_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "m.lmkit"
    array = np.arange(1000.0)
    again = kept(array, path)
    assert isinstance(again.base, np.ndarray)
    model = lmkit.load(path)
    kept(-array, path)  # the file that `model` has mapped
    np.testing.assert_array_equal(model.kept_, array)  # type: ignore[attr-defined]
    np.testing.assert_array_equal(lmkit.load(path).kept_, -array)  # type: ignore[attr-defined]


def test_text_is_what_scores(tmp_path: Path) -> None:
    model = Recorder().fit(corpus())
    assert isinstance(model.score(corpus("the\n")).text, Text)
    with pytest.raises(CorpusError, match="no such file"):
        model.score(tmp_path / "none.txt")
