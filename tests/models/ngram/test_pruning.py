"""Entropy pruning: costs word by word, sums of one, targets, keep-lists, and KenLM's opinion."""

from __future__ import annotations

import math
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings

import lmkit
from lmkit.cli.main import cli
from lmkit.errors import ParameterError, VocabularyError
from lmkit.models.base import LanguageModel
from lmkit.models.ngram.arpa.files import load_arpa
from lmkit.models.ngram.arpa.writer import save_arpa
from lmkit.models.ngram.backoff import BackoffModel
from lmkit.models.ngram.masses import decimals, masses, normalized
from lmkit.models.ngram.pruning import prune, pruning_costs, read_ngrams, rounded
from lmkit.models.ngram.standalone import StandaloneBackoff
from tests.contract.model_contract import TEST, TRAIN
from tests.models.ngram.arpa import arpa_text
from tests.models.ngram.arpa.arpa_text import SlowModel, arpa
from tests.models.ngram.samples import corpus, fitted, ngrams_of, sizes

pytestmark = pytest.mark.filterwarnings("ignore::lmkit.models.ngram.discounts.DiscountWarning")

SMOOTHINGS = ("kneser-ney", "witten-bell", "katz", "absolute-discounting", "jelinek-mercer")


def slow(model: BackoffModel, folder: Path) -> SlowModel:
    """Return the model as dictionaries, read from the ARPA file of it."""
    save_arpa(model, folder / "slow.arpa")
    return SlowModel.read(folder / "slow.arpa")


# ---------------------------------------------------------------------- the oracle


@pytest.mark.parametrize("spec", ["kneser-ney", "witten-bell:order=4", "katz"])
@pytest.mark.parametrize("by", [None, "witten-bell:order=2"])
def test_costs_are_relative_entropies(tmp_path: Path, spec: str, by: str | None) -> None:
    # Read back from a file, so that both see the same rounded numbers.
    save_arpa(fitted(spec), tmp_path / "m.arpa")
    model = load_arpa(tmp_path / "m.arpa")
    history = fitted(by) if by else model
    oracle, its_history = slow(model, tmp_path), slow(history, tmp_path)
    costs = pruning_costs(model.tables_, history.tables_)
    trie = model.tables_.trie
    for order in range(2, trie.order + 1):
        found = costs[trie.span(order)]
        for ids, fast in zip(trie.ngrams(order).tolist(), found, strict=True):
            ngram = tuple(model.vocabulary_.token(index) for index in ids)
            expected = arpa_text.cost(oracle, ngram, its_history)
            assert fast == pytest.approx(expected, rel=1e-3, abs=1e-8), ngram
    assert np.isinf(costs[: trie.starts[2]]).all()


@pytest.mark.parametrize("spec", ["kneser-ney:order=4", "witten-bell", "katz"])
@pytest.mark.parametrize("threshold", [1e-4, 1e-3, 3e-3, 1e-2])
def test_pruned_models_are_those_of_the_slow_way(
    tmp_path: Path, spec: str, threshold: float
) -> None:
    save_arpa(fitted(spec), tmp_path / "m.arpa")
    model = load_arpa(tmp_path / "m.arpa")
    oracle = arpa_text.pruned(slow(model, tmp_path), threshold, slow(model, tmp_path))
    fast = prune(model, threshold=threshold)
    assert ngrams_of(fast) == set(oracle.log_probs)
    nats = -fast.score(corpus(TEST)).nats
    np.testing.assert_allclose(nats, oracle.score(TEST.split("\n")), rtol=0, atol=1e-5)


