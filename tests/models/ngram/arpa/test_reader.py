"""ARPA files read: what programs write, what is refused, and the numbers that come of it."""

from __future__ import annotations

import gzip
import lzma
import math
import tempfile
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

import lmkit
from lmkit.errors import CorpusError, EncodingError, FormatError, LmkitError
from lmkit.models.ngram.arpa.files import load_arpa
from lmkit.models.ngram.standalone import StandaloneBackoff
from lmkit.text.corpus import Corpus
from tests.models.ngram.arpa.arpa_text import SMALL, SlowModel, arpa

LN10 = math.log(10)
# Measured with KenLM's query: perplexity with and without out-of-vocabulary words.
GOLDEN = {
    "timemachine.2.arpa.gz": (266.97485104714747, 177.81243010349002),
    "timemachine.3.arpa.gz": (258.71565042138036, 171.81693852915419),
    "timemachine.5.arpa.gz": (259.5596947423843, 172.47026324073076),
    "timemachine.3.prune001.arpa.gz": (261.18414977142163, 174.03131019568133),
    "timemachine.3.nointerp.arpa.gz": (152.54555695189276, 192.7054430848869),
    "tiny.2.arpa": (5.227890860545973, 4.525973051686466),
    "tiny.3.arpa": (6.004332943603832, 5.186120045432916),
    "tiny.4.arpa": (6.452126703579469, 5.444014981067941),
}


def load(folder: Path, text: str, name: str = "m.arpa") -> StandaloneBackoff:
    path = folder / name
    path.write_bytes(text.encode())
    return load_arpa(path)


def words(model: StandaloneBackoff, text: str) -> list[int]:
    return [model.vocabulary_.id(word) for word in text.split()] + [1]


# ---------------------------------------------------------------------- known answers


@pytest.mark.parametrize("name", GOLDEN)
def test_perplexity_is_that_of_query(golden: Path, name: str) -> None:
    model = lmkit.load(golden / name)
    test = Corpus.open(
        golden / f"{name.split('.')[0]}.test.txt", normalize="none", sentences="line"
    )
    ledger = model.score(test)
    with_oov, without = GOLDEN[name]
    assert ledger.perplexity == pytest.approx(with_oov, rel=1e-6)
    assert ledger.perplexity_without_oov == pytest.approx(without, rel=1e-6)
    assert model.proper
    assert "|unk:file|" in ledger.signature


@pytest.mark.parametrize("name", ["timemachine.5.arpa.gz", "timemachine.3.prune001.arpa.gz"])
def test_every_token_scores_as_katz_wrote(golden: Path, name: str) -> None:
    slow, model = SlowModel.read(golden / name), lmkit.load(golden / name)
    path = golden / "timemachine.test.txt"
    ledger = model.score(Corpus.open(path, normalize="none", sentences="line"))
    expected = slow.score(path.read_text().splitlines())
    np.testing.assert_allclose(-ledger.nats, expected, rtol=0, atol=1e-12)


def test_every_ngram_is_held_and_no_other(golden: Path) -> None:
    slow, model = SlowModel.read(golden / "tiny.4.arpa"), lmkit.load(golden / "tiny.4.arpa")
    assert isinstance(model, StandaloneBackoff)
    tables, tokens = model.tables_, model.vocabulary_
    held = {}
    for order in range(1, tables.order + 1):
        nodes = range(*tables.trie.span(order).indices(len(tables.log_probs)))
        for node, ids in zip(nodes, tables.trie.ngrams(order).tolist(), strict=True):
            ngram = tuple(tokens.token(index) for index in ids)
            held[ngram] = tables.log_probs[node]
            if node < tables.trie.contexts:
                assert tables.backoffs[node] == pytest.approx(slow.backoffs[ngram], abs=1e-15)
    del held["<s>",]
    del slow.log_probs["<s>",]
    assert held == pytest.approx(slow.log_probs, abs=1e-15)


