"""Growth of the vocabulary with the length of the text: the Heaps (Herdan) curve and its exponent.

The mean growth curve over all permutations of a text follows exactly from its frequency spectrum,
without any shuffling (hypergeometric interpolation; its limit for large texts is the binomial
interpolation of Good & Toulmin 1956). For N tokens, a type of frequency f is among the first n with
probability 1 - binom(N - f, n) / binom(N, n). For "a b a a" (N = 4) and n = 2:

    a: 1 - binom(1, 2) / binom(4, 2) = 1,   b: 1 - binom(3, 2) / binom(4, 2) = 1/2,   E[V(2)] = 1.5
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lmkit.errors import CorpusError, ParameterError
from lmkit.kernels import spectrum as kernels
from lmkit.parallel import run_all
from lmkit.statistics.spectrum import FrequencySpectrum
from lmkit.types import FloatArray, LongArray

if TYPE_CHECKING:
    import pandas as pd

_MIN_TOKENS = 200
_POINTS = 40  # points of the fitted curve, equally spaced in ln n
_SHORTEST = 0.01  # share of the text at the first of them: the last two decades are fitted
_BLOCKS = 20  # of the jackknife


@dataclass(frozen=True, eq=False)
class HeapsFit:
    """Heaps' law V(n) = coefficient · n^exponent, fitted to the growth curve of a text.

    ``exponent`` is the least-squares slope of ln E[V(n)] against ln n over the last two decades of
    the text, the expectation over all orders of its tokens. ``exponent_low`` and ``exponent_high``
    are its 95% interval by the jackknife over 20 contiguous blocks of text, which accounts for
    words that occur in bursts (None where the order of the text was not given). ``final_slope``,
    V1 / V, is the slope at the end of the text; it is lower than ``exponent``, as the curve is
    concave, and predicts growth beyond the text better. ``tokens``, ``types`` and
    ``observed_types`` hold the curve: n, E[V(n)] and V(n) in the order of the text (None without
    it), arrays of shape (P,).
    """

    exponent: float
    exponent_low: float | None
    exponent_high: float | None
    coefficient: float
    final_slope: float
    tokens: LongArray
    types: FloatArray
    observed_types: LongArray | None

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers without the curve as a plain dictionary."""
        curve = ("tokens", "types", "observed_types")
        return {name: value for name, value in vars(self).items() if name not in curve}

    def to_pandas(self) -> pd.DataFrame:
        """Return the curve as a data frame with one row for each n."""
        import pandas as pd

        columns: dict[str, Any] = {"tokens": self.tokens, "types": self.types}
        if self.observed_types is not None:
            columns["observed_types"] = self.observed_types
        return pd.DataFrame(columns)


def expected_types(spectrum: FrequencySpectrum, tokens: ArrayLike) -> FloatArray:
    """Return E[V(n)], the expected number of types in n tokens drawn without replacement.

    This is the mean of the growth curve over all permutations of the text, the sum over types of
    1 - binom(N - f, n) / binom(N, n). The result has the shape of ``tokens``, the numbers n.

    Raises ParameterError for an n below 0 or above the length of the text.

    >>> expected_types(FrequencySpectrum.from_counts([3, 1]), [1, 2, 4])
    array([1. , 1.5, 2. ])
    """
    n = np.asarray(tokens, dtype=np.int64)
    if n.size and not (n.min() >= 0 and n.max() <= spectrum.tokens):
        raise ParameterError(
            f"a sample of {n.max()} tokens cannot be drawn from {spectrum.tokens}; to look "
            "beyond the text fit a finite Zipf-Mandelbrot model"
        )
    types = kernels.expected_types(
        spectrum.tokens, spectrum.frequencies, spectrum.type_counts, n.ravel()
    )
    return types.reshape(n.shape)