def test_a_small_model_by_hand(tmp_path: Path) -> None:
    # p(</s>) = p(a) = p(b) = p(<unk>) = 1/4; after a: b 1/2, so backoff (1/2) / (3/4) = 2/3.
    # Without "a b": weight 1, p(.|a) = 1/4 each; p(a) = 1/4.
    # D = 1/4 (1/2 ln(1/2 / 1/4) + 3 * 1/6 ln(1/6 / 1/4)) = 1/8 (ln 2 + ln 2/3) = 1/8 ln 4/3.
    quarter, half, weight = math.log10(1 / 4), math.log10(1 / 2), math.log10(2 / 3)
    words = f"{quarter}\t<unk>\n-99\t<s>\n{quarter}\t</s>\n{quarter}\ta\t{weight}\n{quarter}\tb"
    (tmp_path / "m.arpa").write_text(arpa(words, f"{half}\ta b"))
    model = load_arpa(tmp_path / "m.arpa")
    cost = pruning_costs(model.tables_)[-1]
    assert cost == pytest.approx((4 / 3) ** (1 / 8) - 1)
    assert sizes(prune(model, threshold=cost * (1 - 1e-9))) == [5, 1]
    pruned = prune(model, threshold=cost * (1 + 1e-9))
    assert sizes(pruned) == [5]
    np.testing.assert_allclose(np.exp(pruned.next_log_probs([2])), 1 / 4)


# ---------------------------------------------------------------------- sums of one


@settings(max_examples=40)
@given(
    text=st.lists(
        st.lists(st.sampled_from("abcde"), max_size=8).map(" ".join), min_size=1, max_size=12
    ).filter(lambda lines: any(lines)),
    spec=st.sampled_from(SMOOTHINGS),
    order=st.integers(1, 5),
    context=st.sampled_from(["sentence", "stream"]),
    threshold=st.floats(-6, 0).map(lambda power: 10**power),
    twice=st.booleans(),
)
def test_every_distribution_sums_to_one(
    text: list[str], spec: str, order: int, context: str, threshold: float, twice: bool
) -> None:
    model = fitted(f"{spec}:order={order},context={context}", "\n".join(text) + "\n")
    pruned = prune(model, threshold=threshold)
    if twice:
        pruned = prune(pruned, threshold=threshold * 2)
    np.testing.assert_allclose(masses(pruned.tables_), 1, rtol=0, atol=1e-9)
    for ids in ([], [2], [0], [1], [2, 2], [0, 2, 1]):
        assert math.fsum(np.exp(pruned.next_log_probs(ids))) == pytest.approx(1, abs=1e-9)
    assert (pruned.log_probs(pruned.encode("a b c d e a\nf\n")) <= 0).all()


def test_imported_models_sum_to_one_as_before(golden: Path) -> None:
    for name in ("timemachine.5.arpa.gz", "timemachine.3.prune001.arpa.gz"):
        model = load_arpa(golden / name)
        for threshold in (1e-7, 1e-6, 1e-5):
            pruned = prune(model, threshold=threshold)
            assert sum(sizes(pruned)) < sum(sizes(model))
            assert pruned.mass_error_ < 2 * model.mass_error_ < 1e-6


def test_what_is_not_touched_stays_to_the_last_bit() -> None:
    model = fitted()
    same = prune(model, threshold=0)
    for name, array in model.tables_.to_arrays().items():
        np.testing.assert_array_equal(same.tables_.to_arrays()[name], array, err_msg=name)
    pruned = prune(model, threshold=1e-3)
    assert ngrams_of(pruned) < ngrams_of(model)
    trie = pruned.tables_.trie
    for order in range(1, trie.order + 1):
        for node, ids in enumerate(trie.ngrams(order).tolist(), start=int(trie.starts[order])):
            before = model.tables_.trie.find(ids)
            assert pruned.tables_.log_probs[node] == model.tables_.log_probs[before]


# ---------------------------------------------------------------------- how much


def test_higher_thresholds_leave_less(tmp_path: Path) -> None:
    model = fitted("kneser-ney:order=4")
    before = ngrams_of(model)
    for threshold in (1e-5, 1e-4, 1e-3, 1e-2, 1):
        after = ngrams_of(prune(model, threshold=threshold))
        assert after <= before
        for ngram in after:
            assert len(ngram) == 1 or {ngram[:-1], ngram[1:]} <= after
        before = after
    assert sizes(prune(model, threshold=1e3)) == sizes(model)[:1]


