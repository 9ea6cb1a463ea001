"""Likelihood-ratio tests of the power law against other distributions of the tail.

Every alternative is discrete, normalised by its exact sum over the integers from x_min on, and
fitted by maximum likelihood:

====================  ==============================================  =========================
name                  P(X = x) is proportional to                     becomes the power law at
====================  ==============================================  =========================
lognormal             exp(-(ln x - mu)² / (2 sigma²)) / x             sigma -> infinity
exponential           exp(-lambda x)                                  -
stretched_exponential x^(beta-1) exp(-lambda x^beta)                  beta -> 0
truncated_power_law   x^(-alpha) exp(-lambda x)                       lambda = 0
====================  ==============================================  =========================

Three of the four contain the power law as a limiting case. Where the likelihood is greatest in that
limit, the fit is marked as degenerate, and the test is no evidence for either side.

The test statistic, for types i of the tail and both distributions at their maximum, is

    ratio = sum_i l_i = sum_i [ln p_power(x_i) - ln p_alternative(x_i)]
    vuong = ratio / sqrt(sum_i (l_i - ratio / n)^2)     approximately standard normal under H0

For example, ratio = -12 nats with a standard deviation of 0.4 of l_i over n = 400 types gives
vuong = -12 / (0.4 * 20) = -1.5 and p = erfc(1.5 / sqrt(2)) = 0.13: neither is favoured.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from lmkit.statistics.exponential_family import SumRule, expand
from lmkit.statistics.powerlaw import PowerLawFit
from lmkit.statistics.spectrum import FrequencySpectrum, Record
from lmkit.types import FloatArray

_SIGNIFICANCE = 0.1  # level below which Clauset, Shalizi & Newman trust the sign of the ratio
_MIN_VALUES = 4  # with fewer distinct frequencies two parameters can fit anything
_OVERFLOW = 1e300  # in place of infinity, in features and in losses


@dataclass(frozen=True)
class Alternative(Record):
    """One alternative against the power law, over the same tail.

    ``log_likelihood_ratio`` is ln L(power law) - ln L(alternative) in nats: negative where the
    alternative fits better. ``p_value`` is the probability of a ratio at least as far from 0 if
    both fitted equally well: Vuong's test with the statistic ``vuong``, or, for the truncated power
    law, which contains the power law, a chi-squared test (``vuong`` None). ``favours`` is
    ``power_law``, the alternative's name, or ``neither`` where p is 0.1 or more. A ``degenerate``
    fit converged to the power law, or has no maximum; ``note`` says which, in a sentence.
    """

    name: str
    parameters: dict[str, float]
    log_likelihood: float | None
    log_likelihood_ratio: float | None
    vuong: float | None
    p_value: float | None
    favours: str
    degenerate: bool
    note: str | None


@dataclass(frozen=True)
class _Tail:
    """The tail: ln of its K distinct values and the types at each, both (K,), and the sum rule."""

    xmin: int
    log_x: FloatArray
    types: FloatArray
    rule: SumRule

    @property
    def n(self) -> float:
        return float(self.types.sum())


@dataclass(frozen=True)
class _Fit:
    """Parameters, and log-probabilities of the tail's values (K,), None without a maximum."""

    parameters: dict[str, float]
    log_probabilities: FloatArray | None
    at_power_law: bool = False


_NO_MAXIMUM = _Fit({}, None)
_AT_POWER_LAW = _Fit({}, None, at_power_law=True)


