"""The report on Zipf's law in a text: fits for n-grams of each order, growth and diversity.

>>> from lmkit.text.corpus import Corpus, Readable, as_corpus
>>> text = "a rose is a rose is a rose ; " * 3 + "it is not a tulip ."
>>> report = measure_zipf(Corpus.from_string(text), ngrams=1)
>>> order = report.orders[0]
>>> order.spectrum.tokens, order.spectrum.types, order.spectrum.hapaxes
(33, 8, 4)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray

from lmkit.errors import CorpusError, ParameterError
from lmkit.models.ngram.counts import running_ngrams
from lmkit.statistics.alternatives import Alternative, compare_alternatives
from lmkit.statistics.bootstrap import Bootstrap, goodness_of_fit
from lmkit.statistics.diversity import (
    Coverage,
    Diversity,
    VocabularyCut,
    measure_coverage,
    measure_diversity,
    measure_vocabulary_cuts,
)
from lmkit.statistics.growth import HeapsFit, fit_heaps
from lmkit.statistics.population import FiniteZipfMandelbrot, fit_finite_zipf_mandelbrot
from lmkit.statistics.powerlaw import PowerLawFit, XminScan, fit_power_law, scan_xmin
from lmkit.statistics.rank_frequency import (
    LeastSquaresLine,
    SplitHalves,
    ZipfMandelbrotFit,
    fit_least_squares,
    fit_zipf_mandelbrot,
    split_halves,
)
from lmkit.statistics.spectrum import FrequencySpectrum
from lmkit.statistics.whole_range import WholeRangeFit, fit_whole_range
from lmkit.text.corpus import Corpus, Readable, as_corpus
from lmkit.text.encoding import encode_text, learn_text
from lmkit.text.meter import TextSummary
from lmkit.text.vocabulary import EOS_ID, Vocabulary
from lmkit.types import Progress

if TYPE_CHECKING:
    import pandas as pd

_XMINS = [k * 10**e for e in range(4) for k in (1, 2, 5)]  # 1, 2, 5, 10, 20 ... 5,000
_OF_SPECTRUM = (
    "tokens", "types", "hapaxes", "dis_legomena", "missing_mass", "missing_mass_se",
)  # fmt: skip
_OF_POWER_LAW = ("xmin", "alpha", "alpha_se", "ks", "tail_types", "log_likelihood")
_NESTED = ("heaps", "zipf_mandelbrot", "least_squares", "population")  # dictionaries or None
_T = TypeVar("_T")
_P = ParamSpec("_P")


@dataclass(frozen=True, eq=False)
class OrderReport:
    """Zipf's law for the n-grams of one order; None where the text is too short for a fit.

    ``stability`` has the power laws fitted from x_min = 1, 2, 5, 10, 20 ... on.
    """

    n: int
    spectrum: FrequencySpectrum
    power_law: PowerLawFit | None
    stability: XminScan | None
    bootstrap: Bootstrap | None
    alternatives: tuple[Alternative, ...]
    whole_range: tuple[WholeRangeFit, ...]
    halves: SplitHalves | None
    zipf_mandelbrot: ZipfMandelbrotFit | None
    least_squares: LeastSquaresLine | None
    heaps: HeapsFit | None
    population: FiniteZipfMandelbrot | None

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers as plain values, under the names of the JSON output."""
        s, fit, bootstrap = self.spectrum, self.power_law, self.bootstrap
        doubled = None
        if self.population is not None:
            doubled = float(self.population.expected_types(2 * s.tokens))
        return {
            "n": self.n,
            **{name: getattr(s, name) for name in _OF_SPECTRUM},
            **{name: fit and getattr(fit, name) for name in _OF_POWER_LAW},
            "p_value": bootstrap and bootstrap.p_value,
            "p_value_se": bootstrap and bootstrap.p_value_se,
            "bootstrap_repetitions": bootstrap.repetitions if bootstrap else 0,
            "alternatives": [a.to_dict() for a in self.alternatives],
            "heaps": self.heaps and self.heaps.to_dict(),
            "stability": self.stability.rows() if self.stability else [],
            "whole_range": [w.to_dict() for w in self.whole_range],
            "zipf_mandelbrot": self.zipf_mandelbrot and self.zipf_mandelbrot.to_dict(),
            "least_squares": self.least_squares and self.least_squares.to_dict(),
            "population": self.population
            and {**asdict(self.population), "types_at_twice_the_text": doubled},
        }


