"""The standard streams of real processes: closed ones, and encodings that lack characters."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
START = f"""
import lmkit
if {str(ROOT)!r} not in lmkit.__path__: lmkit.__path__.append({str(ROOT)!r})
from lmkit.cli.main import main
main()
"""
TEXT = "the café 汉字 sat on “the mat”\n" * 10
ENCODINGS = ("utf-8", "cp1252", "latin-1", "gbk", "cp437", "ascii")


@pytest.fixture(autouse=True)
def text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    path = tmp_path / "q.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


def lmkit(*arguments: str, closed: str = "", **environment: str) -> tuple[int, bytes, str]:
    """Run lmkit with some standard streams closed, as `2>&-`; its status, stdout and stderr."""
    command = ["sh", "-c", f'exec "$@" {closed}', "sh", sys.executable, "-c", START, *arguments]
    done = subprocess.run(
        command, capture_output=True, check=False, env={**os.environ, **environment}
    )
    return done.returncode, done.stdout, done.stderr.decode()


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_table_is_written_in_every_encoding(encoding: str) -> None:
    status, out, err = lmkit("vocab", "q.txt", "--top", "9", PYTHONIOENCODING=encoding)
    assert status == 0, err
    lines = out.decode(encoding).splitlines()
    rule = "─" if encoding in ("utf-8", "gbk", "cp437") else "-"
    assert lines[3] == "  ".join(rule * width for width in (2, 5, 5, 5))
    shown = "café".encode(encoding, "replace").decode(encoding)
    assert any(line.split()[1:2] == [shown] for line in lines[4:])
    assert ("shown as ?" in err) == (encoding not in ("utf-8", "gbk"))
    assert "Traceback" not in err


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_json_loses_nothing_in_any_encoding(encoding: str) -> None:
    status, out, err = lmkit("vocab", "q.txt", "--format", "json", PYTHONIOENCODING=encoding)
    assert (status, err) == (0, "")
    tokens = {row["token"] for row in json.loads(out.decode(encoding))["top"]}
    assert tokens == {"the", "café", "汉", "字", "sat", "on", "“", "mat", "”"}


def test_a_plot_falls_back_to_ascii() -> None:
    Path("z.txt").write_text("a b a c a b a d a b e a b c\n" * 20, encoding="utf-8")
    status, out, err = lmkit("zipf", "z.txt", PYTHONIOENCODING="latin-1")
    assert (status, err) == (0, "")
    assert "+----" in out.decode("latin-1")
    assert "?" not in out.decode("latin-1")


def test_csv_rows_of_score_are_written_too() -> None:
    assert lmkit("fit", "--model", "unigram", "q.txt")[0] == 0
    options = ("score", "unigram.lmkit", "q.txt", "--format", "csv")
    status, out, err = lmkit(*options, PYTHONIOENCODING="ascii")
    assert status == 0, err
    assert out.decode("ascii").splitlines()[1].endswith("the caf???sat on ? the mat ?")


@pytest.mark.skipif(sys.platform == "darwin", reason="file names are UTF-8 there")
def test_a_file_name_that_is_no_text_can_be_named_in_an_error() -> None:
    status, _, err = lmkit("vocab", os.fsdecode(b"\xff\xe4.txt"), LC_ALL="C.UTF-8")
    assert status == 1
    assert err.startswith("Error: ??.txt: no such file")
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("closed", ["2>&-", ">&-", "<&-", "<&- >&- 2>&-"])
def test_closed_streams_change_neither_status_nor_result(closed: str) -> None:
    status, _, err = lmkit("fit", "--model", "bigram", "q.txt", "-o", "m.lmkit", closed=closed)
    assert (status, err) == (0, "")
    status, out, err = lmkit("info", "m.lmkit", closed=closed)
    assert (status, err) == (0, "")
    assert (b"bigram" in out) == (">&-" not in closed.replace("2>&-", ""))
    status, _, err = lmkit("vocab", "missing.txt", closed=closed)
    assert status == 1
    assert "Traceback" not in err


def test_a_closed_standard_input_reads_as_empty() -> None:
    status, _, err = lmkit("fit", "--model", "bigram", "-", closed="<&-")
    assert (status, err.splitlines()) == (
        1, ["Error: stdin: no tokens in it; give a text with at least one word"],
    )  # fmt: skip


def test_notes_stay_notes_where_warnings_are_errors() -> None:
    options = ("fit", "--model", "kneser-ney:order=2", "q.txt")
    status, out, err = lmkit(*options, PYTHONWARNINGS="error")
    assert status == 0, err
    assert b"wrote kneser-ney.lmkit" in out
    assert all(line.startswith("Note: ") for line in err.splitlines())
