"""Ledgers as files: what is written is read, what does not fit the text is refused."""

from __future__ import annotations

import gzip
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lmkit
from lmkit.errors import FormatError, LmkitError, NotComparableError
from lmkit.evaluation.comparison import compare
from lmkit.results import ledger_files
from lmkit.results.ledger import SurprisalLedger
from lmkit.results.ledger_files import SUFFIXES, read_ledger, write_ledger
from lmkit.text.corpus import Corpus, Text

TEXT = "the cat\n\nthe dodo 漢\n"


def text(content: str = TEXT) -> Text:
    return Corpus.from_string(content, normalize="none", sentences="line").train


def scored(unit: str = "word", spec: str = "bigram") -> SurprisalLedger:
    train = text("the cat sat on the mat\nthe dog\n")
    return lmkit.fit(f"{spec}:unit={unit}", train).score(text(), explain=True)


def lines(rows: list[dict[str, Any]], **header: Any) -> str:
    first = {"lmkit_ledger": 1, "model": "other", **header}
    return "".join(json.dumps(row) + "\n" for row in (first, *rows))


ROWS: list[dict[str, Any]] = [
    {"offset": offset, "length": length, "nats": 1.0, "token": token}
    for offset, length, token in [
        (0, 3, "the"), (4, 3, "cat"), (7, 1, "</s>"), (8, 1, "\n"),
        (9, 3, "the"), (12, 5, " dodo"), (18, 1, "漢"), (19, 1, "</s>"),
    ]
]  # fmt: skip


# ---------------------------------------------------------------------- there and back


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("unit", ["word", "char", "byte"])
def test_what_is_written_is_read(tmp_path: Path, suffix: str, unit: str) -> None:
    if suffix == ".parquet":
        pytest.importorskip("pyarrow")
    own = scored(unit)
    write_ledger(own, tmp_path / f"l{suffix}")
    again = read_ledger(tmp_path / f"l{suffix}", text())
    for name in ("ids", "nats", "oov", "offsets", "lengths"):
        mine, theirs = getattr(own, name), getattr(again, name)
        assert np.array_equal(mine, theirs)
        assert mine.dtype == theirs.dtype
    assert own.extra.keys() == again.extra.keys()
    assert own.to_dict() == again.to_dict()
    assert list(own.tokens()) == list(again.tokens())


def test_spelling_and_impossible_events_survive(tmp_path: Path) -> None:
    own = scored()
    nats, spelling = own.nats.copy(), np.where(own.oov, 20.5, 0.0)
    nats[2] = np.inf
    own = replace(own, nats=nats, spelling=spelling)
    write_ledger(own, tmp_path / "l.jsonl")
    again = read_ledger(tmp_path / "l.jsonl", text())
    assert np.array_equal(own.nats, again.nats)
    assert np.array_equal(spelling, again.spelling)
    assert again.impossible == 1


def test_the_file_is_plain_json_a_line(tmp_path: Path) -> None:
    write_ledger(scored(), tmp_path / "l.jsonl")
    header, first, *_ = map(json.loads, (tmp_path / "l.jsonl").read_text().splitlines())
    assert header["lmkit_ledger"] == 1
    assert header["text_sha256"] == text().summary.sha256
    assert first["token"] == "the"
    assert first["offset"] == 0
    write_ledger(scored(), tmp_path / "l.jsonl.gz")
    assert gzip.decompress((tmp_path / "l.jsonl.gz").read_bytes()).startswith(b'{"lmkit_ledger"')


# ---------------------------------------------------------------------- other tools


def test_the_least_that_another_tool_must_give(tmp_path: Path) -> None:
    path = tmp_path / "l.jsonl"
    path.write_text(lines(ROWS))
    ledger = read_ledger(path, text())
    assert ledger.total_nats == 8
    assert ledger.perplexity == pytest.approx(math.e)
    assert ledger.sentence.tolist() == [0, 0, 0, 1, 2, 2, 2, 2]
    assert ledger.position.tolist() == [0, 1, 2, 0, 0, 1, 2, 3]
    assert ledger.unit == "word"
    assert ledger.oov_count == 0


def test_a_foreign_ledger_ranks_beside_native_models(tmp_path: Path) -> None:
    path = tmp_path / "l.jsonl"
    path.write_text(lines(ROWS))
    train = text("the cat sat on the mat\nthe dog\n")
    test = text()
    result = compare([lmkit.fit("bigram", train)], test, ledgers=[read_ledger(path, test)])
    assert result.labels == ("other", "bigram")
    assert result.ledgers[0].total_nats == 8


def test_its_unknown_words_are_spelled_with_the_training_text(tmp_path: Path) -> None:
    train, test = text("the cat sat on the mat\nthe dog\n"), text()
    native = lmkit.fit("bigram", train)
    write_ledger(native.score(test), tmp_path / "l.jsonl")
    foreign = read_ledger(tmp_path / "l.jsonl", test)
    result = compare([native], test, ledgers=[foreign], train=train)
    assert result.ledgers[0].total_nats == result.ledgers[1].total_nats
    assert result.pairs[0].tied
    assert result.labels == ("bigram", "bigram #2")
    with pytest.raises(NotComparableError, match="--train"):
        compare([native], test, ledgers=[foreign])
    oov = np.array([token == "cat" for token in foreign.tokens()])
    with pytest.raises(NotComparableError, match="'cat' unknown"):
        compare([native], test, ledgers=[replace(foreign, given_oov=oov)], train=train)


