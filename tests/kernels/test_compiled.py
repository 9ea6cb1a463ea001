"""Compiled functions: what they take and give, and how their machine code is kept."""

from __future__ import annotations

import importlib
import math
import os
import pkgutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lmkit
from lmkit.kernels.compiled import Kernel, Primitive, cache, compiled
from lmkit.kernels.compiled.arguments import flatten, leaf_kinds

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


def said(folder: Path, script: str, **environment: str) -> str:
    """Return what a script prints in a process of its own; code is kept in the folder."""
    told = {**os.environ, "PYTHONPATH": str(folder), "NUMBA_CACHE_DIR": str(folder), **environment}
    told = {name: value for name, value in told.items() if value}
    command = [sys.executable, "-B", "-c", script]
    run = subprocess.run(command, env=told, capture_output=True, text=True, check=True)
    return run.stdout.strip()


# ---------------------------------------------------------------------- arguments and results


@compiled
def weighted(first, pair, weight, flag, nothing):  # type: ignore[no-untyped-def]
    rows, (column, scale) = pair
    total = 0.0
    for k in range(len(first)):
        total += first[k] * column[k] * scale
    if flag and nothing is None:
        total += rows[1, 2] * weight
    return total


def test_arrays_numbers_and_tuples_of_them_are_passed() -> None:
    rows = np.arange(12.0).reshape(3, 4)
    first = np.arange(3, dtype=np.int32)
    # A column has gaps: its numbers do not lie side by side.
    found = weighted(first, (rows, (rows[:, 1], 2)), 0.5, True, None)
    assert found == 2 * (0 * 1 + 1 * 5 + 2 * 9) + 0.5 * 6
    assert weighted(first, (rows, (rows[:, 1], np.uint8(2))), 0.5, False, None) == 46


@compiled
def kinds(x):  # type: ignore[no-untyped-def]
    return x > 0, np.uint64(0) - np.uint64(1), -x, 0.5 * x, np.int32(7)


@compiled
def fill(out, value):  # type: ignore[no-untyped-def]
    out[:] = value


def test_numbers_and_tuples_of_them_are_returned() -> None:
    assert kinds(4) == (True, (1 << 64) - 1, -4, 2.0, 7)
    assert [type(each) for each in kinds(4)] == [bool, int, int, float, int]
    out = np.zeros(3, np.int8)
    assert fill(out, -5) is None
    assert out.tolist() == [-5, -5, -5]


@pytest.mark.parametrize("kind", ["?", "b", "B", "h", "i", "I", "l", "L", "f", "d"])
def test_all_kinds_of_arrays_are_written(kind: str) -> None:
    for array in (np.zeros((2, 3), kind), np.zeros((2, 6), kind)[:, ::2], np.zeros((2, 0), kind)):
        fill(array, 1)
        assert (array == 1).all()


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


@compiled(inline="always")
def twice(number):  # type: ignore[no-untyped-def]
    return 2 * number


@compiled
def four_times(number):  # type: ignore[no-untyped-def]
    return twice(twice(number))


def test_compiled_functions_call_each_other_and_take_options() -> None:
    assert four_times(3) == 12
    assert twice(np.int64(4)) == 8
    assert four_times.dispatcher.targetoptions["nogil"]
    assert twice.dispatcher.targetoptions["inline"] == "always"


def test_other_values_are_refused() -> None:
    with pytest.raises(TypeError, match=r"takes arrays, numbers and tuples, not \[1\]"):
        twice([1])


def test_what_allocates_is_refused_when_it_is_compiled() -> None:
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


def test_a_signature_says_how_each_value_is_passed() -> None:
    found: list[str] = []
    leaves: list[Any] = []
    array = np.zeros((2, 3), np.uint8)
    flatten((array, (array[:, 1], 1.5, ()), None, np.float32(2), True), found, leaves)
    assert ",".join(found) == "B2,(,B1s,float,(,),),none,.f,bool"
    assert leaf_kinds(",".join(found)) == ["B2", "B1s", "float", ".f", "bool"]
    assert leaves == [id(array), leaves[1], 1.5, 2.0, True]


