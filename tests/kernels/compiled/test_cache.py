"""The cache of machine code: its folder, damaged files, functions that share a file."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from lmkit.kernels.compiled import cache

COMPILED = "from lmkit.kernels.compiled import compiled\n\n"
PLUS_ONE = COMPILED + "@compiled\ndef f(x):\n    return x + 1\n"


@pytest.fixture
def kernel(folder: Path) -> Path:
    """A module with a compiled function."""
    (folder / "kernel.py").write_text(PLUS_ONE, encoding="utf-8")
    return folder / "kernel.py"


def test_code_stands_beside_the_bytecode(
    kernel: Path,
    again: Callable[[], ModuleType],
    built: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    assert [again().f(1) for _ in range(2)] == [2, 2]
    assert [file.suffix for file in (kernel.parent / "__pycache__").iterdir()] == [".kernel"]
    assert built == ["f"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda kept: kept[:-1],
        lambda kept: b"",
        lambda kept: b"{}\n" + kept,
        lambda kept: kept[:-9] + bytes([kept[-9] ^ 1]) + kept[-8:],
        lambda kept: b"[]" + kept[kept.index(b"\n") :],
    ],
    ids=["cut off", "empty", "another header", "other bytes", "no header"],
)
def test_a_damaged_file_is_made_again(
    kernel: Path,
    again: Callable[[], ModuleType],
    built: list[str],
    damage: Callable[[bytes], bytes],
) -> None:
    assert again().f(1) == 2
    (file,) = kernel.parent.glob("*.kernel")
    file.write_bytes(damage(file.read_bytes()))
    assert [again().f(1) for _ in range(2)] == [2, 2]
    assert built == ["f", "f"]


def test_a_folder_that_cannot_be_written_is_no_error(
    kernel: Path,
    again: Callable[[], ModuleType],
    built: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(kernel / "below"))  # below a file
    assert [again().f(1) for _ in range(2)] == [2, 2]
    assert built == ["f", "f"]


def test_a_user_without_a_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", nowhere)
    monkeypatch.setattr(os, "access", lambda *_: False)
    source = tmp_path / "kernel.py"
    source.touch()
    assert cache._folder(source) is None
    assert cache._folder(tmp_path / "<stdin>") is None


def test_the_cache_of_the_user_is_next_where_bytecode_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(os, "access", lambda *_: False)
    source = tmp_path / "kernel.py"
    source.touch()
    assert cache._folder(source) == tmp_path / "cache" / "lmkit" / "kernels"


@pytest.mark.parametrize(
    "source",
    [
        "@compiled\ndef f(x):\n    return x + 1\n\ng = f\n\n"
        "@compiled\ndef f(x):\n    return x + 2\n",
        "g, f = compiled(lambda x: x + 1), compiled(lambda x: x + 2)\n",
    ],
    ids=["one name", "one line"],
)
def test_functions_that_share_a_file_are_told_apart(
    folder: Path, again: Callable[[], ModuleType], source: str
) -> None:
    (folder / "kernel.py").write_text(COMPILED + source, encoding="utf-8")
    for _ in range(2):
        module = again()
        assert (module.f(0), module.g(0)) == (2, 1)
