"""The frequency spectrum: how many types occur once, twice, three times ...

It is a sufficient statistic for almost everything in this package, and small: a text of a hundred
million tokens has a few thousand distinct frequencies. For "a rose is a rose is a rose ;":

    type counts    a 3, rose 3, is 2, ; 1
    spectrum       frequency 1: 1 type, 2: 1 type, 3: 2 types     V = 4, N = 9, V1 = 1
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lmkit.errors import CorpusError
from lmkit.types import LongArray

if TYPE_CHECKING:
    import pandas as pd


class Record:
    """A dataclass of plain values."""

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as a plain dictionary."""
        return asdict(self)  # type: ignore[call-overload, no-any-return]


@dataclass(frozen=True, eq=False)
class FrequencySpectrum:
    """The pairs (frequency, number of types with that frequency) of a text, by rising frequency.

    ``frequencies`` and ``type_counts`` are read-only int64 arrays of shape (K,) for K distinct
    frequencies, all positive, the first strictly rising.

    Raises CorpusError for no types at all or a number out of range.

    >>> s = FrequencySpectrum.from_counts([3, 1, 1, 0, 2])
    >>> s.tokens, s.types, s.hapaxes, s.dis_legomena, s.max_frequency
    (7, 4, 2, 1, 3)
    >>> s.frequencies.tolist(), s.type_counts.tolist()
    ([1, 2, 3], [2, 1, 1])
    """

    frequencies: LongArray
    type_counts: LongArray

    def __post_init__(self) -> None:
        """Copy, check and freeze the arrays."""
        frequencies = np.array(self.frequencies, dtype=np.int64)
        type_counts = np.array(self.type_counts, dtype=np.int64)
        if frequencies.size == 0:
            raise CorpusError("the text has no tokens, so it has no frequencies; give more text")
        if frequencies.ndim != 1 or frequencies.shape != type_counts.shape:
            raise CorpusError(
                f"frequencies of shape {frequencies.shape} and type counts of shape "
                f"{type_counts.shape} do not pair; give two lists of one length"
            )
        if frequencies[0] < 1 or type_counts.min() < 1 or (np.diff(frequencies) < 1).any():
            raise CorpusError(
                "a spectrum needs positive, strictly rising frequencies and positive type counts; "
                "build it with FrequencySpectrum.from_counts"
            )
        for name, array in (("frequencies", frequencies), ("type_counts", type_counts)):
            array.setflags(write=False)
            object.__setattr__(self, name, array)

    @classmethod
    def from_counts(cls, counts: ArrayLike) -> FrequencySpectrum:
        """Return the spectrum of ``counts``, the frequency of each type; zeros are left out.

        Raises CorpusError for a negative count, a count that is no integer, or no token at all.
        """
        array = np.asarray(counts).ravel()
        if array.size and array.dtype.kind not in "iu":
            raise CorpusError(f"counts of type {array.dtype} are not integers; count whole tokens")
        if array.size and array.min() < 0:
            raise CorpusError(f"a count of {array.min()} is negative; counts start at 0")
        small = array.size and array.max() < 4 * array.size + 65536
        if small:  # one counting pass; a sort only where frequencies are few and huge
            types = np.bincount(array)
            values = np.flatnonzero(types)
            types = types[values]
        else:
            values, types = np.unique(array, return_counts=True)
        seen = values > 0
        return cls(values[seen].astype(np.int64), types[seen].astype(np.int64))

    @classmethod
    def from_ids(cls, ids: NDArray[Any]) -> FrequencySpectrum:
        """Return the spectrum of a stream of ids (shape (T,), integers from 0 up).

        Every id counts as a token: leave sentence ends out first.
        """
        return cls.from_counts(np.bincount(ids))

    @cached_property
    def tokens(self) -> int:
        """The number of tokens, N."""
        return int(self.frequencies @ self.type_counts)

    @cached_property
    def types(self) -> int:
        """The number of types, V."""
        return int(self.type_counts.sum())

    @property
    def max_frequency(self) -> int:
        """The frequency of the most frequent type."""
        return int(self.frequencies[-1])

    @property
    def hapaxes(self) -> int:
        """The number of types that occur once."""
        return self.types_of_frequency(1)

    @property
    def dis_legomena(self) -> int:
        """The number of types that occur twice."""
        return self.types_of_frequency(2)

    def types_of_frequency(self, frequency: int) -> int:
        """Return the number of types that occur exactly ``frequency`` times."""
        index = int(np.searchsorted(self.frequencies, frequency))
        if index == len(self.frequencies) or self.frequencies[index] != frequency:
            return 0
        return int(self.type_counts[index])

    @property
    def missing_mass(self) -> float:
        """The Good-Turing estimate of the probability that the next token is a new type: V1 / N.

        With 2 hapaxes among 7 tokens, 2/7. Good (1953), "The population frequencies of species and
        the estimation of population parameters".
        """
        return self.hapaxes / self.tokens

    @property
    def missing_mass_se(self) -> float:
        """The standard error of :attr:`missing_mass`, assuming independent tokens.

        Esty (1983), "A normal limit law for a nonparametric estimator of the coverage of a
        random sample": sqrt(V1 + 2 V2 - V1² / N) / N.
        """
        variance = self.hapaxes + 2 * self.dis_legomena - self.hapaxes**2 / self.tokens
        return float(np.sqrt(max(variance, 0.0))) / self.tokens

    def counts(self) -> LongArray:
        """Return the frequency of every type, most frequent first, shape (V,)."""
        return np.repeat(self.frequencies[::-1], self.type_counts[::-1])

    def rank_groups(self) -> tuple[LongArray, LongArray, LongArray]:
        """Return (frequency, first rank, last rank) of every group of tied types.

        By falling frequency, ranks from 1; three arrays of shape (K,).

        >>> [a.tolist() for a in FrequencySpectrum.from_counts([3, 1, 1]).rank_groups()]
        [[3, 1], [1, 2], [1, 3]]
        """
        last = np.cumsum(self.type_counts[::-1])
        return self.frequencies[::-1], last - self.type_counts[::-1] + 1, last

    def __eq__(self, other: object) -> bool:
        """Return whether both hold the same pairs."""
        if not isinstance(other, FrequencySpectrum):
            return NotImplemented
        return np.array_equal(self.frequencies, other.frequencies) and np.array_equal(
            self.type_counts, other.type_counts
        )

    __hash__ = None  # type: ignore[assignment]

    def to_pandas(self) -> pd.DataFrame:
        """Return a data frame with the columns ``frequency`` and ``types``, one row a frequency."""
        import pandas as pd

        return pd.DataFrame({"frequency": self.frequencies, "types": self.type_counts})
