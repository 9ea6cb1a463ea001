"""Kneser-Ney against its definition, and n-gram by n-gram against lmplz."""

from __future__ import annotations

import gzip
import math
from pathlib import Path

import numpy as np
import pytest

from lmkit.errors import ParameterError
from lmkit.kernels.smoothing import counts_of_counts
from lmkit.models.ngram.counts import count_ngrams
from lmkit.models.ngram.discounts import modified_discounts
from lmkit.models.ngram.kneser_ney import KneserNey, adjusted_counts
from lmkit.text.corpus import Corpus
from tests.models.ngram.definitions import assert_defined_by, left_neighbours, raw_counts
from tests.models.ngram.samples import TEXT, corpus

pytestmark = pytest.mark.filterwarnings("ignore::lmkit.models.ngram.discounts.DiscountWarning")


# FACTS: training text, order, variant; perplexity over all tokens, and without unknown ones.
KNOWN = {
    ("timemachine", 2, ""): (266.97485104714747, 177.81243010349002),
    ("timemachine", 3, ""): (258.71565042138036, 171.81693852915419),
    ("timemachine", 5, ""): (259.5596947423843, 172.47026324073076),
    ("timemachine", 3, "prune001"): (261.18414977142163, 174.03131019568133),
    ("timemachine", 3, "nointerp"): (152.54555695189276, 192.7054430848869),
    ("tiny", 2, ""): (5.227890860545973, 4.525973051686466),
    ("tiny", 3, ""): (6.004332943603832, 5.186120045432916),
    ("tiny", 4, ""): (6.452126703579469, 5.444014981067941),
}


TREEBANK = {2: 185.7048931511453, 3: 148.2814995024931, 5: 141.1862070921484}


Table = dict[tuple[str, ...], tuple[float, float]]


def read(path: Path) -> Corpus:
    return corpus(path.read_text())


def read_arpa(path: Path) -> Table:
    """Return log10 probability and backoff of each n-gram."""
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    found: Table = {}
    for line in raw.decode().splitlines():
        fields = line.split("\t")
        if len(fields) > 1:
            backoff = float(fields[2]) if len(fields) > 2 else 0.0
            found[tuple(fields[1].split(" "))] = (float(fields[0]), backoff)
    return found


def table_of(model: KneserNey) -> Table:
    tables, names = model.tables_, [*model.vocabulary_.tokens, "<s>"]
    found: Table = {}
    for k in range(1, tables.order + 1):
        span = tables.trie.span(k)
        log_probs = tables.log_probs[span] / math.log(10)
        backoffs = np.zeros(len(log_probs))
        if k < tables.order:
            backoffs = tables.backoffs[span] / math.log(10)
        for row, *values in zip(tables.trie.ngrams(k).tolist(), log_probs, backoffs, strict=True):
            found[tuple(names[index] for index in row)] = (values[0], values[1])
    found["<s>",] = (0.0, found["<s>",][1])  # as lmplz writes it; it is never predicted
    return found


@pytest.mark.parametrize("order", [1, 2, 3, 6])
@pytest.mark.parametrize("modified", [True, False])
def test_kneser_ney_is_its_definition(order: int, modified: bool) -> None:
    model = KneserNey(order=order, modified=modified).fit(corpus(TEXT))
    amounts = left_neighbours(raw_counts(model, TEXT), model.vocabulary_.bos_id)

    def discount(amount: int, k: int) -> float:
        t = [0] + [sum(a == j for a in amounts[k].values()) for j in (1, 2, 3, 4)]
        if not modified:
            if t[1] and t[2]:
                return t[1] / (t[1] + 2 * t[2])
        elif t[1] and t[2] and t[3]:
            y = t[1] / (t[1] + 2 * t[2])
            found = [j - (j + 1) * y * t[j + 1] / t[j] for j in (1, 2, 3)]
            if all(0 <= d <= j for j, d in enumerate(found, start=1)):
                return found[min(amount, 3) - 1]
        return (0.5, 1.0, 1.5)[min(amount, 3) - 1]

    assert_defined_by(
        model,
        amounts,
        lambda amount, total, _, k: (amount - discount(amount, k)) / total,
        lambda after, k: sum(discount(a, k) for a in after) / sum(after),
    )


