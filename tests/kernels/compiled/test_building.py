"""What numba makes of a function: all kinds of arrays and numbers, and what is refused."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lmkit.kernels.compiled import compiled


@compiled
def put(out, value):  # type: ignore[no-untyped-def]
    if out.size:
        out[1, 2] = value


@pytest.mark.parametrize("kind", ["?", "b", "B", "h", "i", "I", "l", "L", "f", "d"])
def test_all_kinds_of_arrays_are_written(kind: str) -> None:
    for array in (np.zeros((2, 3), kind), np.zeros((2, 6), kind)[:, ::2]):
        put(array, 1)
        assert array.tolist() == [[0, 0, 0], [0, 0, 1]]
    put(np.zeros((2, 0), kind), 1)


@compiled
def shifted(x):  # type: ignore[no-untyped-def]
    return np.log1p(x) + np.expm1(x) + x**3


def test_functions_of_the_mathematical_library_are_found() -> None:
    assert shifted(0.3) == pytest.approx(np.log1p(0.3) + np.expm1(0.3) + 0.027, rel=1e-15)


@compiled
def quotient(x, y):  # type: ignore[no-untyped-def]
    return x / y


def test_dividing_by_zero_is_no_error() -> None:
    assert quotient(1.0, 0.0) == np.inf


def test_what_allocates_is_refused() -> None:
    @compiled
    def allocates(size):  # type: ignore[no-untyped-def]
        return np.zeros(size).sum()

    with pytest.raises(RuntimeError, match="array passed into"):
        allocates(3)


def test_what_returns_an_array_is_refused() -> None:
    @compiled
    def same(array):  # type: ignore[no-untyped-def]
        return array

    with pytest.raises(RuntimeError, match="a compiled function returns numbers"):
        same(np.arange(3))


def test_what_may_only_be_read_is_not_written() -> None:
    array = np.zeros((2, 3), np.int64)
    array.flags.writeable = False
    with pytest.raises(RuntimeError, match=r"put cannot be compiled for \(l2r,int\)"):
        put(array, 1)
    assert not array.any()


def test_other_functions_of_c_are_refused() -> None:
    @compiled
    def gamma(x):  # type: ignore[no-untyped-def]
        return math.gamma(x)

    with pytest.raises(RuntimeError, match="it calls numba_gamma, which is not there"):
        gamma(1.5)


SUM = """
from lmkit.kernels.compiled import compiled

@compiled
def total(numbers):
    found = 0
    for number in numbers:
        found += number
    return found
"""
USE = """
import sys
import numpy as np
from kernel import total
print(total(np.arange(5)), "numba" in sys.modules)
"""


def printed(folder: Path, script: str, **environment: str) -> str:
    """Return what a script prints in a process of its own; code is kept in the folder."""
    own = {"PYTHONPATH": str(folder), "NUMBA_CACHE_DIR": str(folder), **environment}
    command = [sys.executable, "-B", "-c", script]
    done = subprocess.run(
        command, env={**os.environ, **own}, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_code_that_is_kept_needs_no_numba_and_no_setting_of_numba(tmp_path: Path) -> None:
    """Code without compilation, or with checks of bounds, could not be kept."""
    (tmp_path / "kernel.py").write_text(SUM, encoding="utf-8")
    settings = {"NUMBA_DISABLE_JIT": "1", "NUMBA_BOUNDSCHECK": "1"}
    assert printed(tmp_path, USE, **settings) == "10 True"
    assert printed(tmp_path, USE) == "10 False"
