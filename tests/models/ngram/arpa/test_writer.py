"""ARPA files written: the bytes of lmplz, KenLM's opinion of them, and round trips."""

from __future__ import annotations

import gzip
import math
from pathlib import Path

import numpy as np
import pytest

import lmkit
from lmkit.errors import FormatError, LmkitError
from lmkit.models.ngram.arpa.files import load_arpa
from lmkit.models.ngram.arpa.writer import save_arpa, write_arpa
from lmkit.models.ngram.backoff import BackoffModel
from lmkit.text.corpus import Corpus
from lmkit.text.vocabulary import Vocabulary
from tests.contract.model_contract import TEST
from tests.models.ngram.arpa.arpa_text import SlowModel, arpa
from tests.models.ngram.samples import corpus, fitted

# Discounts cannot be estimated from so little text; that is not what is tested here.
pytestmark = pytest.mark.filterwarnings("ignore::lmkit.models.ngram.discounts.DiscountWarning")

SMOOTHINGS = ("kneser-ney", "witten-bell", "absolute-discounting", "katz", "jelinek-mercer")


# ---------------------------------------------------------------------- the format


def test_files_of_lmplz_come_back_byte_for_byte(golden: Path, tmp_path: Path) -> None:
    paths = sorted([*golden.glob("*.arpa"), *golden.glob("*.arpa.gz")])
    assert paths
    for path in paths:
        raw = path.read_bytes()
        save_arpa(lmkit.load(path), tmp_path / "again.arpa")
        expected = gzip.decompress(raw) if path.suffix == ".gz" else raw
        assert (tmp_path / "again.arpa").read_bytes() == expected, path.name


def test_a_small_file_by_hand(tmp_path: Path) -> None:
    unigrams = "-0.6\t<unk>\t0\n0\t<s>\t-0.3\n-0.6\t</s>\t0\n-0.6\tb\t-0.2\n-0.6\ta\t-0.1"
    # By the last word in the order of the 1-grams, then by the first.
    bigrams = "-0.9\t<s> </s>\t0\n-0.9\ta </s>\t0\n-0.5\t<s> b\t-0.4\n-0.7\tb b\t0\n-1\t<s> a\t0"
    text = arpa(unigrams, bigrams, "-0.2\t<s> b b")
    (tmp_path / "m.arpa").write_text(text)
    save_arpa(load_arpa(tmp_path / "m.arpa"), tmp_path / "again.arpa")
    assert (tmp_path / "again.arpa").read_text() == text


@pytest.mark.parametrize("suffix", [".gz", ".xz", ".zst"])
def test_packed_files(tmp_path: Path, suffix: str) -> None:
    model = fitted()
    save_arpa(model, tmp_path / "m.arpa")
    path = tmp_path / f"m.arpa{suffix}"
    save_arpa(model, path)
    assert path.stat().st_size < (tmp_path / "m.arpa").stat().st_size
    plain, packed = load_arpa(tmp_path / "m.arpa"), load_arpa(path)
    assert packed.sha256 == plain.sha256
    first = path.read_bytes()
    save_arpa(model, path)
    assert path.read_bytes() == first


def test_the_order_of_words_is_that_of_the_vocabulary(tmp_path: Path) -> None:
    model = fitted()
    save_arpa(model, tmp_path / "m.arpa")
    assert load_arpa(tmp_path / "m.arpa").vocabulary_.tokens == model.vocabulary_.tokens


# ---------------------------------------------------------------------- round trips


@pytest.mark.parametrize("spec", [*SMOOTHINGS, "kneser-ney:order=1", "kneser-ney:order=5"])
@pytest.mark.parametrize(
    "options", ["", "unit=char", "unit=byte", "context=stream", "unk=excluded"]
)
def test_what_is_written_scores_as_the_model(tmp_path: Path, spec: str, options: str) -> None:
    if options:
        spec += ("," if ":" in spec else ":") + options
    model = fitted(spec)
    path = tmp_path / "m.arpa"
    save_arpa(model, path)
    again = load_arpa(path, unit=model.unit, context=model.context)
    assert again.vocabulary_.tokens == model.vocabulary_.tokens
    ids = model.encode(TEST + "\n")
    np.testing.assert_allclose(again.log_probs(ids), model.log_probs(ids), rtol=0, atol=2e-6)
    for context in ([], [2], [0], [2, 3], [1, 1]):
        np.testing.assert_allclose(
            np.exp(again.next_log_probs(context)), np.exp(model.next_log_probs(context)), atol=1e-6
        )
    # Written again, nothing changes any more, also by way of a model file.
    again.save(tmp_path / "m.lmkit")
    mapped = lmkit.load(tmp_path / "m.lmkit")
    save_arpa(mapped, tmp_path / "again.arpa")
    assert (tmp_path / "again.arpa").read_bytes() == path.read_bytes()
    np.testing.assert_array_equal(mapped.log_probs(ids), again.log_probs(ids))


def test_the_oracle_agrees_with_a_fitted_model(tmp_path: Path) -> None:
    model = fitted("kneser-ney:order=4")
    save_arpa(model, tmp_path / "m.arpa")
    slow = SlowModel.read(tmp_path / "m.arpa")
    ledger = model.score(corpus(TEST))
    np.testing.assert_allclose(-ledger.nats, slow.score(TEST.split("\n")), rtol=0, atol=5e-6)
    for history in ((), ("the",), ("<s>", "the"), ("the", "cat"), ("<unk>",)):
        assert slow.mass(history) == pytest.approx(1, abs=1e-5)


# ---------------------------------------------------------------------- what cannot be written


def test_white_space_in_a_token_is_refused(tmp_path: Path) -> None:
    model = fitted()
    assert isinstance(model, BackoffModel)
    types = list(model.vocabulary_.tokens[2:])
    types[3] = "New York"
    with pytest.raises(FormatError, match="'New York' holds white space"):
        write_arpa(tmp_path / "m.arpa", model.tables_, Vocabulary(types))
    with pytest.raises(LmkitError):
        save_arpa(model, tmp_path / "no" / "m.arpa")


# ---------------------------------------------------------------------- KenLM


def kenlm_nats(path: Path, text: str) -> list[float]:
    kenlm = pytest.importorskip("kenlm", reason="kenlm needs a C++ compiler to install")
    model = kenlm.Model(str(path))
    scores = [score for line in text.split("\n") for score, _, _ in model.full_scores(line)]
    return [score * math.log(10) for score in scores]


@pytest.mark.parametrize("spec", [*SMOOTHINGS, "kneser-ney:order=5", "kneser-ney:order=2"])
def test_kenlm_scores_what_lmkit_wrote(tmp_path: Path, spec: str) -> None:
    model = fitted(spec)
    save_arpa(model, tmp_path / "m.arpa")
    expected = kenlm_nats(tmp_path / "m.arpa", TEST)
    np.testing.assert_allclose(-model.score(corpus(TEST)).nats, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ["timemachine.3.prune001.arpa.gz", "timemachine.5.arpa.gz"])
def test_lmkit_and_kenlm_agree_on_every_token(golden: Path, tmp_path: Path, name: str) -> None:
    test = (golden / "timemachine.test.txt").read_text().removesuffix("\n")
    model = lmkit.load(golden / name)
    nats = -model.score(Corpus.from_string(test + "\n", normalize="none")).nats
    np.testing.assert_allclose(nats, kenlm_nats(golden / name, test), rtol=0, atol=1e-5)
    save_arpa(model, tmp_path / "m.arpa")
    np.testing.assert_allclose(nats, kenlm_nats(tmp_path / "m.arpa", test), rtol=0, atol=1e-5)