def test_compat_kenlm_refuses_what_lmplz_refuses() -> None:
    plain = TEXT.replace("<unk>", "unk")
    with pytest.raises(ParameterError, match="cannot be estimated"):
        KneserNey(compat="kenlm").fit(corpus(plain))
    KneserNey(compat="kenlm", fallback="fixed").fit(corpus(plain))
    with pytest.raises(ParameterError, match="holds <unk>"):
        KneserNey(compat="kenlm", fallback="fixed").fit(corpus(TEXT))


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"fallback": "luck"}, "fallback='luck'"),
        ({"compat": "srilm"}, "compat='srilm'"),
        ({"prune": "1"}, "begin with 0"),
        ({"prune": "0-2-1"}, "do not fall"),
        ({"prune": "0-0-0-1"}, "up to 3 whole numbers"),
        ({"prune": "none"}, "up to 3 whole numbers"),
    ],
)
def test_what_is_out_of_range_is_refused(options: dict[str, object], what: str) -> None:
    with pytest.raises(ParameterError, match=what):
        KneserNey(**options).fit(corpus(TEXT))  # type: ignore[arg-type]


@pytest.mark.parametrize("compat", ["lmkit", "kenlm"])
@pytest.mark.parametrize(("name", "order", "variant"), KNOWN)
def test_every_ngram_is_that_of_lmplz(
    golden: Path, name: str, order: int, variant: str, compat: str
) -> None:
    model = KneserNey(
        order=order,
        compat=compat,
        fallback="fixed",
        prune="0-0-1" if variant == "prune001" else "0",
        interpolate_unigrams=variant != "nointerp",
    ).fit(read(golden / ("tiny.txt" if name == "tiny" else f"{name}.train.txt")))
    ledger = model.score(read(golden / f"{name}.test.txt"))
    everything, known = KNOWN[name, order, variant]
    assert ledger.perplexity == pytest.approx(everything, rel=1e-6)
    assert ledger.perplexity_without_oov == pytest.approx(known, rel=1e-6)

    suffix = f".{variant}.arpa" if variant else ".arpa"
    path = golden / f"{name}.{order}{suffix}"
    theirs = read_arpa(path if path.exists() else path.with_name(path.name + ".gz"))
    ours = table_of(model)
    assert ours.keys() == theirs.keys()
    np.testing.assert_allclose(
        [ours[ngram] for ngram in theirs], list(theirs.values()), rtol=0, atol=2e-6
    )


def test_the_discounts_that_lmplz_prints(golden: Path) -> None:
    model = KneserNey(order=3).fit(read(golden / "timemachine.train.txt"))
    ids = model.encode((golden / "timemachine.train.txt").read_text())
    counts = count_ngrams(ids, order=3, vocabulary_size=len(model.vocabulary_))
    printed = {
        1: (0.624584, 1.08997, 1.58241),
        2: (0.818331, 1.23767, 1.40209),
        3: (0.926904, 1.35894, 1.57152),
    }
    for order, expected in printed.items():
        found = modified_discounts(counts_of_counts(adjusted_counts(counts, order)))
        np.testing.assert_allclose(found[1:], expected, rtol=5e-6)


@pytest.mark.parametrize("order", TREEBANK)
def test_penn_treebank_with_and_without_renaming(shared_corpora: Path, order: int) -> None:
    train, test = (
        (shared_corpora / "ptb" / f"ptb.{part}.txt").read_text() for part in ("train", "test")
    )
    found = []
    for name in ("<unk>", "UNK"):
        texts = [
            Corpus.from_string(t.replace("<unk>", name), normalize="none") for t in (train, test)
        ]
        ledger = KneserNey(order=order).fit(texts[0]).score(texts[1])
        assert ledger.events == 82430
        found.append(ledger.perplexity)
    assert found[1] == pytest.approx(TREEBANK[order], rel=1e-6)
    # The uniform distribution has one outcome less.
    assert found[0] == pytest.approx(found[1], rel=1e-5)
    assert found[0] < found[1]
