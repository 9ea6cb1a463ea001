"""Reading the bytes of a text: from files, compressed files, memory or standard input."""

from __future__ import annotations

import atexit
import codecs
import dataclasses
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from io import BufferedReader, BytesIO
from itertools import chain
from pathlib import Path
from typing import IO

from lmkit.errors import CorpusError, EncodingError, ParameterError
from lmkit.storage import foreign_format
from lmkit.text.compression import DAMAGED, compression, decompressed
from lmkit.text.json_lines import Piece, row_pieces

BLOCK = 1 << 19  # bytes: enough work for a compiled loop, and fits a core's second-level cache
_IN_MEMORY = 1 << 26  # bytes of a stream that are kept in memory


@dataclass(frozen=True)
class Source:
    """A stretch of raw text: a file, or bytes in memory, or a part of either.

    With a `field` the file is JSON lines, and its text the strings in that field, a newline after
    each. `start` and `stop` are byte offsets into the decoded text (as UTF-8, without byte order
    mark): a part of a text is made by changing them, without a copy.
    """

    name: str
    path: Path | None = None
    content: bytes | None = dataclasses.field(default=None, repr=False)
    encoding: str = "utf-8"
    errors: str = "strict"
    start: int = 0
    stop: int | None = None
    field: str | None = None

    def part(self, start: int, stop: int | None) -> Source:
        """Return the part between two byte offsets of the decoded text."""
        return replace(self, start=start, stop=stop)

    @property
    def raw_size(self) -> int:
        """The approximate number of bytes, as stored (compressed or not); 0 where unknown."""
        size = 0
        if self.content is not None:
            size = len(self.content)
        elif self.path is not None:
            with suppress(OSError):
                size = self.path.stat().st_size
        return max(0, (size if self.stop is None else self.stop) - self.start)

    def blocks(self, size: int = BLOCK) -> Iterator[bytes]:
        """Yield the text as valid UTF-8, in blocks cut before white space or after a newline.

        A block has about `size` bytes; more only where there is no white space to cut at.
        Raises EncodingError, with the byte offset and the line, for bytes that are not valid in
        the encoding; CorpusError for a file that cannot be read or is not text.
        """
        for piece in self.pieces(size):
            yield piece.text

    def pieces(self, size: int = BLOCK) -> Iterator[Piece]:
        """Yield the blocks, each with the offsets at which rows of JSON lines begin in it.

        A block of JSON lines holds whole rows.
        """
        position = 0
        for block, starts in self._pieces(size):
            begin, position = position, position + len(block)
            if self.stop is not None and begin >= self.stop:
                return
            if position <= self.start:
                continue
            first = max(self.start - begin, 0)
            last = len(block) if self.stop is None else self.stop - begin
            part = block[first:last]
            if part:
                if len(starts):
                    starts = starts[(starts >= first) & (starts < last)] - first
                yield Piece(part, starts)

    def _pieces(self, size: int) -> Iterator[Piece]:
        """Yield the blocks of the whole stream."""
        decoded = self._decoded(size)
        if self.field is None:
            yield from map(Piece, _cut_at_space(decoded, size))
        else:
            options = {"field": self.field, "errors": self.errors}
            yield from row_pieces(self.name, decoded, size=size, **options)

    # ------------------------------------------------------------------ reading

    def _decoded(self, size: int) -> Iterator[bytes]:
        """Yield the whole stream as UTF-8, without a byte order mark, cut anywhere."""
        codec = _codec(self.encoding)
        utf8 = codec.name == "utf-8"
        decoder = _decoder(codec, self.errors)
        consumed, at_start = 0, True
        for raw in chain(self.raw_blocks(size), [b""]):
            if consumed == 0:
                _refuse_binary(self.name, raw, utf8)
            undecoded = len(decoder.getstate()[0])
            if utf8 and raw.isascii() and not undecoded and not at_start:
                consumed += len(raw)
                yield raw  # decoding and encoding would not change it
                continue
            try:
                text = decoder.decode(raw, final=not raw)
            except UnicodeDecodeError as error:
                raise self._encoding_error(error, consumed - undecoded) from None
            consumed += len(raw)
            if at_start and text:
                text, at_start = text.removeprefix("\ufeff"), False
            yield text.encode("utf-8")

    def _encoding_error(self, error: UnicodeDecodeError, base: int) -> EncodingError:
        """Return the error for an undecodable byte, found in data from offset `base` on."""
        offset = base + error.start
        decoder = _decoder(_codec(self.encoding), "replace")
        lines, read = 1, 0
        for raw in self.raw_blocks(
            BLOCK
        ):  # read again: counting lines only here keeps reading fast
            lines += decoder.decode(raw[: offset - read]).count("\n")
            read += len(raw)
            if read >= offset:
                break
        return EncodingError(
            f"{self.name}: line {lines:,}, byte offset {offset:,}: byte "
            f"0x{error.object[error.start]:02X} is not valid {self.encoding} ({error.reason}); "
            "name the right one with --encoding, or read on with --errors replace"
        )

    def _opened(self) -> BufferedReader:
        if self.content is not None:
            return BufferedReader(BytesIO(self.content))
        assert self.path is not None
        return self.path.open("rb")

    def raw_blocks(self, size: int = BLOCK) -> Iterator[bytes]:
        """Yield the bytes of the whole file, decompressed and undecoded."""
        try:
            with self._opened() as stream:
                suffix = "" if self.path is None else self.path.suffix
                yield from decompressed(stream, size, suffix=suffix)
        except FileNotFoundError:
            raise CorpusError(f"{self.name}: no such file") from None
        except IsADirectoryError:
            raise CorpusError(f"{self.name}: a folder, not a text") from None
        except DAMAGED:
            raise CorpusError(
                f"{self.name}: its compressed data is damaged or cut off; fetch or pack it again"
            ) from None
        except OSError as error:
            reason = error.strerror or error
            raise CorpusError(f"{self.name}: cannot be read ({reason})") from None


