"""Model files: arrays and a JSON header in one safetensors file, written atomically.

A safetensors file is eight bytes with the length of a JSON header (little endian), the header
(name, dtype, shape and place of each array), and the arrays' bytes. lmkit's own header travels as
one JSON string under ``__metadata__``. Nothing in such a file is code, and reading one runs none.
Arrays are memory-mapped, so that a large model opens at once and is shared between processes.

Two CRC-32 sums travel with it: one of the header, compared whenever the file is read, and one of
the arrays, compared up to 64 MiB, beyond which reading all of it would cost what mapping saves.
"""

from __future__ import annotations

import json
import math
import os
import tempfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from lmkit.errors import FormatError, LmkitError
from lmkit.parallel import Background

Value = TypeVar("Value")
FORMAT = "lmkit-model"
FORMAT_VERSION = 1
_DTYPES = {
    "BOOL": np.bool_, "U8": np.uint8, "I8": np.int8, "U16": np.uint16, "I16": np.int16,
    "U32": np.uint32, "I32": np.int32, "U64": np.uint64, "I64": np.int64,
    "F16": np.float16, "F32": np.float32, "F64": np.float64,
}  # fmt: skip
_CHECKED = 1 << 26  # bytes of arrays that are compared with their checksum unasked
_MAX_HEADER = 100_000_000  # bytes; the limit that the safetensors format sets


@contextmanager
def atomic_file(path: str | Path) -> Iterator[IO[bytes]]:
    """Open a temporary file beside ``path`` that takes its name only when all went well.

    A process killed at any moment leaves the old file or the new one, never half of one.
    A link stays, and what it points to is replaced. Raises LmkitError when the folder does not
    exist or cannot be written, and where something else than a file has that name.
    """
    target = Path(path).resolve()
    if target.exists() and not target.is_file():  # such as /dev/null, which must not be replaced
        what = "a folder" if target.is_dir() else "no regular file"
        raise LmkitError(f"cannot write {path}: it is {what}; choose another place for the file")
    try:
        handle = tempfile.NamedTemporaryFile(  # noqa: SIM115 - closed below, before the rename
            dir=target.parent, prefix=f".{target.name}.", suffix=".tmp", delete=False
        )
    except OSError as error:
        raise LmkitError(
            f"cannot write {path}: {error.strerror}; choose another place for the file"
        ) from None
    try:
        with handle:
            yield handle
            handle.flush()
            os.fsync(handle.fileno())
        _give_usual_mode(handle.name)
        Path(handle.name).replace(target)
    except OSError as error:
        if isinstance(error, LmkitError):
            raise
        raise LmkitError(f"cannot write {path}: {error.strerror}") from None
    finally:
        Path(handle.name).unlink(missing_ok=True)


def _give_usual_mode(name: str) -> None:
    # A NamedTemporaryFile is private to its user; a result should be as any other new file.
    umask = os.umask(0)
    os.umask(umask)
    Path(name).chmod(0o666 & ~umask)


def write_atomically(path: str | Path, content: bytes) -> None:
    """Write a whole file under a temporary name and rename it."""
    with atomic_file(path) as handle:
        handle.write(content)


def write_model_file(
    path: str | Path, arrays: Mapping[str, NDArray[Any]], header: Mapping[str, Any]
) -> None:
    """Write arrays and a JSON-able header as one safetensors file, atomically.

    Raises LmkitError for what would not come back as it was: an array of another dtype than the
    plain numbers, a header value beside None, bool, int, float, str, and lists and string-keyed
    dicts of these.
    """
    names = {np.dtype(dtype): name for name, dtype in _DTYPES.items()}
    for name, array in arrays.items():
        if array.dtype not in names:
            raise LmkitError(f"cannot save {name}: an array of {array.dtype}; keep numbers in it")
    _check_json(header, "")
    contents = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    metadata = {"format": FORMAT, "version": str(FORMAT_VERSION), "lmkit": json.dumps(header)}
    description: dict[str, Any] = {"__metadata__": metadata}
    # Larger items first, so that every array begins at a multiple of its item size.
    order = sorted(contents, key=lambda name: (-contents[name].dtype.itemsize, name))
    place = 0
    for name in order:
        array = contents[name]
        description[name] = {
            "dtype": names[array.dtype],
            "shape": list(array.shape),
            "data_offsets": [place, place + array.nbytes],
        }
        place += array.nbytes
    pieces = [_bytes(contents[name]) for name in order]
    space = len(_encoded(description, crc=0))  # whatever the checksums are
    with atomic_file(path) as handle, Background(_sum_up) as summing:
        # The arrays are summed up while they are written, and the header comes last.
        summing.start(pieces)
        handle.seek(space)
        for piece in pieces:
            handle.write(piece)
        handle.seek(0)
        handle.write(_encoded(description, crc=summing.result()))


def prefixed(prefix: str, named: Mapping[str, Value]) -> dict[str, Value]:
    """Return a mapping with `prefix` before each name: the inverse of :func:`under`."""
    return {f"{prefix}{name}": value for name, value in named.items()}


def under(named: Mapping[str, Value], prefix: str) -> dict[str, Value]:
    """Return the entries whose names begin with `prefix`, without it.

    >>> under({"model.a": 1, "model.b": 2, "c": 3}, "model.")
    {'a': 1, 'b': 2}
    """
    size = len(prefix)
    return {name[size:]: value for name, value in named.items() if name.startswith(prefix)}


def _sum_up(pieces: Sequence[memoryview]) -> int:
    """Return the CRC-32 of all bytes."""
    crc = 0
    for piece in pieces:
        crc = zlib.crc32(piece, crc)
    return crc


