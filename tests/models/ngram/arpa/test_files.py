"""ARPA files to models and back: units, rules, names, refusals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import lmkit
from lmkit.errors import FormatError, NotFittedError, ParameterError
from lmkit.models.ngram.arpa.files import load_arpa
from lmkit.models.ngram.arpa.writer import save_arpa
from lmkit.models.ngram.backoff import BackoffModel
from lmkit.text.corpus import Corpus
from tests.contract.model_contract import TRAIN
from tests.models.ngram.arpa.arpa_text import SMALL
from tests.models.ngram.samples import corpus, fitted

pytestmark = pytest.mark.filterwarnings("ignore::lmkit.models.ngram.discounts.DiscountWarning")


def test_units_and_rules_can_be_given(tmp_path: Path) -> None:
    path = tmp_path / "m.arpa"
    path.write_text(SMALL.replace("\tb", "\t<space>").replace(" b", " <space>"))
    model = load_arpa(path, unit="char", normalize="lower", sentences="paragraph", context="stream")
    assert " " in model.vocabulary_
    ledger = model.score(Corpus.from_string("A a\n", normalize="none"))
    assert (ledger.unit, ledger.context, ledger.summary.normalize) == ("char", "stream", "lower")
    assert ledger.oov_count == 0
    save_arpa(model, tmp_path / "again.arpa")
    assert "<space>" in (tmp_path / "again.arpa").read_text()
    path.write_text(SMALL.replace("\ta", "\tab").replace(" a", " ab"))
    for unit in ("char", "byte"):
        with pytest.raises(FormatError, match=f"'ab' is no {unit}"):
            load_arpa(path, unit=unit)
    for wrong in ({"unit": "letter"}, {"normalize": "x"}, {"context": "page"}):
        with pytest.raises(lmkit.errors.ParameterError):
            load_arpa(tmp_path / "again.arpa", **wrong)


@pytest.mark.parametrize("spec", ["bigram", "uniform"])
def test_models_without_backoff_form_are_refused(tmp_path: Path, spec: str) -> None:
    with pytest.raises(ParameterError, match=f"{spec} has no backoff form.*kneser-ney"):
        lmkit.fit(spec, corpus(TRAIN)).save(tmp_path / "m.arpa")
    assert not (tmp_path / "m.arpa").exists()


def test_save_and_load_go_by_the_name(tmp_path: Path) -> None:
    model = fitted("witten-bell")
    for name in ("m.arpa", "m.arpa.gz"):
        model.save(tmp_path / name)
        assert lmkit.load(tmp_path / name).spec.startswith(f"backoff:source={name},sha256=")
    assert (tmp_path / "m.arpa").read_bytes().startswith(b"\\data\\\nngram 1=")
    with pytest.raises(ParameterError, match="no backoff form"):
        lmkit.fit("bigram", corpus(TRAIN)).save(tmp_path / "b.arpa")


def test_unfitted_models_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFittedError):
        save_arpa(lmkit.models.registry.create("kneser-ney"), tmp_path / "m.arpa")


def test_an_arpa_model_is_mapped_from_its_model_file(golden: Path, tmp_path: Path) -> None:
    model = lmkit.load(golden / "timemachine.3.arpa.gz")
    model.save(tmp_path / "m.lmkit")
    mapped = lmkit.load(tmp_path / "m.lmkit")
    assert isinstance(mapped, BackoffModel)
    assert mapped.spec == model.spec
    assert mapped.proper
    base = mapped.tables_.log_probs
    while not isinstance(base, np.memmap):
        base = base.base
    assert not mapped.tables_.log_probs.flags.writeable