def spooled(
    name: str, stream: IO[bytes], *, encoding: str, errors: str, field: str | None = None
) -> Source:
    """Return the content of a stream as a source that can be read more than once.

    Up to 64 MiB are kept in memory; more is written to a temporary file that is removed when the
    process ends.
    """
    content = stream.read(_IN_MEMORY)
    rest = stream.read(BLOCK)
    if not rest:
        return Source(name, content=content, encoding=encoding, errors=errors, field=field)
    path = _temporary(chain([content, rest], iter(lambda: stream.read(BLOCK), b"")))
    return Source(name, path=path, encoding=encoding, errors=errors, field=field)


def _temporary(blocks: Iterable[bytes]) -> Path:
    """Write blocks to a temporary file that is removed when the process ends."""
    spool = tempfile.NamedTemporaryFile(prefix="lmkit-")  # noqa: SIM115 - kept open on purpose
    for block in blocks:
        spool.write(block)
    spool.flush()
    atexit.register(spool.close)  # closing it removes it
    return Path(spool.name)


def seekable(path: str | Path) -> Path:
    """Return the path of a file, of a temporary copy where it is a pipe, which is read only once.

    The copy is removed when the process ends.
    """
    file = Path(path)
    if not file.exists() or file.is_file() or file.is_dir():
        return file
    with file.open("rb") as pipe:
        return _temporary(iter(lambda: pipe.read(BLOCK), b""))


def uncompressed(path: str | Path) -> Path:
    """Return the path of a file, of a temporary copy where it is compressed."""
    with suppress(OSError), Path(path).open("rb") as handle:
        if compression(handle.read(16)):
            return _temporary(Source(str(path), path=Path(path)).raw_blocks())
    return Path(path)


def _cut_at_space(pieces: Iterator[bytes], size: int) -> Iterator[bytes]:
    uncut: list[bytes] = []  # since the last white space
    for piece in pieces:
        cut = piece.rfind(b"\n") + 1
        if cut == 0:
            cut = max(piece.rfind(space) for space in (b" ", b"\t"))
        if cut <= 0:
            uncut.append(piece)
            continue
        yield b"".join((*uncut, memoryview(piece)[:cut]))
        uncut = [piece[cut:]]
    rest = b"".join(uncut)
    if rest:
        yield rest


def _codec(encoding: str) -> codecs.CodecInfo:
    try:
        "".encode(encoding)  # LookupError also for codecs that are not text encodings, such as hex
        codecs.getincrementaldecoder(encoding)
        codec = codecs.lookup(encoding)
        # The byte order mark is removed in _decoded; utf-8-sig would not count its bytes.
        return codecs.lookup("utf-8") if codec.name == "utf-8-sig" else codec
    except LookupError:
        raise ParameterError(
            f"unknown encoding {encoding!r}; utf-8, latin-1, utf-16 or cp1252 are common ones"
        ) from None


def _decoder(codec: codecs.CodecInfo, errors: str) -> codecs.IncrementalDecoder:
    if errors not in ("strict", "replace", "ignore"):
        raise ParameterError(f"unknown errors={errors!r}; choose from strict, replace, ignore")
    return codecs.getincrementaldecoder(codec.name)(errors)


def _refuse_binary(name: str, first: bytes, utf8: bool) -> None:
    if known := foreign_format(first):
        raise CorpusError(f"{name}: not a text, but {known}")
    # A few NULs are white space; many are another encoding, or no text at all.
    if utf8 and len(first) >= 16 and first.count(0) * 10 > len(first):
        raise CorpusError(
            f"{name}: more than a tenth of it is NUL bytes, so it is UTF-16 or no text; name its "
            "encoding with --encoding utf-16"
        )
