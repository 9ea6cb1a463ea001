"""What several tests of statistics share."""

from __future__ import annotations

import numpy as np
import powerlaw
import pytest

from lmkit.statistics.spectrum import FrequencySpectrum


@pytest.fixture(scope="session")
def moby_dick() -> FrequencySpectrum:
    return FrequencySpectrum.from_counts(powerlaw.load_test_dataset("words").astype(np.int64))
