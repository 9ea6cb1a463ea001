"""Printing of scores and differences."""

from __future__ import annotations

import csv
import io
import json

import pytest

import lmkit
from lmkit.cli.results import check_events, describe, print_difference, print_results
from lmkit.errors import CorpusError
from lmkit.evaluation.comparison import Comparison
from lmkit.evaluation.decomposition import Decomposition, Part, Split, TokenDifference
from lmkit.text.corpus import Corpus
from lmkit.text.meter import TextSummary
from tests.cli.commands import OTHER, TEXT

SUMMARY = TextSummary(
    name="book", sha256="0123456789abcdef", normalize="none", sentences="line",
    characters=1000, bytes=1100, raw_bytes=1200, words=200, sentence_ends=20,
)  # fmt: skip


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    train, test = Corpus.from_string(TEXT), Corpus.from_string(OTHER, name="other")
    return lmkit.compare(["uniform", "bigram:smoothing=mle"], test, train=train)


def printed(comparison: Comparison, capsys: pytest.CaptureFixture[str], output: str) -> str:
    print_results(comparison.summary, comparison.to_dict(), output, remarks=["a remark"])
    return capsys.readouterr().out


def test_json_is_the_report(comparison: Comparison, capsys: pytest.CaptureFixture[str]) -> None:
    report = json.loads(printed(comparison, capsys, "json"))
    assert [row["model"] for row in report["results"]] == [*comparison.labels]
    assert "remarks" not in report


def test_csv_has_one_value_a_cell(
    comparison: Comparison, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = list(csv.DictReader(io.StringIO(printed(comparison, capsys, "csv"))))
    assert [row["model"] for row in rows] == [*comparison.labels]
    assert [row["first_impossible"] for row in rows] == [
        "",
        "saw 0:2",
    ]  # no "dog saw" in training
    assert not any(value.startswith(("[", "{")) for row in rows for value in row.values())


@pytest.mark.parametrize("output", ["table", "markdown"])
def test_remarks_and_signatures_follow_the_table(
    comparison: Comparison, capsys: pytest.CaptureFixture[str], output: str
) -> None:
    text = printed(comparison, capsys, output)
    assert text.startswith(f"{describe(comparison.summary)}\n\n")
    table, _, rest = text.partition("\n- a remark\n")
    assert all(label in table for label in comparison.labels)
    signatures = [row["signature"] for row in comparison.to_dict()["results"]]
    shown = "  {}" if output == "table" else "- `{}`"
    assert rest.splitlines()[1:] == ["signatures", *map(shown.format, signatures)]


def test_a_difference_has_its_splits_and_words(capsys: pytest.CaptureFixture[str]) -> None:
    tokens = tuple(TokenDifference(f"w{k}", 2, 10.0, 1010.0 - k) for k in range(9))
    parts = (Part("0", 3, 60.0, 500.0), Part("1", 4, 1000.0, 1560.0))
    difference = Decomposition(
        a=1, b=0, bits_a=1060.0, bits_b=2060.0, splits=(Split("frequency", parts),),
        sentences_a=(), sentences_b=(), tokens_a=tokens, tokens_b=(),
    )  # fmt: skip
    print_difference(difference, ["uniform", "bigram"], "table")
    lines = capsys.readouterr().out.splitlines()
    assert "why: bigram saves 1,000 bits of the 2,060 of uniform" in lines
    assert any(line.split() == ["0", "3", "60", "500", "-440"] for line in lines)
    assert any(line.split() == ["1", "4", "1,000", "1,560", "-560"] for line in lines)
    named = next(line for line in lines if line.startswith("words that bigram saves"))
    assert named.endswith("w0 (1,000), w1 (999), w2 (998), w3 (997), w4 (996), w5 (995), "
                          "w6 (994), w7 (993)")  # fmt: skip
    assert "words that uniform saves most bits on: none" in lines


def test_a_text_without_events_is_refused(comparison: Comparison) -> None:
    check_events(comparison.ledgers[0])
    model = lmkit.fit("uniform", Corpus.from_string(TEXT))
    with pytest.raises(CorpusError, match="empty: no events to score"):
        check_events(model.score(Corpus.from_string("", name="empty").whole))


@pytest.mark.parametrize(
    ("documents", "start"),
    [(None, "book: 200 words"), (1, "book: 1 document, 200"), (1234, "book: 1,234 documents, 200")],
)
def test_a_description_counts_documents(documents: int | None, start: str) -> None:
    summary = TextSummary(**{**SUMMARY.to_dict(), "documents": documents})
    assert describe(summary).startswith(start)


def test_a_description_names_what_a_normaliser_discards() -> None:
    assert describe(SUMMARY) == (
        "book: 200 words, 20 sentence ends, 1,000 characters, 1,100 bytes of 1,200 raw "
        "(normalize=none, sentences=line, sha256 0123456789ab)"
    )
    lossy = TextSummary(**{**SUMMARY.to_dict(), "normalize": "letters"})
    assert describe(lossy).endswith("; letters loses case, digits, punctuation")