def test_a_number_of_ngrams_is_kept_to(golden: Path) -> None:
    model = load_arpa(golden / "timemachine.5.arpa.gz")
    everything, unigrams = sum(sizes(model)), sizes(model)[0]
    for wanted in (unigrams, unigrams + 1, 10_000, 50_000, everything - 1):
        pruned = prune(model, ngrams=wanted)
        assert wanted * 0.98 < sum(sizes(pruned)) <= wanted  # ties go together
        assert f"pruned to {wanted} n-grams" in pruned.spec
    for wanted in (everything, everything + 1):
        assert sizes(prune(model, ngrams=wanted)) == sizes(model)
    with pytest.raises(ParameterError, match="4,329 n-grams must stay, 4,329 of them unigrams"):
        prune(model, ngrams=unigrams - 1)


@pytest.mark.parametrize("order", [2, 3, 5])
def test_a_target_size_is_that_of_the_file(tmp_path: Path, order: int) -> None:
    model = fitted(f"kneser-ney:order={order}")

    def bytes_of(pruned: LanguageModel) -> int:
        pruned.save(tmp_path / "m.lmkit")
        return (tmp_path / "m.lmkit").stat().st_size

    with pytest.raises(ParameterError, match=r"must stay take [\d,]+ bytes") as refused:
        prune(model, size=100)
    least = int(str(refused.value).split()[-2].replace(",", ""))
    whole = bytes_of(prune(model, threshold=0))
    assert least - 4096 < bytes_of(prune(model, size=least)) <= least
    previous = 0
    for size in range(least, whole + 4096 + 200, 200):
        pruned = prune(model, size=size)
        kept = sum(sizes(pruned))
        assert bytes_of(pruned) <= size
        assert kept >= previous
        previous = kept
    assert previous == sum(sizes(model))


def test_kept_ngrams_stay_with_their_contexts() -> None:
    model = fitted("kneser-ney:order=4")
    lines = ["on the mat\n", "\n", "<s> the\n", "no such words\n", "<unk> cat saw\r\n", "mat\n"]
    listed = read_ngrams(lines, "word")
    assert listed == [["on", "the", "mat"], ["<s>", "the"], ["no", "such", "words"],
                      ["<unk>", "cat", "saw"], ["mat"]]  # fmt: skip
    pruned = prune(model, threshold=1e3, keep=listed)
    kept = {" ".join(ngram) for ngram in ngrams_of(pruned) if len(ngram) > 1}
    assert kept == {"on the", "the mat", "on the mat", "<s> the"} | {
        "<unk> cat", "cat saw", "<unk> cat saw"
    }  # fmt: skip
    np.testing.assert_allclose(masses(pruned.tables_), 1, rtol=0, atol=1e-12)
    with pytest.raises(ParameterError, match="must stay"):
        prune(model, ngrams=sizes(model)[0] + 6, keep=listed)
    chars = fitted("kneser-ney:unit=char")
    pruned = prune(chars, threshold=1e3, keep=read_ngrams(["e c\n"], "char"))
    assert ("e", " ", "c") in ngrams_of(pruned)


# ---------------------------------------------------------------------- refusals


def test_what_cannot_be_pruned() -> None:
    model = fitted()
    for wrong in ({}, {"threshold": 1e-3, "ngrams": 50}):
        with pytest.raises(ParameterError, match="one of the three"):
            prune(model, **wrong)  # type: ignore[arg-type]
    for number in (-1.0, math.nan, math.inf):
        with pytest.raises(ParameterError, match="must be a number of 0 or more"):
            prune(model, threshold=number)
    for spec, message in (("bigram", "no backoff form"), ("stupid-backoff", "no probability")):
        other: LanguageModel = lmkit.fit(spec, corpus(TRAIN))
        with pytest.raises(ParameterError, match=message):
            prune(other, threshold=1e-3)
        with pytest.raises(ParameterError, match=message):
            prune(model, threshold=1e-3, history=other)
    with pytest.raises(VocabularyError, match="vocabulary"):
        prune(model, threshold=1e-3, history=fitted(text="another text\n"))


# ---------------------------------------------------------------------- KenLM


