"""The finite Zipf-Mandelbrot model of a population, which extrapolates vocabulary growth.

The density of types in the population with probability p is

    g(p) = C p^(-alpha-1)   for A <= p <= B

(fZM, an LNRE model: Evert 2004, "A simple LNRE model for random character sequences"), where
0 < alpha < 1 and 1/alpha is Zipf's rank exponent in the limit. Tokens are independent draws
(Poisson sampling), so that the expected number of types, and of types that occur m times, is

    E[V(N)] = int (1 - e^(-Np)) g(p) dp,   E[V_m(N)] = int (Np)^m / m! e^(-Np) g(p) dp
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from lmkit.errors import CorpusError
from lmkit.statistics.spectrum import FrequencySpectrum
from lmkit.types import FloatArray

_ELEMENTS = 15  # spectrum elements V_1 ... V_15 that are fitted, as in zipfR
_MIN_TYPES = 5  # in each of them, for the chi-squared approximation to hold
_MIN_ELEMENTS = 4
_MAX_ALPHA = 2.0  # Evert has alpha < 1; a population with a floor A allows more, n-grams need it
_IMPOSSIBLE = 1e300  # the distance of parameters without a valid covariance
_M = range(1, _ELEMENTS + 1)
_INDEX_SUMS = np.array([[m + k for k in _M] for m in _M])  # m + k
_BINOMIALS = np.array([[math.comb(m + k, m) / 2 ** (m + k) for k in _M] for m in _M])
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(200)


@dataclass(frozen=True)
class FiniteZipfMandelbrot:
    """A fitted finite Zipf-Mandelbrot population.

    ``alpha`` is the shape, ``lower`` and ``upper`` the smallest and largest probability of a type
    (A and B), ``types`` the number of types in the population. ``chi_squared`` with
    ``degrees_of_freedom`` is the multivariate test of Baayen (2001) on V and the first spectrum
    elements, and ``p_value`` its tail probability, which is usually small: texts are not random
    samples.
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
        """Return E[V_m(N)], the expected number of types that occur exactly m times in N =
        ``tokens`` tokens, for m = 1 .. ``highest``, shape (highest,)."""
        p, types = _population(self.alpha, self.lower, self.upper)
        return np.asarray(_poisson(highest, tokens * p) @ types)


def fit_finite_zipf_mandelbrot(spectrum: FrequencySpectrum) -> FiniteZipfMandelbrot:
    """Return the finite Zipf-Mandelbrot population that fits the spectrum best.

    V and V_1 ... V_15 are fitted by the multivariate chi-squared distance, as in zipfR.

    Raises CorpusError where fewer than the first 4 spectrum elements have 5 types each, which is
    too little text to extrapolate. Sources: Evert (2004); Baayen (2001), Word Frequency
    Distributions.
    """
    from scipy.optimize import minimize
    from scipy.special import chdtrc

    elements = np.array([spectrum.types_of_frequency(m) for m in _M])
    short = np.flatnonzero(elements < _MIN_TYPES)
    M = int(short[0]) if len(short) else _ELEMENTS
    if M < _MIN_ELEMENTS:
        raise CorpusError(
            f"only {M} of the frequencies 1, 2, 3 ... have {_MIN_TYPES} types or more, at least "
            f"{_MIN_ELEMENTS} are needed to extrapolate the vocabulary; give more text"
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
    # Start values of alpha and N A: for an open vocabulary, and for a truncated one.
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
    """Return unconstrained parameters, ``spread`` being ln(upper / lower)."""
    return np.array([np.log(alpha / (_MAX_ALPHA - alpha)), np.log(spread), np.log(upper)])


def _unpack(x: FloatArray) -> tuple[float, float, float]:
    """Return alpha, lower and upper: the inverse of :func:`_pack`, within numerical limits."""
    alpha = _MAX_ALPHA / (1.0 + np.exp(-np.clip(x[0], -12.0, 12.0)))
    upper = np.exp(np.clip(x[2], -40.0, 3.0))
    lower = upper * np.exp(-np.exp(np.clip(x[1], -3.0, 4.5)))
    return float(alpha), float(lower), float(upper)


def _poisson(highest: int, rate: FloatArray) -> FloatArray:
    """Return e^(-rate) rate^m / m! for m = 1 .. highest and every rate, shape (M, P).

    Each row is the one before times rate / m. Where e^(-rate) underflows, all rows are 0.
    """
    steps = np.concatenate([np.exp(-rate)[None], rate / np.arange(1, highest + 1)[:, None]])
    return np.asarray(np.multiply.accumulate(steps, axis=0)[1:])


def _population(alpha: float, lower: float, upper: float) -> tuple[FloatArray, FloatArray]:
    """Return probabilities p and the number of types at each, g(p) dp: two arrays (200,).

    They are nodes and weights of a Gauss-Legendre rule in ln p, where every integrand is smooth.
    """
    half = 0.5 * np.log(upper / lower)
    log_p = np.log(lower) + half * (_NODES + 1)
    density = np.exp(-alpha * log_p) * _WEIGHTS * half  # p g(p) / C, in d ln p
    p = np.exp(log_p)
    return p, density / (p @ density)


def _chi_squared(observed: FloatArray, N: float, alpha: float, lower: float, upper: float) -> float:
    """Return the chi-squared distance d' R^-1 d of (V, V_1 ... V_M) from its expectation.

    R is the covariance under the model (Baayen 2001, section 3.3):

        Var V        = E V(2N) - E V(N)
        Cov(V, V_m)  = E V_m(2N) / 2^m
        Cov(V_m, V_k) = [m = k] E V_m(N) - binom(m+k, m) E V_{m+k}(2N) / 2^(m+k)
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
    R[1:, 1:] = np.diag(elements) - _BINOMIALS[:M, :M] * doubled[_INDEX_SUMS[:M, :M] - 1]
    gap = observed - np.append(total, elements)
    try:
        value = float(gap @ np.linalg.solve(R, gap))
    except np.linalg.LinAlgError:
        return _IMPOSSIBLE
    return value if value >= 0 else _IMPOSSIBLE