def test_small_file_by_hand(tmp_path: Path) -> None:
    model = load(tmp_path, SMALL)
    assert model.vocabulary_.tokens == ("<unk>", "</s>", "a", "b")
    log10 = model.log_probs(words(model, "a b")) / LN10
    np.testing.assert_allclose(log10, [-0.5, -0.2, -0.1])
    # b after <s>: backoff of <s>, 1-gram; a after "b": backoff of b, 1-gram;
    # </s> after "b a": that is no 2-gram, so no backoff; then backoff of a, 1-gram.
    log10 = model.log_probs(words(model, "b a")) / LN10
    np.testing.assert_allclose(log10, [-0.3 - 0.6, -0.1 - 0.6, -0.2 - 0.6])
    # An unknown word empties the context.
    log10 = model.log_probs(words(model, "a z b")) / LN10
    np.testing.assert_allclose(log10, [-0.5, -0.4 - 0.2 - 0.6, -0.6, -0.1 - 0.9 + 0.1])


# ---------------------------------------------------------------------- what programs write


def same(model: StandaloneBackoff, folder: Path) -> None:
    """Check that a model is the one that SMALL holds."""
    expected = load(folder, SMALL, "expected.arpa")
    assert model.vocabulary_ == expected.vocabulary_
    for name, array in expected.tables_.to_arrays().items():
        np.testing.assert_array_equal(model.tables_.to_arrays()[name], array, err_msg=name)


@pytest.mark.parametrize(
    "change",
    [
        ("\t", " "),
        ("\t", " \t  "),
        ("\n", "\r\n"),
        ("\n", " \n"),
        ("\n", "\n\n"),
        ("\\data\\", "a model, made by hand\n-1 x\n\n\\data\\"),
        ("\\data\\", "\ufeff\\data\\"),
        ("ngram 1=5", "ngram  1 = 5"),
        ("\\end\\\n", "\\end\\"),
        ("\\end\\\n", "\\end\\\nmore text\n"),
        ("0\t<s>", "-99\t<s>"),
        ("0\t<s>", "-inf\t<s>"),
        ("-0.1\ta b </s>", "-0.1\ta b </s>\t0"),
        ("\t0\n", "\n"),
        ("-0.2", "-2e-1"),
        ("-0.2", "-.2"),
        ("-0.2", "-0.20000000000000000000000000"),
        ("<unk>", "<UNK>"),
    ],
)
def test_dialects_mean_the_same(tmp_path: Path, change: tuple[str, str]) -> None:
    text = SMALL.replace(*change)
    assert text != SMALL
    same(load(tmp_path, text), tmp_path)


def test_lines_may_stand_in_any_order(tmp_path: Path, golden: Path) -> None:
    text = (golden / "tiny.4.arpa").read_text()
    parts = text.split("-grams:\n")
    rng = np.random.default_rng(3)
    for k in range(2, len(parts)):  # the ids are given in the order of the 1-grams: they stay
        lines, gap, rest = parts[k].partition("\n\n")
        parts[k] = "\n".join(rng.permutation(lines.split("\n"))) + gap + rest
    mixed = load(tmp_path, "-grams:\n".join(parts))
    straight = load_arpa(golden / "tiny.4.arpa")
    for name, array in straight.tables_.to_arrays().items():
        np.testing.assert_array_equal(mixed.tables_.to_arrays()[name], array, err_msg=name)


@pytest.mark.parametrize("suffix", [".gz", ".xz", ".zst"])
def test_packed_files(tmp_path: Path, suffix: str) -> None:
    import zstandard

    pack = {".gz": gzip.compress, ".xz": lzma.compress, ".zst": zstandard.compress}[suffix]
    path = tmp_path / f"m.arpa{suffix}"
    path.write_bytes(pack(SMALL.encode()))
    same(load_arpa(path), tmp_path)
    assert load_arpa(path).sha256 == load_arpa(tmp_path / "expected.arpa").sha256
    path.write_bytes(path.read_bytes()[:-12])
    with pytest.raises(CorpusError, match="damaged or cut off"):
        load_arpa(path)


def test_other_encodings(tmp_path: Path) -> None:
    path = tmp_path / "m.arpa"
    path.write_bytes(SMALL.replace("a", "é").replace("\\dété\\", "\\data\\").encode("latin-1"))
    with pytest.raises(EncodingError):
        load_arpa(path)
    path.write_bytes(path.read_bytes().replace("-gréms".encode("latin-1"), b"-grams").replace(
        "ngrém".encode("latin-1"), b"ngram"))  # fmt: skip
    assert "é" in load_arpa(path, encoding="latin-1").vocabulary_


