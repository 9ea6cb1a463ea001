"""What may stand in `lmkit.kernels`, and what the other packages may know of it."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
from pathlib import Path
from types import FunctionType

import pytest

import lmkit.kernels
from lmkit.kernels.compiled import Kernel, Primitive

ROOT = Path(__file__).parents[2]
ROOM = ROOT / "lmkit" / "kernels"
COMPILERS = ("numba", "llvmlite", "lmkit.kernels.compiled")
MODULES = [
    found.name
    for found in pkgutil.iter_modules(lmkit.kernels.__path__, "lmkit.kernels.")
    if found.name != "lmkit.kernels.compiled"
]
OUTSIDE = [
    file
    for folder in ("lmkit", "cli", "corpora")
    for file in sorted((ROOT / folder).rglob("*.py"))
    if not file.is_relative_to(ROOM)
]


def imported(file: Path) -> list[str]:
    """Return the modules that a file imports, and the names that it imports from them."""
    names = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = "lmkit." if node.level > 1 else ""  # packages outside lie one level down
            names += [f"{above}{node.module}.{alias.name}" for alias in node.names]
    return names


@pytest.mark.parametrize("file", OUTSIDE, ids=lambda file: str(file.relative_to(ROOT)))
def test_nothing_outside_knows_the_compiler(file: Path) -> None:
    for name in imported(file):
        assert not any(f"{name}.".startswith(f"{compiler}.") for compiler in COMPILERS), name
        if name.startswith("lmkit.kernels."):
            assert not any(part.startswith("_") for part in name.split(".")), name


@pytest.mark.parametrize("name", MODULES)
def test_public_names_are_typed_functions_and_compiled_ones_are_private(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__doc__
    for symbol, value in vars(module).items():
        if isinstance(value, Kernel | Primitive):
            assert symbol.startswith("_"), f"{name}.{symbol} is compiled and public"
        elif isinstance(value, FunctionType) and value.__module__ == name and symbol[0] != "_":
            signature = inspect.signature(value)
            hints = [*signature.parameters.values()]
            assert value.__doc__, symbol
            assert signature.return_annotation is not inspect.Signature.empty, symbol
            assert all(hint.annotation is not inspect.Parameter.empty for hint in hints), symbol


def test_each_module_has_its_test() -> None:
    tests = {file.stem.removeprefix("test_") for file in Path(__file__).parent.glob("test_*.py")}
    assert {name.rpartition(".")[2] for name in MODULES} <= tests
