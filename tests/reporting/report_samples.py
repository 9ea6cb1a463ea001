"""Comparisons for the report's tests: one with every part, of a text that wants to break out."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from functools import cache

import numpy as np

import lmkit
from lmkit.evaluation.calibration import Bin, Calibration
from lmkit.evaluation.comparison import Comparison, compare
from lmkit.evaluation.curve import CurvePoint, LearningCurve
from lmkit.models.base import LanguageModel
from lmkit.reporting.report import render_report
from lmkit.reporting.report.material import Material

BREAKOUT = "</script><img/src=x/onerror=window.hacked=1>"
ENTITIES = "\"&amp;'<b>bold</b>"
TURNING = "\u202eright\u2066\u200flm"
SEPARATORS = "line\u2028\u2029end"
COMMENT = "<!--]]>-->"
HOSTILE = (BREAKOUT, ENTITIES, TURNING, SEPARATORS, COMMENT)
COMMAND = f"lmkit compare --model bigram 'a {BREAKOUT} b.txt' --report \u202eout.html"


def hostile_text(seed: int, sentences: int = 90) -> str:
    """Return a text in which hostile tokens are as common as others."""
    words = ["the", "a", "cat", "dog", "sat", "ran", "on", "under", "mat", "of", *HOSTILE]
    rng = np.random.default_rng(seed)
    lines = (" ".join(rng.choice(words, size=rng.integers(3, 12))) for _ in range(sentences))
    return "\n".join(lines) + f"\nunheard-{seed}-{BREAKOUT}\n"


@cache
def models() -> tuple[LanguageModel, ...]:
    train = lmkit.Corpus.from_string(hostile_text(1), name="train", normalize="none")
    specs = ("bigram", "trigram:alpha=0.1", "unigram", "bigram:unit=char,alpha=0.01")
    fitted = tuple(lmkit.fit(spec, train) for spec in specs)
    # As the recurrent models have it: nats a token, read once, twice and three times and a half.
    size = int(fitted[0].vocabulary_.counts.sum())
    tokens = [size, 2 * size, 7 * size // 2]
    nats = {"train": [5.0, 4.0, 3.5], "valid": [5.1, 4.3, 4.4]}
    curve = {"tokens": tokens, **nats, "best": 1}
    fitted[0].describe = lambda: {"learning_curve": curve}  # type: ignore[method-assign]
    return fitted


@cache
def comparison() -> Comparison:
    text = lmkit.Corpus.from_string(hostile_text(2), name=f"test{BREAKOUT}", normalize="none")
    found = compare(models(), text)
    bins = tuple(Bin(0.1 * k, 0.09 * k, 40) for k in range(1, 10))
    calibrations = tuple(
        Calibration(place, 400, 0.3, 0.31, 0.02, 3.0, 3.1, bins, bins)
        for place in range(len(found.models))
    )
    return replace(found, calibrations=calibrations)


def curve() -> LearningCurve:
    first = comparison().models[0]
    return LearningCurve(
        tuple(
            CurvePoint(name, share, int(1000 * share), first)
            for name in (first.label, f"another:{BREAKOUT}")
            for share in (0.25, 0.5, 1.0)
        )
    )


@cache
def report() -> str:
    """Return the report with every part in it."""
    return render_report(
        comparison(),
        command=COMMAND,
        curve=curve(),
        remarks=(f"A remark with {BREAKOUT}.",),
        seed=7,
    )


def material() -> Material:
    """Return what `report` shows, for the tests of single sections."""
    remarks = (f"A remark with {BREAKOUT}.",)
    return Material(comparison(), command=COMMAND, remarks=remarks, seed=7, curve=curve())


@cache
def single() -> Material:
    """Return one model on few words, without curves or calibration."""
    corpus = lmkit.Corpus.from_string("a b a c a b\nb a\n", name="few words", normalize="none")
    return Material(compare([lmkit.fit("bigram", corpus)], corpus))


@cache
def impossible() -> Material:
    """Return two finite models and C, an unsmoothed bigram that meets unseen pairs."""
    train = lmkit.Corpus.from_string("a b a c a b\n" * 30, normalize="none")
    text = lmkit.Corpus.from_string("b a c\na a b\n" * 30, normalize="none")
    fitted = [lmkit.fit(spec, train) for spec in ("bigram", "unigram", "bigram:alpha=0")]
    return Material(compare(fitted, text))


def rows_of(markup: str, caption: str) -> list[list[str]]:
    """Return the text of the cells of the body of the table whose caption starts like this."""
    tables = re.findall(
        r"<caption[^>]*>(.*?)</caption>.*?<tbody[^>]*>(.*?)</tbody>", markup, re.DOTALL
    )
    body = next(body for title, body in tables if html.unescape(title).startswith(caption))
    rows = re.findall(r"<tr>(.*?)</tr>", body, re.DOTALL)
    cells = (re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row, re.DOTALL) for row in rows)
    return [[html.unescape(re.sub(r"<[^>]*>", "", cell)) for cell in row] for row in cells]
