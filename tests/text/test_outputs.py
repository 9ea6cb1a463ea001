"""What lmkit wrote into a folder of texts is no text of the corpus."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
from click.testing import CliRunner

import lmkit
from lmkit.cli.main import cli
from lmkit.errors import CorpusError, CorpusWarning
from lmkit.text.corpus import Corpus
from lmkit.text.vocabulary import Vocabulary

pytestmark = pytest.mark.filterwarnings("ignore::lmkit.models.ngram.discounts.DiscountWarning")


def run(*arguments: object) -> str:
    done = CliRunner().invoke(cli, [str(each) for each in arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return str(done.stderr)


def test_outputs_in_a_folder_of_texts_are_skipped(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one two three\nthree two\n" * 5)
    (tmp_path / "b.txt").write_text('{"schema": "is a word"}\n\\data\\ too\n')
    expected = Corpus.open(tmp_path).train.canonical()
    model = lmkit.fit("witten-bell", tmp_path / "a.txt")
    outputs = ["m.lmkit", "m.arpa", "m.arpa.gz", "train.lmkit", "r.html", "z.html", "z.png"]
    for name in outputs[:4]:
        model.save(tmp_path / name)
    Vocabulary(["a", "b"]).save(tmp_path / "v.json")
    text = tmp_path / "a.txt"
    compare = ["compare", "--model", "unigram", "--train", text, "--test", text]
    run(*compare, "--report", tmp_path / "r.html")
    for name in outputs[5:]:
        run("zipf", text, "--plot", tmp_path / name)
    for where in (tmp_path, f"{tmp_path}/*"):
        with pytest.warns(CorpusWarning, match="skipped m.arpa, m.arpa.gz, m.lmkit, r.html, train"):
            corpus = Corpus.open(where)
        assert list(corpus.parts) == ["train"]
        assert corpus.train.canonical() == expected
    (tmp_path / "train.txt").write_text("one\n")
    with pytest.warns(CorpusWarning, match="skipped train.lmkit, which is no text"):
        assert Corpus.open(tmp_path).train.canonical() == "one\n"
    (tmp_path / "train.txt").unlink()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        told = run("vocab", tmp_path, "--top", "1")
    assert f"{tmp_path}: skipped m.arpa, m.arpa.gz, m.lmkit, r.html, train.lmkit, ..." in told
    assert Corpus.open(tmp_path / "m.arpa").train.canonical().startswith("\\ data \\")


def test_a_folder_of_outputs_holds_no_text(tmp_path: Path) -> None:
    lmkit.fit("bigram", Corpus.from_string("a b\n")).save(tmp_path / "m.lmkit")
    with (
        pytest.warns(CorpusWarning, match=r"m\.lmkit, which is no text"),
        pytest.raises(CorpusError, match="no texts in it"),
    ):
        Corpus.open(tmp_path)