def _encoded(description: dict[str, Any], *, crc: int) -> bytes:
    """Return what stands before the arrays: the header's length, and the header with its sums."""
    metadata = {**description["__metadata__"], "data_crc32": f"{crc:08x}"}
    complete = {**description, "__metadata__": metadata}
    metadata["header_crc32"] = _header_crc(complete)
    encoded = json.dumps(complete).encode()
    encoded += b" " * (-len(encoded) % 8)
    return len(encoded).to_bytes(8, "little") + encoded


def _bytes(array: NDArray[Any]) -> memoryview:
    return array.reshape(-1).view(np.uint8).data


def _header_crc(description: Mapping[str, Any]) -> str:
    """Return the checksum of all that the header says, but for the checksum itself."""
    metadata = {**description["__metadata__"], "header_crc32": ""}
    said = json.dumps({**description, "__metadata__": metadata}, sort_keys=True)
    return f"{zlib.crc32(said.encode()):08x}"


def _check_json(value: Any, where: str) -> None:
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        for key, item in value.items():
            _check_json(item, f"{where}.{key}" if where else key)
    elif isinstance(value, list):
        for item in value:
            _check_json(item, where)
    elif not isinstance(value, (bool, int, float, str, type(None))):
        raise LmkitError(
            f"cannot save {where}: JSON does not hold a {type(value).__name__} as it is; make it "
            "an array, a list, or a dict with text keys"
        )


def read_model_file(
    path: str | Path, *, check_all: bool = False
) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Return the arrays of a model file, memory-mapped and read-only, and its header.

    Arrays of more than 64 MiB together are compared with their checksum only with `check_all`.
    Raises FormatError, naming what is wrong, for a file that is missing, empty, truncated,
    damaged, or no lmkit model file.
    """
    try:
        with Path(path).open("rb") as handle:
            size = os.fstat(handle.fileno()).st_size
            prefix = handle.read(8)
            length = int.from_bytes(prefix, "little")
            raw = handle.read(length) if length <= _MAX_HEADER else b""
            data = np.empty(0, np.uint8)
            if size > 8 + length:
                data = np.asarray(np.memmap(handle, np.uint8, "r", 8 + length))
    except FileNotFoundError:
        raise FormatError(f"{path}: no such file; `lmkit fit -o {path}` makes one") from None
    except OSError as error:
        raise FormatError(f"{path}: cannot be read ({error.strerror})") from None
    if size == 0:
        raise FormatError(f"{path}: the file is empty; fit the model again")
    description = _parse_description(path, prefix, raw, length)
    metadata = _check_metadata(path, description)
    arrays = {
        name: _array(path, name, entry, data)
        for name, entry in description.items()
        if name != "__metadata__"
    }
    _check_sums(path, description, data, check_all or len(data) <= _CHECKED)
    try:
        header = json.loads(metadata["lmkit"])
    except (KeyError, TypeError, ValueError, RecursionError):
        header = None
    if not isinstance(header, dict):
        raise FormatError(f"{path}: its lmkit header is damaged; fit the model again")
    return arrays, header


def _check_metadata(path: str | Path, description: Mapping[str, Any]) -> dict[str, Any]:
    metadata = description.get("__metadata__")
    if not isinstance(metadata, dict) or metadata.get("format") != FORMAT:
        raise FormatError(f"{path}: not an lmkit model file; `lmkit fit` writes one")
    if metadata.get("version") != str(FORMAT_VERSION):
        raise FormatError(
            f"{path}: written in format {metadata.get('version')}, this lmkit reads "
            f"{FORMAT_VERSION}; use the lmkit that wrote it, or fit the model again"
        )
    return metadata


def _check_sums(
    path: str | Path, description: Mapping[str, Any], data: NDArray[np.uint8], check_data: bool
) -> None:
    metadata = description["__metadata__"]
    ends = [
        entry["data_offsets"][1] for name, entry in description.items() if name != "__metadata__"
    ]
    if metadata.get("header_crc32") != _header_crc(description):
        raise FormatError(f"{path}: its header is damaged (checksum); fit the model again")
    if len(data) != max(ends, default=0) or (
        check_data and metadata.get("data_crc32") != f"{zlib.crc32(data.data):08x}"
    ):
        raise FormatError(f"{path}: its arrays are damaged (checksum); fit the model again")


def _parse_description(path: str | Path, prefix: bytes, raw: bytes, length: int) -> dict[str, Any]:
    if len(prefix) < 8 or not raw.startswith(b"{"):
        raise FormatError(f"{path}: not an lmkit model file; `lmkit fit` writes one")
    if len(raw) < length:
        raise FormatError(f"{path}: cut off within its header; fit the model again")
    try:
        description = json.loads(raw)
    except (ValueError, RecursionError):
        description = None
    if not isinstance(description, dict):
        raise FormatError(f"{path}: its header is damaged; fit the model again")
    return description


def _array(path: str | Path, name: str, entry: Any, data: NDArray[np.uint8]) -> NDArray[Any]:
    try:
        dtype = np.dtype(_DTYPES[entry["dtype"]])
        shape = tuple(int(n) for n in entry["shape"])
        start, stop = (int(n) for n in entry["data_offsets"])
        if min(shape, default=0) < 0 or not 0 <= start <= stop:
            raise ValueError
        if stop - start != math.prod(shape) * dtype.itemsize:
            raise ValueError
        if stop <= len(data):
            part: NDArray[Any] = data[start:stop].view(dtype).reshape(shape)
            return part
    except (KeyError, TypeError, ValueError, OverflowError):
        raise FormatError(
            f"{path}: the entry of array {name!r} is damaged; fit the model again"
        ) from None
    raise FormatError(
        f"{path}: cut off: array {name!r} ends at byte {stop:,} of the data, and only "
        f"{len(data):,} are there; fit the model again"
    )