def test_words_of_other_scripts_and_looks(tmp_path: Path) -> None:
    # A no-break space, an ideographic space, a backslash, and numbers are letters of words here.
    odd = ["a\u00a0b", "漢\u3000字", "\\1-grams:", "-0.5", "😀", "inf", "\\end\\"]
    unigrams = [f"-1\t{word}" for word in ["<unk>", "<s>", "</s>", *odd]]
    model = load(tmp_path, arpa("\n".join(unigrams), f"-0.5\t{odd[3]} {odd[2]}"))
    assert model.vocabulary_.tokens[2:] == tuple(odd)
    known = [model.vocabulary_.id(word) for word in odd]
    assert model.next_log_probs([known[3]])[known[2]] == pytest.approx(-0.5 * LN10)


def test_missing_unk_is_impossible_and_said_so(tmp_path: Path) -> None:
    model = load(tmp_path, SMALL.replace("-0.6\t<unk>\t0\n", "").replace("ngram 1=5", "ngram 1=4"))
    ledger = model.score(Corpus.from_string("a z b\n", normalize="none"))
    assert (ledger.oov_count, ledger.impossible) == (1, 1)
    assert ledger.perplexity == math.inf
    assert math.isfinite(ledger.perplexity_without_oov)
    assert "|unk:excluded|" in ledger.signature
    assert not np.isnan(model.next_log_probs([2, 0])).any()


def test_missing_sentence_marks(tmp_path: Path) -> None:
    model = load(tmp_path, arpa("-0.3\ta\n-0.3\tb"))
    np.testing.assert_allclose(model.log_probs([2, 3, 1]) / LN10, [-0.3, -0.3, -np.inf])


def test_without_its_shorter_ngram_a_context_backs_off_further(tmp_path: Path) -> None:
    model = load(
        tmp_path,
        arpa("-1\t<unk>\n-1\t<s>\t-0.1\n-1\t</s>\n-1\ta\t-0.2\n-1\tb\t-0.3\n-1\tc\t-0.4",
             "-0.5\ta b\t-0.6", "-0.7\ta b c"),
    )  # fmt: skip
    # After "a b c" the known history is "c": neither "a b c" nor "b c" can be a context.
    log10 = model.log_probs(words(model, "a b c a")) / LN10
    np.testing.assert_allclose(log10, [-0.1 - 1, -0.5, -0.7, -0.4 - 1, -0.2 - 1])


def test_ngrams_that_never_apply_are_left_out(tmp_path: Path) -> None:
    unigrams = "-1\t<unk>\n-99\t<s>\t-0.1\n-1\t</s>\n-1\ta\t-0.2"
    bigrams = "-0.5\t<s> <s>\t-0.6\n-0.5\t<s> a\t-0.6"
    model = load(tmp_path, arpa(unigrams, bigrams, "-0.7\t<s> <s> a\n-0.7\t<s> a a"))
    assert [model.tables_.trie.size(order) for order in (1, 2, 3)] == [4, 1, 1]


def test_empty_highest_orders_are_none(tmp_path: Path) -> None:
    model = load(tmp_path, arpa("-1\t<unk>\n-99\t<s>\n-1\t</s>\n-1\ta", "-1\ta a", "", ""))
    assert model.tables_.order == model.order == 2
    np.testing.assert_allclose(model.log_probs([2, 2]), [-LN10, -LN10])


def test_backoffs_below_an_empty_highest_order_count(tmp_path: Path) -> None:
    # A trigram model filtered to the words x and y: no trigram is left, and the weight of "x y"
    # still scores what follows it. log10 p(</s> | x y) = -0.30103 - 0.30103 - 0.76042247.
    unigrams = (
        "-1.20412\t<unk>\t0\n0\t<s>\t-0.30103\n-0.76042247\t</s>\t0\n"
        "-0.9279136\tx\t-0.30103\n-0.76042247\ty\t-0.30103"
    )
    model = load(tmp_path, arpa(unigrams, "-0.23150578\tx y\t-0.30103", ""))
    assert model.tables_.order == model.order == 3
    model.save(tmp_path / "again.arpa")
    model.save(tmp_path / "again.lmkit")
    expected = np.array([-1.2289436, -0.23150578, -1.3624825])
    for each in (model, lmkit.load(tmp_path / "again.arpa"), lmkit.load(tmp_path / "again.lmkit")):
        ids = words(each, "x y")
        np.testing.assert_allclose(each.log_probs(ids) / LN10, expected, atol=1e-6)
        np.testing.assert_allclose(each.log_probs(ids * 3000) / LN10, [*expected] * 3000, atol=1e-6)
        assert each.next_log_probs(ids[:2])[1] / LN10 == pytest.approx(-1.3624825, abs=1e-6)
        text = Corpus.from_string("x y\n" * 3000, normalize="none")
        assert each.tally(text).nats.sum() / LN10 == pytest.approx(-3000 * expected.sum(), rel=1e-6)


