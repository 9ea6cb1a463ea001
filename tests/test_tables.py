"""Rows to text: every format shows the same cells, and nothing breaks out of one."""

from __future__ import annotations

import csv
import io
import json
import math

import numpy as np
import pytest

from lmkit.tables import (
    Column,
    csv_table,
    display_width,
    finite,
    html_table,
    markdown_table,
    number,
    plain_table,
    seconds,
    text_table,
    to_json,
    whole,
)

COLUMNS = [Column("name", "model", right=False), Column("bits", "bits", number(2))]
ROWS = [{"name": "a|b", "bits": 1.234, "marks": {"bits": "†"}}, {"name": "漢字", "bits": None}]


def test_a_plain_table_is_aligned() -> None:
    lines = plain_table(COLUMNS, ROWS).split("\n")
    assert lines == ["model   bits", "─────  ─────", "a|b    1.23†", "漢字       -"]
    assert len({display_width(line) for line in lines}) == 1


def test_markdown_escapes_what_would_part_a_cell() -> None:
    lines = markdown_table(COLUMNS, ROWS).split("\n")
    assert lines[1] == "| --- | ---: |"
    assert lines[2] == r"| a\|b | 1.23† |"


def test_html_escapes_cells_and_headings() -> None:
    hostile = [Column("a", "<b>")]
    table = html_table(hostile, [{"a": "<script>&"}])
    assert "<th>&lt;b&gt;</th>" in table
    assert "<td>&lt;script&gt;&amp;</td>" in table


@pytest.mark.parametrize("output", ["table", "markdown", "csv"])
def test_one_function_for_the_formats(output: str) -> None:
    rows = [{"name": "x", "bits": 1.0}]
    expected = {"table": plain_table, "markdown": markdown_table}
    shown = text_table(COLUMNS, rows, output)
    assert shown == (csv_table(rows) if output == "csv" else expected[output](COLUMNS, rows))


def test_csv_has_all_keys_at_full_precision() -> None:
    rows = [{"a": 1 / 3, "b": 'x,"y"'}]
    (read,) = csv.DictReader(io.StringIO(csv_table(rows)))
    assert float(read["a"]) == 1 / 3
    assert read["b"] == 'x,"y"'
    assert csv_table([]) == ""


def test_json_is_strict() -> None:
    value = {"a": math.inf, "b": [math.nan, np.int64(3)], "c": np.float64(0.5)}
    assert json.loads(to_json(value)) == {"a": None, "b": [None, 3], "c": 0.5}
    assert finite((1, math.inf)) == [1, None]


def test_numbers_have_the_digits_that_a_reader_can_use() -> None:
    assert [number(1)(v) for v in (1234.56, None, math.nan, math.inf)] == ["1,234.6", "-", "-", "∞"]
    assert (whole(None), whole(12345)) == ("-", "12,345")
    assert (seconds(1.234), seconds(12.34), seconds(None)) == ("1.23", "12.3", "-")