def compare_alternatives(spectrum: FrequencySpectrum, fit: PowerLawFit) -> tuple[Alternative, ...]:
    """Return the likelihood-ratio test of the power law ``fit`` against four alternatives.

    Sources: Clauset, Shalizi & Newman (2009), section 5 and appendix C; Vuong (1989),
    "Likelihood ratio tests for model selection and non-nested hypotheses".
    """
    k = int(np.searchsorted(spectrum.frequencies, fit.xmin))
    values = spectrum.frequencies[k:]
    types = spectrum.type_counts[k:].astype(np.float64)
    if len(values) < _MIN_VALUES:
        note = f"only {len(values)} different frequencies in the tail: nothing to tell apart"
        return tuple(_without_maximum(name, note) for name in _FITTERS)
    tail = _Tail(fit.xmin, np.log(values), types, SumRule.starting_at(fit.xmin))
    power_law = fit.log_probabilities(values)
    return tuple(
        _test(name, tail, power_law, fitter(tail, fit)) for name, fitter in _FITTERS.items()
    )


def _test(name: str, tail: _Tail, power_law: FloatArray, fit: _Fit) -> Alternative:
    from scipy.special import chdtrc, erfc

    if fit.at_power_law:
        note = "the likelihood is greatest in the limit where it is the power law itself"
        same = float(tail.types @ power_law)
        return Alternative(name, {}, same, 0.0, None, None, "neither", True, note)
    if fit.log_probabilities is None:
        return _without_maximum(name, "the likelihood has no maximum that could be found")
    log_likelihood = float(tail.types @ fit.log_probabilities)
    gap = power_law - fit.log_probabilities
    ratio = float(tail.types @ gap)
    vuong = None
    if name == "truncated_power_law":
        p = float(chdtrc(1, 2 * abs(ratio)))
    else:
        spread = np.sqrt(tail.types @ (gap - ratio / tail.n) ** 2)
        vuong = ratio / float(spread)
        p = float(erfc(abs(vuong) / np.sqrt(2)))
    favours = "neither"
    if p < _SIGNIFICANCE:
        favours = "power_law" if ratio > 0 else name
    return Alternative(name, fit.parameters, log_likelihood, ratio, vuong, p, favours, False, None)


def _without_maximum(name: str, note: str) -> Alternative:
    return Alternative(name, {}, None, None, None, None, "neither", True, note)


def _fit_lognormal(tail: _Tail, power_law: PowerLawFit) -> _Fit:
    """Fit exp(-a u - b u²), u = ln(x / xmin), b >= 0; b = 0 is the power law.

    Completing the square gives sigma² = 1 / (2b) and mu = ln xmin + (1 - a) / (2b).
    """
    q = float(np.log(tail.xmin))
    u = tail.log_x - q
    mean = float(tail.types @ u) / tail.n
    variance = float(tail.types @ (u - mean) ** 2) / tail.n

    def features(log_x: FloatArray) -> FloatArray:
        return np.stack([-(log_x - q), -((log_x - q) ** 2)])

    starts = [(1 - mean / variance, 0.5 / variance)]
    starts += [(power_law.alpha, b / variance) for b in (0.1, 1e-3)]
    theta = _fit_beside_power_law(tail, power_law, features, starts)
    if theta is None:
        return _NO_MAXIMUM
    a, b = float(theta[0]), float(theta[1])
    if b == 0:
        return _AT_POWER_LAW
    parameters = {"mu": q + (1 - a) / (2 * b), "sigma": float(np.sqrt(0.5 / b))}
    return _Fit(parameters, tail.rule.log_probabilities(features, theta, tail.log_x))


def _fit_truncated_power_law(tail: _Tail, power_law: PowerLawFit) -> _Fit:
    """Fit exp(-alpha ln x - lambda x), lambda >= 0; lambda = 0 is the power law."""
    q = float(np.log(tail.xmin))

    def features(log_x: FloatArray) -> FloatArray:
        return np.stack([-(log_x - q), -(expand(log_x) - tail.xmin)])

    longest = float(np.exp(tail.log_x[-1]) - tail.xmin)
    mean = float(tail.types @ (np.exp(tail.log_x) - tail.xmin)) / tail.n
    starts = [(power_law.alpha, 1 / longest), (power_law.alpha, 1e-4 / mean), (0.0, 1 / mean)]
    theta = _fit_beside_power_law(tail, power_law, features, starts)
    if theta is None:
        return _NO_MAXIMUM
    if theta[1] == 0:
        return _AT_POWER_LAW
    parameters = {"alpha": float(theta[0]), "lambda": float(theta[1])}
    return _Fit(parameters, tail.rule.log_probabilities(features, theta, tail.log_x))


