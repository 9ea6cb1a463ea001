"""The cache of machine code: a file for each function and kinds of arguments.

    {"made_from": ..., "symbol": ..., "leaves": [...], "returns": ..., "check": CRC-32}
    machine code

The files lie beside the bytecode of the function's module, or in ``NUMBA_CACHE_DIR``, or in the
user's cache folder where the module's own is not writeable. As with bytecode, whoever can write to
that folder can have code executed: no other user should have the permission.
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
from lmkit.kernels.compiled.loading import ObjectCode, host
from lmkit.storage import write_atomically

_FORMAT = 1


def load_code(function: FunctionType, signature: str, identity: str | None) -> ObjectCode | None:
    """Return the cached machine code; None if there is none, or it is out of date or damaged."""
    path = _path(function, signature)
    if identity is None or path is None:
        return None
    try:
        header, code = path.read_bytes().split(b"\n", 1)
        fields = json.loads(header)
        if fields["made_from"] != _key(identity) or fields["check"] != zlib.crc32(code):
            return None
        return ObjectCode(fields["symbol"], fields["leaves"], fields["returns"], code)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def save_code(
    function: FunctionType, signature: str, identity: str | None, made: ObjectCode
) -> None:
    """Write machine code to the cache, unless its function has no identity, or no folder exists."""
    path = _path(function, signature)
    if identity is None or path is None:
        return
    fields = {
        "made_from": _key(identity),
        "symbol": made.symbol,
        "leaves": made.leaves,
        "returns": made.returns,
        "check": zlib.crc32(made.code),
    }
    with suppress(OSError, LmkitError):  # it is compiled again next time
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(fields).encode() + b"\n" + made.code)


def _key(identity: str) -> str:
    return hashlib.sha256("\n".join([identity, *_versions()]).encode()).hexdigest()


@cache
def _versions() -> list[str]:
    """Return what all machine code depends on: file format, compilers, processor, entry code."""
    numba = find_spec("numba")  # does not import it
    states = []
    for file in (str(numba and numba.origin), str(Path(__file__).with_name("building.py"))):
        with suppress(OSError):
            status = Path(file).stat()
            states.append(f"{file} {status.st_size} {status.st_mtime_ns}")
    return [str(_FORMAT), llvmlite.__version__, *states, *host()]


def _path(function: FunctionType, signature: str) -> Path | None:
    """Return the file for a function, kinds of arguments and processor; None without a folder."""
    file = Path(function.__code__.co_filename)
    folder = _folder(file)
    if folder is None:
        return None
    digest = hashlib.sha256("\n".join([str(file), signature, *host()]).encode()).hexdigest()[:12]
    return folder / f"{file.stem}.{function.__name__.strip('<>')}-{digest}.kernel"


@cache
def _folder(source: Path) -> Path | None:
    """Return the cache folder for the code of a source file; None where there is no such file."""
    if not source.is_file():
        return None
    if given := os.environ.get("NUMBA_CACHE_DIR"):
        return Path(given)
    beside = source.parent / "__pycache__"
    if os.access(beside if beside.exists() else source.parent, os.W_OK):
        return beside
    with suppress(RuntimeError):  # a user without a home directory
        own = os.environ.get("XDG_CACHE_HOME")
        return (Path(own) if own else Path.home() / ".cache") / "lmkit" / "kernels"
    return None
