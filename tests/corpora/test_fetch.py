"""Fetching corpora from a server on this machine: whole, checked, and never half."""

from __future__ import annotations

import hashlib
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from lmkit.corpora import fetch as fetching
from lmkit.corpora.fetch import CorpusFile
from lmkit.errors import FetchError

CONTENT = b"Some words of a corpus.\n" * 20_000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Answers by path: /whole, /other, /cut (breaks off), /stall (never ends), else 404."""

    server: Server

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        if self.path not in ("/whole", "/other", "/cut", "/stall"):
            self.send_error(404)
            return
        body = CONTENT[::-1] if self.path == "/other" else CONTENT
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.path in ("/cut", "/stall"):
            self.wfile.write(body[: len(body) // 2])
            self.wfile.flush()
            if self.path == "/stall":
                self.server.halfway.set()
                self.server.go_on.wait(20)
            return
        self.wfile.write(body)

    def log_message(self, *parts: Any) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[str] = []
        self.halfway, self.go_on = threading.Event(), threading.Event()

    def handle_error(self, *about: Any) -> None:
        pass  # a client that goes away is what is tested

    def file(self, path: str, sha256: str | None = SHA256) -> CorpusFile:
        return CorpusFile("folder/text.txt", f"http://127.0.0.1:{self.server_port}{path}", sha256)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.go_on.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LMKIT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "corpora"


def files_in(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file()]


def refused(file: CorpusFile, reason: str) -> str:
    with pytest.raises(FetchError, match=reason) as it:
        file.fetch()
    assert "\n" not in str(it.value)
    assert isinstance(it.value, OSError)
    return str(it.value)


def test_fetched_once_and_kept(server: Server, cache: Path) -> None:
    file = server.file("/whole")
    assert file.find() is None
    path = file.fetch()
    assert path == cache / "folder" / "text.txt"
    assert path.read_bytes() == CONTENT
    assert file.find() == path
    assert file.fetch() == path
    assert server.asked == ["/whole"]
    assert files_in(cache) == [path]


def test_progress_and_silence(
    server: Server, cache: Path, capfd: pytest.CaptureFixture[str], caplog: Any
) -> None:
    seen: list[tuple[str, float]] = []
    with caplog.at_level(logging.INFO):
        server.file("/whole").fetch(progress=lambda what, done: seen.append((what, done)))
        (cache / "folder" / "text.txt").unlink()
        server.file("/whole", None).fetch()
    assert {what for what, _ in seen} == {"folder/text.txt"}
    fractions = [done for _, done in seen]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert 0 < fractions[0] < 1
    assert capfd.readouterr() == ("", "")
    assert not caplog.records


def test_another_file_than_expected(server: Server, cache: Path) -> None:
    message = refused(server.file("/other"), f"sent another file than expected: sha256 {SHA256}")
    assert hashlib.sha256(CONTENT[::-1]).hexdigest() in message
    assert "LMKIT_CORPORA" in message
    assert files_in(cache) == []


def test_without_a_known_checksum(server: Server, cache: Path) -> None:
    assert server.file("/other", None).fetch().read_bytes() == CONTENT[::-1]
    (cache / "folder" / "text.txt").unlink()
    refused(server.file("/cut", None), "the connection broke before the end")
    assert files_in(cache) == []


def test_interrupted_and_begun_again(server: Server, cache: Path) -> None:
    message = refused(server.file("/cut"), "the connection broke before the end")
    assert f"download it by hand to {cache / 'folder' / 'text.txt'}" in message
    assert files_in(cache) == []
    assert server.file("/whole").fetch().read_bytes() == CONTENT


def test_what_the_server_does_not_have(server: Server, cache: Path) -> None:
    refused(server.file("/nothing"), r"\(the server answered 404 Not Found\)")
    assert files_in(cache) == []


def test_no_network(server: Server, cache: Path, tmp_path: Path) -> None:
    with Server() as gone:
        file = gone.file("/whole")
    message = refused(file, r"cannot fetch folder/text.txt from http://127.*no connection to")
    assert f"download it by hand to {cache / 'folder' / 'text.txt'}" in message
    assert "set LMKIT_CORPORA to a folder that holds folder/text.txt" in message
    unknown = CorpusFile("a.txt", "https://corpora.example/a.txt", SHA256)
    refused(unknown, "no connection to the server")  # the name cannot be looked up either


def test_a_server_that_falls_silent(
    server: Server, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "_TIMEOUT", 0.2)
    refused(server.file("/stall"), r"\(no answer within 0.2 seconds\)")
    assert files_in(cache) == []


def test_a_damaged_file_in_the_cache_is_fetched_again(server: Server, cache: Path) -> None:
    path = server.file("/whole").fetch()
    path.write_bytes(CONTENT[:-1])
    assert server.file("/whole").fetch().read_bytes() == CONTENT
    path.write_bytes(CONTENT[:-1])
    refused(server.file("/nothing"), "404")
    assert path.read_bytes() == CONTENT[:-1]  # what was there is not made worse


def test_the_users_own_folder_goes_first(
    server: Server, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "own"
    (own / "folder").mkdir(parents=True)
    (own / "folder" / "text.txt").write_bytes(CONTENT)
    monkeypatch.setenv("LMKIT_CORPORA", str(own))
    assert server.file("/whole").fetch() == own / "folder" / "text.txt"
    assert server.file("/whole").find() == own / "folder" / "text.txt"
    assert server.asked == []
    (own / "folder" / "text.txt").unlink()
    assert server.file("/whole").fetch() == cache / "folder" / "text.txt"


def test_a_cache_that_cannot_be_written(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("LMKIT_CACHE", str(tmp_path / "file"))
    refused(server.file("/whole"), "cannot fetch .*Not a directory|File exists")


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL here")
def test_a_kill_leaves_nothing_that_counts(server: Server, cache: Path) -> None:
    # The root's conftest makes lmkit.corpora importable in a checkout that is not installed.
    code = f"import conftest; from lmkit.corpora.fetch import *; {server.file('/stall')!r}.fetch()"
    process = subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).parents[2])
    assert server.halfway.wait(60)
    process.kill()
    process.wait()
    left = files_in(cache)
    assert [file.parent for file in left] == [cache / "folder"]
    assert server.file("/whole").find() is None
    path = server.file("/whole").fetch()
    assert path.read_bytes() == CONTENT
    for file in left:  # another process may still be at it, until it is an hour old
        os.utime(file, (time.time() - 7200,) * 2)
    path.unlink()
    server.file("/whole").fetch()
    assert files_in(cache) == [path]


def test_two_at_once(server: Server, cache: Path) -> None:
    found: list[Path] = []
    threads = [
        threading.Thread(target=lambda: found.append(server.file("/whole").fetch()))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [cache / "folder" / "text.txt"] * 4
    assert files_in(cache) == found[:1]
    assert found[0].read_bytes() == CONTENT


def test_the_cache_is_the_operating_systems(monkeypatch: pytest.MonkeyPatch) -> None:
    import pooch

    monkeypatch.delenv("LMKIT_CACHE")
    assert fetching.cache_folder() == Path(pooch.os_cache("lmkit")) / "corpora"
