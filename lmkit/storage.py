"""Model files: arrays and a JSON header in one safetensors file, written atomically.

    bytes 0 - 7        length n of the header, little endian
    bytes 8 - 7 + n    header, JSON: {"__metadata__": {...}, "counts": {"dtype": "I64",
                       "shape": [3], "data_offsets": [0, 24]}, ...}, padded to a multiple of 8
    the rest           the arrays' bytes; data_offsets count from here

lmkit's own header is one JSON string under ``__metadata__``. A file holds no code, and reading one
runs none. Arrays are memory-mapped, so that a large model opens at once and is shared between
processes.

The metadata hold two CRC-32 checksums: that of the header is verified whenever the file is read,
that of the arrays up to 64 MiB; verifying more would undo the advantage of memory mapping.
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

from lmkit.errors import FormatError, LmkitError, WriteError
from lmkit.parallel import Background

Value = TypeVar("Value")
FORMAT = "lmkit-model"
FORMAT_VERSION = 1
_DTYPES = {
    "BOOL": np.bool_, "U8": np.uint8, "I8": np.int8, "U16": np.uint16, "I16": np.int16,
    "U32": np.uint32, "I32": np.int32, "U64": np.uint64, "I64": np.int64,
    "F16": np.float16, "F32": np.float32, "F64": np.float64,
}  # fmt: skip
_VERIFIED = 1 << 26  # bytes of arrays up to which their checksum is always verified
_PROBE = 1 << 16  # bytes that show whether a file system takes any
_MAX_HEADER = 100_000_000  # bytes, the limit of the safetensors format


@contextmanager
def atomic_file(path: str | Path) -> Iterator[IO[bytes]]:
    """Open a temporary file beside ``path`` that is renamed to it if no error occurs.

    A process killed at any moment leaves either the old file or the complete new one. Of a symbolic
    link, the target is replaced. Raises WriteError where the folder does not exist or cannot be
    written to, or where ``path`` is not a regular file.
    """
    target = Path(path).resolve()
    with _temporary_beside(path, target) as handle:
        yield handle
        handle.flush()
        os.fsync(handle.fileno())
        handle.close()
        _set_default_mode(handle.name)
        Path(handle.name).replace(target)


def check_writable(path: str | Path) -> None:
    """Raise WriteError where :func:`atomic_file` could not write a file: tried with some bytes.

    Nothing is left behind, and a file of that name stays as it is.
    """
    with _temporary_beside(path, Path(path).resolve()) as handle:
        handle.write(bytes(_PROBE))
        handle.flush()
        os.fsync(handle.fileno())


@contextmanager
def _temporary_beside(path: str | Path, target: Path) -> Iterator[IO[bytes]]:
    """Open a temporary file in the target's folder, which is gone after the block or renamed."""
    if target.exists() and not target.is_file():  # such as /dev/null, which must not be replaced
        what = "a folder" if target.is_dir() else "no regular file"
        raise WriteError(f"cannot write {path}: it is {what}; choose another place for the file")
    try:
        handle = tempfile.NamedTemporaryFile(  # noqa: SIM115 - closed below
            dir=target.parent, prefix=f".{target.name}.", suffix=".tmp", delete=False
        )
    except OSError as error:
        raise WriteError(
            f"cannot write {path}: {error.strerror}; choose another place for the file"
        ) from None
    try:
        with handle:
            yield handle
    except OSError as error:
        if isinstance(error, LmkitError):
            raise
        raise WriteError(f"cannot write {path}: {error.strerror}") from None
    finally:
        Path(handle.name).unlink(missing_ok=True)


def _set_default_mode(name: str) -> None:
    # A NamedTemporaryFile is readable by its owner only; give it the mode of any other new file.
    umask = os.umask(0)
    os.umask(umask)
    Path(name).chmod(0o666 & ~umask)


def write_atomically(path: str | Path, content: bytes) -> None:
    """Write a whole file by :func:`atomic_file`."""
    with atomic_file(path) as handle:
        handle.write(content)


