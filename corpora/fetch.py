"""Downloading the files of corpora, with a cache and checksums.

A file is looked up in the folder that ``LMKIT_CORPORA`` names, then in the cache (the folder that
``LMKIT_CACHE`` names, else the operating system's default cache folder), and downloaded into the
cache if it is in neither. A download gets its final name only when it is complete and its sha256 is
right; an interrupted one starts again.
"""

from __future__ import annotations

import hashlib
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lmkit.errors import CorpusError, FetchError
from lmkit.types import Progress

_TIMEOUT = 30  # seconds without a byte
_STALE = 3600  # seconds after which an unfinished download is taken as abandoned


@dataclass(frozen=True)
class CorpusFile:
    """A file of a corpus: its path below the folder of corpora, and its URL, `address`.

    `sha256` is None where no checksum is known, and the file is then not verified; `bytes` is its
    size, where known.
    """

    path: str
    address: str
    sha256: str | None = None
    bytes: int | None = None

    def find(self) -> Path | None:
        """Return the path of the file on this machine, or None.

        Raises CorpusError where LMKIT_CORPORA is not a folder.
        """
        paths = [folder / self.path for folder in (own_folder(), cache_folder()) if folder]
        return next((path for path in paths if path.is_file()), None)

    def fetch(self, *, progress: Progress | None = None) -> Path:
        """Return the path of the file on this machine, downloading it if it is missing.

        `progress` is called with the file's path and the fraction downloaded. Raises FetchError
        where it cannot be downloaded, or has another sha256.
        """
        own, cached = own_folder(), cache_folder() / self.path
        if own is not None and (own / self.path).is_file():
            self._check(own / self.path)
            return own / self.path
        if not (cached.is_file() and self._matches(cached)):
            self._download(cached, progress)
        return cached

    def _matches(self, file: Path) -> bool:
        return self.sha256 is None or _sha256(file) == self.sha256

    def _check(self, file: Path) -> None:
        if not self._matches(file):
            raise FetchError(
                f"{file} is not the {self.path} of the catalogue: expected sha256 {self.sha256}, "
                f"found {_sha256(file)}; put the right file there, or give this one by its path "
                "as a corpus of its own"
            )

    def _download(self, target: Path, progress: Progress | None) -> None:
        import pooch

        known = None if self.sha256 is None else f"sha256:{self.sha256}"
        downloader = _downloader(self, progress)
        try:
            _remove_stale(target.parent)
            with _quiet(pooch.get_logger()):
                pooch.retrieve(
                    self.address,
                    known,
                    fname=target.name,
                    path=target.parent,
                    downloader=downloader,
                )
        except FetchError:
            raise
        except (OSError, ValueError) as error:
            raise FetchError(
                f"cannot fetch {self.path} from {self.address} ({_reason(error)}); download it by "
                f"hand to {target}, or set LMKIT_CORPORA to a folder that holds {self.path}"
            ) from None


def own_folder() -> Path | None:
    """Return the user's own folder of corpora, which LMKIT_CORPORA names; None where unset.

    Raises CorpusError where it is not a folder.
    """
    name = os.environ.get("LMKIT_CORPORA")
    if not name:
        return None
    folder = Path(name).expanduser()
    if not folder.is_dir():
        raise CorpusError(f"LMKIT_CORPORA={name}: no such folder; correct it or unset it")
    return folder


def cache_folder() -> Path:
    """Return the folder of downloaded corpora, which may not exist yet."""
    name = os.environ.get("LMKIT_CACHE")
    if name:
        return Path(name).expanduser().absolute() / "corpora"
    import pooch

    return Path(pooch.os_cache("lmkit")) / "corpora"


def _downloader(file: CorpusFile, progress: Progress | None) -> Any:
    """Return the function that pooch downloads with, which verifies the checksum itself."""
    import pooch

    bar = None if progress is None else _Bar(file, progress)
    http = pooch.HTTPDownloader(progressbar=bar or False, timeout=_TIMEOUT)

    def download(address: str, output: str, pooch: Any) -> None:
        http(address, output, pooch)
        received = Path(output)
        if not file._matches(received):
            raise FetchError(
                f"{address} sent another file than expected: sha256 {file.sha256} expected, "
                f"{_sha256(received)} came, {received.stat().st_size:,} bytes long; it was thrown "
                "away: try again later, or set LMKIT_CORPORA to a folder that holds "
                f"{file.path}"
            )

    return download


class _Bar:
    """A progress bar in pooch's interface, which reports fractions."""

    def __init__(self, file: CorpusFile, report: Progress) -> None:
        self.file, self.report = file, report
        self.total = self.done = 0

    def update(self, more: int) -> None:
        self.done += more
        total = self.total or self.file.bytes
        if total:
            self.report(self.file.path, min(1.0, self.done / total))

    def reset(self) -> None:
        self.done = 0

    def close(self) -> None:
        self.report(self.file.path, 1.0)


@contextmanager
def _quiet(logger: logging.Logger) -> Iterator[None]:
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def _remove_stale(folder: Path) -> None:
    # Files left by killed processes; a recent one may belong to a running process.
    for file in folder.glob("tmp*"):
        if file.is_file() and time.time() - file.stat().st_mtime > _STALE:
            file.unlink(missing_ok=True)


def _sha256(file: Path) -> str:
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _reason(error: BaseException) -> str:
    """Return the cause of an error in a few words, on one line."""
    response = getattr(error, "response", None)
    if response is not None:
        response.close()  # pooch leaves it open
        return f"the server answered {response.status_code} {response.reason}"
    name, message = type(error).__name__, " ".join(str(error).split())
    if "Timeout" in name or "timed out" in message:
        return f"no answer within {_TIMEOUT} seconds"
    if name in ("ChunkedEncodingError", "ContentDecodingError"):
        return "the connection broke before the end"
    if name in ("ConnectionError", "ProxyError", "SSLError"):
        return "no connection to the server"
    return getattr(error, "strerror", None) or message or name
