"""Compiled functions in a module of their own, imported and compiled as often as a test likes."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from lmkit.kernels.compiled import Kernel, building


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that modules are imported from, and where code is kept."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    return tmp_path


@pytest.fixture
def again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], ModuleType]:
    """Import kernel.py of the folder, and other.py if it uses that, as a new process would."""

    def imported() -> ModuleType:
        for name in ("kernel", "other"):
            monkeypatch.delitem(sys.modules, name, raising=False)
        importlib.invalidate_caches()
        return importlib.import_module("kernel")

    return imported


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the functions that were compiled, and not loaded from a file."""
    names: list[str] = []
    build = building.build

    def noted(kernel: Kernel, signature: str) -> object:
        names.append(kernel.function.__name__)
        return build(kernel, signature)

    monkeypatch.setattr(building, "build", noted)
    return names