def test_words_part_at_the_white_space_of_kenlm_alone(tmp_path: Path) -> None:
    strange = ["page\x0cbreak", "a\x0bb", "\x85", "x\u2028y", "\xa0", "\x1c"]
    unigrams = "-1\t<unk>\n-99\t<s>\n-1\t</s>\n" + "\n".join(f"-1\0{word} \r" for word in strange)
    model = load(tmp_path, arpa(unigrams))
    assert list(model.vocabulary_.tokens[2:]) == strange
    text = "\t ".join(strange) + "\r\n"
    assert model.score(Corpus.from_string(text, normalize="none")).oov.sum() == 0
    model.save(tmp_path / "again.arpa")
    assert lmkit.load(tmp_path / "again.arpa").vocabulary_ == model.vocabulary_
    fitted = lmkit.fit("unigram", Corpus.from_string(text, normalize="none"))
    assert list(fitted.vocabulary_.tokens[2:]) == strange


def test_infinities_and_rounding_above_one(tmp_path: Path) -> None:
    text = SMALL.replace("-0.7\ta b\t-0.3", "-Infinity\ta b\t-inf").replace(
        "-0.1\ta b", "0.00002\ta b"
    )
    model = load(tmp_path, text)
    log10 = model.log_probs(words(model, "b a b a")) / LN10
    np.testing.assert_allclose(log10, [-0.9, -0.7, -np.inf, -np.inf, -0.8])
    assert not np.isnan(model.next_log_probs(words(model, "b a b"))).any()
    assert model.log_probs(words(model, "a b"))[2] == 0


# ---------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("ngram 1=5", "ngram 1=6"), r"line 12: \\data\\ announces 6 1-grams and there are 5"),
        (("ngram 2=3", "ngram 2=2"), r"line 17: \\data\\ announces 2 2-grams and there are 3"),
        (("-0.7\ta b", "0.7\ta b"), "line 15: .* log-probability above 0"),
        (("-0.7\ta b", "inf\ta b"), "line 15: .* log-probability above 0"),
        (("-0.7\ta b", "nan\ta b"), "line 15: .* begins with no log-probability"),
        (("-0.7\ta b", "x\ta b"), "line 15: .* begins with no log-probability"),
        (("-0.7\ta b", "-0.7\ta z"), "line 15: .* holds 'z', which is not among the 1-grams"),
        (("-0.7\ta b\t-0.3", "-0.7\ta"), "line 15: .* has fewer than 2 words"),
        (("-0.7\ta b\t-0.3", "-0.7\ta b c d"), "line 15: .* something else than a backoff"),
        (("-0.7\ta b\t-0.3", "-0.7\ta b -1 -1"), "line 15: .* more than 2 words and a backoff"),
        (("-0.7\ta b\t-0.3", "-0.7\ta b\tnan"), "line 15: .* something else than a backoff"),
        (("-0.7\ta b\t-0.3", "-0.7\ta b\t99.1"), "line 15: .* something else than a backoff"),
        (("-0.7\ta b\t-0.3", "-0.7\ta b\tinf"), "line 15: .* something else than a backoff"),
        (("-0.2\t<s> a b", "-0.2\t<s> b b"), "line 19: .* no context: its first 2 words"),
        (("-0.7\ta b", "-0.7\t<s> a"), "line 15: the 2-gram '<s> a' stands twice"),
        (("-0.6\tb", "-0.6\ta"), "line 11: the word 'a' stands twice"),
        (("\\end\\\n", ""), r"line 21: \\end\\ is missing: the file ends"),
        (("\\end\\\n", "\\end"), r"line 22: \\end\\ is missing: .* stands here"),
        (("\\2-grams:", "\\3-grams:"), r"line 13: the section \\2-grams: is missing: .*3-grams"),
        (("ngram 2=3", "ngram 2=many"), "line 3: 'ngram 2=many' is no `ngram N=COUNT`"),
        (("ngram 2=3", "ngram 3=3"), "line 3: .* do not count up"),
        (("\\data\\", "data"), "no ARPA file"),
        (("ngram 1=5", "ngram 1=99999999999"), "more than a model holds"),
    ],
)
def test_damage_is_named_with_its_line(
    tmp_path: Path, change: tuple[str, str], message: str
) -> None:
    text = SMALL.replace(*change)
    assert text != SMALL
    with pytest.raises(FormatError, match=message) as caught:
        load(tmp_path, text)
    assert "m.arpa" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_cut_off_anywhere_is_refused(tmp_path: Path) -> None:
    whole = SMALL.rstrip()
    for cut in range(1, len(whole)):
        with pytest.raises(FormatError):
            load(tmp_path, whole[:cut])


