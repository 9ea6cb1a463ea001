"""The discrete power law, fitted to a frequency spectrum by exact maximum likelihood.

For the frequency X of a type and the integers x >= xmin,

    P(X = x) = x^(-alpha) / zeta(alpha, xmin)
    ln L(alpha) = -n ln zeta(alpha, xmin) - alpha sum_i ln x_i      over the n types of the tail

where zeta is the Hurwitz zeta function, the sum of x^(-alpha) over x >= xmin. alpha maximises the
exact likelihood (the continuous approximation is not used), xmin minimises the Kolmogorov-Smirnov
distance (Clauset, Shalizi & Newman 2009, "Power-law distributions in empirical data", equations 3.5
to 3.9). For alpha = 2 and xmin = 1, zeta = pi²/6 and 61% of the types are hapaxes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from lmkit.errors import CorpusError, ParameterError
from lmkit.kernels import powerlaw as kernels
from lmkit.kernels.zeta import scaled_zeta, scaled_zeta_derivatives
from lmkit.statistics.spectrum import FrequencySpectrum, Record
from lmkit.types import FloatArray, LongArray

if TYPE_CHECKING:
    import pandas as pd

_TABLE_SIZE = 1024  # values drawn by one multinomial; larger ones by inversion, one by one


@dataclass(frozen=True)
class PowerLawFit(Record):
    """A discrete power law fitted to the types that occur ``xmin`` times or more.

    ``alpha`` is the exponent of the spectrum (Zipf's rank exponent is near 1 / (alpha - 1)),
    ``alpha_se`` its standard error from the exact Fisher information for fixed x_min;
    ``ks`` the Kolmogorov-Smirnov distance, ``tail_types`` the number n of types fitted,
    ``log_likelihood`` that of the tail, in nats.
    """

    xmin: int
    alpha: float
    alpha_se: float
    ks: float
    tail_types: int
    log_likelihood: float

    def log_probabilities(self, x: ArrayLike) -> FloatArray:
        """Return ln P(X = x), for integers x >= xmin."""
        ratio = np.log(np.asarray(x, dtype=np.float64) / self.xmin)
        return np.asarray(-self.alpha * ratio - np.log(scaled_zeta(self.alpha, float(self.xmin))))

    def survival(self, x: ArrayLike) -> FloatArray:
        """Return P(X >= x), for integers x >= xmin."""
        from scipy.special import zeta

        return np.asarray(zeta(self.alpha, np.asarray(x, np.float64)) / zeta(self.alpha, self.xmin))


@dataclass(frozen=True, eq=False)
class XminScan:
    """The power law fitted from each of several x_min on, to see how stable the exponent is.

    Five arrays of one length: ``xmin`` and ``tail_types`` int64; ``alpha``, ``alpha_se`` and
    ``ks`` float64.
    """

    xmin: LongArray
    alpha: FloatArray
    alpha_se: FloatArray
    ks: FloatArray
    tail_types: LongArray

    def rows(self) -> list[dict[str, Any]]:
        """Return one dictionary for each x_min."""
        columns = {name: array.tolist() for name, array in vars(self).items()}
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    def to_pandas(self) -> pd.DataFrame:
        """Return a data frame with one row for each x_min."""
        import pandas as pd

        return pd.DataFrame(vars(self))


def fit_power_law(spectrum: FrequencySpectrum, *, xmin: int | None = None) -> PowerLawFit:
    """Return the maximum-likelihood power law of the types that occur ``xmin`` times or more.

    Without ``xmin``, every observed frequency but the largest is tried, and the one with the
    smallest Kolmogorov-Smirnov distance (the supremum over all integers) is chosen.

    Raises CorpusError for fewer than two distinct frequencies to fit, ParameterError for an x_min
    below 1. Source: Clauset, Shalizi & Newman (2009).

    >>> counts = [1] * 50 + [2] * 12 + [3] * 5 + [4] * 3 + [7, 9, 20]
    >>> fit = fit_power_law(FrequencySpectrum.from_counts(counts), xmin=1)
    >>> round(fit.alpha, 3), fit.tail_types
    (2.36, 73)
    """
    values, counts = _pairs(spectrum)
    tail, tail_logs = kernels.suffix_sums(values, counts)
    if xmin is None:
        _check_two_values(values)
        k, alpha, ks = kernels.search(values, tail, tail_logs)
        q = float(values[k])
    else:
        if xmin < 1:
            raise ParameterError(f"xmin of {xmin} is below 1; frequencies start at 1")
        q = float(xmin)
        k = int(np.searchsorted(values, q))
        _check_two_values(values[k:])
        alpha = kernels.solve_alpha(tail_logs[k] / tail[k] - np.log(q), q)
        ks = kernels.ks_distance(values, tail, k, q, alpha)
    n = int(tail[k])
    mean_log = tail_logs[k] / n - np.log(q)
    log_likelihood = -n * (np.log(scaled_zeta(alpha, q)) + alpha * mean_log)
    return PowerLawFit(
        int(q), float(alpha), _standard_error(alpha, q, n), float(ks), n, float(log_likelihood)
    )


def scan_xmin(spectrum: FrequencySpectrum, *, xmins: Sequence[int] | None = None) -> XminScan:
    """Return the fit from each of ``xmins`` on; by default from every frequency but the largest.

    An x_min with fewer than two distinct frequencies from it on is skipped.

    Raises CorpusError for fewer than two distinct frequencies, ParameterError for an x_min below 1.
    """
    values, counts = _pairs(spectrum)
    _check_two_values(values)
    if xmins is None:
        tail, tail_logs = kernels.suffix_sums(values, counts)
        alpha, ks = kernels.scan(values, tail, tail_logs)
        n = tail[:-2].astype(np.int64)
        errors = [_standard_error(a, q, k) for a, q, k in zip(alpha, values, n, strict=False)]
        return XminScan(spectrum.frequencies[:-1], alpha, np.array(errors), ks, n)
    fits = [fit_power_law(spectrum, xmin=x) for x in xmins if x <= spectrum.frequencies[-2]]
    return XminScan(
        xmin=np.array([fit.xmin for fit in fits], np.int64),
        alpha=np.array([fit.alpha for fit in fits], np.float64),
        alpha_se=np.array([fit.alpha_se for fit in fits], np.float64),
        ks=np.array([fit.ks for fit in fits], np.float64),
        tail_types=np.array([fit.tail_types for fit in fits], np.int64),
    )


def simulate_power_law(
    alpha: float, xmin: int, *, types: int, rng: np.random.Generator
) -> FrequencySpectrum:
    """Return the spectrum of ``types`` exact, independent draws from a discrete power law.

    Raises ParameterError when ``alpha`` is not above 1, ``xmin`` not above 0 or ``types`` not
    above 0.
    """
    if not (alpha > 1 and xmin >= 1 and types >= 1):
        raise ParameterError(
            f"alpha {alpha}, xmin {xmin}, types {types}: alpha must be above 1, the others above 0"
        )
    return FrequencySpectrum(*draw_pairs(alpha, xmin, types, rng))


def draw_pairs(
    alpha: float, xmin: int, size: int, rng: np.random.Generator
) -> tuple[LongArray, LongArray]:
    """Return ``size`` draws from a discrete power law as (values, counts), values rising."""
    survival = kernels.survival_table(float(alpha), float(xmin), _TABLE_SIZE + 1)
    p_large = survival[-1]  # of a value beyond the table
    p = np.append(-np.diff(survival), p_large)
    counts = rng.multinomial(size, p / p.sum())
    values = np.arange(xmin, xmin + _TABLE_SIZE)[counts[:-1] > 0]
    uniforms = p_large * (1.0 - rng.random(counts[-1]))  # in (0, p_large]
    large = kernels.invert_survival(float(alpha), float(xmin), uniforms)
    large_values, large_counts = np.unique(large.astype(np.int64), return_counts=True)
    small_counts = counts[:-1][counts[:-1] > 0]
    return np.concatenate([values, large_values]), np.concatenate([small_counts, large_counts])


def _pairs(spectrum: FrequencySpectrum) -> tuple[FloatArray, FloatArray]:
    return spectrum.frequencies.astype(np.float64), spectrum.type_counts.astype(np.float64)


def _check_two_values(values: FloatArray) -> None:
    if len(values) < 2:
        raise CorpusError(
            f"{len(values)} different frequencies are left to fit a power law to, at least 2 are "
            "needed; give more text or a smaller xmin"
        )


def _standard_error(alpha: float, q: float, n: int) -> float:
    """Return 1 / sqrt(n I), I = zeta''/zeta - (zeta'/zeta)² the Fisher information of a type."""
    z, dz, ddz = scaled_zeta_derivatives(alpha, q)
    return float(1.0 / np.sqrt(n * (ddz / z - (dz / z) ** 2)))
