"""The signature: everything that a number depends on."""

from __future__ import annotations

from lmkit.results.signature import signature
from lmkit.text.corpus import Corpus


def test_signature_names_what_a_number_depends_on() -> None:
    text = Corpus.from_string("a b\n\nb\n", normalize="lower", sentences="paragraph").train.summary
    about = {"model": "trigram:alpha=0.1", "unit": "word", "context": "stream", "unk": "trained"}
    line = signature(text, **about, train_sha256="0123456789abcdef")
    fields = dict(field.split(":", 1) for field in line.split("|")[1:])
    assert line.startswith("ppl|")
    assert fields["model"] == "trigram:alpha=0.1"
    assert fields["norm"] == "lower"
    assert fields["sent"] == "par"
    assert fields["ctx"] == "stream"
    assert fields["unk"] == "trained"
    assert fields["text"] == f"sha256:{text.sha256[:12]}"
    assert fields["train"] == "sha256:0123456789ab"
    assert "|train:unknown|" in signature(text, **about, train_sha256=None)
    assert "adapt" not in line
    adapted = signature(text, **about, train_sha256=None, adapts="cache")
    assert "|adapt:cache|" in adapted
