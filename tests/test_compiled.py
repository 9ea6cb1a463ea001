"""Compiled functions: the second process takes them from the cache, without the compiler."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from lmkit.compiled import compiled

MODULE = """
import numpy as np
from lmkit.compiled import compiled

@compiled
def squares(numbers):
    found = np.empty(len(numbers), np.int64)
    for place in range(len(numbers)):
        found[place] = numbers[place] * numbers[place]
    return found
"""
USE = """
import sys
import numpy as np
from kernel import squares
found = squares(np.arange(4)).tolist()
print(found, "numba.np.arraymath" in sys.modules, len(squares.stats.cache_hits))
"""


def test_a_cached_function_needs_no_compiler(tmp_path: Path) -> None:
    (tmp_path / "kernel.py").write_text(MODULE, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "NUMBA_CACHE_DIR": str(tmp_path)}
    said = [
        subprocess.run(
            [sys.executable, "-c", USE], env=environment, capture_output=True, text=True, check=True
        ).stdout
        for _ in range(2)
    ]
    assert said == ["[0, 1, 4, 9] True 0\n", "[0, 1, 4, 9] False 1\n"]


def test_options_reach_the_compiler() -> None:
    @compiled(inline="always")
    def twice(number):  # type: ignore[no-untyped-def]
        return 2 * number

    assert twice(np.int64(4)) == 8
    assert twice.targetoptions["nogil"]
    assert twice.targetoptions["inline"] == "always"


def test_a_function_is_compiled_again_when_one_that_it_calls_changed(tmp_path: Path) -> None:
    """They stand in two files: numba alone looks at the caller's."""
    inner = "from lmkit.compiled import compiled\n\n@compiled\ndef inner(x):\n    return x + {}\n"
    outer = (
        "from inner import inner\nfrom lmkit.compiled import compiled\n\n"
        "@compiled\ndef outer(x):\n    return 10 * inner(x)\n"
    )
    (tmp_path / "outer.py").write_text(outer, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "NUMBA_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-B", "-c", "from outer import outer; print(outer(1))"]
    said = []
    for added in (1, 20, 300):
        (tmp_path / "inner.py").write_text(inner.format(added), encoding="utf-8")
        run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        said.append(run.stdout.strip())
    assert said == ["20", "210", "3010"]
