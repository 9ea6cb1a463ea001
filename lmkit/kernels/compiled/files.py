"""Where machine code is kept between processes: a file for each function and kinds of arguments.

It stands beside the bytecode of the function's module, or where ``NUMBA_CACHE_DIR`` says, or in
the user's cache folder where the module's own cannot be written to. Whoever can write to that
folder can have code run, as with bytecode: it should be nobody else's.
"""

from __future__ import annotations

import hashlib
import json
import os
import zlib
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import FunctionType

import llvmlite

from lmkit.errors import LmkitError
from lmkit.kernels.compiled.loading import Made, host
from lmkit.storage import write_atomically

_FORMAT = 1


def recall(function: FunctionType, signature: str, identity: str | None) -> Made | None:
    """Return machine code that is kept, None if there is none or it is of something else."""
    place = _place(function, signature)
    if identity is None or place is None:
        return None
    try:
        header, code = place.read_bytes().split(b"\n", 1)
        told = json.loads(header)
        if told["made_from"] != _made_from(identity) or told["check"] != zlib.crc32(code):
            return None
        return Made(told["symbol"], told["leaves"], told["returns"], code)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def remember(function: FunctionType, signature: str, identity: str | None, made: Made) -> None:
    """Keep machine code, unless it cannot be told what it depends on, or there is no place."""
    place = _place(function, signature)
    if identity is None or place is None:
        return
    told = {
        "made_from": _made_from(identity),
        "symbol": made.symbol,
        "leaves": made.leaves,
        "returns": made.returns,
        "check": zlib.crc32(made.code),
    }
    with suppress(OSError, LmkitError):  # it is compiled again next time
        place.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(place, json.dumps(told).encode() + b"\n" + made.code)


def _made_from(identity: str) -> str:
    return hashlib.sha256("\n".join([identity, *_versions()]).encode()).hexdigest()


@cache
def _versions() -> list[str]:
    """Return what else code depends on: the compilers, the processor, and how it is called."""
    numba = find_spec("numba")  # which does not import it
    states = []
    for file in (str(numba and numba.origin), str(Path(__file__).with_name("building.py"))):
        with suppress(OSError):
            status = Path(file).stat()
            states.append(f"{file} {status.st_size} {status.st_mtime_ns}")
    return [str(_FORMAT), llvmlite.__version__, *states, *host()]


def _place(function: FunctionType, signature: str) -> Path | None:
    """Return the file of a function and kinds of arguments, another on each kind of processor."""
    file = Path(function.__code__.co_filename)
    folder = _folder(file)
    if folder is None:
        return None
    what = hashlib.sha256("\n".join([str(file), signature, *host()]).encode()).hexdigest()[:12]
    return folder / f"{file.stem}.{function.__name__.strip('<>')}-{what}.kernel"


@cache
def _folder(source: Path) -> Path | None:
    """Return the folder for the code of a source file; None where there is no such file."""
    if not source.is_file():
        return None
    if given := os.environ.get("NUMBA_CACHE_DIR"):
        return Path(given)
    beside = source.parent / "__pycache__"
    if os.access(beside if beside.exists() else source.parent, os.W_OK):
        return beside
    with suppress(RuntimeError):  # a user without a home
        own = os.environ.get("XDG_CACHE_HOME")
        return (Path(own) if own else Path.home() / ".cache") / "lmkit" / "kernels"
    return None
