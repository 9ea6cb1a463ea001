"""Three forms of Zipf's law, fitted to the whole range of frequencies from 1 on.

All have a power-law tail, but they differ at small frequencies, which most types have
(Moreno-Sánchez, Font-Clos & Corral 2016, "Large-scale analysis of Zipf's law in English texts").
With the exponent b > 1 and the frequency n >= 1 of a type:

=============  =====================================================  ==========================
name           P(X = n)                                               the pure power law
=============  =====================================================  ==========================
spectrum       n^(-b) / zeta(b)                                       the spectrum itself
survival       n^(-(b-1)) - (n+1)^(-(b-1))                            P(X >= n)
rank           (b-1) Gamma(n+1-b) / (Gamma(2-b) Gamma(n+1)), b < 2    the ranks of the population
=============  =====================================================  ==========================

For b = 1.9, the share of hapaxes P(X = 1) is 0.57, 0.46 and 0.90.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaln, zeta

from lmkit.errors import CorpusError
from lmkit.statistics.spectrum import FrequencySpectrum, Record
from lmkit.types import FloatArray


@dataclass(frozen=True)
class WholeRangeFit(Record):
    """One of the three forms, fitted to all types by maximum likelihood.

    ``exponent`` is b with its standard error, ``ks`` the Kolmogorov-Smirnov distance over all
    integers, ``log_likelihood`` in nats. The forms have one parameter each, so that their
    likelihoods are directly comparable.
    """

    name: str
    exponent: float
    exponent_se: float
    ks: float
    log_likelihood: float

    def survival(self, n: ArrayLike) -> FloatArray:
        """Return P(X >= n), for integers n >= 1."""
        survival, _ = _FORMS[self.name]
        return np.asarray(survival(self.exponent, np.asarray(n, dtype=np.float64)))


def fit_whole_range(spectrum: FrequencySpectrum) -> tuple[WholeRangeFit, ...]:
    """Return the three forms of Zipf's law fitted to the whole spectrum, best likelihood first.

    Raises CorpusError where all types have the same frequency. Source: Moreno-Sánchez, Font-Clos &
    Corral (2016).
    """
    if len(spectrum.frequencies) < 2:
        raise CorpusError("every type has the same frequency; give more text")
    fits = (_fit(spectrum, name) for name in _FORMS)
    return tuple(sorted(fits, key=lambda fit: -fit.log_likelihood))


def _fit(spectrum: FrequencySpectrum, name: str) -> WholeRangeFit:
    from scipy.optimize import minimize_scalar

    survival, log_p = _FORMS[name]
    n = spectrum.frequencies.astype(np.float64)
    types = spectrum.type_counts.astype(np.float64)

    def loss(b: float) -> float:
        return -float(types @ log_p(b, n))

    high = 2.0 - 1e-9 if name == "rank" else 30.0
    found = minimize_scalar(
        loss, bounds=(1.0 + 1e-9, high), method="bounded", options={"xatol": 1e-10}
    )
    b = float(found.x)
    step = min(1e-4, (b - 1) / 4, (high - b) / 4)
    curvature = (loss(b + step) - 2 * loss(b) + loss(b - step)) / step**2
    # The empirical survival function is constant between observed frequencies, so that its largest
    # distance is at one of them, or just after it.
    observed = np.append(np.cumsum(types[::-1])[::-1], 0.0) / spectrum.types  # P(X >= n), (K + 1,)
    gaps = np.concatenate([observed[:-1] - survival(b, n), observed[1:] - survival(b, n + 1)])
    return WholeRangeFit(
        name=name,
        exponent=b,
        exponent_se=float(curvature**-0.5) if curvature > 0 else float("nan"),
        ks=float(np.abs(gaps).max()),
        log_likelihood=-float(found.fun),
    )


_Function = Callable[[float, FloatArray], FloatArray]
_FORMS: dict[str, tuple[_Function, _Function]] = {  # P(X >= n) and ln P(X = n), from b and n
    "spectrum": (
        lambda b, n: zeta(b, n) / zeta(b, 1.0),
        lambda b, n: -b * np.log(n) - np.log(zeta(b, 1.0)),
    ),
    "survival": (
        lambda b, n: n ** (1 - b),
        lambda b, n: (1 - b) * np.log(n) + np.log(-np.expm1((1 - b) * np.log1p(1 / n))),
    ),
    "rank": (
        lambda b, n: np.exp(gammaln(n + 1 - b) - gammaln(2 - b) - gammaln(n)),
        lambda b, n: np.log(b - 1) + gammaln(n + 1 - b) - gammaln(2 - b) - gammaln(n + 1),
    ),
}