def _fit_exponential(tail: _Tail, power_law: PowerLawFit) -> _Fit:
    """Fit the geometric distribution from x_min on: lambda = ln(1 + n / sum_i (x_i - xmin))."""
    excess = np.exp(tail.log_x) - tail.xmin
    rate = float(np.log1p(tail.n / (tail.types @ excess)))
    return _Fit({"lambda": rate}, np.log(-np.expm1(-rate)) - rate * excess)


def _fit_stretched_exponential(tail: _Tail, power_law: PowerLawFit) -> _Fit:
    """Fit x^(beta-1) exp(-c (x^beta - 1) / beta), c = lambda beta.

    At beta = 0 it is the power law of exponent 1 + c. For each beta of an outer search, the best c
    is found by Newton's method.
    """
    from scipy.optimize import minimize_scalar

    def fit_c(beta: float) -> tuple[float, FloatArray | None]:
        def features(log_x: FloatArray) -> FloatArray:
            with np.errstate(over="ignore"):
                return np.stack([-np.minimum(np.expm1(beta * log_x) / beta, _OVERFLOW)])

        def offset(log_x: FloatArray) -> FloatArray:
            return (beta - 1) * log_x

        lowest = float(features(np.log([tail.xmin]))[0, 0])
        excess = lowest * tail.n - float(features(tail.log_x)[0] @ tail.types)
        start = np.array([tail.n / excess])
        theta = tail.rule.maximise(features, start, tail.log_x, tail.types, offset=offset)
        if theta is None:
            return np.nan, None
        log_p = tail.rule.log_probabilities(features, theta, tail.log_x, offset=offset)
        return float(theta[0]), log_p

    def loss(beta: float) -> float:
        log_p = fit_c(beta)[1]
        return _OVERFLOW if log_p is None else -float(tail.types @ log_p)

    grid = np.geomspace(1e-4, 3.0, 16)  # the minimum can be narrow, and near 0
    best = int(np.argmin([loss(beta) for beta in grid]))
    bounds = (grid[best - 1] if best else 1e-9, grid[min(best + 1, len(grid) - 1)])
    found = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-7})
    beta = float(found.x)
    if -power_law.log_likelihood <= found.fun + 1e-9 * abs(found.fun):
        return _AT_POWER_LAW
    c, log_p = fit_c(beta)
    return _Fit({"beta": beta, "lambda": c / beta}, log_p)


def _fit_beside_power_law(
    tail: _Tail,
    power_law: PowerLawFit,
    features: Callable[[FloatArray], FloatArray],
    starts: Sequence[tuple[float, float]],
) -> FloatArray | None:
    """Return the maximum-likelihood (theta_1, theta_2), theta_2 >= 0, 0 being the power law.

    The log-likelihood of an exponential family is concave. So the power law is the maximum exactly
    where the derivative in theta_2 there, observed minus expected feature, is not positive; no
    search is needed to decide that. None where the search does not converge.
    """
    limit = np.array([power_law.alpha, 0.0])
    observed = features(tail.log_x)[1] @ tail.types / tail.n
    if observed <= tail.rule.means(features, limit)[1]:
        return limit
    for start in starts:
        theta = tail.rule.maximise(features, np.array(start), tail.log_x, tail.types)
        if theta is not None:
            return theta
    return None


_FITTERS: dict[str, Callable[[_Tail, PowerLawFit], _Fit]] = {
    "lognormal": _fit_lognormal,
    "exponential": _fit_exponential,
    "stretched_exponential": _fit_stretched_exponential,
    "truncated_power_law": _fit_truncated_power_law,
}
