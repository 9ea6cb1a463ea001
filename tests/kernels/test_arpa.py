"""Lines of n-grams read, looked up and written, against string methods."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmkit.kernels import arpa
from tests.kernels.small_models import V, small_model

NAMES = ["<unk>", "</s>", "cat", "dogs", "<s>"]  # of the ids 0 to 4


def as_bytes(text: str):
    return np.frombuffer(text.encode(), np.uint8)


def joined(words):
    offsets = np.append(0, np.cumsum([len(word.encode()) for word in words])).astype(np.int64)
    return as_bytes("".join(words)), offsets


@given(
    st.lists(
        st.tuples(
            st.floats(-9, 0).map(lambda value: f"{value:.4f}"),
            st.lists(st.sampled_from(["a", "bc", "d"]), min_size=2, max_size=2),
            st.sampled_from(["", "0.5", "-1.25", "-inf"]),
            st.sampled_from([" ", "\t", " \t "]),
        ),
        max_size=8,
    )
)
def test_lines_are_read(lines):
    raw = "".join(f"{p}{gap}{gap.join(words)}{gap}{b}\n\n" for p, words, b, gap in lines)
    read = arpa.read_lines(as_bytes(raw), 2)
    assert read.status == arpa.OK
    assert read.log_probs.tolist() == [float(p) for p, *_ in lines]
    assert read.backoffs.tolist() == [float(b or 0) for _, _, b, _ in lines]
    texts = [raw.encode()[begin:end].decode() for begin, end in read.spans]
    assert [text.split() for text in texts] == [words for _, words, _, _ in lines]


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("x a b", arpa.NO_NUMBER), ("0.1 a b", arpa.POSITIVE), ("-1 a", arpa.TOO_FEW_WORDS),
        ("-1 a b c", arpa.NO_BACKOFF), ("-1 a b 100", arpa.NO_BACKOFF),
        ("-1 a b -2 c", arpa.TOO_MANY_WORDS),
    ],
)  # fmt: skip
def test_what_is_no_line(line, status):
    good = "-1 a b -2\n"
    read = arpa.read_lines(as_bytes(f"{good}{line}\n"), 2)
    assert (read.status, read.failed_at, len(read.spans)) == (status, len(good), 1)


def test_zero_and_values_a_little_above_one():
    read = arpa.read_lines(as_bytes("-99 a\n-100 a\n0.00005 a\n-1 a -99"), 1)
    assert read.log_probs.tolist() == [-np.inf, -np.inf, 0, -1]
    assert read.backoffs.tolist() == [0, 0, 0, -np.inf]


@given(st.lists(st.text("abé", min_size=1, max_size=4), min_size=1, max_size=20))
def test_words_are_indexed(words):
    blob, offsets = joined(words)
    index, repeated = arpa.index_words(blob, offsets)
    firsts = [i for i, word in enumerate(words) if word in words[:i]]
    assert repeated == (firsts[0] if firsts else -1)
    if repeated < 0:
        assert [arpa.find_word(as_bytes(word), index) for word in words] == list(range(len(words)))
        assert arpa.find_word(as_bytes("other"), index) == -1


def test_words_are_copied():
    spans = np.array([[4, 7], [0, 1]])
    assert arpa.copy_words(as_bytes("a b cde"), spans).tobytes() == b"cdea"


@given(st.integers(0, 50), st.integers(2, 4), st.data())
def test_contexts_of_ngrams(seed, order, data):
    model = small_model(seed, order)
    ids = st.lists(st.integers(0, V), min_size=order, max_size=order)
    ngrams = data.draw(st.lists(ids, max_size=600))
    lines = [" ".join(NAMES[word] for word in ngram) for ngram in ngrams]
    ends = np.cumsum([len(line) + 1 for line in lines], dtype=np.int64)
    spans = np.stack([ends - [len(line) + 1 for line in lines], ends - 1], 1).astype(np.int64)
    index, _ = arpa.index_words(*joined(NAMES[::-1]))
    words = (index, np.arange(V, -1, -1, dtype=np.int32))
    below = int(model.starts[order])
    trie = (model.first[: int(model.starts[order - 1]) + 1], model.words[:below])
    text = as_bytes("".join(f"{line}\n" for line in lines))
    status, at, contexts, last = arpa.find_nodes(text, spans, order, words, trie, V)
    expected = []
    for ngram, span in zip(ngrams, spans, strict=True):
        first_bos = next((i for i in range(1, order) if ngram[i] == V), order)
        prefixes = range(1, min(first_bos + 1, order))
        missing = any(tuple(ngram[:k]) not in model.nodes for k in prefixes)
        if missing:
            assert (status, at) == (arpa.NO_CONTEXT, span[0])
            return
        context = model.find(tuple(ngram[:-1]))
        expected.append(arpa.DROPPED if first_bos < order else context)
    assert status == arpa.OK
    assert contexts.tolist() == expected
    assert last.tolist() == [ngram[-1] for ngram in ngrams]


def test_an_unknown_word():
    text, spans = as_bytes("cat dogs\ncat bird\n"), np.array([[0, 8], [9, 17]])
    index, _ = arpa.index_words(*joined(NAMES))
    words, trie = (index, np.arange(5, dtype=np.int32)), (np.array([1], np.int32),) * 2
    status, at, _, _ = arpa.find_nodes(text, spans, 2, words, trie, V)
    assert (status, at) == (arpa.UNKNOWN_WORD, 13)


@given(st.integers(0, 50), st.integers(1, 4), st.integers(1, 4))
def test_lines_are_written_as_they_are_read(seed, order, highest):
    order, model = min(order, highest), small_model(seed, highest)
    nodes = np.arange(model.starts[order], model.starts[order + 1], dtype=np.int32)
    bigrams = int(model.starts[2])
    size = len(model.ngrams)
    values = (
        model.log_probs.astype(np.float32),
        np.resize(model.backoffs, size).astype(np.float32),
    )
    longest = arpa.line_bytes(order, max(map(len, NAMES)))
    written = arpa.write_lines(
        nodes, order, (bigrams, model.parents[bigrams:]), model.words, joined(NAMES), values,
        backed_off=order < highest, capacity=len(nodes) * longest,
    )  # fmt: skip
    lines = written.decode().splitlines()
    assert len(lines) == len(nodes)
    assert all(len(line) < longest for line in lines)
    for line, node in zip(lines, nodes, strict=True):
        log_prob, words, *backoff = line.split("\t")
        assert np.float32(log_prob) == values[0][node]
        assert words.split(" ") == [NAMES[word] for word in model.ngrams[node]]
        assert [np.float32(each) for each in backoff] == [values[1][node]] * (order < highest)
