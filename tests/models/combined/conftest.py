"""Fitted models that the tests of combined models share; no test changes them."""

from __future__ import annotations

from typing import Any

import pytest

import lmkit
from tests.models.combined.samples import RNN, TRAIN, VALID


@pytest.fixture(scope="session")
def ngram() -> Any:
    return lmkit.fit("kneser-ney:order=3", TRAIN)


@pytest.fixture(scope="session")
def rnn() -> Any:
    return lmkit.fit(RNN, TRAIN, valid=VALID)
