"""Backoff models that are not fitted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import lmkit
from lmkit.models.ngram.arpa.files import load_arpa
from lmkit.models.ngram.pruning import prune
from lmkit.models.ngram.standalone import StandaloneBackoff
from lmkit.text.corpus import Corpus
from tests.models.ngram.arpa.arpa_text import SMALL, arpa
from tests.models.ngram.samples import fitted

pytestmark = pytest.mark.filterwarnings("ignore::lmkit.models.ngram.discounts.DiscountWarning")


def load(folder: Path, text: str, name: str = "m.arpa") -> StandaloneBackoff:
    path = folder / name
    path.write_bytes(text.encode())
    return load_arpa(path)


def test_a_read_model_is_not_fitted(tmp_path: Path) -> None:
    model = load(tmp_path, SMALL)
    with pytest.raises(lmkit.errors.ParameterError, match="not fitted"):
        model.fit(Corpus.from_string("a b\n"))
    assert model.is_fitted
    assert model.spec.startswith("backoff:source=m.arpa,sha256=")


def test_what_sums_to_more_than_one_is_no_probability_model(tmp_path: Path) -> None:
    assert load(tmp_path, arpa("-1\t<unk>\n-99\t<s>\n-0.30103\t</s>\n-0.39794\ta")).proper
    assert not load(tmp_path, arpa("-1\t<unk>\n-99\t<s>\n-0.2\t</s>\n-0.2\ta")).proper


def test_what_follows_a_sentence_end_does_not_count(tmp_path: Path) -> None:
    # As IRSTLM writes it: <s> is a word like others, and all that follows </s>.
    words = "-1\t<unk>\n-4\t<s>\t-0.1\n-0.30103\t</s>\t-3\n-0.39794\ta"
    bigrams = "-4\t<s> <s>\n-0.0001\t</s> <s>\n-0.39794\ta a"
    path = tmp_path / "m.arpa"
    path.write_text(arpa(words, bigrams))
    assert load_arpa(path).mass_error_ == pytest.approx(1 - 10**-0.1, abs=1e-3)  # after <s>
    path.write_text(arpa(words.replace("\t-0.1", ""), bigrams))
    assert load_arpa(path).proper
    assert not load_arpa(path, context="stream").proper


def test_pruned_models_know_where_they_come_from(tmp_path: Path) -> None:
    model = fitted("kneser-ney:order=4,unk=uniform")
    pruned = prune(model, threshold=1e-3)
    assert pruned.source == "kneser-ney:order=4,unk=uniform pruned to 0.001"
    assert (pruned.unk, pruned.train_sha256_) == ("uniform", model.train_sha256_)
    assert pruned.normalize_ == model.normalize_
    assert (pruned.vocabulary_, pruned.dropped_) == (model.vocabulary_, model.dropped_)
    pruned.save(tmp_path / "p.lmkit")
    again = lmkit.load(tmp_path / "p.lmkit")
    assert again.spec == pruned.spec
    np.testing.assert_array_equal(again.next_log_probs([2, 3]), pruned.next_log_probs([2, 3]))
    assert lmkit.models.registry.create(pruned.spec).get_parameters() == pruned.get_parameters()