def write_model_file(
    path: str | Path, arrays: Mapping[str, NDArray[Any]], header: Mapping[str, Any]
) -> None:
    """Write arrays and a header as one safetensors file, atomically.

    Raises LmkitError for what could not be read back unchanged: an array that is not numeric, or a
    header value other than None, bool, int, float, str, and lists and string-keyed dicts of these.
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
    offset = 0
    for name in order:
        array = contents[name]
        description[name] = {
            "dtype": names[array.dtype],
            "shape": list(array.shape),
            "data_offsets": [offset, offset + array.nbytes],
        }
        offset += array.nbytes
    pieces = [_bytes(contents[name]) for name in order]
    start = len(_encoded(description, crc=0))  # the same for every checksum
    with atomic_file(path) as handle, Background(_crc32) as checksum:
        # The checksum is computed while the arrays are written; the header is written last.
        checksum.start(pieces)
        handle.seek(start)
        for piece in pieces:
            handle.write(piece)
        handle.seek(0)
        handle.write(_encoded(description, crc=checksum.result()))


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


def _crc32(pieces: Sequence[memoryview]) -> int:
    """Return the CRC-32 of all pieces together."""
    crc = 0
    for piece in pieces:
        crc = zlib.crc32(piece, crc)
    return crc


def _encoded(description: dict[str, Any], *, crc: int) -> bytes:
    """Return the bytes before the arrays: the header's length, and the header with checksums."""
    metadata = {**description["__metadata__"], "data_crc32": f"{crc:08x}"}
    complete = {**description, "__metadata__": metadata}
    metadata["header_crc32"] = _header_crc(complete)
    encoded = json.dumps(complete).encode()
    encoded += b" " * (-len(encoded) % 8)
    return len(encoded).to_bytes(8, "little") + encoded


def _bytes(array: NDArray[Any]) -> memoryview:
    return array.reshape(-1).view(np.uint8).data


def _header_crc(description: Mapping[str, Any]) -> str:
    """Return the checksum of the header, with an empty string in place of the checksum itself."""
    metadata = {**description["__metadata__"], "header_crc32": ""}
    text = json.dumps({**description, "__metadata__": metadata}, sort_keys=True)
    return f"{zlib.crc32(text.encode()):08x}"


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
    path: str | Path, *, name: str | None = None, check_all: bool = False
) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Return the arrays of a model file, memory-mapped and read-only, and its header.

    Messages call the file `name`, by default its path. The checksum of more than 64 MiB of arrays
    is verified only with `check_all`. Raises FormatError for a file that is missing, empty,
    truncated, damaged, or not an lmkit model file.
    """
    file, path = Path(path), name or path
    try:
        with file.open("rb") as handle:
            size = os.fstat(handle.fileno()).st_size
            known = foreign_format(handle.read(64))
            handle.seek(0)
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
    if known and not raw.startswith(b"{"):  # a header's length may look like another format
        raise FormatError(f"{path}: not an lmkit model file, but {known}")
    if size == 0:
        raise FormatError(f"{path}: the file is empty; fit the model again")
    description = _parse_description(path, prefix, raw, length)
    metadata = _check_metadata(path, description)
    arrays = {
        name: _array(path, name, entry, data)
        for name, entry in description.items()
        if name != "__metadata__"
    }
    _verify(path, description, data, check_all or len(data) <= _VERIFIED)
    try:
        header = json.loads(metadata["lmkit"])
    except (KeyError, TypeError, ValueError, RecursionError):
        header = None
    if not isinstance(header, dict):
        raise FormatError(f"{path}: its lmkit header is damaged; fit the model again")
    return arrays, header


_FOREIGN = {
    b"mmap lm http://kheafield.com/code": "a binary file of KenLM; use the ARPA file it is made of",
    b"SRILM_BINARY_NGRAM": "a binary file of SRILM; make an ARPA file of it with `ngram -write-lm`",
    b"blmt": "a binary file of IRSTLM; make an ARPA file of it with compile-lm --text=yes",
    b"Qblmt": "a binary file of IRSTLM; make an ARPA file of it with compile-lm --text=yes",
    b"PK\x03\x04": "a zip archive, as PyTorch and Excel write them; unpack or export it",
    b"\x93NUMPY": "an array of NumPy",
    b"\x80\x02": "a pickle of Python, which could run any code",
    b"\x80\x04": "a pickle of Python, which could run any code",
    b"\x80\x05": "a pickle of Python, which could run any code",
    b"\x89PNG": "a picture (PNG)",
    b"%PDF-": "a PDF file; extract its text first",
    b"SQLite format 3": "a database of SQLite",
}


def foreign_format(head: bytes) -> str:
    """Return what a file of another program is, with a remedy, by its first bytes; "" if unknown.

    >>> foreign_format(b"%PDF-1.7")
    'a PDF file; extract its text first'
    """
    return next((what for magic, what in _FOREIGN.items() if head.startswith(magic)), "")


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


def _verify(
    path: str | Path, description: Mapping[str, Any], data: NDArray[np.uint8], check_data: bool
) -> None:
    """Raise FormatError where the length of the data or a checksum is wrong."""
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
