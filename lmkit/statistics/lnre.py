"""The finite Zipf-Mandelbrot model of a population, which says how a vocabulary will go on growing.

The model gives the number of types in the population whose probability lies near p as
g(p) = C p^(-alpha-1) for A <= p <= B (Evert 2004, "A simple LNRE model for random character
sequences"), where 0 < alpha < 1 and 1/alpha is Zipf's rank exponent in the limit. Tokens are taken
as independent draws (Poisson sampling).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from lmkit.errors import CorpusError
from lmkit.statistics.spectrum import FrequencySpectrum
from lmkit.types import FloatArray

_CLASSES = 15  # spectrum elements fitted, as zipfR does
_LEAST = 5  # types in the last of them, for a chi-squared to mean anything
_STEEPEST = 2.0  # Evert has alpha below 1; a population with a floor allows more, n-grams need it
_IMPOSSIBLE = 1e300
_M = range(1, _CLASSES + 1)
_SUM = np.array([[m + k for k in _M] for m in _M])
# binom(m + k, m) / 2^(m+k)
_HALVES = np.array([[math.comb(m + k, m) / 2 ** (m + k) for k in _M] for m in _M])
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(200)


@dataclass(frozen=True)
class FiniteZipfMandelbrot:
    """A fitted finite Zipf-Mandelbrot population.

    ``alpha`` is the shape, ``lower`` and ``upper`` the smallest and largest probability of a type
    (A and B), ``types`` how many there are at all. ``chi_squared`` with
    ``degrees_of_freedom`` is the multivariate test of Baayen (2001) of V and the
    first elements of the spectrum, and ``p_value`` its tail probability: large texts are seldom
    random samples, so it is usually small.
    """

    alpha: float
    lower: float
    upper: float
    types: float
    chi_squared: float
    degrees_of_freedom: int
    p_value: float

    def expected_types(self, tokens: ArrayLike) -> FloatArray:
        """Return E[V(N)], the number of types expected in ``tokens`` tokens."""
        p, types = _population(self.alpha, self.lower, self.upper)
        N = np.asarray(tokens, np.float64)
        return np.asarray(-np.expm1(-N[..., None] * p) @ types)

    def expected_spectrum(self, highest: int, tokens: float) -> FloatArray:
        """Return E[V_m(N)], how many types are expected to occur exactly m times in ``tokens``
        tokens, for m = 1 .. ``highest``."""
        p, types = _population(self.alpha, self.lower, self.upper)
        return np.asarray(_poisson(highest, tokens * p) @ types)


def fit_finite_zipf_mandelbrot(spectrum: FrequencySpectrum) -> FiniteZipfMandelbrot:
    """Return the finite Zipf-Mandelbrot population that best explains the spectrum.

    V and V_1 ... V_15 are fitted by the multivariate chi-squared distance, as zipfR does.

    Raises CorpusError when fewer than 4 spectrum elements hold 5 types each: there is too little
    text to extrapolate from. Sources: Evert (2004); Baayen (2001), Word Frequency Distributions.
    """
    from scipy.optimize import minimize
    from scipy.special import chdtrc

    elements = np.array([spectrum.types_of_frequency(m) for m in range(1, _CLASSES + 1)])
    short = np.flatnonzero(elements < _LEAST)
    M = int(short[0]) if len(short) else _CLASSES
    if M < 4:
        raise CorpusError(
            f"only {M} of the frequencies 1, 2, 3 ... have {_LEAST} types or more, at least 4 are "
            "needed to extrapolate the vocabulary; give more text"
        )
    observed = np.append(spectrum.types, elements[:M]).astype(np.float64)
    N = float(spectrum.tokens)

    def distance(x: FloatArray) -> float:
        return _chi_squared(observed, N, *_unpack(x))

    slope = float(np.clip(spectrum.hapaxes / spectrum.types, 0.1, 1.5))
    upper = spectrum.max_frequency / N
    quartile = spectrum.frequencies[
        np.searchsorted(np.cumsum(spectrum.type_counts), spectrum.types / 4)
    ]
    best = None
    # alpha and N A to start from: an open vocabulary, and one that was cut
    for alpha, rarest in ((slope, 0.05), (0.7, float(quartile))):
        found = minimize(
            distance,
            _pack(alpha, max(1.0, np.log(upper * N / rarest)), upper),
            method="Nelder-Mead",
            options={"xatol": 1e-5, "fatol": 1e-5, "maxiter": 1500, "maxfev": 1500},
        )
        if best is None or found.fun < best.fun:
            best = found
    assert best is not None
    alpha, lower, upper = _unpack(best.x)
    types = _population(alpha, lower, upper)[1].sum()
    df = M + 1 - 3
    p = float(chdtrc(df, best.fun))
    return FiniteZipfMandelbrot(alpha, lower, upper, float(types), float(best.fun), df, p)


def _pack(alpha: float, spread: float, upper: float) -> FloatArray:
    return np.array([np.log(alpha / (_STEEPEST - alpha)), np.log(spread), np.log(upper)])


def _unpack(x: FloatArray) -> tuple[float, float, float]:
    alpha = _STEEPEST / (1.0 + np.exp(-np.clip(x[0], -12.0, 12.0)))
    upper = np.exp(np.clip(x[2], -40.0, 3.0))
    lower = upper * np.exp(-np.exp(np.clip(x[1], -3.0, 4.5)))
    return float(alpha), float(lower), float(upper)


def _poisson(highest: int, rate: FloatArray) -> FloatArray:
    """Return e^(-rate) rate^m / m! for m = 1 .. highest and every rate, shape (M, P).

    Each m from the one before; where e^(-rate) underflows, so do they all.
    """
    steps = np.concatenate([np.exp(-rate)[None], rate / np.arange(1, highest + 1)[:, None]])
    return np.asarray(np.multiply.accumulate(steps, axis=0)[1:])


def _population(alpha: float, lower: float, upper: float) -> tuple[FloatArray, FloatArray]:
    """Return probabilities p and how many types stand at each: g(p) dp on Gauss-Legendre nodes.

    The nodes lie in ln p, where every integrand is smooth.
    """
    half = 0.5 * np.log(upper / lower)
    log_p = np.log(lower) + half * (_NODES + 1)
    density = np.exp(-alpha * log_p) * _WEIGHTS * half  # p g(p) / C, in d ln p
    p = np.exp(log_p)
    return p, density / (p @ density)


def _chi_squared(observed: FloatArray, N: float, alpha: float, lower: float, upper: float) -> float:
    """Return the distance between (V, V_1 ... V_M) and its expectation, in its own covariance.

    Var V = E V(2N) - E V(N); Cov(V, V_m) = E V_m(2N) / 2^m;
    Cov(V_m, V_k) = [m = k] E V_m(N) - binom(m+k, m) E V_{m+k}(2N) / 2^(m+k).
    """
    M = len(observed) - 1
    p, types = _population(alpha, lower, upper)
    elements = _poisson(M, N * p) @ types
    doubled = _poisson(2 * M, 2 * N * p) @ types  # E V_m(2N)
    if not np.isfinite(doubled).all() or elements.min() <= 0:
        return _IMPOSSIBLE
    total = -np.expm1(-N * p) @ types
    total_doubled = -np.expm1(-2 * N * p) @ types
    R = np.empty((M + 1, M + 1))
    R[0, 0] = total_doubled - total
    R[0, 1:] = R[1:, 0] = doubled[:M] / 2.0 ** np.arange(1, M + 1)
    R[1:, 1:] = np.diag(elements) - _HALVES[:M, :M] * doubled[_SUM[:M, :M] - 1]
    gap = observed - np.append(total, elements)
    try:
        value = float(gap @ np.linalg.solve(R, gap))
    except np.linalg.LinAlgError:
        return _IMPOSSIBLE
    return value if value >= 0 else _IMPOSSIBLE
