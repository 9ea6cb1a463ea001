"""How the vocabulary grows with the text: the Heaps (Herdan) curve and its exponent.

The curve of a text in random order needs no shuffling: its mean over all permutations is known
exactly from the frequency spectrum (hypergeometric interpolation, whose limit for large texts is
the binomial interpolation of Good & Toulmin 1956).
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

_POINTS = 40  # of the curve that is fitted, equally spaced in ln n
_SHORTEST = 0.01  # the curve is fitted over the last two decades of the text
_BLOCKS = 20


@dataclass(frozen=True, eq=False)
class HeapsFit:
    """Heaps' law V(n) = coefficient · n^exponent, fitted to the growth curve of a text.

    ``exponent`` is the least-squares slope of ln E[V(n)] against ln n over the last two decades
    of the text, E over all orders of its tokens; ``exponent_low`` and ``exponent_high`` its 95%
    interval by leaving out each of 20 contiguous blocks of text in turn, so that words that come
    in bursts widen it (None where the text's order was not given). ``final_slope`` is the slope at
    the end of the text, V1 / V, which is what growth will go on with: it is below ``exponent``
    because the curve bends. ``tokens``, ``types`` and ``observed_types`` hold the curve: n, E[V(n)]
    and V(n) in the order of the text (None without it), arrays of shape (P,).
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
        return {
            "exponent": self.exponent,
            "exponent_low": self.exponent_low,
            "exponent_high": self.exponent_high,
            "coefficient": self.coefficient,
            "final_slope": self.final_slope,
        }

    def to_pandas(self) -> pd.DataFrame:
        """Return the curve as a data frame with one row for each n."""
        import pandas as pd

        columns: dict[str, Any] = {"tokens": self.tokens, "types": self.types}
        if self.observed_types is not None:
            columns["observed_types"] = self.observed_types
        return pd.DataFrame(columns)


def expected_types(spectrum: FrequencySpectrum, tokens: ArrayLike) -> FloatArray:
    """Return E[V(n)], the types expected in ``tokens`` tokens drawn without replacement.

    This is exactly the mean of the growth curve over all permutations of the text:
    the sum over types of 1 - binom(N - f, n) / binom(N, n). Shape that of ``tokens``.

    Raises ParameterError where n is below 0 or above the length of the text.
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
    """Return V(n), the types among the first n ids, for each n of ``tokens`` (rising).

    ``ids`` is a stream of integers from 0 up, shape (T,). Raises ParameterError for an n beyond
    its end.
    """
    n = np.asarray(tokens, dtype=np.int64)
    if n.size and not (n.min() >= 0 and n.max() <= len(ids) and (np.diff(n) >= 0).all()):
        raise ParameterError(f"the points of a growth curve must rise from 0 to {len(ids)}")
    seen = np.zeros(int(ids.max()) + 1 if len(ids) else 0, dtype=np.bool_)
    out = np.zeros(len(n), dtype=np.int64)
    found = start = 0
    for i, end in enumerate(n.tolist()):
        found += kernels.mark_seen(
            np.sort(ids[start:end]), seen
        )  # sorted: accesses in memory order
        out[i], start = found, end
    return out


def fit_heaps(
    spectrum: FrequencySpectrum,
    *,
    ids: NDArray[Any] | None = None,
    counts: NDArray[Any] | None = None,
) -> HeapsFit:
    """Return Heaps' law fitted to the growth of the vocabulary.

    ``ids``, the same tokens in the order of the text, adds the observed curve and the interval;
    ``counts``, how often each id occurs, saves counting them where they are known.

    Raises CorpusError for a text of fewer than 200 tokens. Sources: Heaps (1978), Information
    Retrieval; Herdan (1960), Type-Token Mathematics; Künsch (1989), "The jackknife and the
    bootstrap for general stationary observations", for leaving out blocks.
    """
    if spectrum.tokens < 200:
        raise CorpusError(
            f"{spectrum.tokens} tokens are too few to see a vocabulary grow; give 200 or more"
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
    """Return slope and intercept of the line through ln E[V(n)], and n and E[V(n)]."""
    points = np.geomspace(spectrum.tokens * _SHORTEST, spectrum.tokens, _POINTS)
    grid = np.unique(np.rint(points).astype(np.int64))
    curve = expected_types(spectrum, grid)
    slope, intercept = np.polyfit(np.log(grid), np.log(curve), 1)
    return float(slope), float(intercept), grid, curve


def _half_width(ids: NDArray[Any], counts: NDArray[Any]) -> float:
    """Return half the 95% interval of the exponent, by leaving out one block at a time."""
    from scipy.special import stdtrit  # Student's t; scipy.stats takes half a second to import

    by_frequency = np.bincount(counts)
    edges = np.linspace(0, len(ids), _BLOCKS + 1).astype(np.int64)

    def slope_without(block: NDArray[Any]) -> float:
        left = by_frequency.copy()
        kernels.remove_tokens(np.sort(block), counts, left)
        values = np.flatnonzero(left[1:]) + 1
        return _slope(FrequencySpectrum(values, left[values]))[0]

    slopes = run_all(slope_without, [ids[a:b] for a, b in itertools.pairwise(edges)])
    error = np.sqrt((_BLOCKS - 1) * np.var(slopes))
    return float(stdtrit(_BLOCKS - 1, 0.975) * error)
