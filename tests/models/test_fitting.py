"""From a corpus to the ids that a model learns from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lmkit.errors import CorpusError, NotFittedError, ParameterError
from lmkit.models.fitting import named_progress, validation_ids
from lmkit.text.corpus import Corpus
from lmkit.text.vocabulary import Vocabulary
from tests.models.samples import TRAIN, Recorder, corpus


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


def test_a_given_vocabulary_is_kept_with_the_counts_of_the_text() -> None:
    model = Recorder().fit(corpus(), vocabulary=Vocabulary(["sat", "owl"]))
    assert model.vocabulary_.tokens == ("<unk>", "</s>", "sat", "owl")
    assert model.vocabulary_.counts.tolist() == [4, 3, 2, 0]  # the, cat, the, dog are unknown
    assert model.given[0][0].tolist() == [0, 0, 2, 1, 0, 0, 2, 1, 1]


def test_validation_ids_are_of_the_part_that_is_meant() -> None:
    model = Recorder().fit(corpus())
    assert validation_ids(model, corpus("the owl\n")).tolist() == [2, 0, 1]
    parts = Corpus("c", *(corpus(text).train for text in ("cat\n", "dog\n", "sat\n")))
    assert validation_ids(model, parts).tolist() == [5, 1]
    assert validation_ids(model, Corpus("c", parts.train, None, parts.test)).tolist() == [3, 1]
    with pytest.raises(CorpusError, match="no events"):
        validation_ids(model, corpus(""))


def test_the_texts_a_model_was_tuned_on_are_added_up() -> None:
    long = "the cat sat where the dog sat and the owl saw them both\n"
    other = long.replace("cat", "fox")
    model = Recorder().fit(corpus())
    seen = []
    for text in (long, other):
        validation_ids(model, corpus(text))
        assert model.valid_passages_ is not None
        seen.append(len(model.valid_passages_.hashes))
    assert seen == [1, 2]


def test_progress_has_the_name_of_the_part() -> None:
    heard: list[tuple[str, float]] = []
    show = named_progress(lambda what, share: heard.append((what, share)), "bigram")
    assert show is not None
    show("counting", 0.5)
    assert heard == [("bigram: counting", 0.5)]
    assert named_progress(None, "bigram") is None