@settings(max_examples=300)
@given(
    edits=st.lists(
        st.tuples(
            st.integers(0, len(SMALL)),
            st.integers(0, 3),
            st.sampled_from(
                ["", "\t", " ", "\n", "-", "9", "e", "inf", "a", "</s>", "\\", "\0", "é"]
            ),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_any_damage_is_an_error_or_another_model(edits: list[tuple[int, int, str]]) -> None:
    text = SMALL
    for offset, deleted, inserted in edits:
        text = text[:offset] + inserted + text[offset + deleted :]
    message = None
    with tempfile.TemporaryDirectory() as folder:
        try:
            model = load(Path(folder), text)
        except LmkitError as error:
            message = str(error)
    if message is not None:
        assert "m.arpa" in message
        assert "\n" not in message
        return
    for ids in ([], [2], [2, 2], [0, 1]):
        ids = [index for index in ids if index < len(model.vocabulary_)]
        log_probs = model.next_log_probs(ids)
        assert (log_probs <= 0).all() or not model.proper
        np.testing.assert_allclose(model.log_probs(ids), [
            model.next_log_probs(ids[:t])[index] for t, index in enumerate(ids)
        ], rtol=0, atol=1e-9)  # fmt: skip


def test_lines_of_large_files_are_counted_through_all_blocks(tmp_path: Path) -> None:
    names = [f"word{number}" for number in range(300_000)]
    unigrams = "\n".join(["-1\t<unk>", "-1\t<s>", "-1\t</s>", *(f"-6.1234567\t{n}" for n in names)])
    bigrams = "\n".join(f"-2.1234567\t{n} {n}" for n in names)
    text = arpa(unigrams, bigrams)
    assert len(text) > 1 << 23  # several blocks of reading
    model = load(tmp_path, text)
    assert [model.tables_.trie.size(order) for order in (1, 2)] == [300_003, 300_000]
    line = text[: text.index("word250000 word250000")].count("\n") + 1
    with pytest.raises(FormatError, match=f"line {line:,}: .*'zebra'"):
        load(tmp_path, text.replace("word250000 word250000", "word250000 zebra"))
    with pytest.raises(FormatError, match=f"line {line:,}: .*stands twice"):
        load(tmp_path, text.replace("word250000 word250000", "word0 word0"))


def test_what_is_no_arpa_file(tmp_path: Path) -> None:
    (tmp_path / "i.arpa").write_text("iARPA\n\n" + SMALL)
    with pytest.raises(FormatError, match="intermediate file of IRSTLM"):
        load_arpa(tmp_path / "i.arpa")
    with pytest.raises(CorpusError, match="no such file"):
        lmkit.load(tmp_path / "none.arpa.gz")
    (tmp_path / "text.arpa").write_text("just text\n")
    with pytest.raises(FormatError, match="no ARPA file"):
        lmkit.load(tmp_path / "text.arpa")
    (tmp_path / "empty.arpa").write_text("")
    with pytest.raises(FormatError, match="no ARPA file"):
        lmkit.load(tmp_path / "empty.arpa")
