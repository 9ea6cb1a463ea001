"""What commands say of texts, options and results that are empty or wrong."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.cli.commands import error_line, ok

ROOT = Path(__file__).parents[2]


def test_an_empty_text_is_found_before_a_network_is_loaded(text: Path) -> None:
    text.write_text("")
    script = (
        f"import sys, lmkit; lmkit.__path__.append({str(ROOT)!r})\n"
        "from lmkit.cli.main import cli\n"
        "try: cli(['compare', 'pets.txt'])\n"
        "finally: print('torch' in sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, env=environment
    )
    assert done.stdout == "False\n"
    assert done.stderr == ("Error: pets.txt: no tokens in it; give a text with at least one word\n")


def test_csv_has_a_header_where_there_are_no_rows(text: Path) -> None:
    assert ok("vocab", text, "--top", "0", "--format", "csv") == "id,token,count,share\n"
    assert ok("vocab", text, "--min-count", "99", "--format", "csv") == "id,token,count,share\n"


def test_zero_has_no_sign(text: Path) -> None:
    text.write_text("a b c d e f g h\n" * 20)
    assert not re.search(r"-0\.0+\b", ok("zipf", text))


def test_remedies_are_options_that_the_command_has(model: Path, text: Path) -> None:
    Path("latin.txt").write_bytes("café au lait\n".encode("latin-1"))
    ok("fit", "--model", "witten-bell:order=2", text, "-o", "wb.lmkit")
    options = ("prune", "wb.lmkit", "--threshold", "0.1", "-o", "s.lmkit", "--test", "latin.txt")
    assert "--encoding" in error_line(*options)
    ok(*options, "--encoding", "latin-1")
    assert "character 0 is '\\udcff'" in error_line("generate", model, "--prompt", "\udcff")
    text.write_text("a b\n")
    for command in (["curve"], ["compare"]):
        assert "a folder with the files train, valid and test" in error_line(*command, text)
