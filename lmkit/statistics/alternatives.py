"""Does another distribution explain the tail better than the power law? Likelihood-ratio tests.

Every alternative is discrete and normalised by its exact sum over the integers from x_min on,
with parameters by maximum likelihood:

====================  ==============================================  =========================
name                  P(X = x) is proportional to                     becomes the power law at
====================  ==============================================  =========================
lognormal             exp(-(ln x - mu)² / (2 sigma²)) / x             sigma -> infinity
exponential           exp(-lambda x)                                  -
stretched_exponential x^(beta-1) exp(-lambda x^beta)                  beta -> 0
truncated_power_law   x^(-alpha) exp(-lambda x)                       lambda = 0
====================  ==============================================  =========================

So three of the four hold the power law as a limiting case; where the likelihood is greatest in that
limit, the fit is degenerate, says so, and is no evidence of anything.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from lmkit.statistics.powerlaw import PowerLawFit
from lmkit.statistics.spectrum import FrequencySpectrum
from lmkit.statistics.sums import SumRule, expand
from lmkit.types import FloatArray

_SIGNIFICANT = 0.1  # below it Clauset, Shalizi & Newman trust the sign of the ratio
_LEAST_VALUES = 4  # with fewer different frequencies two parameters can fit anything


@dataclass(frozen=True)
class Alternative:
    """One alternative against the power law, over the same tail.

    ``log_likelihood_ratio`` is ln L(power law) - ln L(alternative) in nats: below 0 the
    alternative is ahead. ``p_value`` is the probability of a ratio so far from 0 if both explained
    the tail equally well: Vuong's test, whose statistic is ``vuong``, or a chi-squared one for the
    truncated power law (``vuong`` None), of which the power law is a case. ``favours`` is
    ``power_law``, the alternative's name, or ``neither`` where p is 0.1 or more. A ``degenerate``
    fit has run into the power law, or has no maximum; ``note`` says which, in a sentence.
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

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as a plain dictionary."""
        return asdict(self)


@dataclass(frozen=True)
class _Tail:
    """The tail: ln of its values and the types at each, both (K,), and how to sum over it."""

    xmin: int
    log_x: FloatArray
    types: FloatArray
    rule: SumRule

    @property
    def n(self) -> float:
        return float(self.types.sum())


@dataclass(frozen=True)
class _Fit:
    """Parameters and log-probabilities of the tail's values; None where there is no maximum."""

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
    if len(values) < _LEAST_VALUES:
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
    if p < _SIGNIFICANT:
        favours = "power_law" if ratio > 0 else name
    return Alternative(name, fit.parameters, log_likelihood, ratio, vuong, p, favours, False, None)


def _without_maximum(name: str, note: str) -> Alternative:
    return Alternative(name, {}, None, None, None, None, "neither", True, note)


def _fit_lognormal(tail: _Tail, power_law: PowerLawFit) -> _Fit:
    """exp(-a u - b u²), u = ln(x / xmin), with b >= 0: the power law is b = 0."""
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
    """exp(-alpha ln x - lambda x) with lambda >= 0."""
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
    """The geometric distribution from x_min on, whose maximum has a closed form."""
    beyond = np.exp(tail.log_x) - tail.xmin
    rate = float(np.log1p(tail.n / (tail.types @ beyond)))
    return _Fit({"lambda": rate}, np.log(-np.expm1(-rate)) - rate * beyond)


def _fit_stretched_exponential(tail: _Tail, power_law: PowerLawFit) -> _Fit:
    """x^(beta-1) exp(-c (x^beta - 1) / beta) with c = lambda beta, which is the power law of
    exponent 1 + c at beta = 0; c is fitted within, beta around it."""
    from scipy.optimize import minimize_scalar

    def fit_c(beta: float) -> tuple[float, FloatArray | None]:
        def features(log_x: FloatArray) -> FloatArray:
            with np.errstate(over="ignore"):
                return np.stack([-np.minimum(np.expm1(beta * log_x) / beta, 1e300)])

        def offset(log_x: FloatArray) -> FloatArray:
            return (beta - 1) * log_x

        lowest = float(features(np.log([tail.xmin]))[0, 0])
        beyond = lowest * tail.n - float(features(tail.log_x)[0] @ tail.types)
        start = np.array([tail.n / beyond])
        theta = tail.rule.maximise(features, start, tail.log_x, tail.types, offset=offset)
        if theta is None:
            return np.nan, None
        log_p = tail.rule.log_probabilities(features, theta, tail.log_x, offset=offset)
        return float(theta[0]), log_p

    def loss(beta: float) -> float:
        log_p = fit_c(beta)[1]
        return 1e300 if log_p is None else -float(tail.types @ log_p)

    grid = np.geomspace(1e-4, 3.0, 16)  # its valley can be narrow, and near 0
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
    """Return the best (theta_1, theta_2) with theta_2 >= 0, where theta_2 = 0 is the power law.

    The log-likelihood of an exponential family is concave, so where it falls from the power law
    on, the power law is the maximum: that is decided, not searched for.
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
