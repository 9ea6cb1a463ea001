"""The report: a comparison as one HTML file that needs nothing but a browser."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lmkit.errors import ParameterError, shown
from lmkit.evaluation.comparison import Comparison
from lmkit.evaluation.curve import LearningCurve
from lmkit.storage import write_atomically


def render_report(
    comparison: Comparison,
    *,
    command: str = "",
    curve: LearningCurve | None = None,
    remarks: Sequence[str] = (),
    seed: int = 0,
) -> str:
    """Return a comparison as one HTML document, the same for the same input to the last byte.

    `command` is what was typed, shown so that it can be typed again; `seed` that of the samples
    drawn from fitted models; `remarks` are sentences about the outcome. The document links to
    nothing, its content security policy forbids the network, and all text in it is escaped.
    """
    from lmkit.reporting.report.material import Material
    from lmkit.reporting.report.page import page

    return page(
        Material(comparison, command=command, remarks=tuple(remarks), seed=seed, curve=curve)
    )


def write_report(
    comparison: Comparison,
    path: str | Path,
    *,
    command: str = "",
    curve: LearningCurve | None = None,
    remarks: Sequence[str] = (),
    seed: int = 0,
) -> None:
    """Write :func:`render_report`'s document to a file, atomically.

    Raises WriteError where the file cannot be written, ParameterError for no Comparison.
    """
    if not hasattr(comparison, "ledgers"):
        raise ParameterError(f"{shown(comparison)} is no comparison; give what compare() returned")
    document = render_report(comparison, command=command, curve=curve, remarks=remarks, seed=seed)
    write_atomically(path, document.encode("utf-8"))
