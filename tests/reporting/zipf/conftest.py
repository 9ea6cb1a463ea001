"""A report on one text that the tests of its output share."""

from __future__ import annotations

import pytest

from lmkit.statistics.zipf import ZipfReport, measure_zipf
from lmkit.text.corpus import Corpus
from tests.statistics.samples import zipfian_text


@pytest.fixture(scope="session")
def report() -> ZipfReport:
    return measure_zipf(Corpus.from_string(zipfian_text(6000), name="book.txt"))
