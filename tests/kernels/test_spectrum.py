"""Types and frequencies against sets and counters."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lmkit.kernels import spectrum

texts = st.lists(st.integers(0, 5), min_size=1, max_size=9)


@given(texts)
def test_expected_types_are_the_mean_over_all_samples(text):
    by_frequency = Counter(Counter(text).values())
    frequencies, types = (np.array(each) for each in zip(*by_frequency.items(), strict=True))
    sizes = np.arange(len(text) + 1)
    found = spectrum.expected_types(len(text), frequencies, types, sizes)
    for n in sizes.tolist():
        samples = [len(set(sample)) for sample in combinations(text, n)]
        np.testing.assert_allclose(found[n], np.mean(samples), atol=1e-9)


@given(texts, texts)
def test_ids_are_marked_once(before, text):
    seen = np.isin(np.arange(6), before)
    assert spectrum.mark_seen(np.array(text), seen) == len(set(text) - set(before))
    assert set(np.flatnonzero(seen).tolist()) == {*text, *before}


@given(texts, st.data())
def test_tokens_are_removed_from_a_spectrum(text, data):
    kept = data.draw(st.integers(0, len(text)))
    counts = np.bincount(text, minlength=6)
    by_frequency = np.bincount(counts)
    spectrum.remove_tokens(np.sort(np.array(text)[kept:]), counts, by_frequency)
    left = np.bincount(np.bincount(text[:kept], minlength=6), minlength=len(by_frequency))
    assert by_frequency.tolist() == left.tolist()


@given(texts, st.integers(1, 9))
def test_types_of_windows(text, window):
    window = min(window, len(text))
    windows = [text[t : t + window] for t in range(len(text) - window + 1)]
    found = spectrum.sum_window_types(np.array(text, np.int32), window)
    assert found == sum(len(set(each)) for each in windows)
