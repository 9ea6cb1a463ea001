"""Lexical diversity, and the coverage of a text by vocabularies of different sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lmkit.errors import CorpusError, ParameterError
from lmkit.kernels.spectrum import sum_window_types
from lmkit.statistics.growth import expected_types
from lmkit.statistics.spectrum import FrequencySpectrum, Record
from lmkit.types import LongArray

if TYPE_CHECKING:
    import pandas as pd

COVERAGES = (0.80, 0.90, 0.95, 0.99)


@dataclass(frozen=True)
class Diversity(Record):
    """Three type-token ratios, each in (0, 1]; None where the text is too short.

    ``ttr`` is V / N, which falls with the length of the text. Two versions do not: ``mattr``, the
    mean over all windows of ``mattr_window`` consecutive tokens, and ``hdd``, the expectation for
    ``hdd_sample`` tokens drawn at random.
    """

    ttr: float
    mattr: float | None
    mattr_window: int
    hdd: float | None
    hdd_sample: int


@dataclass(frozen=True)
class Coverage:
    """The ``types`` most frequent types make up the share ``coverage`` of the tokens, or more.

    ``min_count`` is the frequency of the rarest of them.
    """

    coverage: float
    types: int
    min_count: int


@dataclass(frozen=True)
class VocabularyCut:
    """The out-of-vocabulary rates of a vocabulary of the ``size`` most frequent types.

    ``min_count`` is the frequency of its rarest type, ``oov_rate`` the share of the text's own
    tokens outside it, ``heldout_oov_rate`` that of a second text's tokens (None without one).
    """

    size: int
    min_count: int
    oov_rate: float
    heldout_oov_rate: float | None


def measure_diversity(
    ids: NDArray[Any], *, mattr_window: int = 500, hdd_sample: int = 42
) -> Diversity:
    """Return the type-token ratio, MATTR and HD-D of a stream of ids (shape (T,), from 0 up).

    Raises CorpusError for no tokens, ParameterError for a window or sample below 1. Sources:
    Covington & McFall (2010), "Cutting the Gordian knot", for MATTR; McCarthy & Jarvis (2007),
    "vocd: a theoretical and empirical evaluation", for HD-D, here divided by the sample size.
    """
    spectrum = FrequencySpectrum.from_ids(ids)
    enough = len(ids) >= mattr_window
    return Diversity(
        ttr=spectrum.types / spectrum.tokens,
        mattr=moving_average_ttr(ids, window=mattr_window) if enough else None,
        mattr_window=mattr_window,
        hdd=hypergeometric_diversity(spectrum, sample=hdd_sample)
        if spectrum.tokens >= hdd_sample
        else None,
        hdd_sample=hdd_sample,
    )


def moving_average_ttr(ids: NDArray[Any], *, window: int = 500) -> float:
    """Return the mean type-token ratio of all windows of ``window`` consecutive tokens (MATTR).

    Raises ParameterError for a window below 1, CorpusError for a text shorter than it. Source:
    Covington & McFall (2010). Windows of 2 in "a b a a" have the ratios 1, 1 and 1/2:

    >>> moving_average_ttr(np.array([0, 1, 0, 0]), window=2)
    0.8333333333333334
    """
    if window < 1:
        raise ParameterError(f"a window of {window} tokens holds nothing; use 1 or more")
    if len(ids) < window:
        raise CorpusError(
            f"the text has {len(ids)} tokens, fewer than the window of {window}; "
            "choose a smaller window"
        )
    types = sum_window_types(ids, window)
    return types / (len(ids) - window + 1) / window


def hypergeometric_diversity(spectrum: FrequencySpectrum, *, sample: int = 42) -> float:
    """Return HD-D: the expected type-token ratio of ``sample`` tokens drawn without replacement.

    Raises ParameterError for a sample below 1 or larger than the text. Source: McCarthy & Jarvis
    (2007). Two tokens of "a b a a" are of two types in 3 of the 6 draws, E[V] = 1.5:

    >>> hypergeometric_diversity(FrequencySpectrum.from_counts([3, 1]), sample=2)
    0.75
    """
    if sample < 1:
        raise ParameterError(f"a sample of {sample} tokens holds nothing; use 1 or more")
    return float(expected_types(spectrum, sample) / sample)


def measure_coverage(
    spectrum: FrequencySpectrum, *, coverages: Sequence[float] = COVERAGES
) -> list[Coverage]:
    """Return how many of the most frequent types are needed to cover each share of the tokens.

    Raises ParameterError for a share outside (0, 1].

    >>> measure_coverage(FrequencySpectrum.from_counts([6, 3, 1]), coverages=[0.6, 0.95])
    [Coverage(coverage=0.6, types=1, min_count=6), Coverage(coverage=0.95, types=3, min_count=1)]
    """
    frequency, first, _ = spectrum.rank_groups()
    covered = np.cumsum(frequency * spectrum.type_counts[::-1])
    rows = []
    for share in coverages:
        if not 0 < share <= 1:
            raise ParameterError(f"a coverage of {share} is no share; give one above 0, up to 1")
        needed = int(np.ceil(share * spectrum.tokens - 1e-9))
        group = int(np.searchsorted(covered, needed))  # of tied types
        before = int(covered[group - 1]) if group else 0
        tied = -((before - needed) // int(frequency[group]))  # as many of them, rounded up
        rows.append(Coverage(float(share), int(first[group]) - 1 + tied, int(frequency[group])))
    return rows


def measure_vocabulary_cuts(
    counts: NDArray[Any],
    *,
    heldout_counts: NDArray[Any] | None = None,
    heldout_unseen: int = 0,
    sizes: Sequence[int] | None = None,
) -> list[VocabularyCut]:
    """Return the out-of-vocabulary rates of vocabularies of the most frequent types.

    ``counts`` has the frequency of each type, shape (V,); ``heldout_counts`` those of the same
    types in a second text, which has ``heldout_unseen`` further tokens of other types. ``sizes``
    are by default 1, 2 and 5 times the powers of ten, and the whole vocabulary. Types of equal
    frequency are taken in the order given.

    Raises CorpusError for a text without tokens, ParameterError for a size below 1 or counts of
    different shapes.
    """
    counts = np.asarray(counts)
    types, tokens = int((counts > 0).sum()), int(counts.sum())
    if not tokens:
        raise CorpusError("the text has no tokens, so no vocabulary can be cut; give more text")
    order = np.argsort(-counts, kind="stable")
    own = np.cumsum(counts[order])
    other: LongArray | None = None
    if heldout_counts is not None:
        if np.shape(heldout_counts) != counts.shape:
            raise ParameterError(
                f"held-out counts of shape {np.shape(heldout_counts)} do not pair with counts of "
                f"shape {counts.shape}; count both over one vocabulary"
            )
        other = np.cumsum(np.asarray(heldout_counts)[order])
    rows = []
    for size in _default_sizes(types) if sizes is None else sizes:
        if size < 1:
            raise ParameterError(f"a vocabulary of {size} types is empty; give 1 or more")
        last = min(size, types) - 1
        oov = None
        if other is not None:
            total = int(other[-1]) + heldout_unseen
            oov = 1 - int(other[last]) / total if total else 0.0
        rows.append(
            VocabularyCut(last + 1, int(counts[order[last]]), 1 - int(own[last]) / tokens, oov)
        )
    return rows


def coverage_to_pandas(rows: Sequence[Coverage | VocabularyCut]) -> pd.DataFrame:
    """Return a data frame with one row for each coverage or cut."""
    import pandas as pd

    return pd.DataFrame([asdict(row) for row in rows])


def _default_sizes(types: int) -> list[int]:
    powers = [100, 1000, 10_000, 100_000, 1_000_000, 10_000_000]
    return [k * p for p in powers for k in (1, 2, 5) if k * p < types] + [types]
