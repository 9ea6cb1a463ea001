"""The page: sections, table of contents, style, script and the policy that keeps it to itself."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files

from lmkit import __version__
from lmkit.reporting.report.breakdown import breakdown
from lmkit.reporting.report.calibration import calibration
from lmkit.reporting.report.differences import differences
from lmkit.reporting.report.learning import learning
from lmkit.reporting.report.markup import Html, digest, el, island, joined
from lmkit.reporting.report.material import Material, Section
from lmkit.reporting.report.ranking import head, ranking
from lmkit.reporting.report.samples import samples
from lmkit.reporting.report.text import surprisal_text
from lmkit.reporting.report.training import training
from lmkit.reporting.report.zipf import zipf
from lmkit.text.normalize import losses

SCHEMA = 1


def page(material: Material) -> str:
    """Return the whole document."""
    style, script = _asset("report.css"), _asset("report.js")
    sections = _sections(material)
    policy = (
        "default-src 'none'; "
        f"style-src {digest(style)}; script-src {digest(script)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    top = joined(
        el("meta", charset="utf-8"),
        el("meta", http_equiv="Content-Security-Policy", content=Html(policy)),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="color-scheme", content="light dark"),
        el("meta", name="referrer", content="no-referrer"),
        el("meta", name="generator", content=f"lmkit {__version__}"),
        el("title", f"{material.comparison.summary.name}: language models compared"),
        el("link", rel="icon", href="data:,"),
        el("style", Html(style)),
    )
    body = joined(
        el("a", "Skip to the ranking", href="#ranking", class_="skip"),
        _bar(sections),
        el("main", head(material), *(_chapter(section) for section in sections)),
        _foot(),
        island(_data(material, sections), id_="data"),
        el("script", Html(script)),
    )
    return f"<!doctype html>\n{el('html', el('head', top), el('body', body), lang='en')}\n"


def _sections(material: Material) -> list[Section]:
    made = (
        ranking(material),
        differences(material),
        breakdown(material),
        surprisal_text(material),
        learning(material),
        training(material),
        calibration(material),
        zipf(material),
        samples(material),
        origin(material),
    )
    return [section for section in made if section is not None]


def _asset(name: str) -> str:
    return (files(__package__) / "assets" / name).read_text(encoding="utf-8")


def _bar(sections: Sequence[Section]) -> Html:
    links = [el("a", section.link, href=f"#{section.id}") for section in sections]
    return el(
        "nav",
        el("div", *links, class_="links"),
        el(
            "button",
            el("span", "Dark or light", class_="unseen"),
            type="button",
            id="theme",
            class_="needs-script",
            title="Dark or light",
        ),
        aria_label="Contents",
    )


def _chapter(section: Section) -> Html:
    heading = f"{section.id}-title"
    return el(
        "section",
        el("h2", section.title, id=heading),
        section.body,
        id=section.id,
        aria_labelledby=heading,
    )


def _data(material: Material, sections: Sequence[Section]) -> dict[str, object]:
    parts = {section.id: section.data for section in sections if section.data is not None}
    return {
        "schema": SCHEMA,
        "lmkit": __version__,
        "command": material.command,
        "corpus": material.comparison.summary.to_dict(),
        "models": {one.letter: one.name for one in material.contestants},
        **parts,
    }


def origin(material: Material) -> Section:
    """Return the section with what makes the numbers again: command, text and signatures."""
    summary = material.comparison.summary
    lost = losses(summary.normalize)
    facts = (
        ("Text", summary.name),
        ("SHA-256 of the canonical text", el("code", summary.sha256)),
        ("Normaliser", summary.normalize + (f" (loses {lost})" if lost else "")),
        ("Sentences", summary.sentences),
        ("lmkit", __version__),
    )
    signatures = [
        el("div", el("dt", one.label()), el("dd", el("code", one.ledger.signature)))
        for one in material.contestants
    ]
    body = joined(
        el("pre", el("code", material.command), class_="command", tabindex="0")
        if material.command
        else None,
        el("dl", *(el("div", el("dt", n), el("dd", v)) for n, v in facts), class_="facts"),
        el("h3", "Signatures"),
        el("p", "The same signature gives the same number.", class_="aside"),
        el("dl", *signatures, class_="facts signatures"),
        el(
            "p",
            el("button", "Save the data as JSON", type="button", id="save"),
            class_="needs-script",
        ),
    )
    return Section("origin", "Origin", "How to get these numbers again", body)


def _foot() -> Html:
    return el(
        "footer",
        el(
            "p",
            f"Made by lmkit {__version__}. This page is one file and asks nothing of a network.",
        ),
    )