def test_kenlm_scores_pruned_models(golden: Path, tmp_path: Path) -> None:
    kenlm = pytest.importorskip("kenlm", reason="kenlm needs a C++ compiler to install")
    test = (golden / "timemachine.test.txt").read_text()
    pruned = prune(load_arpa(golden / "timemachine.5.arpa.gz"), ngrams=30_000)
    assert sizes(pruned)[-1] > 0
    save_arpa(pruned, tmp_path / "p.arpa")
    model = kenlm.Model(str(tmp_path / "p.arpa"))
    lines = test.removesuffix("\n").split("\n")
    expected = [score for line in lines for score, _, _ in model.full_scores(line)]
    nats = -pruned.score(corpus(test)).nats
    np.testing.assert_allclose(nats, np.array(expected) * math.log(10), rtol=0, atol=1e-5)


# ---------------------------------------------------------------------- rounded files


def test_rounded_files_are_normalized_and_pruned(tmp_path: Path) -> None:
    save_arpa(fitted("jelinek-mercer:order=4"), tmp_path / "exact.arpa")
    assert decimals(load_arpa(tmp_path / "exact.arpa").tables_) is None
    assert decimals(load_arpa(arpa_text.rounded(tmp_path / "exact.arpa", "%.4g")).tables_) == 3
    model = load_arpa(arpa_text.rounded(tmp_path / "exact.arpa", "%.3f"))
    # Each probability is the product of 4 numbers, each off by 10^0.0005 at most.
    assert 1e-3 < model.mass_error_ < 10 ** (4 * 0.0005) - 1
    assert rounded(model) == (3, model.mass_error_)
    whole = normalized(model.tables_, context="sentence")
    contexts = [[], [2], [2, 3], [5, 4]]
    for ids in contexts:
        shares = np.exp(model.next_log_probs(ids))
        of_whole = StandaloneBackoff.of(whole, model.vocabulary_, source="whole")
        np.testing.assert_allclose(np.exp(of_whole.next_log_probs(ids)), shares / shares.sum())
    pruned = prune(model, threshold=1e-3)
    assert sum(sizes(pruned)) < sum(sizes(model))
    assert pruned.mass_error_ < 1e-9
    target = tmp_path / "pruned.arpa"
    arguments = ["prune", str(tmp_path / "rounded.arpa"), "--threshold", "1e-3", "-o", str(target)]
    done = CliRunner().invoke(cli, arguments)
    assert done.exit_code == 0
    assert "its numbers have 3 decimals, so that its outcomes sum to one only" in done.stderr
    assert load_arpa(target).proper


def test_what_rounding_does_not_explain_is_refused(tmp_path: Path) -> None:
    save_arpa(fitted("witten-bell"), tmp_path / "exact.arpa")
    path = arpa_text.rounded(tmp_path / "exact.arpa", "%.3f")
    lines = path.read_text().split("\n")
    at = lines.index("\\1-grams:") + 4
    number, rest = lines[at].split("\t", 1)
    lines[at] = f"{float(number) + 0.1:.3f}\t{rest}"
    path.write_text("\n".join(lines))
    model = load_arpa(path)
    assert rounded(model) is None
    with pytest.raises(ParameterError, match="no probability distribution: its outcomes sum to"):
        prune(model, threshold=1e-3)


def test_keep_lists_and_word_lists_say_what_is_absent(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("one two three\none two four\n" * 3)
    (tmp_path / "list.txt").write_bytes("\ufeffone two\nfive six\n".encode())
    model, listed = str(tmp_path / "m.lmkit"), str(tmp_path / "list.txt")
    arguments = ["fit", "--model", "witten-bell", str(tmp_path / "text.txt"), "-o", model]
    done = CliRunner().invoke(cli, [*arguments, "--vocabulary", listed], catch_exceptions=False)
    assert f"2 of 4 words in {listed} are not in the training text, such as 'five'" in done.stderr
    target = tmp_path / "small.arpa"
    arguments = ["prune", model, "--threshold", "0.9", "-o", str(target), "--keep", listed]
    done = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert f"1 of 2 n-grams in {listed} are not in the model, such as 'five six'" in done.stderr
    assert "\tone two" in target.read_text()
