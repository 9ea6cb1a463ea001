"""What machine code depends on: it is made again when that changed, and only then."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from lmkit.kernels.compiled.identity import globals_of, identity

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
NOT_KEPT = ("a module", "a closure")


@pytest.mark.parametrize("what", DEPENDING)
def test_code_is_made_again_when_what_it_depends_on_changed(
    folder: Path, again: Callable[[], ModuleType], built: list[str], what: str
) -> None:
    other, kernel = DEPENDING[what]
    (folder / "kernel.py").write_text(HEAD + kernel, encoding="utf-8")
    for n in (3, 4, 4):
        (folder / "other.py").write_text(other.format(n=n), encoding="utf-8")
        assert again().f(10) == 10 + n
    assert built == ["f"] * (3 if what in NOT_KEPT else 2)
    assert len(list(folder.glob("*.kernel"))) == (0 if what in NOT_KEPT else 1)


def test_a_file_that_changed_before_the_first_call(
    folder: Path, again: Callable[[], ModuleType], built: list[str]
) -> None:
    """What is kept is the code that ran, not what the file says by then."""
    source = (
        "from lmkit.kernels.compiled import compiled\n@compiled\ndef f(x):\n    return x + {}\n"
    )
    (folder / "kernel.py").write_text(source.format(1), encoding="utf-8")
    module = again()
    (folder / "kernel.py").write_text(source.format(20), encoding="utf-8")
    assert module.f(0) == 1
    assert again().f(0) == 20
    assert built == ["f", "f"]


SCALE, NAMES, TABLE = 2.5, ("a", 1), np.arange(3)


def scaled(x: Any, factor: float = 2.0) -> Any:
    return math.sqrt(x) * SCALE * factor * TABLE[1] * len(NAMES)


def test_an_identity_holds_values_and_not_where_they_came_from(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = identity(scaled)
    assert before is not None
    assert globals_of(scaled) == {"SCALE": 2.5, "NAMES": ("a", 1), "TABLE": TABLE, "math": math}
    for name, same, other in (
        ("SCALE", 5 / 2, 2),
        ("NAMES", (*"a", 1), ("a", True)),
        ("TABLE", np.array([0, 1, 2]), np.array([0, 1, 2], np.int32)),
    ):
        monkeypatch.setitem(scaled.__globals__, name, same)
        assert identity(scaled) == before
        monkeypatch.setitem(scaled.__globals__, name, other)
        assert identity(scaled) not in (before, None)
        monkeypatch.setitem(scaled.__globals__, name, same)
    monkeypatch.setattr(scaled, "__defaults__", (2.5,))
    assert identity(scaled) != before


def test_options_and_what_is_called_are_part_of_it() -> None:
    def calls(x: Any) -> Any:
        return scaled(x)

    one = identity(calls, {}, {"scaled": "made from this"})
    assert one == identity(calls, {}, {"scaled": "made from this"})
    assert one != identity(calls, {"inline": "always"}, {"scaled": "made from this"})
    assert one != identity(calls, {}, {"scaled": "made from that"})
    # A function of Python may change unseen; so may what has no identity itself.
    assert identity(calls) is None
    assert identity(calls, {}, {"scaled": None}) is None