def observed_growth(ids: NDArray[Any], tokens: ArrayLike) -> LongArray:
    """Return V(n), the number of types among the first n ids, for each n of ``tokens`` (rising).

    ``ids`` are integers from 0 up, shape (T,). Raises ParameterError for an n above T.
    """
    n = np.asarray(tokens, dtype=np.int64)
    if n.size and not (n.min() >= 0 and n.max() <= len(ids) and (np.diff(n) >= 0).all()):
        raise ParameterError(f"the points of a growth curve must rise from 0 to {len(ids)}")
    seen = np.zeros(int(ids.max()) + 1 if len(ids) else 0, dtype=np.bool_)
    out = np.zeros(len(n), dtype=np.int64)
    types = start = 0
    for i, end in enumerate(n.tolist()):
        types += kernels.mark_seen(np.sort(ids[start:end]), seen)  # sorted: access in memory order
        out[i], start = types, end
    return out


def fit_heaps(
    spectrum: FrequencySpectrum,
    *,
    ids: NDArray[Any] | None = None,
    counts: NDArray[Any] | None = None,
) -> HeapsFit:
    """Return Heaps' law fitted to the growth of the vocabulary.

    ``ids``, the same tokens in the order of the text, adds the observed curve and the interval;
    ``counts``, the number of occurrences of each id, saves counting them again.

    Raises CorpusError for a text of fewer than 200 tokens. Sources: Heaps (1978), Information
    Retrieval; Herdan (1960), Type-Token Mathematics; Künsch (1989), "The jackknife and the
    bootstrap for general stationary observations", for the jackknife over blocks.
    """
    if spectrum.tokens < _MIN_TOKENS:
        raise CorpusError(
            f"{spectrum.tokens} tokens are too few to see a vocabulary grow; give "
            f"{_MIN_TOKENS} or more"
        )
    exponent, intercept, grid, curve = _slope(spectrum)
    low = high = observed = None
    if ids is not None:
        observed = observed_growth(ids, grid)
        half = _half_width(ids, np.bincount(ids) if counts is None else counts)
        low, high = exponent - half, exponent + half
    return HeapsFit(
        exponent=exponent,
        exponent_low=low,
        exponent_high=high,
        coefficient=math.exp(intercept),
        final_slope=spectrum.hapaxes / spectrum.types,
        tokens=grid,
        types=curve,
        observed_types=observed,
    )


def _slope(spectrum: FrequencySpectrum) -> tuple[float, float, LongArray, FloatArray]:
    """Return slope and intercept of the line through (ln n, ln E[V(n)]), then n and E[V(n)]."""
    points = np.geomspace(spectrum.tokens * _SHORTEST, spectrum.tokens, _POINTS)
    grid = np.unique(np.rint(points).astype(np.int64))
    curve = expected_types(spectrum, grid)
    slope, intercept = np.polyfit(np.log(grid), np.log(curve), 1)
    return float(slope), float(intercept), grid, curve


def _half_width(ids: NDArray[Any], counts: NDArray[Any]) -> float:
    """Return half the width of the 95% interval of the exponent, by the jackknife over blocks.

    With the slopes b_k without block k, of K, the variance is (K - 1)/K sum_k (b_k - mean)².
    """
    from scipy.special import stdtrit  # Student's t; scipy.stats takes half a second to import

    types_at = np.bincount(counts)  # the number of types of each frequency, from 0
    edges = np.linspace(0, len(ids), _BLOCKS + 1).astype(np.int64)

    def slope_without(block: NDArray[Any]) -> float:
        remaining = types_at.copy()
        kernels.remove_tokens(np.sort(block), counts, remaining)
        values = np.flatnonzero(remaining[1:]) + 1
        return _slope(FrequencySpectrum(values, remaining[values]))[0]

    slopes = run_all(slope_without, [ids[a:b] for a, b in itertools.pairwise(edges)])
    error = np.sqrt((_BLOCKS - 1) * np.var(slopes))
    return float(stdtrit(_BLOCKS - 1, 0.975) * error)
