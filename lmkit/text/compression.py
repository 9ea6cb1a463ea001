"""Compressed files: recognised by their first bytes, whatever their names are."""

from __future__ import annotations

import bz2
import gzip
import lzma
import re
import zlib
from collections.abc import Iterator
from io import BufferedReader
from typing import IO

SUFFIXES = (".gz", ".xz", ".zst", ".bz2")
DAMAGED = (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile)
"""What reading a damaged or truncated file raises."""
_HEAD = 16  # bytes that tell
_ZSTD_READ = 1 << 16  # compressed bytes read at once; decompressed, a few megabytes


def decompressed(stream: BufferedReader, size: int, *, suffix: str = "") -> Iterator[bytes]:
    """Yield the content of a stream in blocks of `size` bytes at most, decompressed.

    gzip, xz, zstandard and bzip2 are known by their first bytes. A stream that begins otherwise is
    read as what the `suffix` of its file says, so that a damaged file raises one of `DAMAGED`.
    """
    kind = compression(stream.peek(_HEAD)[:_HEAD]) or suffix
    if kind == ".zst":
        yield from _zstd(stream, size)
    elif kind == ".gz":
        yield from _plain(gzip.GzipFile(fileobj=stream), size)
    elif kind == ".xz":
        yield from _plain(lzma.LZMAFile(stream), size)  # noqa: SIM115 - the caller closes the stream
    elif kind == ".bz2":
        yield from _plain(bz2.BZ2File(stream), size)
    else:
        yield from _plain(stream, size)


def compression(head: bytes) -> str:
    """Return the suffix of the compression that the first bytes of a file tell, or "".

    >>> compression(b"\\x1f\\x8b\\x08\\x00"), compression(b"once upon a time")
    ('.gz', '')
    """
    for suffix, magic in _MAGIC.items():
        if re.match(magic, head, re.DOTALL):
            return suffix
    return ""


_MAGIC = {
    ".gz": rb"\x1f\x8b\x08",
    ".xz": rb"\xfd7zXZ\0",
    ".zst": rb"\x28\xb5\x2f\xfd",
    ".bz2": rb"BZh[1-9](1AY&SY|\x17rE8P\x90)",
}


def _plain(stream: IO[bytes] | gzip.GzipFile, size: int) -> Iterator[bytes]:
    while raw := stream.read(size):
        yield raw


def _zstd(stream: IO[bytes], size: int) -> Iterator[bytes]:
    # Decompressed frame by frame: zstandard's own file reader does not notice a truncated frame.
    import zstandard

    decompressor = zstandard.ZstdDecompressor(max_window_size=1 << 31)
    frame, incomplete = decompressor.decompressobj(), True
    for compressed in _plain(stream, _ZSTD_READ):
        while compressed:
            try:
                raw = frame.decompress(compressed)
            except zstandard.ZstdError:
                raise EOFError from None
            for begin in range(0, len(raw), size):
                yield raw[begin : begin + size]
            compressed, incomplete = frame.unused_data, not frame.eof
            if not incomplete:
                frame = decompressor.decompressobj()
    if incomplete:
        raise EOFError
