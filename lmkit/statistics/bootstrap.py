"""Bootstrap of a power law: the p-value of its goodness of fit, and the spread of its parameters.

Both draw whole frequency spectra as (frequency, number of types) pairs rather than single types,
and fit each from scratch, x_min included. Every repetition has its own random stream, derived from
the seed, so that the result does not depend on the number of threads.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from lmkit.errors import ParameterError
from lmkit.parallel import each_result
from lmkit.statistics.powerlaw import PowerLawFit, draw_pairs, fit_power_law
from lmkit.statistics.spectrum import FrequencySpectrum
from lmkit.types import FloatArray, LongArray

Repeated = Callable[[int, int], None]  # (repetitions done, repetitions in all)
_Draw = Callable[[np.random.Generator], tuple[LongArray, LongArray]]


@dataclass(frozen=True, eq=False)
class Bootstrap:
    """The fits of B = ``repetitions`` synthetic spectra.

    ``p_value`` is (1 + number of repetitions whose KS distance is at least the observed one) /
    (1 + B); with 19 of 99, it is 20/100 = 0.2. A small one makes a power law implausible (below 0.1
    according to Clauset, Shalizi & Newman); it is None for :func:`parameter_spread`, whose
    repetitions are not drawn from the fitted law. ``p_value_se`` is its binomial standard error;
    ``alpha_sd`` and ``xmin_sd`` are the standard deviations of the refitted parameters. ``xmin``,
    ``alpha`` and ``ks``, shape (B,), hold every refit.
    """

    repetitions: int
    seed: int
    p_value: float | None
    p_value_se: float | None
    alpha_sd: float
    xmin_sd: float
    xmin: LongArray = field(repr=False)
    alpha: FloatArray = field(repr=False)
    ks: FloatArray = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers, without the arrays, as a plain dictionary."""
        return {k: v for k, v in asdict(self).items() if k not in ("xmin", "alpha", "ks")}


def goodness_of_fit(
    spectrum: FrequencySpectrum,
    fit: PowerLawFit,
    *,
    repetitions: int = 1000,
    refit_xmin: bool = True,
    seed: int = 0,
    workers: int | None = None,
    progress: Repeated | None = None,
) -> Bootstrap:
    """Return the semi-parametric bootstrap p-value of ``fit``.

    Each repetition draws as many types as the text has: below x_min from the observed
    frequencies, from x_min on from the fitted power law; both x_min and alpha are fitted again.
    Use ``refit_xmin=False`` where x_min was given and not chosen by its KS distance. ``workers``
    is the number of threads, by default one for each core.

    Raises ParameterError for ``repetitions`` below 1. Source: Clauset, Shalizi & Newman (2009),
    section 4.1; Davison & Hinkley (1997), equation 4.11, for the 1s in the p-value.
    """
    body = spectrum.frequencies < fit.xmin
    values, types = spectrum.frequencies[body], spectrum.type_counts[body]
    in_body = int(types.sum())
    p_tail = fit.tail_types / spectrum.types

    def draw(rng: np.random.Generator) -> tuple[LongArray, LongArray]:
        n_tail = int(rng.binomial(spectrum.types, p_tail))
        tail_values, tail_counts = draw_pairs(fit.alpha, fit.xmin, n_tail, rng)
        if not in_body:
            return tail_values, tail_counts
        counts = rng.multinomial(spectrum.types - n_tail, types / in_body)
        seen = counts > 0
        return (
            np.concatenate([values[seen], tail_values]),
            np.concatenate([counts[seen], tail_counts]),
        )

    fixed = None if refit_xmin else fit.xmin
    return _repeat(draw, repetitions, seed, workers, progress, observed_ks=fit.ks, xmin=fixed)


def parameter_spread(
    spectrum: FrequencySpectrum,
    *,
    repetitions: int = 1000,
    seed: int = 0,
    workers: int | None = None,
    progress: Repeated | None = None,
) -> Bootstrap:
    """Return the fits of types resampled with replacement, for the uncertainty of x_min and alpha.

    Raises ParameterError for ``repetitions`` below 1. Source: Clauset, Shalizi & Newman (2009),
    section 3.3; their "1.95(2), 7(2)" for Moby Dick are these standard deviations.
    """

    def draw(rng: np.random.Generator) -> tuple[LongArray, LongArray]:
        counts = rng.multinomial(spectrum.types, spectrum.type_counts / spectrum.types)
        seen = counts > 0
        return spectrum.frequencies[seen], counts[seen]

    return _repeat(draw, repetitions, seed, workers, progress)


def _repeat(
    draw: _Draw,
    repetitions: int,
    seed: int,
    workers: int | None,
    progress: Repeated | None,
    *,
    observed_ks: float | None = None,
    xmin: int | None = None,
) -> Bootstrap:
    if repetitions < 1:
        raise ParameterError(f"{repetitions} bootstrap repetitions are too few; ask for 1 or more")

    def refit(stream: np.random.SeedSequence) -> tuple[float, float, float]:
        rng = np.random.default_rng(stream)
        while True:
            values, counts = draw(rng)
            if (values >= (xmin or 1)).sum() > 1:  # a fit needs two distinct frequencies
                break
        fit = fit_power_law(FrequencySpectrum(values, counts), xmin=xmin)
        return fit.xmin, fit.alpha, fit.ks

    fits = np.empty((repetitions, 3))
    streams = np.random.SeedSequence(seed).spawn(repetitions)
    for i, row in enumerate(each_result(refit, streams, threads=workers)):
        fits[i] = row
        if progress is not None:
            progress(i + 1, repetitions)
    p = None
    if observed_ks is not None:
        p = (1 + int((fits[:, 2] >= observed_ks).sum())) / (1 + repetitions)
    return Bootstrap(
        repetitions=repetitions,
        seed=seed,
        p_value=p,
        p_value_se=None if p is None else float(np.sqrt(p * (1 - p) / repetitions)),
        alpha_sd=float(fits[:, 1].std()),
        xmin_sd=float(fits[:, 0].std()),
        xmin=fits[:, 0].astype(np.int64),
        alpha=fits[:, 1],
        ks=fits[:, 2],
    )