# ---------------------------------------------------------------------- what is refused


def without(*places: int) -> list[dict[str, Any]]:
    return [row for place, row in enumerate(ROWS) if place not in places]


def changed(place: int, **fields: Any) -> list[dict[str, Any]]:
    return [{**row, **fields} if place == at else row for at, row in enumerate(ROWS)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (lines(without(2)), r"'\\n' at character 7 is not scored"),
        (lines(without(7)), "is not scored"),
        (lines(without(1)), "' cat' at character 3 is not scored"),
        (lines(changed(1, offset=2)), "row 1 begins at character 2, within the row before"),
        (lines(ROWS[::-1]), "in the order of the text"),
        (lines([*ROWS, {**ROWS[0], "offset": 90}]), "outside the text of 20 characters"),
        (lines(changed(1, token="dog")), "row 1 is the token 'dog', but the text has 'cat'"),
        (lines(changed(0, nats=-2.0)), "check the sign"),
        (lines(changed(0, nats="x")), "'nats' does not hold numbers"),
        (lines([{**row, "nats": None} | {"oov": "?"} for row in ROWS[:1]]), "is not scored"),
        (lines([{"offset": 0, "length": 1}], text_sha256="s"), "another text"),
        (lines([{k: row[k] for k in ("offset", "length", "nats")} for row in ROWS]), "which text"),
        (lines([{"token": "the"}]), "no column 'offset'"),
        (lines(ROWS, model=3), "does not name the model"),
        (lines(ROWS, lmkit_ledger=2), "no ledger of version 1"),
        (lines([ROWS[0], {"offset": 4}]), "line 3 has other fields than line 2"),
        ("", "no ledger"),
        ("{}\n{]\n", "line 2 is no JSON object"),
        ("[1]\n[2]\n", "no JSON object"),
        ("\x1f\x8b", "no JSON object"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "l.jsonl"
    path.write_text(content, encoding="utf-8")
    with pytest.raises((FormatError, NotComparableError), match=message) as caught:
        read_ledger(path, text())
    assert "\n" not in str(caught.value)


def test_files_of_another_kind_are_refused(tmp_path: Path) -> None:
    for name, content in (("l.csv", b""), ("l.jsonl.gz", b"no gzip"), ("l.jsonl", b"\xff\xfe")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(FormatError):
            read_ledger(tmp_path / name, text())
    with pytest.raises(FormatError, match="cannot be read"):
        read_ledger(tmp_path / "nothing.jsonl", text())
    with pytest.raises(FormatError, match="ends in"):
        write_ledger(scored(), tmp_path / "l.csv")


def test_parquet_that_is_none(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    (tmp_path / "l.parquet").write_bytes(b"nothing")
    with pytest.raises(FormatError, match="no Parquet file"):
        read_ledger(tmp_path / "l.parquet", text())


def test_parquet_without_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow.parquet", None)
    with pytest.raises(LmkitError, match="pyarrow"):
        write_ledger(scored(), tmp_path / "l.parquet")


def test_the_format_is_documented() -> None:
    written = ledger_files._HEADER + tuple(ledger_files._COLUMNS)
    assert all(f"``{name}``" in (ledger_files.__doc__ or "") for name in written)


# ---------------------------------------------------------------------- KenLM


def test_kenlm_as_a_foreign_ledger(golden: Path, tmp_path: Path) -> None:
    kenlm = pytest.importorskip("kenlm")
    theirs = kenlm.Model(str(golden / "tiny.3.arpa"))
    test = Corpus.open(golden / "tiny.test.txt", normalize="none").train
    train = Corpus.open(golden / "tiny.txt", normalize="none").train
    rows, offset = [], 0
    for line in test.canonical().splitlines():
        words = [*line.split(" "), "\n"] if line else ["\n"]
        scores = theirs.full_scores(line)
        for word, (log10, _, oov) in zip(words, scores, strict=True):
            start = offset - (word == "\n" and len(words) > 1)  # no space before the line's end
            rows.append({"offset": start, "length": len(word), "oov": oov,
                         "nats": -log10 * math.log(10), "token": word})  # fmt: skip
            offset = start + len(word) + (word != "\n")
    (tmp_path / "kenlm.jsonl").write_text(lines(rows, model="kenlm"))
    foreign = read_ledger(tmp_path / "kenlm.jsonl", test)
    assert foreign.perplexity == pytest.approx(6.004332943603832, rel=1e-6)
    native = lmkit.load(golden / "tiny.3.arpa")
    worse = lmkit.fit("trigram", train)
    result = compare([worse, native], test, ledgers=[foreign], train=train)
    places = {label: place for place, label in enumerate(result.labels)}
    first, second = sorted((places["kenlm"], places[native.spec]))
    assert result.pair(first, second).tied
    assert result.pair(first, second).p_value == 1
    # Beside any other model the two stand alike.
    third = places["trigram"]
    a, b = (result.pair(*sorted((place, third))) for place in (first, second))
    assert math.isnan(a.p_value)  # four sentences are no test
    assert abs(a.difference) == pytest.approx(abs(b.difference), rel=1e-5)
