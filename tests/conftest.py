"""What every test stands on: no network, no cache of the user's, and reference texts where present.

Reference texts and outputs are no part of the project. Tests that want them take the fixtures
`shared_corpora` and `golden`, and are skipped where there are none.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

BESIDE = Path(__file__).parents[2] / "shared"  # beside the checkout
LOOPBACK = ("127.0.0.1", "::1", "localhost")

# Read before any test takes them away.
CORPORA = Path(os.environ.get("LMKIT_CORPORA") or BESIDE / "corpora")
GOLDEN = Path(os.environ.get("LMKIT_GOLDEN") or BESIDE / "golden")

# Compiling a kernel takes longer than any deadline; the same examples each time, so that a
# failure is one for everybody.
hypothesis.settings.register_profile("lmkit", deadline=None, derandomize=True, max_examples=60)
hypothesis.settings.load_profile("lmkit")


@pytest.fixture(scope="session")
def shared_corpora() -> Path:
    """The folder of reference texts: timemachine.txt, ptb/ptb.train.txt and so on."""
    if not CORPORA.is_dir():
        pytest.skip(f"no reference texts: {CORPORA} is not there; set LMKIT_CORPORA")
    return CORPORA


@pytest.fixture(scope="session")
def golden() -> Path:
    """The folder of outputs of other programs: timemachine.3.arpa.gz and so on."""
    if not GOLDEN.is_dir():
        pytest.skip(f"no reference outputs: {GOLDEN} is not there; set LMKIT_GOLDEN")
    return GOLDEN


@pytest.fixture(autouse=True)
def _isolated(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep the user's cache and environment out of a test, also of a process that it starts."""
    monkeypatch.setenv("LMKIT_CACHE", str(tmp_path_factory.getbasetemp() / "no-cache"))
    monkeypatch.delenv("LMKIT_CORPORA", raising=False)
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture(autouse=True, scope="session")
def _no_network() -> Iterator[None]:
    """Let sockets reach this machine only."""
    connect, find = socket.socket.connect, socket.getaddrinfo

    def local_connect(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple) and address[0] not in LOOPBACK:
            raise OSError(f"a test reached for the network: {address[0]}")
        connect(self, address)

    def local_find(host: Any, *rest: Any, **options: Any) -> Any:
        if host not in LOOPBACK:
            raise socket.gaierror(f"a test reached for the network: {host}")
        return find(host, *rest, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", local_connect)
        patch.setattr(socket, "getaddrinfo", local_find)
        yield
