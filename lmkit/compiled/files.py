"""Where machine code is kept between processes: a file for each function and kinds of arguments.

It stands beside the bytecode of the function's module, or where ``NUMBA_CACHE_DIR`` says, or in
the user's cache folder where the module's own cannot be written to.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import zlib
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import FunctionType

import llvmlite
import numpy as np

from lmkit.compiled.loading import Made, host

_FORMAT = 1
_CONSTANTS = (bool, int, float, tuple, np.generic)


def stamps_of(function: FunctionType) -> frozenset[str]:
    """Return what the code of a function depends on: its place and file, and the constants it uses.

    An empty string among them says that there is no file.
    """
    file, line = function.__code__.co_filename, function.__code__.co_firstlineno
    known = function.__globals__
    used = {name: known.get(name) for name in function.__code__.co_names}
    constants = [f"{name}={used[name]!r}" for name in used if isinstance(used[name], _CONSTANTS)]
    return frozenset([_state(file), f"{file}:{line}", *constants])


def recall(function: FunctionType, signature: str, stamps: frozenset[str]) -> Made | None:
    """Return machine code that is kept, None if there is none or it is out of date."""
    try:
        header, code = _place(function, signature).read_bytes().split(b"\n", 1)
        told = json.loads(header)
        if told["made_from"] != _made_from(stamps) or told["check"] != zlib.crc32(code):
            return None
        return Made(told["symbol"], told["leaves"], told["returns"], code)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def remember(function: FunctionType, signature: str, stamps: frozenset[str], made: Made) -> None:
    """Keep machine code, unless it could not be told when it is out of date."""
    if "" in stamps or function.__closure__:
        return
    told = {
        "made_from": _made_from(stamps),
        "symbol": made.symbol,
        "leaves": made.leaves,
        "returns": made.returns,
        "check": zlib.crc32(made.code),
    }
    place = _place(function, signature)
    with suppress(OSError):  # it is compiled again next time
        place.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=place.parent, prefix=place.name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(json.dumps(told).encode() + b"\n" + made.code)
            Path(temporary).replace(place)
        except OSError:
            Path(temporary).unlink(missing_ok=True)


@cache
def _state(file: str) -> str:
    try:
        status = Path(file).stat()
    except OSError:
        return ""
    return f"{file} {status.st_size} {status.st_mtime_ns}"


@cache
def _versions() -> list[str]:
    """Return what else code depends on: the compilers, the processor, and how it is called."""
    numba = find_spec("numba")  # which does not import it
    ours = _state(str(Path(__file__).with_name("building.py")))
    return [str(_FORMAT), llvmlite.__version__, _state(str(numba and numba.origin)), ours, *host()]


def _made_from(stamps: frozenset[str]) -> str:
    return hashlib.sha256("\n".join([*_versions(), *sorted(stamps)]).encode()).hexdigest()


def _place(function: FunctionType, signature: str) -> Path:
    file = Path(function.__code__.co_filename)
    kinds = hashlib.sha256(f"{file} {signature}".encode()).hexdigest()[:12]
    return _folder(file.parent) / f"{file.stem}.{function.__name__}-{kinds}.kernel"


@cache
def _folder(source: Path) -> Path:
    if given := os.environ.get("NUMBA_CACHE_DIR"):
        return Path(given)
    beside = source / "__pycache__"
    if os.access(beside if beside.exists() else source, os.W_OK):
        return beside
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lmkit" / "kernels"
