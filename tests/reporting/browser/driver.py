"""A browser for tests: Chromium through chromedriver, spoken to over its HTTP interface.

No client library is needed for the handful of commands that the tests give (W3C WebDriver, and
Chromium's own ``cdp/execute`` and ``se/log``).
"""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

DRIVER = shutil.which("chromedriver")
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")
_ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--force-color-profile=srgb",
)
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
_PATIENCE = 30.0  # seconds for the driver to start
MISSING = None if DRIVER and BROWSER else "no browser: install chromium and chromium-driver"


class Page:
    """One open page of one browser."""

    def __init__(self, session: str):
        self._session = session

    def command(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self._session + path,
            data,
            {"Content-Type": "application/json"},
            method=method,
        )
        try:
            with _DIRECT.open(request, timeout=120) as response:
                return json.load(response)["value"]
        except urllib.error.HTTPError as error:
            with error:
                raise AssertionError(error.read().decode()) from None

    def cdp(self, name: str, **parameters: Any) -> Any:
        """Give a command of the Chrome DevTools protocol."""
        return self.command("POST", "/goog/cdp/execute", {"cmd": name, "params": parameters})

    def open(self, path: Path) -> None:
        self.command("POST", "/url", {"url": path.as_uri()})

    def run(self, script: str, *arguments: Any) -> Any:
        """Return what a function body in JavaScript returns."""
        return self.command("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def screen(self, width: int, height: int, *, dark: bool = False) -> None:
        self.cdp(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.cdp("Emulation.setEmulatedMedia", features=[scheme])

    def press(self, *keys: str) -> None:
        """Press keys one by one, by the names of the DevTools protocol (``Tab``, ``ArrowDown``)."""
        codes = {"Tab": 9, "End": 35, "Home": 36, "ArrowLeft": 37, "ArrowUp": 38,
                 "ArrowRight": 39, "ArrowDown": 40}  # fmt: skip
        for key in keys:
            for kind in ("rawKeyDown", "keyUp"):
                self.cdp(
                    "Input.dispatchKeyEvent",
                    type=kind,
                    key=key,
                    code=key,
                    windowsVirtualKeyCode=codes[key],
                )

    def picture(self) -> bytes:
        """Return the whole page as PNG, beyond the edge of the screen too."""
        shot = self.cdp("Page.captureScreenshot", captureBeyondViewport=True)
        return base64.b64decode(shot["data"])

    def pdf(self) -> bytes:
        return base64.b64decode(self.cdp("Page.printToPDF", printBackground=False)["data"])

    def log(self, kind: str) -> list[dict[str, Any]]:
        """Return what has been logged since the last call: ``browser`` or ``performance``."""
        entries: list[dict[str, Any]] = self.command("POST", "/se/log", {"type": kind})
        return entries

    def requests(self) -> list[str]:
        """Return the addresses that have been asked for since the last call."""
        messages = [json.loads(entry["message"])["message"] for entry in self.log("performance")]
        return [
            message["params"]["request"]["url"]
            for message in messages
            if message["method"] == "Network.requestWillBeSent"
        ]


@contextmanager
def browser() -> Iterator[Page]:
    """Yield a page in a fresh browser, with a profile of its own, and end both afterwards."""
    assert DRIVER
    assert BROWSER
    with tempfile.TemporaryDirectory() as profile, _Driver() as address:
        options = {
            "binary": BROWSER,
            "args": [*_ARGUMENTS, f"--user-data-dir={profile}"],
            "perfLoggingPrefs": {"enableNetwork": True},
        }
        wanted = {
            "browserName": "chrome",
            "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        }
        made = Page(address).command("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        page = Page(f"{address}/session/{made['sessionId']}")
        try:
            page.command("POST", "/url", {"url": "about:blank"})
            page.requests()  # what the browser's own first page asked for
            yield page
        finally:
            page.command("DELETE", "")


class _Driver:
    """The driver's process, on a port that it chooses itself."""

    def __enter__(self) -> str:
        assert DRIVER
        self._process = subprocess.Popen(
            [DRIVER, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self._process.stdout
        end = time.monotonic() + _PATIENCE
        for line in self._process.stdout:
            if "on port" in line and "successfully" in line:
                port = line.rsplit("on port", 1)[1].strip(" .\n")
                return f"http://127.0.0.1:{port}"
            if time.monotonic() > end:
                break
        self._stop()
        raise AssertionError("chromedriver does not start")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()

    def _stop(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=20)
        assert self._process.stdout
        self._process.stdout.close()
