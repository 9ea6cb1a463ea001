"""The results of `lmkit zipf` as tables and sentences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from lmkit.tables import Column, markdown_table, number, plain_table, whole

if TYPE_CHECKING:
    from lmkit.statistics.generated import GeneratedComparison
    from lmkit.statistics.zipf import OrderReport, ZipfReport

_COUNTS = (
    Column("corpus", "corpus", right=False),
    Column("n", "n", whole),
    Column("tokens", "tokens", whole),
    Column("types", "types", whole),
    Column("hapaxes", "hapaxes", whole),
    Column("dis_legomena", "dis legomena", whole),
    Column("missing_mass", "missing mass", number(4)),
    Column("heaps", "Heaps' exponent", str),
    Column("doubled", "types at 2N", whole),
)
_FITS = (
    Column("corpus", "corpus", right=False),
    Column("n", "n", whole),
    Column("xmin", "x_min", whole),
    Column("alpha", "α", str),
    Column("ks", "KS", number(4)),
    Column("tail_types", "types in tail", whole),
    Column("p_value", "p", number(3)),
    Column("better", "fits better", right=False),
)
_OTHER = (
    Column("corpus", "corpus", right=False),
    Column("n", "n", whole),
    Column("whole", "whole range: best form", right=False),
    Column("mandelbrot", "Zipf–Mandelbrot", right=False),
    Column("line", "least squares (biased)", number(3)),
)
_SIZES = (
    Column("corpus", "corpus", right=False),
    Column("size", "vocabulary", whole),
    Column("min_count", "min count", whole),
    Column("oov_rate", "OOV %", lambda x: number(2)(None if x is None else 100 * x)),
    Column("heldout_oov_rate", "in test %", lambda x: number(2)(None if x is None else 100 * x)),
)
_GENERATED = (
    Column("n", "n", whole),
    Column("statistic", "statistic", right=False),
    Column("generated", "generated", str),
    Column("heldout", "real", str),
    Column("difference", "difference (95%)", str),
    Column("verdict", "", right=False),
)
_MIN_TAIL = 50  # types in a tail for its exponent to be shown
_SHORT = {
    "lognormal": "lognormal",
    "exponential": "exponential",
    "stretched_exponential": "stretched exp.",
    "truncated_power_law": "truncated",
}


def zipf_tables(reports: Sequence[ZipfReport], *, markdown: bool = False) -> str:
    """Return the reports as titled tables and sentences, plain or as Markdown.

    Empty columns are omitted, and so is the corpus name if there is one report.
    """
    show = markdown_table if markdown else plain_table
    alone = len(reports) == 1

    def table(columns: Sequence[Column], rows: Sequence[dict[str, Any]]) -> str:
        kept = [c for c in columns if not (alone and c.key == "corpus") and _any(c, rows)]
        return show(kept, rows)

    orders = [(report, order) for report in reports for order in report.orders]
    cuts = [
        {"corpus": report.summary.name, **vars(cut)} for report in reports for cut in report.cuts
    ]
    counts = [_count_row(report, order) for report, order in orders]
    fits = [_fit_row(report, order) for report, order in orders]
    parts = {
        "counts and growth": table(_COUNTS, counts),
        "power law over the tail it fits best": table(_FITS, fits),
        "how the exponent α depends on x_min": _stability(orders, show, alone=alone),
        "other laws": table(_OTHER, fits),
        "coverage and diversity": "\n".join(_sentences(report) for report in reports),
        "vocabularies of the most frequent types": table(_SIZES, cuts),
    }
    mark, gap = ("### ", "\n\n") if markdown else ("", "\n")
    return "\n\n".join(f"{mark}{title}{gap}{body}" for title, body in parts.items())


def generated_table(comparison: GeneratedComparison, *, markdown: bool = False) -> str:
    """Return the comparison of generated with real text as a summary line and a table."""
    rows = []
    for row in comparison.statistics:
        digits = 4 if abs(row.heldout) < 20 else 0
        rows.append(
            {
                "n": row.n,
                "statistic": row.statistic,
                "generated": _spread(row.generated, row.generated_high, digits),
                "heldout": _spread(row.heldout, row.heldout_high, digits),
                "difference": _spread(row.difference, row.difference_high, digits, sign=True),
                "verdict": "differs" if row.differs else "",
            }
        )
    differing = sum(row.differs for row in comparison.statistics)
    return (
        f"{comparison.model} against {comparison.text}: {comparison.pieces} generated texts and "
        f"{comparison.pieces} pieces of real text, of {comparison.tokens:,} {comparison.unit} "
        f"tokens each; {differing} of {len(rows)} statistics differ\n\n"
        + (markdown_table if markdown else plain_table)(_GENERATED, rows)
    )


def _any(column: Column, rows: Sequence[dict[str, Any]]) -> bool:
    return any(row.get(column.key) not in (None, "") for row in rows)


def _count_row(report: ZipfReport, order: OrderReport) -> dict[str, Any]:
    spectrum, heaps = order.spectrum, order.heaps
    doubled = None
    if order.population is not None:
        doubled = round(float(order.population.expected_types(2 * spectrum.tokens)))
    exponent = "-"
    if heaps is not None:
        exponent = f"{heaps.exponent:z.3f}"
        if heaps.exponent_high is not None:
            exponent += f" ± {heaps.exponent_high - heaps.exponent:.3f}"
    return {
        "corpus": report.summary.name,
        "n": order.n,
        "tokens": spectrum.tokens,
        "types": spectrum.types,
        "hapaxes": spectrum.hapaxes,
        "dis_legomena": spectrum.dis_legomena,
        "missing_mass": spectrum.missing_mass,
        "heaps": exponent,
        "doubled": doubled,
    }


def _fit_row(report: ZipfReport, order: OrderReport) -> dict[str, Any]:
    fit, mandelbrot, line = order.power_law, order.zipf_mandelbrot, order.least_squares
    better = [_SHORT[a.name] for a in order.alternatives if a.favours == a.name]
    best = order.whole_range[0] if order.whole_range else None
    return {
        "corpus": report.summary.name,
        "n": order.n,
        "xmin": fit and fit.xmin,
        "alpha": f"{fit.alpha:.4f} ± {fit.alpha_se:.4f}" if fit else "-",
        "ks": fit and fit.ks,
        "tail_types": fit and fit.tail_types,
        "p_value": order.bootstrap and order.bootstrap.p_value,
        "better": ", ".join(better) or "nothing",
        "whole": f"{best.name} {best.exponent:z.3f}" if best else "-",
        "mandelbrot": f"(r + {mandelbrot.shift:z.2f})^{-mandelbrot.exponent:z.3f}"
        if mandelbrot
        else "-",
        "line": line and line.exponent,
    }


def _stability(
    orders: Sequence[tuple[ZipfReport, OrderReport]], show: Callable[..., str], *, alone: bool
) -> str:
    """Return the table of α, with a column for each x_min that leaves any order 50 tail types."""
    rows = []
    for report, order in orders:
        row: dict[str, Any] = {"corpus": report.summary.name, "n": order.n}
        for fit in order.stability.rows() if order.stability else []:
            if fit["tail_types"] >= _MIN_TAIL:
                row[str(fit["xmin"])] = fit["alpha"]
        rows.append(row)
    xmins = sorted({int(key) for row in rows for key in row if key.isdigit()})
    columns = [Column("n", "n", whole), *(Column(str(x), f"{x:,}", number(3)) for x in xmins)]
    if not alone:
        columns.insert(0, Column("corpus", "corpus", right=False))
    return show(columns, rows)


def _sentences(report: ZipfReport) -> str:
    first, *rest = report.coverage
    covered = [f"{100 * first.coverage:g}% of the tokens take {first.types:,} types"]
    covered += [f"{100 * row.coverage:g}% {row.types:,}" for row in rest]
    diversity = report.diversity
    ratios = [f"type-token ratio {diversity.ttr:.4f}"]
    if diversity.mattr is not None:
        ratios.append(f"MATTR({diversity.mattr_window}) {diversity.mattr:.4f}")
    if diversity.hdd is not None:
        ratios.append(f"HD-D({diversity.hdd_sample}) {diversity.hdd:.4f}")
    lines = [f"{report.summary.name}: {', '.join(covered)}", ", ".join(ratios)]
    for order in report.orders:
        degenerate = [_SHORT[a.name] for a in order.alternatives if a.degenerate]
        if degenerate:
            lines.append(f"n = {order.n}: no evidence, degenerate fits: {', '.join(degenerate)}")
    return "\n".join(f"- {line}" for line in lines)


def _spread(value: float, high: float, digits: int, *, sign: bool = False) -> str:
    shown = f"{value:+z,.{digits}f}" if sign else f"{value:z,.{digits}f}"
    return f"{shown} ± {high - value:,.{digits}f}"
