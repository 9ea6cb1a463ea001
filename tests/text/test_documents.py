"""What a document is, and where documents begin in the canonical text."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import lmkit
from lmkit.cli.main import cli
from lmkit.errors import ParameterError
from lmkit.evaluation.completion import Spellers
from lmkit.evaluation.measuring import measure_all, tally_all
from lmkit.results.ledger import SurprisalLedger
from lmkit.results.tally import Tally
from lmkit.text.corpus import SENTENCE_RULES, Corpus
from lmkit.text.source import Source
from tests.text.samples import sizes_of

MARKED = "x\n\n= A =\na b\n\nc\n= B =\n\nd, e\n"


def parts_of(raw: str, rule: str) -> list[str]:
    """Return the raw documents of a file, line by line: the definition."""
    documents = [""]
    inked = gap = False
    for line in re.findall(r"[^\n]*\n|[^\n]+", raw):
        ink = bool(line.strip(" \t\r\n"))
        if rule == "line":
            begins = ink and inked
        elif rule == "blank":
            begins = ink and inked and gap
        else:
            begins = inked and re.search(rule, line.rstrip("\r\n")) is not None
        if begins:
            documents.append("")
            inked = gap = False
        documents[-1] += line
        inked |= ink
        gap = (gap or not ink) and inked and not (begins and ink)
    return documents


@given(
    raw=st.text("ab\u00e9= \t\n\r\n", max_size=60),
    rule=st.sampled_from(["line", "blank", "^=", "a$", "^$"]),
    normalize=st.sampled_from(["none", "words", "letters", "nfkc+lower"]),
    sentences=st.sampled_from(SENTENCE_RULES),
    size=st.sampled_from([1, 2, 3, 7, 1 << 19]),
)
def test_documents_of_a_file(
    raw: str, rule: str, normalize: str, sentences: str, size: int
) -> None:
    rules = {"normalize": normalize, "sentences": sentences}
    with pytest.MonkeyPatch.context() as patch:
        whole = Source.pieces
        patch.setattr(Source, "pieces", lambda self, _=size: whole(self, size))
        text = Corpus.from_string(raw, documents=rule, **rules).train
        expected = sizes_of(parts_of(raw, rule), **rules)
        assert text.document_sizes is not None
        assert text.document_sizes.tolist() == expected
    plain = Corpus.from_string(raw, **rules).train
    if sentences != "paragraph":  # which a document ends
        assert text.summary.sha256 == plain.summary.sha256
    assert text.summary.documents == len(expected)
    assert text.document_sizes.sum(axis=0).tolist() == [
        text.summary.bytes, text.summary.characters, text.summary.sentence_ends
    ]  # fmt: skip


def test_marked_documents_by_hand() -> None:
    def sizes(documents: str | None, sentences: str = "line") -> list[list[int]] | None:
        text = Corpus.from_string(MARKED, documents=documents, sentences=sentences).train
        return None if text.document_sizes is None else text.document_sizes.tolist()

    assert sizes(None) is None
    assert sizes("file") == [[29, 29, 9]]  # x| |= A =|a b| |c|= B =| |d , e|
    assert sizes("^= ") == [[3, 3, 2], [13, 13, 4], [13, 13, 3]]
    assert sizes("blank") == [[3, 3, 2], [11, 11, 3], [9, 9, 3], [6, 6, 1]]
    assert sizes("line") == [[3, 3, 2], [6, 6, 1], [5, 5, 2], [2, 2, 1], [7, 7, 2], [6, 6, 1]]
    # "c" and "= B =" are one paragraph, which the document ends.
    plain = Corpus.from_string(MARKED, sentences="paragraph").train
    text = Corpus.from_string(MARKED, sentences="paragraph", documents="^= ").train
    assert plain.canonical() == "x\n= A = a b\nc = B =\nd , e\n"
    assert text.canonical() == "x\n= A = a b\nc\n= B =\nd , e\n"
    assert sizes("^= ", "paragraph") == [[2, 2, 1], [12, 12, 2], [12, 12, 2]]


def test_a_regular_expression_sees_a_line_without_its_end() -> None:
    text = Corpus.from_string("a\r\n<doc>\r\nb\r\n<doc>\r\n", documents="^<doc>$").train
    assert text.summary.documents == 3


def test_a_line_longer_than_a_block() -> None:
    raw = "#" + " word" * 300_000 + "\n#" + " word" * 300_000 + "\n" + " " * 600_000 + "#\n"
    for rule in ("line", "^ *#"):
        text = Corpus.from_string(raw, normalize="none", documents=rule).train
        assert text.document_sizes is not None
        assert text.document_sizes[:, 0].tolist() == [1_500_002, 1_500_002, 2]


@pytest.mark.parametrize("sentences", SENTENCE_RULES)
def test_files_are_documents(tmp_path: Path, sentences: str) -> None:
    contents = {"a": "one\ntwo", "b": "", "c": "\n\n", "d": "three\n\nfour\n"}
    for name, content in contents.items():
        (tmp_path / name).write_text(content)
    options = {"sentences": sentences}
    text = Corpus.open(tmp_path, **options).train
    assert text.document_sizes is not None
    assert text.document_sizes.tolist() == sizes_of(list(contents.values()), **options)
    under = Corpus.open(tmp_path, documents="file", **options).train
    np.testing.assert_array_equal(under.document_sizes, text.document_sizes)
    lines = Corpus.open(tmp_path, documents="line", **options).train
    assert lines.summary.documents == (5 if sentences == "line" else 4)
    only = Corpus.open(tmp_path / "a", **options).train
    assert (only.document_rule, only.document_sizes) == (None, None)


def test_the_rule_stays_with_the_parts_of_a_text() -> None:
    raw = "".join(f"line {number}\n" + "\n" * (number % 3 == 0) for number in range(40))
    corpus = Corpus.from_string(raw, documents="blank")
    plain = Corpus.from_string(raw).split()
    for part, text in corpus.split().parts.items():
        assert text.documents == "blank"
        assert text.canonical() == plain.parts[part].canonical()
        assert text.summary.documents == text.canonical().rstrip("\n").count("\n\n") + 1
    assert corpus.train.under(normalize="none", sentences="none").documents == "blank"


@pytest.mark.parametrize("rule", ["(", "a{2", "[", "lines", "blanks", "files", ""])
def test_a_bad_rule(rule: str) -> None:
    if rule == "a{2":
        Corpus.from_string("a", documents=rule)  # Python takes it for letters
        return
    with pytest.raises(ParameterError, match=r"documents=|document rule") as it:
        Corpus.from_string("a", documents=rule)
    assert "\n" not in str(it.value)


# ---------------------------------------------------------------------- ledgers and tallies


def document_totals(ledger: SurprisalLedger, values: np.ndarray) -> list[float]:
    """Return the sum of a value of each event over each document, by characters."""
    assert ledger.document_offsets is not None
    place = np.searchsorted(ledger.document_offsets[1:-1], ledger.offsets, side="right")
    return np.bincount(place, values, len(ledger.document_offsets) - 1).tolist()


@pytest.mark.parametrize("spec", ["bigram:max_size=20", "bigram:unit=char", "unigram:unit=byte"])
@pytest.mark.parametrize("sentences", ["line", "paragraph"])
def test_a_tally_has_the_totals_of_documents(spec: str, sentences: str) -> None:
    raw = "".join(f"w{n % 37} é{n}\n" + "\n" * (n % 5 == 0) for n in range(3000))
    corpus = Corpus.from_string(raw, sentences=sentences, documents="blank")
    model = lmkit.fit(spec, Corpus.from_string(raw[:500], sentences=sentences))
    ledger = Spellers().complete_foreign(model.score(corpus))
    (tally,) = tally_all([model], corpus.train, spellers=Spellers())
    assert isinstance(tally, Tally)
    assert ledger.document_starts is not None
    starts = np.searchsorted(ledger.sentence, ledger.document_starts)
    expected = document_totals(ledger, ledger.nats)
    np.testing.assert_allclose(np.add.reduceat(ledger.nats, starts[:-1]), expected)
    assert tally.document_nats is not None
    np.testing.assert_allclose(tally.document_nats, expected)
    np.testing.assert_array_equal(tally.document_events, np.diff(starts))
    np.testing.assert_array_equal(tally.document_sizes, ledger.document_sizes)
    assert tally.summary.documents == ledger.summary.documents == len(expected)
    if tally.oov_count:
        (spelled,) = lmkit.compare([model], corpus).ledgers
        assert spelled.spelling is not None
        assert tally.document_spelling is not None
        np.testing.assert_allclose(
            tally.document_spelling, document_totals(spelled, spelled.spelling)
        )


def test_a_text_without_sentences_has_documents_in_characters(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}.txt").write_text(f"a b {number}\n")
    corpus = Corpus.open(tmp_path, sentences="none")
    ledger = lmkit.fit("bigram", corpus).score(corpus)
    assert ledger.document_starts is None
    assert ledger.document_offsets is not None
    assert ledger.document_offsets.tolist() == [0, 5, 11, 17]
    assert document_totals(ledger, np.ones(len(ledger))) == [3, 3, 3]


def test_intervals_over_many_documents_need_no_ledger(tmp_path: Path) -> None:
    for number in range(70):
        (tmp_path / f"{number:02}.txt").write_text(f"a {'b ' * (number % 7)}c{number}\nd\n")
    corpus = Corpus.open(tmp_path)
    model = lmkit.fit("bigram", corpus)
    scored = tally_all([model], corpus.train, spellers=Spellers())
    assert isinstance(scored[0], Tally)
    (measured,) = measure_all([model], scored)
    ledger = lmkit.compare([model], corpus).models[0]
    for name in ("bits_per_byte", "perplexity"):
        mine, own = getattr(measured, name), getattr(ledger, name)
        np.testing.assert_allclose([mine.low, mine.high], [own.low, own.high])
        assert mine.blocks == own.blocks


# ---------------------------------------------------------------------- the command line


def run(*args: str | Path) -> str:
    done = CliRunner().invoke(cli, [str(arg) for arg in args], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_the_command_line(tmp_path: Path) -> None:
    rows = "".join(json.dumps({"body": text}) + "\n" for text in ["a b c\n", "a c\nb\n"] * 40)
    (tmp_path / "a.jsonl").write_text(rows)
    (tmp_path / "a.txt").write_text(MARKED * 10)
    model = tmp_path / "m.lmkit"
    run("fit", "--model", "bigram", tmp_path / "a.jsonl", "--field", "body", "-o", model)
    printed = run("evaluate", model, "--test", tmp_path / "a.jsonl", "--field", "body")
    assert "a.jsonl: 80 documents, " in printed
    printed = run("evaluate", model, "--test", tmp_path / "a.txt", "--documents", "file")
    assert "a.txt: 1 document, " in printed
    compared = json.loads(
        run("compare", "--model", model, "--test", tmp_path / "a.txt", "--documents", "^= ",
            "--format", "json")
    )  # fmt: skip
    assert compared["corpus"]["documents"] == 21
    assert run("score", model, tmp_path / "a.txt", "--documents", "blank").count("\n") == 91
    done = CliRunner().invoke(cli, ["evaluate", str(model), "--test", str(tmp_path / "a.jsonl")])
    assert done.exit_code == 1
    assert "line 1 has no field 'text'; its fields: body" in done.stderr
    done = CliRunner().invoke(
        cli, ["evaluate", str(model), "--test", str(tmp_path / "a.txt"), "--documents", "("]
    )
    assert done.exit_code == 1
    assert done.stderr.count("\n") == 1
    assert "documents='(' is no regular expression" in done.stderr


@pytest.mark.parametrize("sentences", ["line", "paragraph", "none"])
@pytest.mark.parametrize("size", [7, 64, 1 << 19])
def test_spaces_that_are_taken_out_shift_the_documents(sentences: str, size: int) -> None:
    lines = [
        "他 用 Python 3 写 「诗」。",
        "Good, 好 的!",
        "plain words here",
        "好 的",
        "a 诗 b",
    ] * 4
    raw = "\n\n".join(lines)
    text = Corpus.from_string(raw, sentences=sentences, documents="blank").train
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Source.blocks, "__defaults__", (size,))
        sizes = text.document_sizes
        canonical = text.canonical()
    assert sizes is not None
    alone = [Corpus.from_string(line, sentences=sentences).train.canonical() for line in lines]
    bounds = np.concatenate([[0], np.cumsum(sizes[:, 1])])
    parts = [canonical[a:b].strip() for a, b in pairwise(bounds)]
    assert parts == [part.strip() for part in alone]
    assert [len(canonical[a:b].encode()) for a, b in pairwise(bounds)] == sizes[:, 0].tolist()


@pytest.mark.parametrize("blank", ["\u3000", "\u00a0 ", "\u2003\t", "\u205f", "\u1680"])
def test_lines_of_any_white_space_are_blank(blank: str) -> None:
    raw = f"甲乙。\n{blank}\n丙\n丁\n{blank}\n{blank}\n戊\n"
    for rule, documents in (("blank", 3), ("line", 4), ("^丙|^丁", 3)):
        assert Corpus.from_string(raw, documents=rule).train.summary.documents == documents