@dataclass(frozen=True, eq=False)
class ZipfReport:
    """Zipf's law, growth and diversity of one text.

    ``summary`` identifies the text, ``unit`` is the unit of a token, ``orders`` holds one report
    for each n-gram order from 1 up; ``diversity``, ``coverage`` and ``cuts`` are about unigrams.
    """

    summary: TextSummary
    unit: str
    orders: tuple[OrderReport, ...]
    diversity: Diversity
    coverage: tuple[Coverage, ...]
    cuts: tuple[VocabularyCut, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain values, as printed by ``lmkit zipf --format json``."""
        return {
            "schema": 1,
            "corpus": self.summary.to_dict(),
            "unit": self.unit,
            "orders": [order.to_dict() for order in self.orders],
            "diversity": self.diversity.to_dict(),
            "coverage": [asdict(row) for row in self.coverage],
            "vocabulary_cuts": [asdict(row) for row in self.cuts],
        }

    def rows(self) -> list[dict[str, Any]]:
        """Return one flat row of numbers for each order, for CSV and pandas."""
        rows = []
        for order in self.orders:
            row: dict[str, Any] = {"corpus": self.summary.name}
            for key, value in order.to_dict().items():
                if isinstance(value, dict):
                    row.update({f"{key}_{inner}": v for inner, v in value.items()})
                elif key not in _NESTED and not isinstance(value, list):
                    row[key] = value
            rows.append(row)
        return rows

    def to_pandas(self) -> pd.DataFrame:
        """Return a data frame with one row for each order and one column for each number."""
        import pandas as pd

        return pd.DataFrame(self.rows())


def measure_zipf(
    where: Readable,
    *,
    unit: str = "word",
    ngrams: int = 3,
    bootstrap: int = 0,
    seed: int = 0,
    progress: Progress | None = None,
) -> ZipfReport:
    """Return the full report on a text: a corpus (all its parts), or the name of one.

    N-grams of orders 1 to ``ngrams`` are counted over the text without its sentence ends.
    ``bootstrap`` is the number of repetitions for the p-value of each power law; 0 for no p-value.
    ``seed`` is that of the bootstrap and of the split into halves.

    Raises CorpusError for a text without tokens, ParameterError for ``ngrams`` below 1 or
    ``bootstrap`` below 0.
    """
    whole = isinstance(ngrams, int) and isinstance(bootstrap, int)
    if not whole or ngrams < 1 or bootstrap < 0:
        raise ParameterError(
            f"ngrams {ngrams!r}, bootstrap {bootstrap!r}: ngrams must be 1 or more, bootstrap not "
            "negative"
        )
    corpus = as_corpus(where)
    show = progress or _silent
    show("reading", 0.0)
    learned = learn_text(corpus.whole, unit)
    summary, vocabulary = learned.summary, learned.vocabulary
    ids = learned.ids[learned.ids != EOS_ID]
    del learned  # frees its ids, which take as much memory as the text
    counts = np.bincount(ids, minlength=len(vocabulary))
    return ZipfReport(
        summary=summary,
        unit=unit,
        orders=measure_orders(ids, ngrams=ngrams, bootstrap=bootstrap, seed=seed, progress=show),
        diversity=measure_diversity(ids),
        coverage=tuple(measure_coverage(FrequencySpectrum.from_counts(counts))),
        cuts=tuple(_cuts(corpus, unit, vocabulary, counts)),
    )


def measure_orders(
    ids: NDArray[np.int32],
    *,
    ngrams: int = 3,
    bootstrap: int = 0,
    seed: int = 0,
    progress: Progress | None = None,
) -> tuple[OrderReport, ...]:
    """Return the report on each n-gram order of a text of ids, int32 (T,).

    Orders greater than T are omitted. Raises CorpusError for T = 0.
    """
    if not len(ids):
        raise CorpusError("the text has no tokens; give more text")
    show = progress or _silent
    levels = running_ngrams(ids, order=min(ngrams, len(ids)))
    reports = []
    for n, (counts, ranks) in enumerate(levels, start=1):

        def show_order(what: str, share: float, n: int = n) -> None:
            show(f"{n}-grams{what}", 0.1 + 0.9 * (n - 1 + share) / ngrams)

        reports.append(_measure_order(n, counts, ranks, bootstrap, seed, show_order))
    return tuple(reports)


def _measure_order(
    n: int,
    counts: NDArray[np.int32],
    ranks: NDArray[np.int32],
    repetitions: int,
    seed: int,
    show: Progress,
) -> OrderReport:
    show("", 0.0)
    spectrum = FrequencySpectrum.from_counts(counts)
    fit = _or_none(fit_power_law, spectrum)
    bootstrap = None
    if fit is not None and repetitions:
        bootstrap = goodness_of_fit(
            spectrum,
            fit,
            repetitions=repetitions,
            seed=seed,
            progress=lambda done, total: show(", bootstrap", done / total),
        )
    halves = _or_none(split_halves, spectrum, seed=seed)
    return OrderReport(
        n=n,
        spectrum=spectrum,
        power_law=fit,
        stability=_or_none(scan_xmin, spectrum, xmins=_XMINS),
        bootstrap=bootstrap,
        alternatives=compare_alternatives(spectrum, fit) if fit else (),
        whole_range=_or_none(fit_whole_range, spectrum) or (),
        halves=halves,
        zipf_mandelbrot=_or_none(fit_zipf_mandelbrot, halves) if halves else None,
        least_squares=_or_none(fit_least_squares, spectrum),
        heaps=_or_none(fit_heaps, spectrum, ids=ranks, counts=counts),
        population=_or_none(fit_finite_zipf_mandelbrot, spectrum),
    )


def _cuts(
    corpus: Corpus, unit: str, vocabulary: Vocabulary, counts: NDArray[np.int64]
) -> Sequence[VocabularyCut]:
    """Return the vocabulary cuts: of all text, or of the training part where a test part exists."""
    if corpus.test is None:
        return measure_vocabulary_cuts(counts)
    train, test = (
        np.bincount(encode_text(text, unit, vocabulary), minlength=len(vocabulary))
        for text in (corpus.train, corpus.test)
    )
    train[EOS_ID] = test[EOS_ID] = 0
    return measure_vocabulary_cuts(train, heldout_counts=test)


def _or_none(fit: Callable[_P, _T], *args: _P.args, **options: _P.kwargs) -> _T | None:
    """Return the result of a fit, or None where it raises CorpusError for too little text."""
    try:
        return fit(*args, **options)
    except CorpusError:
        return None


def _silent(what: str, share: float) -> None:
    """Show no progress."""