def test_threads_may_ask_for_the_same_code_at_once() -> None:
    @compiled
    def thrice(number):  # type: ignore[no-untyped-def]
        return 3 * number

    found: list[int] = []
    threads = [threading.Thread(target=lambda n=n: found.append(thrice(n))) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == list(range(0, 24, 3))


# ---------------------------------------------------------------------- kept on disk


def test_code_that_is_kept_needs_no_numba(tmp_path: Path) -> None:
    (tmp_path / "kernel.py").write_text(SUM, encoding="utf-8")
    assert [said(tmp_path, USE) for _ in range(2)] == ["10 True", "10 False"]


def test_code_stands_beside_the_bytecode(tmp_path: Path) -> None:
    (tmp_path / "kernel.py").write_text(SUM, encoding="utf-8")
    assert said(tmp_path, USE, NUMBA_CACHE_DIR="") == "10 True"
    assert [file.suffix for file in (tmp_path / "__pycache__").iterdir()] == [".kernel"]
    assert said(tmp_path, USE, NUMBA_CACHE_DIR="") == "10 False"


@pytest.mark.parametrize(
    "damage",
    [
        lambda kept: kept[:-1],
        lambda kept: b"",
        lambda kept: b"{}\n" + kept,
        lambda kept: kept.replace(b"ELF", b"FLE"),
        lambda kept: b"[]" + kept[kept.index(b"\n") :],
    ],
    ids=["cut off", "empty", "another header", "other bytes", "no header"],
)
def test_a_damaged_file_is_made_again(tmp_path: Path, damage: Any) -> None:
    (tmp_path / "kernel.py").write_text(SUM, encoding="utf-8")
    assert said(tmp_path, USE) == "10 True"
    (file,) = tmp_path.glob("*.kernel")
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    changed = file.read_bytes() != whole
    assert said(tmp_path, USE) == f"10 {changed}"
    assert said(tmp_path, USE) == "10 False"


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "kernel.py").write_text(SUM, encoding="utf-8")
    (tmp_path / "file").touch()
    nowhere = str(tmp_path / "file" / "below")
    assert [said(tmp_path, USE, NUMBA_CACHE_DIR=nowhere) for _ in range(2)] == ["10 True"] * 2


def test_two_functions_of_one_name_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "kernel.py").write_text(
        "from lmkit.kernels.compiled import compiled\n\n"
        "@compiled\ndef f(x):\n    return x + 1\n\ng = f\n\n"
        "@compiled\ndef f(x):\n    return x + 2\n",
        encoding="utf-8",
    )
    use = "from kernel import f, g; print(f(0), g(0))"
    assert [said(tmp_path, use) for _ in range(2)] == ["2 1", "2 1"]


def test_a_function_that_depends_on_its_surroundings_is_not_kept(tmp_path: Path) -> None:
    (tmp_path / "kernel.py").write_text(
        "from lmkit.kernels.compiled import compiled\n\n"
        "def adding(n):\n    @compiled\n    def add(x):\n        return x + n\n    return add\n",
        encoding="utf-8",
    )
    for n in (1, 2):
        assert said(tmp_path, f"from kernel import adding; print(adding({n})(0))") == str(n)
    assert not list(tmp_path.glob("*.kernel"))


# ---------------------------------------------------------------------- what code depends on


@compiled
def first_of(array):  # type: ignore[no-untyped-def]
    return array[0]


def test_what_would_be_taken_for_something_else_is_refused() -> None:
    with pytest.raises(TypeError, match="this machine's byte order"):
        first_of(np.arange(3).astype(np.dtype(np.int64).newbyteorder()))
    with pytest.raises(OverflowError, match="does not fit 64 bits"):
        twice(1 << 63)
    assert first_of(np.array([1 << 63], np.uint64)) == 1 << 63


def test_what_may_only_be_read_is_not_written() -> None:
    array = np.arange(3)
    array.flags.writeable = False
    assert first_of(array) == 0
    with pytest.raises(RuntimeError, match=r"fill cannot be compiled for \(l1r,int\)"):
        fill(array, 1)
    assert array.tolist() == [0, 1, 2]


