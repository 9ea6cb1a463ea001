"""Frequency spectra, and what is counted from them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmkit.errors import CorpusError
from lmkit.statistics.spectrum import FrequencySpectrum


def test_moby_dick_counts(moby_dick):
    assert (moby_dick.types, moby_dick.tokens) == (18855, 209994)
    assert (moby_dick.hapaxes, moby_dick.dis_legomena) == (9161, 3085)
    assert moby_dick.max_frequency == 14086
    assert moby_dick.missing_mass == pytest.approx(0.043625, abs=5e-7)


@given(st.lists(st.integers(0, 30), min_size=1).filter(any))
def test_spectrum_agrees_with_plain_counting(counts):
    spectrum = FrequencySpectrum.from_counts(counts)
    seen = sorted((c for c in counts if c), reverse=True)
    assert spectrum.counts().tolist() == seen
    assert (spectrum.tokens, spectrum.types) == (sum(seen), len(seen))
    assert spectrum.hapaxes == seen.count(1)
    frequency, first, last = spectrum.rank_groups()
    for f, a, b in zip(frequency, first, last, strict=True):
        assert seen[a - 1 : b] == [f] * (b - a + 1)
    ids = np.repeat(np.arange(len(counts)), counts)
    assert FrequencySpectrum.from_ids(ids) == spectrum


def test_few_but_huge_counts_take_no_memory():
    spectrum = FrequencySpectrum.from_counts([10**15, 1, 10**15])
    assert spectrum.frequencies.tolist() == [1, 10**15]
    assert spectrum.types_of_frequency(10**15) == 2


@pytest.mark.parametrize("counts", [[], [0, 0], [3, -1], [1.5, 2.0]])
def test_what_is_no_spectrum_is_refused(counts):
    with pytest.raises(CorpusError):
        FrequencySpectrum.from_counts(counts)


def test_spectrum_cannot_be_written_to(moby_dick):
    with pytest.raises(ValueError, match="read-only"):
        moby_dick.frequencies[0] = 5
