"""The report in a real browser: quiet, unconnected, unbroken, and usable by keyboard."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.reporting import report_samples as samples
from tests.reporting.browser.driver import MISSING, Page, browser

pytestmark = pytest.mark.skipif(MISSING is not None, reason=str(MISSING))

SIZES = [(1280, 900), (768, 1024), (390, 844), (320, 640)]


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(samples.report(), encoding="utf-8")
    return path


@pytest.mark.parametrize("size", SIZES, ids=lambda size: str(size[0]))
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_opens_quietly_and_fits(
    page: Page, report: Path, size: tuple[int, int], dark: bool
) -> None:
    page.log("browser")
    page.requests()
    page.screen(*size, dark=dark)
    page.open(report)
    assert page.log("browser") == []
    assert page.requests() == [report.as_uri()]
    width = page.run("return document.documentElement.scrollWidth")
    assert width <= size[0]
    wide = page.run(
        "return [...document.querySelectorAll('main *')].filter(e => !e.closest('.scroll, svg')"
        " && e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 90))"
    )
    assert wide == []


def test_hostile_tokens_stay_text(page: Page, report: Path) -> None:
    page.screen(1280, 900)
    page.open(report)
    assert page.run("return window.hacked") is None
    assert page.run("return document.images.length") == 0
    assert page.run("return document.scripts.length") == 2
    words = page.run("return [...document.querySelectorAll('#passage i')].map(i => i.textContent)")
    assert samples.BREAKOUT in words
    assert samples.ENTITIES in words
    data = json.loads(page.run("return document.getElementById('data').textContent"))
    assert set(samples.HOSTILE) <= set(data["text"]["tokens"])
    assert page.run("return document.querySelector('.command').textContent").startswith("lmkit ")


def test_policy_refuses_network_and_foreign_script(page: Page, report: Path) -> None:
    page.open(report)
    page.requests()
    refused = page.run(
        "return fetch('http://127.0.0.1:9/').then(() => 'let through', () => 'refused')"
    )
    assert refused == "refused"
    page.run(
        "const s = document.createElement('script'); s.textContent = 'window.hacked = 1';"
        "document.body.append(s);"
        "const i = new Image(); i.src = 'http://127.0.0.1:9/x.png'; document.body.append(i)"
    )
    assert page.run("return window.hacked") is None
    said = [entry["message"] for entry in page.log("browser")]
    assert said
    assert all("Content Security Policy" in message for message in said), said


def test_words_are_read_by_keyboard(page: Page, report: Path) -> None:
    page.screen(1280, 900)
    page.open(report)
    page.run("document.getElementById('against').focus()")
    page.press("Tab")
    assert page.run("return document.activeElement.id") == "passage"
    page.press("ArrowRight", "ArrowRight", "ArrowLeft")
    at = page.run("return [...document.querySelectorAll('#passage i')].findIndex("
                  "i => i.classList.contains('at'))")  # fmt: skip
    assert at == 1
    data = json.loads(page.run("return document.getElementById('data').textContent"))["text"]
    shown = page.run("return [...document.querySelectorAll('#readings .bits')]"
                     ".map(cell => cell.textContent)")  # fmt: skip
    assert shown == [f"{bits[at]:.2f}" for bits in data["bits"].values()]
    page.press("ArrowDown")
    moved = page.run("const t = [...document.querySelectorAll('#passage i')];"
                     "const at = document.querySelector('#passage .at');"
                     "return [t.indexOf(at), at.getBoundingClientRect().top "
                     "> t[1].getBoundingClientRect().top]")  # fmt: skip
    assert moved[0] > 1
    assert moved[1]
    page.press("End")
    last = page.run("return document.querySelector('#passage i:last-child').className")
    assert "at" in last.split()


def test_two_models_are_shown_against_each_other(page: Page, report: Path) -> None:
    page.open(report)
    choose = (
        "const s = document.getElementById('against'); s.value = arguments[0];"
        "s.dispatchEvent(new Event('change'));"
        "return [...document.querySelectorAll('#passage i')].map(i => i.className[0])"
    )
    assert set(page.run(choose, "B")) == {"d"}
    assert page.run("return document.getElementById('two-scale').hidden") is False
    assert set(page.run(choose, "")) == {"s"}


def test_theme_can_be_turned(page: Page, report: Path) -> None:
    page.screen(1280, 900, dark=True)
    page.open(report)
    colour = "return getComputedStyle(document.body).backgroundColor"
    dark = page.run(colour)
    page.run("document.getElementById('theme').click()")
    light = page.run(colour)
    assert dark != light
    page.run("document.getElementById('theme').click()")
    assert page.run(colour) == dark


def test_prints(page: Page, report: Path) -> None:
    page.open(report)
    assert page.pdf().startswith(b"%PDF-")
