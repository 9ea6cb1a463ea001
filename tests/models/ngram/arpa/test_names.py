"""Which files are ARPA files."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

import lmkit
from lmkit.models.files import names_arpa
from lmkit.models.ngram.arpa.names import is_arpa
from lmkit.models.ngram.standalone import StandaloneBackoff
from tests.models.ngram.arpa.arpa_text import SMALL


def test_arpa_files_are_known_by_name_or_content(tmp_path: Path) -> None:
    for name in ("m.lm", "m.3gram", "model"):
        (tmp_path / name).write_text("a header\n\n" + SMALL)
        assert is_arpa(tmp_path / name)
        assert isinstance(lmkit.load(tmp_path / name), StandaloneBackoff)
    (tmp_path / "m.lm.gz").write_bytes(gzip.compress(SMALL.encode()))
    assert is_arpa(tmp_path / "m.lm.gz")
    assert not is_arpa(tmp_path / "none")
    (tmp_path / "x.lmkit").write_bytes(bytes(range(256)) * 100)
    assert not is_arpa(tmp_path / "x.lmkit")


@pytest.mark.parametrize("name", ["m.arpa", "m.arpa.gz", "a.b.arpa.xz", "m.arpa.zst"])
def test_names_of_arpa_files(name: str) -> None:
    assert names_arpa(name)


@pytest.mark.parametrize("name", ["m.lmkit", "arpa", "m.arpa.bak", "m.gz", "arpa.gz"])
def test_other_names(name: str) -> None:
    assert not names_arpa(name)