def test_other_functions_of_c_are_refused() -> None:
    @compiled
    def gamma(x):  # type: ignore[no-untyped-def]
        return math.gamma(x)

    with pytest.raises(RuntimeError, match="it calls numba_gamma, which is not there"):
        gamma(1.5)


HEAD = "import numpy as np\nimport other\nfrom lmkit.kernels.compiled import compiled\n"
DEPENDING = {
    "a constant": ("N = {n}\n", "from other import N\n@compiled\ndef f(x):\n    return x + N\n"),
    "an array": (
        "import numpy as np\nN = np.array([{n}])\n",
        "from other import N\n@compiled\ndef f(x):\n    return x + N[0]\n",
    ),
    "bytes": (
        "N = bytes([{n}])\n",
        "from other import N\n@compiled\ndef f(x):\n    return x + N[0]\n",
    ),
    "a module": ("N = {n}\n", "@compiled\ndef f(x):\n    return x + other.N\n"),
    "a default": ("N = {n}\n", "@compiled\ndef f(x, n=other.N):\n    return x + n\n"),
    "a closure": (
        "N = {n}\n",
        "def made(n):\n    @compiled\n    def inner(x):\n        return x + n\n    return inner\n"
        "inner = made(other.N)\n@compiled\ndef f(x):\n    return inner(x)\n",
    ),
    "a callee": (
        "from lmkit.kernels.compiled import compiled\n@compiled\n"
        "def inner(x):\n    return x + {n}\n",
        "from other import inner\n@compiled\ndef f(x):\n    return inner(x)\n",
    ),
}


@pytest.mark.parametrize("what", DEPENDING)
def test_code_is_made_again_when_what_it_depends_on_changed(tmp_path: Path, what: str) -> None:
    other, kernel = DEPENDING[what]
    (tmp_path / "kernel.py").write_text(HEAD + kernel, encoding="utf-8")
    found = []
    for n in (3, 4):
        (tmp_path / "other.py").write_text(other.format(n=n), encoding="utf-8")
        os.utime(tmp_path / "other.py", (1, 1))  # as old as before, and as long
        found.append(said(tmp_path, "from kernel import f; print(f(10))"))
    assert found == ["13", "14"]


def test_functions_of_one_line_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "kernel.py").write_text(
        HEAD.replace("import other\n", "") + "f, g = compiled(lambda x: x + 1), "
        "compiled(lambda x: x + 2)\n",
        encoding="utf-8",
    )
    use = "from kernel import f, g; print(f(0), g(0))"
    assert [said(tmp_path, use) for _ in range(2)] == ["1 2", "1 2"]


def test_a_file_that_changed_before_the_first_call(tmp_path: Path) -> None:
    """What is kept is the code that ran, not what the file says by then."""
    (tmp_path / "kernel.py").write_text(SUM, encoding="utf-8")
    changed = SUM.replace("found = 0", "found = 7")
    use = (
        "import pathlib, numpy as np\nfrom kernel import total\n"
        f"pathlib.Path({str(tmp_path / 'kernel.py')!r}).write_text({changed!r})\n"
        "print(total(np.arange(5)))"
    )
    assert said(tmp_path, use) == "10"
    assert said(tmp_path, USE) == "17 True"


@pytest.mark.parametrize("name", ["NUMBA_DISABLE_JIT", "NUMBA_BOUNDSCHECK"])
def test_settings_of_numba_that_could_not_be_kept_are_passed_over(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / "kernel.py").write_text(SUM, encoding="utf-8")
    assert said(tmp_path, USE, **{name: "1"}) == "10 True"
    assert said(tmp_path, USE) == "10 False"


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


def test_all_of_lmkit_is_kept() -> None:
    """Whatever has no identity would be compiled in each process anew."""
    seen = 0
    folder = str(Path(str(lmkit.__file__)).parent)
    for found in pkgutil.walk_packages([folder], "lmkit."):
        module = importlib.import_module(found.name)
        for name, value in vars(module).items():
            if isinstance(value, Kernel | Primitive):
                seen += 1
                assert value.identity is not None, (module.__name__, name)
    assert seen > 100
